#include "proxy/identity/totp.hpp"

#include <array>

#include "storage/base/digest.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr int step_seconds = 30;

Sha1 hmac_sha1(std::string_view key, Bytes message) {
  std::array<std::uint8_t, 64> inner{}, outer{};
  const Sha1 folded = sha1(as_bytes(key));
  const Bytes block = key.size() > 64 ? Bytes(folded.bytes) : as_bytes(key);
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint8_t k = i < block.size() ? block[i] : std::uint8_t{0};
    inner[i] = k ^ 0x36;
    outer[i] = k ^ 0x5c;
  }
  Sha1Hasher first, second;
  first.update(Bytes(inner));
  first.update(message);
  second.update(Bytes(outer));
  second.update(Bytes(first.finish().bytes));
  return second.finish();
}

}  // namespace

std::string base32_encode(std::string_view bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (held += 8; held >= 5; held -= 5) out += alphabet[(bits >> (held - 5)) & 31];
  }
  if (held > 0) out += alphabet[(bits << (5 - held)) & 31];
  return out;
}

std::optional<std::string> base32_decode(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return {};
    bits = (bits << 5) | static_cast<std::uint32_t>(value);
    held += 5;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>((bits >> held) & 255);
    }
  }
  return out;
}

std::string make_totp_secret(Random& random) {
  return random_bytes(random, 20);
}

std::string totp_code(std::string_view secret, std::int64_t step) {
  std::array<std::uint8_t, 8> counter{};
  for (std::size_t i = 0; i < 8; ++i) counter[i] = static_cast<std::uint8_t>(step >> (8 * (7 - i)));
  const auto mac = hmac_sha1(secret, counter).bytes;
  const std::size_t at = mac[19] & 15;
  std::uint32_t value = (static_cast<std::uint32_t>(mac[at] & 0x7f) << 24) |
                        (static_cast<std::uint32_t>(mac[at + 1]) << 16) |
                        (static_cast<std::uint32_t>(mac[at + 2]) << 8) | mac[at + 3];
  std::string code(6, '0');
  for (auto digit = code.rbegin(); digit != code.rend(); ++digit, value /= 10)
    *digit = static_cast<char>('0' + value % 10);
  return code;
}

std::int64_t totp_step(Instant t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count() / step_seconds;
}

std::optional<std::int64_t> match_totp(std::string_view secret, std::string_view code, Instant now,
                                       std::int64_t last_step) {
  std::optional<std::int64_t> found;
  const std::int64_t middle = totp_step(now);
  // Every step is compared, whichever matches: the time taken says nothing.
  for (std::int64_t step = middle - 1; step <= middle + 1; ++step)
    if (equal_constant_time(totp_code(secret, step), code) && step > last_step) found = step;
  return found;
}

std::string otpauth_url(std::string_view issuer, std::string_view account, std::string_view secret) {
  return "otpauth://totp/" + percent_encoded(issuer) + ':' + percent_encoded(account) +
         "?secret=" + base32_encode(secret) + "&issuer=" + percent_encoded(issuer);
}

}  // namespace sallyport
