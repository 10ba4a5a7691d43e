#pragma once
// Advisories in OSV's JSON format, and the entries of the operator's own list, which say the same of a
// package.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.hpp"
#include "storage/base/semver_range.hpp"

namespace sallyport {

// One advisory, or one entry of the operator's list ("deny").
struct Advisory {
  std::string id, summary;  // printable
  bool every_version = false;
  std::vector<std::string> versions;
  std::vector<Range> ranges;          // prereleases count
  std::vector<std::string> fixed_in;  // versions that end a range: the first without the fault
  std::string affected;               // `ranges` as text: "<1.2.0 || >=2.0.0 <=2.1.0"

  // For who is told of it; empty where the document does not say.
  std::string severity;                 // "low", "moderate", "high" or "critical"
  std::string cvss;                     // the vector of version 3
  std::vector<std::string> weaknesses;  // "CWE-506"

  bool covers(std::string_view version) const;  // what is no version is covered
  std::string vulnerable_versions() const;      // a range as npm writes it; "*" for every version
  std::uint64_t bytes() const;                  // of memory, about
};

inline constexpr std::size_t osv_bytes_max = 4u << 20;  // of one document

// The advisories in one OSV document: npm's, by denial_key() of the package. invalid: it is not one.
Result<std::vector<std::pair<std::string, Advisory>>> parse_osv(std::string_view text);

// What a denied name is looked up by: one that differs in case alone is denied with it.
std::string denial_key(std::string_view name);

// "name" or "name@range", "@scope/name@range".
struct Denied {
  std::string name;
  Advisory advisory;
  static Result<Denied> parse(std::string_view text);
};

}  // namespace sallyport
