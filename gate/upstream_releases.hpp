#pragma once
// What the gate has to know of an upstream's packument, taken from its text in one pass. The document itself
// is never built: a popular package's has 20 MB, and ten times that as a tree.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "policies/facts.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct UpstreamRelease {
  std::string tarball, integrity, shasum;  // of `dist`; empty where it does not say
  std::string attestations;                // `dist.attestations.url`
  std::uint64_t unpacked_bytes = 0;
  std::string publisher;  // `_npmUser.name`, cut to 200 bytes, as the versions are
  bool trusted = false;   // `_npmUser.trustedPublisher`: no token was used
  std::string npm_version, node_version;

  // Who published it and how; nothing where the registry does not say.
  std::optional<ReleaseOrigin> origin() const;
  // The fingerprints that a packument has: major versions of npm and node.
  std::map<std::string, std::string> toolchain() const;
};

struct UpstreamReleases {
  std::map<std::string, UpstreamRelease, std::less<>> versions;
  std::map<std::string, std::string, std::less<>> times;  // by version, as written
  std::map<std::string, std::string, std::less<>> tags;

  std::optional<Instant> time_of(std::string_view version) const;
  // upstream: not one JSON object, or one of these places is there twice, so that readers would disagree.
  static Result<UpstreamReleases> parse(std::string_view packument);
};

}  // namespace sallyport
