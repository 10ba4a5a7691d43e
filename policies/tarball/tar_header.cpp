#include "policies/tarball/tar_header.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

// Offsets and widths of ustar's fields.
struct Field {
  std::size_t at, width;
};
constexpr Field field_name{0, 100}, field_mode{100, 8}, field_uid{108, 8}, field_gid{116, 8},
    field_size{124, 12}, field_mtime{136, 12}, field_checksum{148, 8}, field_linkname{157, 100},
    field_magic{257, 8}, field_devmajor{329, 8}, field_devminor{337, 8}, field_prefix{345, 155},
    field_tail{500, 12};
constexpr std::size_t type_at = 156;
// The layout of star, which node-tar writes: a shorter prefix, a NUL, access and change time. Readers tell by
// that NUL, or stop at it.
constexpr Field field_short_prefix{345, 131}, field_star_atime{476, 12}, field_star_ctime{488, 12};

constexpr std::size_t name_bytes_max = 100, prefix_bytes_max = 155;

std::string_view text_of(std::string_view block, Field f) {
  const std::string_view whole = block.substr(f.at, f.width);
  return whole.substr(0, whole.find('\0'));
}

bool all_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == bytes.npos;
}

bool padded_with_zeros(std::string_view block, Field f) {
  return all_zero(block.substr(f.at, f.width).substr(text_of(block, f).size()));
}

// Octal digits, then at least one blank or NUL and nothing else. An empty field is all NUL.
std::optional<std::uint64_t> octal_of(std::string_view block, Field f, bool may_be_empty) {
  const std::string_view whole = block.substr(f.at, f.width);
  if (may_be_empty && all_zero(whole)) return 0;
  const std::size_t digits = whole.find_first_not_of("01234567");
  if (digits == 0 || digits == whole.npos) return std::nullopt;
  if (whole.find_first_not_of(std::string_view(" \0", 2), digits) != whole.npos) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : whole.substr(0, digits)) value = value * 8 + static_cast<std::uint64_t>(c - '0');
  return value;
}

// Whose file it was, where octal digits do not suffice: a number of 32 bits in base 256, which every reader
// reads alike and no client heeds.
bool is_large_owner(std::string_view block, Field f) {
  constexpr std::string_view mark("\x80\0\0\0", 4);
  return block.substr(f.at, f.width).starts_with(mark);
}

std::uint64_t sum_of(std::string_view block) {
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  for (const char c : block.substr(field_checksum.at, field_checksum.width))
    sum -= static_cast<unsigned char>(c);
  return sum + 8 * ' ';
}

// Why the type flag may not be in a package; empty: it may.
HeaderFlaw type_flaw(char type, std::string_view linkname) {
  switch (type) {
    case '0':
    case '5':
    case 'x':
      if (linkname.empty()) return {};
      return {"tar/link", "the entry names a link target but is no link", {}};
    case '1':
      return {"tar/link", "the entry is a hard link", {}};
    case '2':
      return {"tar/link", "the entry is a symbolic link", {}};
    case '3':
    case '4':
      return {"tar/link", "the entry is a device", {}};
    case '6':
      return {"tar/link", "the entry is a named pipe", {}};
    case 'S':
      return {"tar/link", "the entry is a sparse file", {}};
    case 'g':
    case 'X':
      return {"tar/pax", "the archive carries a pax header that is not of one entry", {}};
    case 'L':
    case 'K':
    case 'N':
      return {"tar/pax", "the archive carries a GNU long name", {}};
    default:
      return {"tar/link",
              "the entry has the type flag " + std::to_string(static_cast<unsigned char>(type)) +
                  ", which readers take differently",
              {}};
  }
}

std::string joined_path(std::string_view prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : std::string(prefix) + "/" + std::string(name);
}

// Whether ustar can hold the path without help.
bool fits_plain_header(std::string_view path) {
  if (std::any_of(path.begin(), path.end(), [](unsigned char c) { return c >= 0x80; })) return false;
  if (path.size() <= name_bytes_max) return true;
  if (path.size() > name_bytes_max + 1 + prefix_bytes_max) return false;
  const std::size_t cut = path.find('/', path.size() - name_bytes_max - 1);
  return cut != path.npos && cut <= prefix_bytes_max;
}

