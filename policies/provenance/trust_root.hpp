#pragma once
// Whom the operator trusts to say who built a release: Sigstore's trusted_root.json.

#include <memory>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

// Immutable, cheap to copy, any thread.
class TrustRoot {
 public:
  // The JSON of `application/vnd.dev.sigstore.trustedroot+json;version=0.1` (or v0.2): certificate
  // authorities, transparency logs, certificate logs and time stamp authorities, each with the time it is
  // valid for. At least one authority and one log are needed. A log with a kind of key that we cannot check
  // is passed over: what it vouches for does not verify. Where no certificate log is named, none is asked of
  // certificates.
  static Result<TrustRoot> parse(std::string_view text);

  struct Parts;  // trust_parts.hpp
  const Parts& parts() const { return *parts_; }

 private:
  explicit TrustRoot(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

}  // namespace sallyport
