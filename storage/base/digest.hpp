#pragma once
// Digests and npm's integrity strings. The one place that calls OpenSSL's digest functions.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

using Bytes = std::span<const std::uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <std::size_t N>
struct Digest {
  std::array<std::uint8_t, N> bytes{};
  auto operator<=>(const Digest&) const = default;
};
using Sha1 = Digest<20>;
using Sha256 = Digest<32>;
using Sha512 = Digest<64>;

std::string to_hex(Bytes bytes);
template <std::size_t N>
std::string to_hex(const Digest<N>& d) {
  return to_hex(Bytes(d.bytes));
}
Result<std::string> from_hex(std::string_view hex);  // raw bytes; lower or upper case
Result<Sha512> sha512_from_hex(std::string_view hex);

// Incremental hash; N picks the algorithm. finish() may be called once; a failing OpenSSL call aborts.
template <std::size_t N>
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(Bytes bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  Digest<N> finish();
  static Digest<N> once(Bytes bytes);  // the whole input at hand: reuses the thread's context

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};
using Sha1Hasher = Hasher<20>;
using Sha256Hasher = Hasher<32>;
using Sha512Hasher = Hasher<64>;

Sha1 sha1(Bytes bytes);
Sha256 sha256(Bytes bytes);
Sha512 sha512(Bytes bytes);
inline Sha256 sha256(std::string_view text) {
  return sha256(as_bytes(text));
}

// Subresource integrity as npm writes it: "sha512-<base64>".
std::string to_integrity(const Sha512& d);

// One or more hashes separated by blanks, possibly with ?options; the strongest known one counts
// (sha512 over sha384 over sha256 over sha1), as ssri does.
struct Integrity {
  std::string algorithm;  // "sha512", "sha384", "sha256" or "sha1"
  std::string digest;     // raw bytes
};
Result<Integrity> parse_integrity(std::string_view text);

bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace sallyport
