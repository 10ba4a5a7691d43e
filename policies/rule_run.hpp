#pragma once
// Runs rules over a release and turns what they say into findings.

#include <span>
#include <vector>

#include "policies/finding.hpp"
#include "policies/policy.hpp"
#include "policies/release.hpp"
#include "policies/rule.hpp"

namespace sallyport {

// What could not be looked at. It is the engine's own finding: no policy turns it off.
constexpr std::string_view rule_incomplete = "inspection/incomplete";

// A waiver that would have counted for a finding and has expired.
constexpr std::string_view rule_expired_waiver = "inspection/expired-waiver";

// Findings of every rule whose action is not `off`, in no order. A rule that throws, or that has more to say
// than findings_per_rule_max, becomes a finding that holds; such a one is never waived, and never known.
std::vector<Finding> run_rules(std::span<const Rule* const> rules, const Release& release,
                               const Policy& policy, Profile profile);

// A finding of rule_incomplete: `why` is one sentence; `file` as in the archive, or empty.
Finding incomplete(Action action, std::string_view file, std::string_view why);

// Worst first, then by rule and file.
void sort_findings(std::vector<Finding>& findings);

constexpr std::size_t findings_per_rule_max = 500;

}  // namespace sallyport
