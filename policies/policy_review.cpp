#include "policies/policy_review.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::array profiles = {Profile::proprietary, Profile::open, Profile::internal};

bool off_everywhere(const Policy& policy, std::string_view rule) {
  const Rule* found = find_rule(rule);
  return found != nullptr &&
         std::all_of(profiles.begin(), profiles.end(), [&](Profile p) { return policy.is_off(*found, p); });
}

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string actions_of(const Policy& policy, const Rule& rule, Profile profile) {
  std::string out;
  for (std::size_t tier = 0; tier < rule.info.tiers.size(); ++tier) {
    const std::string_view action = to_text(policy.action(rule, static_cast<int>(tier), profile));
    if (out.empty()) {
      out = action;
    } else if (!out.ends_with(action)) {
      out += "; " + std::string(action);
    }
  }
  return out;
}

void rule_differences(const Policy& before, const Policy& after, std::vector<std::string>& out) {
  for (const Rule* rule : all_rules()) {
    std::array<std::string, profiles.size()> changes;
    for (std::size_t i = 0; i < profiles.size(); ++i) {
      const std::string was = actions_of(before, *rule, profiles[i]),
                        is = actions_of(after, *rule, profiles[i]);
      if (was != is) changes[i] = was + " -> " + is;
    }
    const std::string id(rule->info.id);
    const bool alike = changes[0] == changes[1] && changes[1] == changes[2];
    if (alike && !changes[0].empty()) out.push_back(id + ": " + changes[0]);
    for (std::size_t i = 0; i < profiles.size() && !alike; ++i)
      if (!changes[i].empty())
        out.push_back(id + " (" + std::string(to_text(profiles[i])) + "): " + changes[i]);
  }
}

// Members of two objects that differ: "thresholds jump_factor: 1.5 -> 2".
void member_differences(const std::string& name, const json::object& before, const json::object& after,
                        std::vector<std::string>& out) {
  std::set<std::string> keys;
  for (const auto* object : {&before, &after})
    for (const auto& [key, value] : *object) keys.emplace(key);
  for (const std::string& key : keys) {
    const json::value *was = before.if_contains(key), *is = after.if_contains(key);
    if (was && is && *was == *is) continue;
    if (was && is && was->is_object() && is->is_object()) {
      member_differences(name + " " + key, was->get_object(), is->get_object(), out);
    } else {
      out.push_back(name + " " + key + ": " + (was ? text_of(*was) : "none") + " -> " +
                    (is ? text_of(*is) : "none"));
    }
  }
}

// Elements that one list has and the other has not.
void element_differences(const std::string& name, const json::array& before, const json::array& after,
                         std::vector<std::string>& out) {
  const auto lacks = [](const json::array& list, const json::value& element) {
    return std::find(list.begin(), list.end(), element) == list.end();
  };
  for (const json::value& element : before)
    if (lacks(after, element)) out.push_back("- " + name + " " + text_of(element));
  for (const json::value& element : after)
    if (lacks(before, element)) out.push_back("+ " + name + " " + text_of(element));
  if (before.size() == after.size() && before != after &&
      std::is_permutation(before.begin(), before.end(), after.begin()))
    out.push_back(name + ": in another order");
}

}  // namespace

std::vector<std::string> without_effect(const Policy& policy, Instant now) {
  std::vector<std::string> out;
  for (const auto& [fingerprint, waiver] : policy.waivers) {
    const std::string what = "The waiver of " + waiver.rule + " in " + waiver.package + " by " + waiver.owner;
    if (waiver.expires <= now) {
      out.push_back(what + " expired on " + to_iso8601(waiver.expires).substr(0, 10) + ": take it out.");
    } else if (off_everywhere(policy, waiver.rule)) {
      out.push_back(what + " waives nothing: the rule is off in every profile.");
    }
  }
  for (std::size_t i = 0; i < policy.paths.size(); ++i) {
    for (const auto& [rule, action] : policy.paths[i].rules) {
      for (const std::string& pattern : policy.paths[i].match) {
        const auto takes = [&](const PathRules& earlier) {
          return earlier.rules.contains(rule) &&
                 (earlier.packages.empty() || earlier.packages == policy.paths[i].packages) &&
                 std::any_of(earlier.match.begin(), earlier.match.end(),
                             [&](const std::string& m) { return m == pattern || m == "**"; });
        };
        const auto end = policy.paths.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::any_of(policy.paths.begin(), end, takes))
          out.push_back("The action of " + rule + " for \"" + printable(pattern) +
                        "\" can never count: an earlier " + "[[paths]] says what it does there.");
      }
    }
  }
  const Thresholds usual;
  for (const ThresholdInfo& info : threshold_table())
    if (threshold_text(policy.thresholds, info) != threshold_text(usual, info) &&
        off_everywhere(policy, info.rule))
      out.push_back("The threshold " + std::string(info.key) +
                    " is read by nothing: " + std::string(info.rule) + " is off in every profile.");
  return out;
}

std::vector<std::string> differences(const Policy& before, const Policy& after) {
  std::vector<std::string> out;
  rule_differences(before, after, out);
  const json::object was = before.document(), is = after.document();
  for (const char* object : {"thresholds", "limits"})
    member_differences(object, was.at(object).get_object(), is.at(object).get_object(), out);
  for (const char* list : {"paths", "words", "secret_rules", "waivers"})
    element_differences(list, was.at(list).get_array(), is.at(list).get_array(), out);
  return out;
}

}  // namespace sallyport
