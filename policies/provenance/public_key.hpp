#pragma once
// A key that signatures are checked with. Its kind alone decides the algorithm: nothing in what is checked
// can ask for another.

#include <string>
#include <string_view>

#include "policies/provenance/openssl_ptr.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

class PublicKey {
 public:
  // ECDSA on P-256 (SHA-256) or P-384 (SHA-384), or Ed25519; any other kind is refused.
  static Result<PublicKey> from(EvpKeyPtr key);
  static Result<PublicKey> from_spki(std::string_view der);

  bool verify(std::string_view data, std::string_view signature) const;
  const std::string& spki() const { return spki_; }  // DER
  bool same_as(const PublicKey& other) const { return spki_ == other.spki_; }

 private:
  PublicKey(EvpKeyPtr key, const EVP_MD* digest, std::string spki)
      : key_(std::move(key)), digest_(digest), spki_(std::move(spki)) {}
  EvpKeyPtr key_;
  const EVP_MD* digest_;  // null: the scheme has its own
  std::string spki_;
};

}  // namespace sallyport
