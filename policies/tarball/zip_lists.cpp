#include "policies/tarball/zip_lists.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

//   file:     signature 4, version 2, flags 2, method 2, time 4, crc 4, packed 4, size 4, name length 2,
//             extra length 2; name, extra, data, perhaps a descriptor
//   central:  signature 4, versions 4, flags 2, method 2, time 4, crc 4, packed 4, size 4, name length 2,
//             extra length 2, comment length 2, disk 2, attributes 6, offset of the file 4; name, extra,
//             comment
//   end:      signature 4, disks 4, entries 4, bytes of the central list 4, its offset 4, comment length 2
constexpr std::uint64_t local_bytes = 30, central_bytes = 46, end_bytes = 22, comment_bytes_max = 65'535;
constexpr std::uint64_t descriptor_bytes_max = 24;
constexpr std::uint64_t list_bytes_max = 4u << 20;
constexpr std::uint32_t in_extra = 0xffffffff;  // zip64: the number is in the extra field

std::uint64_t number(Bytes bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | bytes[at + i];
  return value;
}

std::optional<std::vector<std::uint8_t>> bytes_at(const FileBytes& file, std::uint64_t offset,
                                                  std::uint64_t count) {
  if (offset > file.size || count > file.size - offset) return std::nullopt;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(count));
  for (std::size_t have = 0; have < out.size();) {
    const auto read = file.read(offset + have, std::span(out).subspan(have));
    if (!read || *read == 0) return std::nullopt;
    have += *read;
  }
  return out;
}

bool signed_as(Bytes bytes, std::uint8_t third, std::uint8_t fourth) {
  return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] == 'K' && bytes[2] == third && bytes[3] == fourth;
}

struct Extent {
  std::uint64_t from, to;
};

// The entry of the central list at the start of `list`; says what is wrong in `why`.
Extent check_entry(const FileBytes& file, Bytes list, std::string& why) {
  const Bytes name = list.subspan(central_bytes, number(list, 28, 2));
  Bytes extra = list.subspan(central_bytes + name.size(), number(list, 30, 2));
  std::uint64_t packed = number(list, 20, 4), offset = number(list, 42, 4);
  for (; extra.size() >= 4 && extra.size() >= 4 + number(extra, 2, 2);
       extra = extra.subspan(4 + number(extra, 2, 2))) {
    if (number(extra, 0, 2) != 1) continue;
    Bytes wide = extra.subspan(4, number(extra, 2, 2));
    const auto take = [&](std::uint64_t& value) {
      if (value != in_extra || wide.size() < 8) return;
      value = number(wide, 0, 8);
      wide = wide.subspan(8);
    };
    std::uint64_t size = number(list, 24, 4);
    take(size);
    take(packed);
    take(offset);
  }
  const auto local = bytes_at(file, offset, local_bytes + name.size());
  if (!local || !signed_as(*local, 3, 4)) {
    why = "its list names a file that is not there";
    return {};
  }
  const bool described = (number(*local, 6, 2) & 8) != 0;  // sizes come after the data
  const std::uint64_t told = number(*local, 18, 4);
  if (number(*local, 26, 2) != name.size() ||
      !std::equal(name.begin(), name.end(), local->begin() + static_cast<std::ptrdiff_t>(local_bytes)) ||
      number(*local, 8, 2) != number(list, 10, 2) || (!described && told != in_extra && told != packed)) {
    why = "its two lists differ";
    return {};
  }
  const std::uint64_t data = offset + local_bytes + name.size() + number(*local, 28, 2);
  if (packed > file.size || data > file.size - packed) {
    why = "a file reaches beyond its end";
    return {};
  }
  return {offset, data + packed};
}

}  // namespace

ZipLists compare_zip_lists(const FileBytes& file) {
  const std::uint64_t tail_bytes = std::min(file.size, end_bytes + comment_bytes_max);
  const auto tail = bytes_at(file, file.size - tail_bytes, tail_bytes);
  if (!tail) return {"it could not be read", false};
  std::optional<std::size_t> end;
  for (std::size_t at = 0; at + end_bytes <= tail->size(); ++at) {
    if (!signed_as(Bytes(*tail).subspan(at), 5, 6)) continue;
    if (end) return {"it has two ends", false};
    end = at;
  }
  if (!end) return {"it has no list of its files", false};
  const Bytes last = Bytes(*tail).subspan(*end);
  if (number(last, 20, 2) != last.size() - end_bytes) return {"something follows its end", false};

  std::uint64_t list_bytes = number(last, 12, 4), list_at = number(last, 16, 4);
  if (list_at == in_extra || list_bytes == in_extra || list_bytes > list_bytes_max)
    return {"its list is larger than is looked at", false};
  const std::uint64_t end_at = file.size - last.size();
  if (list_at > end_at || list_bytes > end_at - list_at) return {"its list is not where it says", false};
  const auto list = bytes_at(file, list_at, list_bytes);
  if (!list) return {"it could not be read", false};

  std::vector<Extent> extents;
  std::string why;
  for (Bytes rest = *list; !rest.empty();) {
    if (rest.size() < central_bytes || !signed_as(rest, 1, 2)) return {"its list is damaged", false};
    const std::uint64_t bytes =
        central_bytes + number(rest, 28, 2) + number(rest, 30, 2) + number(rest, 32, 2);
    if (bytes > rest.size()) return {"its list is damaged", false};
    extents.push_back(check_entry(file, rest, why));
    if (!why.empty()) return {why, true};
    rest = rest.subspan(static_cast<std::size_t>(bytes));
  }
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.from < b.from; });
  extents.push_back({list_at, list_at});
  std::uint64_t done = 0;
  for (const Extent& extent : extents) {
    if (extent.from < done) return {"files in it overlap", true};
    if (extent.from - done > (done == 0 ? 0 : descriptor_bytes_max))
      return {"it holds bytes that its list does not name", true};
    done = extent.to;
  }
  return {{}, true};
}

}  // namespace sallyport
