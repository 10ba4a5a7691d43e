#include "storage/base/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "storage/base/base64.hpp"

namespace sallyport {

namespace {

// A digest that failed half-way must never be compared with anything.
void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "sallyport: OpenSSL failed: %s\n", what);
  std::abort();
}

// Fetched once: an implicit fetch per digest costs more than hashing a short input.
template <std::size_t N>
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = [] {
    const EVP_MD* md = EVP_MD_fetch(nullptr, N == 20 ? "SHA1" : N == 32 ? "SHA256" : "SHA512", nullptr);
    require(md != nullptr && EVP_MD_get_size(md) == static_cast<int>(N), "EVP_MD_fetch");
    return md;
  }();
  return fetched;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Bytes of a digest, strongest first; 0 for a name that is not known.
std::size_t digest_bytes(std::string_view name) {
  if (name == "sha512") return 64;
  if (name == "sha384") return 48;
  if (name == "sha256") return 32;
  if (name == "sha1") return 20;
  return 0;
}

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

template <std::size_t N>
struct Hasher<N>::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();

  Context() { start(); }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void start() {
    require(evp != nullptr && EVP_DigestInit_ex2(evp, algorithm<N>(), nullptr) == 1, "EVP_DigestInit_ex2");
  }
  void update(Bytes bytes) {
    require(EVP_DigestUpdate(evp, bytes.data(), bytes.size()) == 1, "EVP_DigestUpdate");
  }
  Digest<N> finish() {
    Digest<N> digest;
    unsigned written = 0;
    require(EVP_DigestFinal_ex(evp, digest.bytes.data(), &written) == 1 && written == N,
            "EVP_DigestFinal_ex");
    return digest;
  }
  static Digest<N> once(Bytes bytes) {
    static thread_local Context context;
    context.start();
    context.update(bytes);
    return context.finish();
  }
};

template <std::size_t N>
Hasher<N>::Hasher() : context_(std::make_unique<Context>()) {}
template <std::size_t N>
Hasher<N>::~Hasher() = default;
template <std::size_t N>
Hasher<N>::Hasher(Hasher&&) noexcept = default;
template <std::size_t N>
Hasher<N>& Hasher<N>::operator=(Hasher&&) noexcept = default;

template <std::size_t N>
void Hasher<N>::update(Bytes bytes) {
  require(context_ != nullptr, "a hash was used after its end");
  context_->update(bytes);
}

template <std::size_t N>
Digest<N> Hasher<N>::finish() {
  require(context_ != nullptr, "a hash was used after its end");
  const Digest<N> digest = context_->finish();
  context_.reset();
  return digest;
}

template <std::size_t N>
Digest<N> Hasher<N>::once(Bytes bytes) {
  return Context::once(bytes);
}

template class Hasher<20>;
template class Hasher<32>;
template class Hasher<64>;

Sha1 sha1(Bytes bytes) {
  return Sha1Hasher::once(bytes);
}
Sha256 sha256(Bytes bytes) {
  return Sha256Hasher::once(bytes);
}
Sha512 sha512(Bytes bytes) {
  return Sha512Hasher::once(bytes);
}

std::string to_hex(Bytes bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    hex.push_back(digits[b >> 4]);
    hex.push_back(digits[b & 15]);
  }
  return hex;
}

Result<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return fail(ErrorKind::invalid, "a hexadecimal value has an odd number of digits");
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_value(hex[i]);
    const int low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0)
      return fail(ErrorKind::invalid, "a hexadecimal value has other characters than 0-9 and a-f");
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

Result<Sha512> sha512_from_hex(std::string_view hex) {
  const auto bytes = from_hex(hex);
  if (!bytes.has_value()) return bytes.error();
  Sha512 digest;
  if (bytes->size() != digest.bytes.size())
    return fail(ErrorKind::invalid, "a sha512 has 128 hexadecimal digits");
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

std::string to_integrity(const Sha512& d) {
  return "sha512-" + base64_encode(Bytes(d.bytes));
}

Result<Integrity> parse_integrity(std::string_view text) {
  std::optional<Integrity> strongest;
  while (true) {
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    if (text.empty()) break;
    std::size_t end = 0;
    while (end < text.size() && !blank(text[end])) ++end;
    std::string_view hash = text.substr(0, end);
    text.remove_prefix(end);

    hash = hash.substr(0, hash.find('?'));
    const std::size_t dash = hash.find('-');
    if (dash == std::string_view::npos)
      return fail(ErrorKind::invalid, "an integrity value must look like sha512-<base64>");
    const std::string_view name = hash.substr(0, dash);
    const std::size_t size = digest_bytes(name);
    if (size == 0) continue;  // as browsers and ssri do with an algorithm of the future
    auto digest = base64_decode(hash.substr(dash + 1));
    if (!digest.has_value() || digest->size() != size) {
      return fail(ErrorKind::invalid, "the " + std::string(name) + " of an integrity value is not one");
    }
    if (strongest && digest_bytes(strongest->algorithm) > size) continue;
    if (strongest && strongest->algorithm == name && strongest->digest != *digest) {
      // ssri would accept either of them; then the value does not say which bytes are meant.
      return fail(ErrorKind::invalid,
                  "an integrity value names two different " + std::string(name) + " digests");
    }
    strongest = Integrity{std::string(name), std::move(*digest)};
  }
  if (!strongest) return fail(ErrorKind::invalid, "an integrity value has no sha512, sha384, sha256 or sha1");
  return std::move(*strongest);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sallyport
