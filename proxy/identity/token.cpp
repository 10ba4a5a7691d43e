#include "proxy/identity/token.hpp"

#include <algorithm>
#include <cctype>

#include "storage/base/base64.hpp"

namespace sallyport {
namespace {
constexpr std::string_view prefix = "slp_";
constexpr std::size_t random_bytes_n = 32, text_chars = 43, key_digits = 16;
}  // namespace

std::string make_token(Random& random) {
  return std::string(prefix) + base64url_encode(as_bytes(random_bytes(random, random_bytes_n)));
}

bool is_token(std::string_view text) {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + text_chars) return false;
  text.remove_prefix(prefix.size());
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

std::string token_digest(std::string_view token) {
  return to_hex(sha256(token));
}

std::string token_key(std::string_view digest) {
  return std::string(digest.substr(0, key_digits));
}

std::string token_shown(std::string_view token) {
  return std::string(token.substr(0, prefix.size() + 4));
}

}  // namespace sallyport
