#pragma once
// Which action a rule takes: the profile's default, overridden by the operator's policy file.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policies/finding.hpp"
#include "policies/release.hpp"
#include "policies/rule.hpp"
#include "policies/tarball/listing.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct Policy {
  std::map<std::string, Action, std::less<>> overrides;  // rule -> action, for every tier
  Thresholds thresholds;
  TarballLimits limits;
  std::vector<std::string> secret_rule_files;

  // TOML: [rules] "leak/tests" = "off"; [limits]; [thresholds]; secret_rules = ["own.toml"]. Unknown keys and
  // rules are errors with file, line and the nearest name. `file` names the text in messages.
  static Result<Policy> parse(std::string_view toml, std::string_view file);
  Action action(const Rule& rule, int tier, Profile profile) const;
  std::string digest() const;  // "sha256-<hex>" of its canonical text
};

}  // namespace sallyport
