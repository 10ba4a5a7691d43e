#pragma once
// Semantic versions (semver.org 2.0.0), as strict as node-semver without `loose`.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/base/result.hpp"

namespace sallyport {

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::vector<std::variant<std::uint64_t, std::string>> prerelease;
  std::string build;  // without '+'; takes no part in the order

  // No leading "v", no blanks, no leading zeros, numbers up to 2^53-1, at most 256 characters.
  static Result<Version> parse(std::string_view text);
  bool is_prerelease() const { return !prerelease.empty(); }
  std::string text() const;  // canonical, without build
  std::string text_with_build() const;
};

// Semver precedence; build metadata is ignored.
std::strong_ordering compare(const Version& a, const Version& b);
inline bool operator<(const Version& a, const Version& b) {
  return compare(a, b) < 0;
}

}  // namespace sallyport
