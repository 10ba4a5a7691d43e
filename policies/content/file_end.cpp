#include "policies/content/file_end.hpp"

#include <algorithm>
#include <vector>

namespace sallyport {

namespace {

using State = FileEnd::State;

// The file through a window that moves forward.
class Window {
 public:
  explicit Window(const FileBytes& file) : file_(file) {}
  std::uint64_t size() const { return file_.size; }
  bool has(std::uint64_t at, std::uint64_t bytes = 1) const { return at <= size() && bytes <= size() - at; }

  // Only where has(at).
  std::uint8_t byte(std::uint64_t at) {
    if (at < base_ || at - base_ >= bytes_.size()) load(at);
    return bytes_[static_cast<std::size_t>(at - base_)];
  }
  std::uint64_t big_endian(std::uint64_t at, int bytes) {
    std::uint64_t out = 0;
    for (int i = 0; i < bytes; ++i) out = out << 8 | byte(at + static_cast<std::uint64_t>(i));
    return out;
  }
  std::uint64_t little_endian(std::uint64_t at, int bytes) {
    std::uint64_t out = 0;
    for (int i = bytes; i-- > 0;) out = out << 8 | byte(at + static_cast<std::uint64_t>(i));
    return out;
  }

 private:
  void load(std::uint64_t at) {
    bytes_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(64u << 10, size() - at)));
    std::size_t have = 0;
    while (have < bytes_.size()) {
      const auto read = file_.read(at + have, std::span(bytes_).subspan(have));
      if (read.has_error()) throw BadResult(read.error());
      if (*read == 0) throw std::runtime_error("a file of the archive could not be read again to its end");
      have += *read;
    }
    base_ = at;
  }

  const FileBytes& file_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t base_ = 0;
};

FileEnd png_end(Window& file) {
  std::uint64_t at = 8;
  for (bool first = true;; first = false) {
    if (!file.has(at, 12)) return {first ? State::broken : State::cut_off, at};
    const std::uint64_t length = file.big_endian(at, 4), type = file.big_endian(at + 4, 4);
    constexpr std::uint64_t header = 0x49484452, end = 0x49454e44;
    if (first && (type != header || length != 13)) return {State::broken, at};
    for (std::uint64_t i = 4; i < 8; ++i) {
      const auto letter = static_cast<std::uint8_t>(file.byte(at + i) | 0x20);
      if (letter < 'a' || letter > 'z') return {State::broken, at};
    }
    if (!file.has(at + 8, length + 4)) return {State::cut_off, at};
    at += length + 12;
    if (type == end) return {State::known, at};
  }
}

// Sub-blocks: a length and so many bytes, until a length of zero.
bool skip_sub_blocks(Window& file, std::uint64_t& at) {
  while (file.has(at)) {
    const std::uint64_t length = file.byte(at);
    at += length + 1;
    if (length == 0) return true;
  }
  return false;
}

FileEnd gif_end(Window& file) {
  if (!file.has(0, 13)) return {State::broken, 6};
  const auto table = [&](std::uint64_t flags_at) {
    const std::uint8_t flags = file.byte(flags_at);
    return (flags & 0x80) != 0 ? std::uint64_t{3} << ((flags & 7) + 1) : 0;
  };
  std::uint64_t at = 13 + table(10);
  while (file.has(at)) {
    const std::uint8_t introducer = file.byte(at);
    if (introducer == 0x3b) return {State::known, at + 1};
    if (introducer == 0x21) {
      at += 2;
    } else if (introducer == 0x2c) {
      if (!file.has(at, 11)) return {State::cut_off, at};
      at += 10 + table(at + 9) + 1;
    } else {
      return {State::broken, at};
    }
    if (!skip_sub_blocks(file, at)) break;
  }
  return {State::cut_off, file.size()};
}

FileEnd jpeg_end(Window& file) {
  std::uint64_t at = 2;
  bool scan_seen = false;
  for (;;) {
    if (!file.has(at, 2)) return {State::cut_off, at};
    if (file.byte(at) != 0xff) return {State::broken, at};
    const std::uint8_t marker = file.byte(at + 1);
    if (marker == 0xff) {  // fill
      ++at;
      continue;
    }
    if (marker == 0xd9) return {scan_seen ? State::known : State::broken, at + 2};
    if (marker == 0x00 || marker == 0xd8) return {State::broken, at};
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    if (!file.has(at, 4)) return {State::cut_off, at};
    const std::uint64_t length = file.big_endian(at + 2, 2);
    if (length < 2) return {State::broken, at};
    if (!file.has(at + 2, length)) return {scan_seen ? State::cut_off : State::broken, at};
    at += 2 + length;
    if (marker != 0xda) continue;
    // Coded data: 0xff stands only before a zero, a restart or the next marker.
    scan_seen = true;
    for (;; ++at) {
      if (!file.has(at, 2)) return {State::cut_off, at};
      if (file.byte(at) != 0xff) continue;
      const std::uint8_t next = file.byte(at + 1);
      if (next != 0 && !(next >= 0xd0 && next <= 0xd7)) break;
    }
  }
}

FileEnd wasm_end(Window& file) {
  std::uint64_t at = 8;
  if (!file.has(0, 8)) return {State::broken, 4};
  while (file.has(at)) {
    constexpr std::uint8_t section_max = 14;
    const std::uint64_t start = at;
    if (file.byte(at++) > section_max) return {State::broken, start};
    std::uint64_t length = 0;
    for (int shift = 0;; shift += 7) {
      if (shift > 28 || !file.has(at)) return {State::broken, start};
      const std::uint8_t part = file.byte(at++);
      length |= std::uint64_t{part & 0x7fu} << shift;
      if ((part & 0x80) == 0) break;
    }
    if (!file.has(at, length)) return {State::broken, start};
    at += length;
  }
  return {State::known, at};
}

// The last record that fits the directory it names counts, as it does for readers; its comment is part of the
// archive.
FileEnd zip_end(Window& file) {
  constexpr std::uint64_t record = 22, mark = 0x06054b50;
  FileEnd end{State::cut_off, file.size()};
  for (std::uint64_t at = 0; file.has(at, record); ++at) {
    if (file.byte(at) != 'P' || file.little_endian(at, 4) != mark) continue;
    const std::uint64_t size = file.little_endian(at + 12, 4), start = file.little_endian(at + 16, 4);
    const std::uint64_t comment = file.little_endian(at + 20, 2);
    const bool large = start == 0xffffffff || size == 0xffffffff;
    if ((large || size + start <= at) && file.has(at + record, comment))
      end = {State::known, at + record + comment};
  }
  return end;
}

}  // namespace

FileEnd end_of(Magic magic, const FileBytes& bytes) {
  Window file(bytes);
  switch (magic) {
    case Magic::png:
      return png_end(file);
    case Magic::gif:
      return gif_end(file);
    case Magic::jpeg:
      return jpeg_end(file);
    case Magic::wasm:
      return wasm_end(file);
    case Magic::zip:
      return zip_end(file);
    default:
      return {};
  }
}

}  // namespace sallyport
