#include "policies/code/decode.hpp"

#include <cstdint>

#include "storage/base/utf8.hpp"

namespace sallyport {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

}  // namespace

std::string lenient_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    const int digit = base64_digit(c);
    if (digit < 0) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xff);
    }
  }
  return out;
}

std::string lenient_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size() && hex_digit(text[i]) >= 0 && hex_digit(text[i + 1]) >= 0;
       i += 2)
    out += static_cast<char>(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t first = i + (i + 1 < text.size() && text[i + 1] == 'u' ? 2 : 1);
    const std::size_t digits = first == i + 2 ? 4 : 2;
    std::uint32_t code = 0;
    bool whole = text[i] == '%' && first + digits <= text.size();
    for (std::size_t k = 0; whole && k < digits; ++k) {
      whole = hex_digit(text[first + k]) >= 0;
      code = code << 4 | static_cast<std::uint32_t>(hex_digit(text[first + k]) & 15);
    }
    if (!whole) {
      out += text[i];
      continue;
    }
    if (digits == 4)
      append_utf8(out, code);
    else
      out += static_cast<char>(code);
    i = first + digits - 1;
  }
  return out;
}

}  // namespace sallyport
