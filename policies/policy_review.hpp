#pragma once
// A policy looked at by itself: what in it has no effect, and how two of them differ.

#include <string>
#include <string_view>
#include <vector>

#include "policies/policy.hpp"

namespace sallyport {

// Sentences on what can never have an effect: expired waivers, paths that an earlier [[paths]] takes, numbers
// of rules that are off. Not mistakes: a policy with them is in force.
std::vector<std::string> without_effect(const Policy& policy, Instant now);

// What `after` judges otherwise than `before`, one a line ("leak/tests (open): note -> off"), by rule, then
// thresholds, limits, paths, words, secret rules and waivers. Empty: they judge alike.
std::vector<std::string> differences(const Policy& before, const Policy& after);

}  // namespace sallyport
