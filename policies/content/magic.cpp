#include "policies/content/magic.hpp"

#include <algorithm>
#include <string_view>

namespace sallyport {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::size_t offset;
  std::string_view bytes;
  Magic magic;
};
constexpr Mark marks[] = {
    {0, "\x1f\x8b\x08"sv, Magic::gzip},
    {0, "PK\x03\x04"sv, Magic::zip},
    {0, "PK\x05\x06"sv, Magic::zip},
    {257, "ustar"sv, Magic::tar},
    {0, "\x28\xb5\x2f\xfd"sv, Magic::zstd},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     Magic::xz},
    {0, "BZh"sv, Magic::bzip2},
    {0, "\0asm"sv, Magic::wasm},
    {0,
     "\x7f"
     "ELF"sv,
     Magic::elf},
    {0, "\xfe\xed\xfa\xce"sv, Magic::mach_o},
    {0, "\xfe\xed\xfa\xcf"sv, Magic::mach_o},
    {0, "\xce\xfa\xed\xfe"sv, Magic::mach_o},
    {0, "\xcf\xfa\xed\xfe"sv, Magic::mach_o},
    {0, "\x89PNG\r\n\x1a\n"sv, Magic::png},
    {0, "\xff\xd8\xff"sv, Magic::jpeg},
    {0, "GIF87a"sv, Magic::gif},
    {0, "GIF89a"sv, Magic::gif},
    {8, "WEBP"sv, Magic::webp},
    {0, "%PDF-"sv, Magic::pdf},
    {0, "wOFF"sv, Magic::font},
    {0, "wOF2"sv, Magic::font},
    {0, "OTTO\0"sv, Magic::font},
    {0, "\0\1\0\0\0"sv, Magic::font},
    {0, "ttcf\0"sv, Magic::font},
    {0, "SQLite format 3\0"sv, Magic::sqlite},
};

bool is_plain(std::uint8_t byte) {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13);
}

// Two or four bytes a character of which nearly always only one is not zero, with or without a byte order
// mark.
bool looks_wide(Bytes start, std::size_t unit) {
  const std::size_t size = std::min<std::size_t>(start.size(), 512) / unit * unit;
  if (size < 8 * unit) return false;
  std::size_t little = 0, big = 0;
  for (std::size_t i = 0; i < size; i += unit) {
    std::size_t zeros = 0;
    for (std::size_t k = 0; k < unit; ++k) zeros += start[i + k] == 0;
    if (zeros != unit - 1) continue;
    little += is_plain(start[i]);
    big += is_plain(start[i + unit - 1]);
  }
  const std::size_t most = size / unit - size / unit / 16;
  return little >= most || big >= most;
}

Magic wide_text(Bytes start) {
  const std::string_view text = as_text(start);
  if (text.starts_with("\xff\xfe\0\0"sv) || text.starts_with("\0\0\xfe\xff"sv) || looks_wide(start, 4))
    return Magic::utf32;
  if (text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv) || looks_wide(start, 2))
    return Magic::utf16;
  return Magic::none;
}

}  // namespace

Magic magic_of(Bytes start) {
  if (start.empty()) return Magic::none;
  const std::string_view text = as_text(start.first(std::min(start.size(), magic_bytes)));
  for (const Mark& mark : marks)
    if (text.size() >= mark.offset && text.substr(mark.offset).starts_with(mark.bytes)) {
      if (mark.magic == Magic::webp && !text.starts_with("RIFF")) continue;
      // The name of a level and the digits of pi, where it is not empty.
      if (mark.magic == Magic::bzip2 && text.substr(4, 6) != "1AY&SY" && text.substr(4, 6) != "\x17rE8P\x90")
        continue;
      return mark.magic;
    }
  if (text.starts_with(
          "\xca\xfe\xba\xbe"sv))  // a fat Mach-O counts its few parts where a class has its version
    return text.size() >= 8 && static_cast<std::uint8_t>(text[7]) < 40 ? Magic::mach_o : Magic::java_class;
  if (text.starts_with("MZ") && text.size() > 0x40 && text.find('\0') != std::string_view::npos)
    return Magic::pe;
  if (const Magic wide = wide_text(as_bytes(text)); wide != Magic::none) return wide;
  return text.find('\0') == std::string_view::npos ? Magic::text : Magic::other_binary;
}

std::string_view to_text(Magic magic) {
  switch (magic) {
    case Magic::none:
      return "empty";
    case Magic::text:
      return "text";
    case Magic::gzip:
      return "gzip";
    case Magic::zip:
      return "zip";
    case Magic::tar:
      return "tar";
    case Magic::zstd:
      return "zstd";
    case Magic::xz:
      return "xz";
    case Magic::bzip2:
      return "bzip2";
    case Magic::wasm:
      return "wasm";
    case Magic::elf:
      return "elf";
    case Magic::pe:
      return "pe";
    case Magic::mach_o:
      return "mach-o";
    case Magic::png:
      return "png";
    case Magic::jpeg:
      return "jpeg";
    case Magic::gif:
      return "gif";
    case Magic::webp:
      return "webp";
    case Magic::pdf:
      return "pdf";
    case Magic::font:
      return "font";
    case Magic::java_class:
      return "java-class";
    case Magic::sqlite:
      return "sqlite";
    case Magic::utf16:
      return "utf-16";
    case Magic::utf32:
      return "utf-32";
    case Magic::other_binary:
      return "binary";
  }
  return "binary";
}

}  // namespace sallyport
