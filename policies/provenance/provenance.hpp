#pragma once
// The Sigstore bundle that comes with a publish: what it says of the bytes, of who built them and where, and
// whether that is signed by somebody whom the operator trusts. Pure: the times are those signed in the
// bundle.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

class TrustRoot;  // trust_root.hpp

// Read of one attestation. `fault` of an invalid one is a sentence; the rest is what was read until then.
struct Provenance {
  enum class State : std::uint8_t {
    verified,    // signature, certificate and log entry hold against the trust root
    unverified,  // well-formed, signed by its own certificate and about these bytes, but no trust root is
                 // configured: who signed it is a claim
    invalid      // does not verify, or its subject is not these bytes
  };
  State state = State::unverified;
  std::string fault;
  std::string issuer;      // of the identity: the OIDC issuer's URL
  std::string identity;    // the certificate's subject alternative name
  std::string repository;  // "https://git.example/acme/lib"
  std::string workflow;    // ".github/workflows/release.yml"
  std::string ref, commit, builder, build_type;
};

// The release that an attestation has to be about.
struct AttestedRelease {
  std::string name, version;  // "@acme/lib", "1.2.3"
  Sha512 sha512;              // of its tarball
  // The repository as its package.json writes it, the text or the `url` of `repository` ("" for none): the
  // attestation has to be of it, as npm's own registry demands. Nothing: not compared.
  std::optional<std::string> repository = {};
};

// One Sigstore bundle (v0.1 to v0.3) around an in-toto statement with SLSA provenance (v0.2, v1). `root`
// null: all but who signed is checked, and nothing is `verified`.
Provenance check_provenance(std::string_view bundle_json, const AttestedRelease& release,
                            const TrustRoot* root);

// A registry's answer to `/-/npm/v1/attestations/name@version`: its SLSA provenance, or nothing where it has
// none. The registry's own publish attestation, signed with the registry's key, must be about these bytes and
// says nothing of who built them. What cannot be read is invalid.
std::optional<Provenance> check_attestations(std::string_view answer_json, const AttestedRelease& release,
                                             const TrustRoot* root);

}  // namespace sallyport
