#include "proxy/identity/password.hpp"

#include <crypt.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

constexpr std::size_t salt_bytes = 16, key_bytes = 32;

struct Stored {
  ScryptCost cost;
  std::string salt, key;  // as written
};

std::optional<unsigned> number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > max) return {};
  return value;
}

std::optional<Stored> read(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('$', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() != 6 || parts[0] != "scrypt") return {};
  const auto n = number(parts[1], 22), r = number(parts[2], 32), p = number(parts[3], 16);
  if (!n || !r || !p || parts[4].empty() || parts[5].empty()) return {};
  return Stored{{*n, *r, *p}, std::string(parts[4]), std::string(parts[5])};
}

// OpenSSL says no only when memory is short or the parameters are nonsense: nothing to go on with.
void must(bool ok) {
  if (!ok) std::abort();
}

EVP_KDF* scrypt() {
  static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "SCRYPT", nullptr);
  must(kdf != nullptr);
  return kdf;
}

constexpr std::string_view foreign = "htpasswd$", sha1_mark = "{SHA}";

bool is_crypt_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '/' || c == '$';
  });
}

bool matches_htpasswd(std::string_view password, std::string_view hash) {
  if (hash.starts_with(sha1_mark))
    return equal_constant_time(base64_encode(sha1(as_bytes(password)).bytes), hash.substr(sha1_mark.size()));
  if (password.find('\0') != password.npos) return false;  // crypt would not see the rest
  const auto room = std::make_unique<crypt_data>();
  const std::string secret(password), setting(hash);
  const char* made = ::crypt_r(secret.c_str(), setting.c_str(), room.get());
  return made != nullptr && made[0] != '*' && equal_constant_time(made, hash);
}

}  // namespace

std::optional<std::string> PasswordHasher::from_htpasswd(std::string_view hash) {
  constexpr std::size_t sha1_text = 28, des_text = 13, bcrypt_text = 60;
  // What costs more than this to check is no hash that somebody logs in with.
  constexpr unsigned bcrypt_cost_max = 14;
  bool known = false;
  if (hash.starts_with(sha1_mark)) {
    known = hash.size() == sha1_mark.size() + sha1_text;
  } else if (hash.starts_with("$2") && hash.size() == bcrypt_text && is_crypt_text(hash)) {
    const auto cost = number(hash.substr(4, 2), bcrypt_cost_max);
    known = cost.has_value() && *cost >= 4;
  } else if (hash.starts_with("$1$") || hash.starts_with("$5$") || hash.starts_with("$6$")) {
    known = is_crypt_text(hash) && hash.size() > 20;  // "rounds=" is no letter of it
  } else {
    known = hash.size() == des_text && hash.find('$') == hash.npos && is_crypt_text(hash);
  }
  if (!known) return {};
  return std::string(foreign) + std::string(hash);
}

std::string PasswordHasher::derive(std::string_view password, std::string_view salt, const ScryptCost& cost) {
  seats_.acquire();
  const int running = ++running_;
  for (int peak = peak_; peak < running && !peak_.compare_exchange_weak(peak, running);) {
  }
  ++derivations_;

  std::uint64_t n = std::uint64_t{1} << cost.log2_n;
  std::uint32_t r = cost.r, p = cost.p;
  std::uint64_t memory_max = 128 * n * r + 128ull * r * p + (1u << 20);
  std::string secret(password), grain(salt);
  std::array<OSSL_PARAM, 7> parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret.data(), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, grain.data(), grain.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory_max),
      OSSL_PARAM_construct_end()};
  std::array<unsigned char, key_bytes> key{};
  {
    const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(scrypt()),
                                                                            &EVP_KDF_CTX_free);
    must(context != nullptr);
    must(EVP_KDF_derive(context.get(), key.data(), key.size(), parameters.data()) == 1);
  }
  --running_;
  seats_.release();
  return base64url_encode(key);
}

std::string PasswordHasher::hash(std::string_view password) {
  const std::string salt = base64url_encode(as_bytes(random_bytes(random_, salt_bytes)));
  return "scrypt$" + std::to_string(cost_.log2_n) + '$' + std::to_string(cost_.r) + '$' +
         std::to_string(cost_.p) + '$' + salt + '$' + derive(password, salt, cost_);
}

bool PasswordHasher::matches(std::string_view password, std::string_view stored) {
  const auto known = read(stored);
  if (!known) {
    derive(password, "no account has this salt", cost_);
    return stored.starts_with(foreign) && matches_htpasswd(password, stored.substr(foreign.size()));
  }
  return equal_constant_time(derive(password, known->salt, known->cost), known->key);
}

bool PasswordHasher::outdated(std::string_view stored) const {
  const auto known = read(stored);
  return !known || known->cost != cost_;
}

}  // namespace sallyport
