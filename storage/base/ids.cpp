#include "storage/base/ids.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "storage/base/digest.hpp"

namespace sallyport {

namespace {

// Crockford's base32: no I, L, O or U, which are misread or misheard.
constexpr std::string_view crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";

}  // namespace

void SystemRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::size_t n = out.size() < 4096 ? out.size() : 4096;
    if (RAND_bytes(out.data(), static_cast<int>(n)) != 1) {
      std::fputs("sallyport: OpenSSL's random generator failed\n", stderr);
      std::abort();
    }
    out = out.subspan(n);
  }
}

std::string random_bytes(Random& random, std::size_t n) {
  std::string bytes(n, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

std::string uuid_v4(Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);  // variant of RFC 4122
  std::string uuid = to_hex(Bytes(bytes));
  for (const std::size_t at : {8u, 13u, 18u, 23u}) uuid.insert(at, 1, '-');
  return uuid;
}

std::string review_code(Random& random) {
  std::array<std::uint8_t, 4> bytes{};
  random.fill(bytes);
  std::string code = "R-";
  for (const std::uint8_t b : bytes) code.push_back(crockford[b & 31]);
  return code;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : hex_digits.find(text[i]) == std::string_view::npos) return false;
  }
  return true;
}

bool is_review_code(std::string_view text) {
  return text.size() == 6 && text.starts_with("R-") &&
         text.substr(2).find_first_not_of(crockford) == std::string_view::npos;
}

}  // namespace sallyport
