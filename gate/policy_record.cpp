#include "gate/policy_record.hpp"

#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

constexpr const char* key = "policy";

json::array off_in(const Policy& policy, Profile profile) {
  json::array off;
  for (const Rule* rule : all_rules())
    if (policy.is_off(*rule, profile)) off.push_back(json::string(rule->info.id));
  return off;
}

// Rules that are off for some files only.
json::array off_by_path(const Policy& policy) {
  json::array off;
  for (const PathRules& rules : policy.paths)
    for (const auto& [rule, action] : rules.rules)
      if (action == Action::off)
        off.push_back(json::object{{"rule", rule},
                                   {"match", json::array(rules.match.begin(), rules.match.end())},
                                   {"packages", json::array(rules.packages.begin(), rules.packages.end())}});
  return off;
}

}  // namespace

Result<void> record_policy(Ledger& ledger, const InspectionRules& rules, const std::string& file) {
  const std::string digest =
      "sha256-" + to_hex(sha256(rules.policy.digest() + "\n" + rules.content->digest()));
  return ledger.commit([&](Fact& fact) -> Result<void> {
    auto last = fact.get(Family::system, key);
    if (!last) return last.error();
    if (*last == digest) return {};
    json::object off;
    for (const Profile profile : {Profile::proprietary, Profile::open, Profile::internal})
      off[to_text(profile)] = off_in(rules.policy, profile);
    fact.put(Family::system, key, digest);
    fact.record({"gate",
                 "policy.changed",
                 file.empty() ? "the profiles" : file,
                 {{"digest", digest},
                  {"before", last->value_or("")},
                  {"off", std::move(off)},
                  {"off_by_path", off_by_path(rules.policy)},
                  {"waivers", rules.policy.waivers.size()}}});
    return {};
  });
}

}  // namespace sallyport
