#include "policies/provenance/public_key.hpp"

#include <openssl/ec.h>

#include <array>

namespace sallyport {

Result<PublicKey> PublicKey::from(EvpKeyPtr key) {
  const auto refused = [] {
    return fail(ErrorKind::invalid, "a key is none of ECDSA P-256, ECDSA P-384 and Ed25519");
  };
  if (!key) return refused();
  const EVP_MD* digest = nullptr;
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC) {
    std::array<char, 32> group{};
    if (EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) != 1) return refused();
    const std::string_view name(group.data());
    if (name == "prime256v1") {
      digest = EVP_sha256();
    } else if (name == "secp384r1") {
      digest = EVP_sha384();
    } else {
      return refused();
    }
  } else if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    return refused();
  }
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return refused();
  std::string spki(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return PublicKey(std::move(key), digest, std::move(spki));
}

Result<PublicKey> PublicKey::from_spki(std::string_view der) {
  const unsigned char* at = openssl_bytes(der);
  EvpKeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != openssl_bytes(der) + der.size())
    return fail(ErrorKind::invalid, "a public key is not one SubjectPublicKeyInfo in DER");
  return from(std::move(key));
}

bool PublicKey::verify(std::string_view data, std::string_view signature) const {
  const std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest_, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), openssl_bytes(signature), signature.size(), openssl_bytes(data),
                          data.size()) == 1;
}

}  // namespace sallyport
