#pragma once
// The organisation's own words: code names, unreleased flags, customers, ticket keys, hosts.

#include <string>
#include <vector>

namespace sallyport {

struct WordList {
  std::string label;  // names the list in findings, "code names"; unique among the lists
  // Found anywhere, also inside longer words, in any case of letters; as ASCII or UTF-8, and as UTF-16LE.
  std::vector<std::string> literals;
  // RE2 over bytes (case-sensitive unless it says (?i)); must not match empty text.
  std::vector<std::string> patterns;
  std::vector<std::string> scopes;  // package names as globs, "@acme/*"; none: every package
};

}  // namespace sallyport
