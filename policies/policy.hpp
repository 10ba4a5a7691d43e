#pragma once
// Which action a rule takes: the profile's default, overridden by the operator's policy file.
//
//   secret_rules = ["own.toml"]          # gitleaks' format, beside the rules that are built in
//
//   [rules]                              # rule -> action, in every profile
//   "pack/license" = "off"
//   [profiles.open.rules]                # in one profile; counts before [rules]
//   "leak/source-map" = "note"
//
//   [[paths]]                            # for some files; counts before both, and the first that matches
//   first match    = ["test/**", "*.spec.js"]  # below the top folder, as npm reads patterns; of what is
//   packed in a packages = ["@acme/*"]               # file, that file's path. `packages` may be left out:
//   all of them rules    = { "leak/tests" = "off" }
//
//   [thresholds]                         # thresholds.hpp
//   jump_factor = 2
//   [thresholds.file_bytes_max_for]
//   "*.wasm" = 20_000_000
//   [limits]                             # of archives (tarball/listing.hpp)
//   entries_max = 5000
//
//   [[words]]                            # leak/words: what your organisation keeps to itself
//   label    = "code names"
//   literals = ["bluebird"]              # anywhere, in any case of letters
//   patterns = ["ACME-[0-9]{4,}"]        # as RE2 has them
//   file     = "code-names.txt"          # more literals, one a line; '#' begins a comment
//   packages = ["@acme/*"]               # may be left out: all of them
//
//   [[waivers]]                          # one finding of one package becomes a note, with this said beside
//   it rule        = "leak/source-map" fingerprint = "sha256-…"             # of the finding: other content
//   has another one package     = "@acme/lib" version     = "1.2.3"                # may be left out owner =
//   "ada" reason      = "the map is of an example" expires     = 2026-12-31             # from this day on
//   (UTC) it has no effect; within a year

#include <array>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policies/content/words.hpp"
#include "policies/finding.hpp"
#include "policies/glob.hpp"
#include "policies/release.hpp"
#include "policies/rule.hpp"
#include "policies/tarball/listing.hpp"
#include "storage/base/json.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

using ActionMap = std::map<std::string, Action, std::less<>>;  // by rule

struct PathRules {
  std::vector<std::string> match;
  std::vector<Glob> globs;            // of `match`
  std::vector<std::string> packages;  // patterns of names; none: every package
  ActionMap rules;
};

struct Waiver {
  std::string rule, package, version;  // version empty: any
  std::string owner, reason;           // printable
  Instant expires;
};

struct Policy {
  ActionMap overrides;                         // for every tier
  std::array<ActionMap, 3> profile_overrides;  // by Profile
  std::vector<PathRules> paths;
  Thresholds thresholds;
  TarballLimits limits;
  struct SecretRuleFile {
    std::string name, text;
  };
  std::vector<SecretRuleFile> secret_rule_files;
  std::vector<WordList> words;
  std::multimap<std::string, Waiver, std::less<>> waivers;  // by fingerprint

  // Reads a file that the policy names, as seen from the policy.
  using ReadFile = std::function<Result<std::string>(const std::string& name)>;
  // `file` names the text in messages. Errors: every mistake, one a line, as "policy.toml:3: …", with the
  // nearest known name. `now` tells which waivers last longer than a year.
  static Result<Policy> parse(std::string_view toml, std::string_view file, Instant now,
                              const ReadFile& read_file = {});

  // What `rule` does in a package, about the file at `path` (below the top folder; empty: the whole release).
  Action action(const Rule& rule, int tier, Profile profile, std::string_view package = {},
                std::string_view path = {}) const;
  bool is_off(const Rule& rule, Profile profile) const;  // whatever the package, tier and path
  // The waiver that names this finding, the one that lasts longest; null: none. It may have expired.
  const Waiver* waiver(std::string_view rule, std::string_view fingerprint, std::string_view package,
                       std::string_view version) const;

  json::object document() const;  // all of it, canonical
  std::string digest() const;     // "sha256-<hex>" of the document
};

// Whether a finding of `rule` may be waived: not what is wrong with the archive itself, since a reading that
// another reader could dispute proves nothing about the content.
bool may_be_waived(std::string_view rule);

constexpr std::size_t policy_bytes_max = 4u << 20;  // of the file
constexpr std::size_t waivers_max = 10'000;
constexpr std::size_t words_max = 20'000;         // in all lists
constexpr std::size_t path_patterns_max = 1'000;  // with what their braces expand to
constexpr std::chrono::days waiver_days_max{366};

}  // namespace sallyport
