#include "policies/policy.hpp"

#include <algorithm>
#include <stdexcept>

#include "storage/base/digest.hpp"
#include "storage/base/package_name.hpp"

namespace sallyport {

namespace {

json::object to_json(const ActionMap& actions) {
  json::object out;
  for (const auto& [rule, action] : actions) out[rule] = to_text(action);
  return out;
}

json::array to_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

enum class Match { no, yes, unclear };

Match match_of(const PathRules& rules, std::string_view package, std::string_view path) {
  const auto names = [package](const std::string& pattern) { return name_matches(pattern, package); };
  if (!rules.packages.empty() && std::none_of(rules.packages.begin(), rules.packages.end(), names))
    return Match::no;
  Match found = Match::no;
  for (const Glob& glob : rules.globs) {
    try {
      if (glob.matches(path) != glob.negated()) return Match::yes;
    } catch (const std::length_error&) {  // a path made to take long
      found = Match::unclear;
    }
  }
  return found;
}

}  // namespace

Action Policy::action(const Rule& rule, int tier, Profile profile, std::string_view package,
                      std::string_view path) const {
  const auto at = static_cast<std::size_t>(profile);
  Action usual = rule.info.tiers.at(static_cast<std::size_t>(tier)).at(at);
  if (const auto own = overrides.find(rule.info.id); own != overrides.end()) usual = own->second;
  if (const auto own = profile_overrides[at].find(rule.info.id); own != profile_overrides[at].end())
    usual = own->second;
  if (path.empty()) return usual;
  for (const PathRules& rules : paths) {
    const auto own = rules.rules.find(rule.info.id);
    if (own == rules.rules.end()) continue;
    switch (match_of(rules, package, path)) {
      case Match::no:
        continue;
      case Match::yes:
        return own->second;
      case Match::unclear:
        usual = std::max(usual, own->second);
    }
  }
  return usual;
}

bool Policy::is_off(const Rule& rule, Profile profile) const {
  for (std::size_t tier = 0; tier < rule.info.tiers.size(); ++tier) {
    if (action(rule, static_cast<int>(tier), profile) != Action::off) return false;
  }
  return std::none_of(paths.begin(), paths.end(), [&](const PathRules& rules) {
    const auto own = rules.rules.find(rule.info.id);
    return own != rules.rules.end() && own->second != Action::off;
  });
}

const Waiver* Policy::waiver(std::string_view rule, std::string_view fingerprint, std::string_view package,
                             std::string_view version) const {
  const Waiver* found = nullptr;
  const auto [begin, end] = waivers.equal_range(fingerprint);
  for (auto at = begin; at != end; ++at) {
    const Waiver& w = at->second;
    if (w.rule != rule || w.package != package || (!w.version.empty() && w.version != version)) continue;
    if (found == nullptr || found->expires < w.expires) found = &w;
  }
  return found;
}

json::object Policy::document() const {
  json::object profiles, sizes, numbers;
  for (const Profile profile : {Profile::proprietary, Profile::open, Profile::internal})
    profiles[to_text(profile)] = to_json(profile_overrides[static_cast<std::size_t>(profile)]);
  for (const ThresholdInfo& info : threshold_table()) numbers[info.key] = threshold_text(thresholds, info);
  for (const auto& [glob, bytes] : thresholds.file_bytes_max_for) sizes[glob] = bytes;
  numbers["file_bytes_max_for"] = std::move(sizes);
  json::array by_path, secrets, waived, listed;
  for (const PathRules& rules : paths)
    by_path.push_back(json::object{{"match", to_json(rules.match)},
                                   {"packages", to_json(rules.packages)},
                                   {"rules", to_json(rules.rules)}});
  for (const SecretRuleFile& file : secret_rule_files)
    secrets.push_back(json::object{{"file", file.name}, {"digest", to_hex(sha256(file.text))}});
  for (const WordList& list : words)
    listed.push_back(json::object{{"label", list.label},
                                  {"literals", to_json(list.literals)},
                                  {"patterns", to_json(list.patterns)},
                                  {"packages", to_json(list.scopes)}});
  for (const auto& [fingerprint, w] : waivers)
    waived.push_back(json::object{{"rule", w.rule},
                                  {"fingerprint", fingerprint},
                                  {"package", w.package},
                                  {"version", w.version},
                                  {"owner", w.owner},
                                  {"reason", w.reason},
                                  {"expires", to_iso8601(w.expires)}});
  return {
      {"rules", to_json(overrides)},
      {"profiles", std::move(profiles)},
      {"paths", std::move(by_path)},
      {"limits",
       {{"unpacked_bytes_max", limits.unpacked_bytes_max},
        {"ratio_max", limits.ratio_max},
        {"ratio_from_bytes", limits.ratio_from_bytes},
        {"entries_max", limits.entries_max},
        {"depth_max", limits.depth_max},
        {"path_bytes_max", limits.path_bytes_max}}},
      {"thresholds", std::move(numbers)},
      {"secret_rules", std::move(secrets)},
      {"words", std::move(listed)},
      {"waivers", std::move(waived)},
  };
}

std::string Policy::digest() const {
  return "sha256-" + to_hex(sha256(canonical(document())));
}

bool may_be_waived(std::string_view rule) {
  return !rule.starts_with("tar/");
}

}  // namespace sallyport
