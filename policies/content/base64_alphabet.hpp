#pragma once
// The characters of base64, standard and URL-safe, for readers that take what anybody would take. (What must
// be one encoding and no other is read by storage/base/base64.hpp.)

#include <array>
#include <cstdint>
#include <string_view>

namespace sallyport {

constexpr std::uint8_t base64_none = 64;

// Six bits, or base64_none.
constexpr std::array<std::uint8_t, 256> base64_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(base64_none);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  values['-'] = 62;
  values['_'] = 63;
  return values;
}();

}  // namespace sallyport
