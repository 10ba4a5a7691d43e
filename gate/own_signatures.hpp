#pragma once
// This registry's signature on each version that it released itself, over "name@version:integrity", so that
// `npm audit signatures` stays true where upstreams sign theirs.
//
// Records, in family `system` (JSON, "v": 1):
//   signing_key                          {v, pkcs8: base64}: the secret
//   signature <name> NUL <version>       {v, integrity, keyid, sig}: kept, since signing again gives another

#include <memory>
#include <string>

#include "gate/catalog.hpp"
#include "storage/base/signing_key.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

// Blocking; any thread.
class OwnSignatures {
 public:
  // Makes the key where there is none yet.
  static Result<std::unique_ptr<OwnSignatures>> open(MetaStore& store);

  const SigningKey& key() const { return key_; }
  // Puts `dist.signatures` into every manifest, in place of what its publisher may have put there.
  Result<void> sign(LocalPackage& package);

 private:
  OwnSignatures(MetaStore& store, SigningKey key) : store_(store), key_(std::move(key)) {}
  Result<std::string> signature(const std::string& name, const std::string& version,
                                const std::string& integrity);

  MetaStore& store_;
  const SigningKey key_;
};

}  // namespace sallyport
