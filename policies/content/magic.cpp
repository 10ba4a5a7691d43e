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
    {0, "\x1f\x8b"sv, Magic::gzip},
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

// Two bytes a character of which one is nearly always zero, with or without a byte order mark.
bool looks_utf16(Bytes start) {
  if (start.size() >= 2 && ((start[0] == 0xff && start[1] == 0xfe) || (start[0] == 0xfe && start[1] == 0xff)))
    return start.size() < 4 || start[2] != 0 || start[3] != 0;  // else UTF-32
  if (start.size() < 16) return false;
  std::size_t zeros[2] = {0, 0}, ascii[2] = {0, 0};
  const std::size_t size = std::min<std::size_t>(start.size(), 512) & ~std::size_t{1};
  for (std::size_t i = 0; i < size; ++i) {
    zeros[i & 1] += start[i] == 0;
    ascii[i & 1] += (start[i] >= 0x20 && start[i] < 0x7f) || (start[i] >= 9 && start[i] <= 13);
  }
  const std::size_t most = size / 2 - size / 32;
  return (zeros[1] >= most && ascii[0] >= most) || (zeros[0] >= most && ascii[1] >= most);
}

}  // namespace

Magic magic_of(Bytes start) {
  if (start.empty()) return Magic::none;
  const std::string_view text = as_text(start.first(std::min(start.size(), magic_bytes)));
  for (const Mark& mark : marks)
    if (text.size() >= mark.offset && text.substr(mark.offset).starts_with(mark.bytes)) {
      if (mark.magic == Magic::webp && !text.starts_with("RIFF")) continue;
      return mark.magic;
    }
  if (text.starts_with(
          "\xca\xfe\xba\xbe"sv))  // a fat Mach-O counts its few parts where a class has its version
    return text.size() >= 8 && static_cast<std::uint8_t>(text[7]) < 40 ? Magic::mach_o : Magic::java_class;
  if (text.starts_with("MZ") && text.size() > 0x40 && text.find('\0') != std::string_view::npos)
    return Magic::pe;
  if (looks_utf16(as_bytes(text))) return Magic::utf16;
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
    case Magic::other_binary:
      return "binary";
  }
  return "binary";
}

}  // namespace sallyport
