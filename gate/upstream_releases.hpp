#pragma once
// What the gate has to know of an upstream's packument, taken from its text in one pass. The document itself
// is never built: a popular package's has 20 MB, and ten times that as a tree.

#include <map>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

struct UpstreamRelease {
  std::string tarball, integrity, shasum;  // of `dist`; empty where it does not say
};

struct UpstreamReleases {
  std::map<std::string, UpstreamRelease, std::less<>> versions;
  std::map<std::string, std::string, std::less<>> times;  // by version, as written
  std::map<std::string, std::string, std::less<>> tags;

  // upstream: not one JSON object, or one of these places is there twice, so that readers would disagree.
  static Result<UpstreamReleases> parse(std::string_view packument);
};

}  // namespace sallyport
