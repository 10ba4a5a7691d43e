#include "storage/base/signing_key.hpp"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

Error broken(const char* what) {
  ERR_clear_error();
  return fail(ErrorKind::internal, "", what);
}

template <class Write>
std::string der_of(Write write) {
  unsigned char* bytes = nullptr;
  const int length = write(&bytes);
  std::string text;
  if (length > 0) text.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_clear_free(bytes, length > 0 ? static_cast<std::size_t>(length) : 0);
  return text;
}

}  // namespace

struct SigningKey::Key {
  EVP_PKEY* key;
  explicit Key(EVP_PKEY* k) : key(k) {}
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { EVP_PKEY_free(key); }
};

SigningKey::SigningKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {
  spki_ = der_of([this](unsigned char** out) { return i2d_PUBKEY(key_->key, out); });
  id_ = base64_encode(Bytes(sha256(spki_).bytes));
  while (id_.ends_with('=')) id_.pop_back();
  id_ = "SHA256:" + id_;
}

Result<SigningKey> SigningKey::make() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  if (key == nullptr) return broken("EVP_EC_gen");
  return SigningKey(std::make_shared<const Key>(key));
}

Result<SigningKey> SigningKey::from_der(std::string_view pkcs8) {
  const auto* at = reinterpret_cast<const unsigned char*>(pkcs8.data());
  EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size()));
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
    EVP_PKEY_free(key);
    ERR_clear_error();
    return fail(ErrorKind::corrupt, "The registry's signing key could not be read.");
  }
  return SigningKey(std::make_shared<const Key>(key));
}

std::string SigningKey::to_der() const {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key_->key);
  std::string der =
      der_of([info](unsigned char** out) { return info ? i2d_PKCS8_PRIV_KEY_INFO(info, out) : 0; });
  PKCS8_PRIV_KEY_INFO_free(info);
  return der;
}

Result<std::string> SigningKey::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t length = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size()) != 1)
    return broken("EVP_DigestSign");
  std::string signature(length, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes,
                     text.size()) != 1)
    return broken("EVP_DigestSign");
  signature.resize(length);
  return signature;
}

}  // namespace sallyport
