#pragma once
// The key that this registry signs its own versions with: ECDSA on P-256 with SHA-256, as npm verifies.

#include <memory>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

// Any thread.
class SigningKey {
 public:
  static Result<SigningKey> make();
  static Result<SigningKey> from_der(std::string_view pkcs8);  // corrupt: it is no such key

  std::string to_der() const;                             // PKCS #8: the secret itself
  const std::string& spki() const { return spki_; }       // DER, public
  const std::string& id() const { return id_; }           // "SHA256:…", of the public part
  Result<std::string> sign(std::string_view text) const;  // DER; another one each time

 private:
  struct Key;
  explicit SigningKey(std::shared_ptr<const Key> key);
  std::shared_ptr<const Key> key_;
  std::string spki_, id_;
};

}  // namespace sallyport
