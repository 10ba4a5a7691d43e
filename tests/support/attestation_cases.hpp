#pragma once
// Attestations of one release, right ones and attacks, for our check and for npm's on the same bytes.

#include <string>
#include <vector>

#include "tests/support/sigstore_lab.hpp"

namespace sallyport {

struct AttestationCase {
  std::string name;
  std::string bundle;
  std::string fault;          // part of what we say; empty: it has to verify
  bool npm_takes_it = false;  // of an attack: npm's own check lets it pass
  bool needs_no_root = true;  // of an attack: refused also where nobody is trusted
};

inline constexpr const char* attested_tarball = "the bytes of lib-1.2.3.tgz";  // of @acme/lib@1.2.3

std::vector<AttestationCase> attestation_cases(const SigstoreLab& lab);

}  // namespace sallyport
