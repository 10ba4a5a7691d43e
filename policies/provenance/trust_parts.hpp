#pragma once
// What a trust root consists of, for the checks in this folder.

#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "policies/provenance/openssl_ptr.hpp"
#include "policies/provenance/public_key.hpp"
#include "policies/provenance/trust_root.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

struct ValidFor {
  Instant start = Instant::min(), end = Instant::max();  // both included
  bool contains(Instant t) const { return start <= t && t <= end; }
};

// A certificate authority or a time stamp authority: its chain, the root last.
struct TrustedAuthority {
  std::vector<X509Ptr> chain;
  ValidFor valid_for;
};

// A transparency log, of entries or of certificates.
struct TrustedLog {
  std::string id;    // raw
  std::string name;  // in its checkpoints: its URL without the scheme
  PublicKey key;
  ValidFor valid_for;
};

struct TrustRoot::Parts {
  std::vector<TrustedAuthority> certificate_authorities, timestamp_authorities;
  std::vector<TrustedLog> logs, certificate_logs;
};

}  // namespace sallyport