// Whether `plain` is what writers leave in the plain header of a path that does not fit: npm cuts the end
// off, libarchive (Bun) leaves out directories and cuts names, tar-stream (pnpm, Yarn) writes "PaxHeader".
bool is_shortened(std::string_view plain, std::string_view path) {
  if (plain == "PaxHeader") return true;
  while (!plain.empty()) {
    const std::string_view want = plain.substr(0, plain.find('/'));
    for (;;) {
      if (path.empty()) return false;
      const std::string_view have = path.substr(0, path.find('/'));
      path.remove_prefix(std::min(path.size(), have.size() + 1));
      if (have.starts_with(want)) break;
    }
    plain.remove_prefix(std::min(plain.size(), want.size() + 1));
  }
  return true;
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What npm's packer of before 2017 noted for itself, and whose file it was on which disk: no reader makes
// another path, size or kind of it.
bool says_nothing_of_content(std::string_view key, std::string_view value) {
  constexpr std::string_view numbers[] = {"uid", "gid", "SCHILY.dev", "SCHILY.ino", "SCHILY.nlink"};
  if (one_of(key, numbers)) return decimal(value) && value.size() <= 15;
  constexpr std::string_view own[] = {"NODETAR.blksize", "NODETAR.blocks", "NODETAR.depth", "NODETAR.follow"};
  const bool known = one_of(key, own) || key.starts_with("NODETAR.ignoreFiles.") ||
                     key.starts_with("NODETAR.package.") || (key == "NODETAR.type" && value == "File");
  return known && is_utf8(value) &&
         std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

}  // namespace

std::variant<TarHeaderFields, HeaderFlaw> parse_tar_header(
    std::span<const std::uint8_t, tar_block_bytes> bytes) {
  const std::string_view block = as_text(bytes);
  const std::string_view name = text_of(block, field_name), prefix = text_of(block, field_prefix);
  const std::string_view linkname = text_of(block, field_linkname);
  TarHeaderFields fields;
  fields.path = joined_path(prefix, name);
  fields.type = block[type_at];
  const auto flaw = [&](std::string_view rule, std::string message) {
    return HeaderFlaw{rule, std::move(message), fields.path};
  };

  const auto checksum = octal_of(block, field_checksum, false);
  if (!checksum || *checksum != sum_of(block))
    return flaw("tar/number", "the checksum of a tar header is wrong");
  if (HeaderFlaw odd = type_flaw(fields.type, linkname); !odd.rule.empty()) {
    odd.path = fields.path;
    return odd;
  }
  const std::string_view magic = block.substr(field_magic.at, field_magic.width);
  if (magic == std::string_view("ustar  \0", 8)) {
    return flaw("tar/pax", "the archive is in GNU tar's own format");
  }
  if (magic != std::string_view("ustar\00000", 8))
    return flaw("tar/number", "a tar header is not of ustar format");

  const auto mode = octal_of(block, field_mode, false);
  const auto size = octal_of(block, field_size, false);
  const auto mtime = octal_of(block, field_mtime, true);
  if (!mode || *mode > 0177777)
    return flaw("tar/number", "the mode of an entry is not an octal number in range");
  if (!size) return flaw("tar/number", "the size of an entry is not an octal number in range");
  if (!mtime) return flaw("tar/number", "the time of an entry is not an octal number in range");
  for (const Field f : {field_uid, field_gid, field_devmajor, field_devminor}) {
    const bool owner = f.at == field_uid.at || f.at == field_gid.at;
    if (!octal_of(block, f, true) && !(owner && is_large_owner(block, f)))
      return flaw("tar/number", "a number of an entry is not octal or out of range");
  }
  if (!all_zero(block.substr(field_tail.at, field_tail.width))) {
    return flaw("tar/number", "a tar header carries bytes after its last field");
  }
  const bool star_times = prefix.size() < field_short_prefix.width;
  if (!padded_with_zeros(block, field_name) ||
      !padded_with_zeros(block, star_times ? field_short_prefix : field_prefix)) {
    return flaw("tar/path", "the path holds a NUL");
  }
  if (star_times && (!octal_of(block, field_star_atime, true) || !octal_of(block, field_star_ctime, true))) {
    return flaw("tar/number", "a number of an entry is not octal or out of range");
  }
  fields.size = *size;
  fields.mode = static_cast<std::uint32_t>(*mode & 07777);
  fields.mtime = *mtime;
  return fields;
}

std::variant<PaxFields, HeaderFlaw> parse_pax(std::string_view records, const TarHeaderFields& plain) {
  const auto flaw = [&](std::string message) {
    return HeaderFlaw{"tar/pax", std::move(message), plain.path};
  };
  PaxFields fields;
  bool path_seen = false, mtime_seen = false, size_seen = false, extra_seen = false;
  while (!records.empty()) {
    const std::size_t blank = records.find(' ');
    const auto length = blank == records.npos ? std::nullopt : decimal(records.substr(0, blank));
    if (!length || *length > records.size() || *length < blank + 3 || records[*length - 1] != '\n') {
      return flaw("a pax record has a wrong length");
    }
    const std::string_view record = records.substr(blank + 1, *length - blank - 2);
    records.remove_prefix(*length);
    const std::size_t equals = record.find('=');
    if (equals == record.npos) return flaw("a pax record has no value");
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path" && !path_seen) {
      path_seen = true;
      if (value.empty() || value.find('\0') != value.npos || !is_utf8(value)) {
        return flaw("the pax path is empty, not UTF-8 or holds a NUL");
      }
      if (value != plain.path && (fits_plain_header(value) || !is_shortened(plain.path, value))) {
        return flaw("the pax path differs from the one in the plain header");
      }
      fields.path = value;
    } else if (key == "mtime" && !mtime_seen) {
      mtime_seen = true;
      const std::size_t point = value.find('.');
      const auto seconds = decimal(value.substr(0, point));
      const std::string_view fraction = point == value.npos ? "0" : value.substr(point + 1);
      if (!seconds || *seconds != plain.mtime || fraction.empty() || fraction.size() > 9 ||
          fraction.find_first_not_of("0123456789") != fraction.npos) {
        return flaw("the pax time differs from the one in the plain header");
      }
    } else if (key == "size" && !size_seen) {
      size_seen = true;
      if (decimal(value) != plain.size) return flaw("the pax size differs from the one in the plain header");
    } else if (says_nothing_of_content(key, value)) {
      extra_seen = true;
    } else {
      return flaw("a pax header says \"" + printable(key, 40) + "\" (or says it twice)");
    }
  }
  if (!path_seen && !mtime_seen && !size_seen && !extra_seen) return flaw("a pax header is empty");
  return fields;
}

}  // namespace sallyport
