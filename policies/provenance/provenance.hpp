#pragma once
// The Sigstore bundle that comes with a publish: what it says of the bytes, of who built them and where, and
// whether that is signed by somebody whom the operator trusts.

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// Read of one attestation. `fault` of an invalid one is a sentence; the rest is what was read until then.
struct Provenance {
  enum class State : std::uint8_t {
    verified,    // signature, certificate and log entry hold against the trust root
    unverified,  // well-formed and about these bytes, but no trust root is configured
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

}  // namespace sallyport
