#include "policies/provenance/provenance.hpp"

#include <doctest/doctest.h>

#include "policies/provenance/trust_root.hpp"
#include "tests/support/attestation_cases.hpp"

namespace sallyport {

namespace {

const SigstoreLab& lab() {
  static const SigstoreLab one;
  return one;
}

const TrustRoot& root() {
  static const TrustRoot one = TrustRoot::parse(json::serialize(lab().trusted_root())).value();
  return one;
}

AttestedRelease release() {
  return {"@acme/lib", "1.2.3", sha512(as_bytes(attested_tarball)), "https://git.example/acme/lib"};
}

}  // namespace

TEST_CASE("an attestation verifies against the trust root, and no attack on it does") {
  for (const AttestationCase& one : attestation_cases(lab())) {
    CAPTURE(one.name);
    const Provenance read = check_provenance(one.bundle, release(), &root());
    CAPTURE(read.fault);
    if (one.fault.empty()) {
      CHECK(read.state == Provenance::State::verified);
      CHECK(read.fault.empty());
      CHECK(read.repository == "https://git.example/acme/lib");
    } else {
      CHECK(read.state == Provenance::State::invalid);
      CHECK(read.fault.find(one.fault) != std::string::npos);
    }
  }
}

TEST_CASE("without a trust root nothing is verified, and what is wrong in itself is refused all the same") {
  for (const AttestationCase& one : attestation_cases(lab())) {
    CAPTURE(one.name);
    const Provenance read = check_provenance(one.bundle, release(), nullptr);
    CAPTURE(read.fault);
    const bool refused = !one.fault.empty() && one.needs_no_root;
    CHECK(read.state == (refused ? Provenance::State::invalid : Provenance::State::unverified));
  }
}

}  // namespace sallyport
