#include "proxy/cli/policy.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iomanip>
#include <ostream>

#include "policies/policy_review.hpp"
#include "policies/report.hpp"
#include "policies/rule.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/inspection_rules.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr int usage_error = 2;
constexpr std::array profiles = {Profile::proprietary, Profile::open, Profile::internal};

int refused(const Error& error, const PolicyOutput& output) {
  output.err << complaint(error);
  return usage_error;
}

std::string name_of(const std::string& file) {
  return file.empty() ? "the profiles, without a policy file" : printable(file);
}

std::string plural(std::size_t n, std::string_view noun) {
  return thousands(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

// "warn", or "warn; escalate" of a rule with several tiers.
std::string in_force(const Policy& policy, const Rule& rule, Profile profile) {
  std::string text;
  for (std::size_t tier = 0; tier < rule.info.tiers.size(); ++tier) {
    const std::string action(to_text(policy.action(rule, static_cast<int>(tier), profile)));
    if (text.empty()) {
      text = action;
    } else if (!text.ends_with(action)) {
      text += "; " + action;
    }
  }
  return text;
}

void explain_one(const Rule& rule, const Policy& policy, const std::string& file, std::ostream& out) {
  const Policy shipped;
  const auto in_lines = [](std::string_view text) {
    constexpr std::string_view indent = "        ";  // of the labels
    return wrapped(text, indent, npm_columns).substr(indent.size());
  };
  out << rule.info.id << ": " << rule.info.title << "\n\n"
      << "  why   " << in_lines(rule.info.why) << "  fix   " << in_lines(rule.info.fix) << "\n"
      << "  " << std::left << std::setw(13) << "profile" << std::setw(26) << "as shipped" << "in force ("
      << name_of(file) << ")\n";
  for (const Profile profile : profiles)
    out << "  " << std::setw(13) << to_text(profile) << std::setw(26) << in_force(shipped, rule, profile)
        << in_force(policy, rule, profile) << "\n";
  for (const PathRules& paths : policy.paths) {
    const auto own = paths.rules.find(rule.info.id);
    if (own == paths.rules.end()) continue;
    out << "  " << to_text(own->second) << " for files";
    for (const std::string& pattern : paths.match) out << " " << printable(pattern);
    for (const std::string& package : paths.packages) out << " in " << printable(package);
    out << "\n";
  }
  const Thresholds usual;
  for (const ThresholdInfo& info : threshold_table()) {
    if (info.rule != rule.info.id) continue;
    const std::string now = threshold_text(policy.thresholds, info), was = threshold_text(usual, info);
    out << "\n  " << info.key << " = " << now << (now == was ? "" : "  (as shipped: " + was + ")") << "\n"
        << "        " << info.meaning << "\n";
  }
  if (rule.info.id == "size/file")
    for (const auto& [glob, bytes] : policy.thresholds.file_bytes_max_for)
      out << "  file_bytes_max_for " << printable(glob) << " = " << bytes << "\n";
  const auto waivers = std::count_if(policy.waivers.begin(), policy.waivers.end(),
                                     [&](const auto& entry) { return entry.second.rule == rule.info.id; });
  if (waivers > 0)
    out << "\n  " << plural(static_cast<std::size_t>(waivers), "waiver") << " of its findings\n";
}

void explain_all(const Policy& policy, std::ostream& out) {
  const Policy shipped;
  out << std::left << std::setw(28) << "RULE" << std::setw(18) << "PROPRIETARY" << std::setw(18) << "OPEN"
      << std::setw(18) << "INTERNAL" << "WHAT IT LOOKS FOR\n";
  bool changed = false;
  for (const Rule* rule : all_rules()) {
    out << std::setw(28) << rule->info.id;
    for (const Profile profile : profiles) {
      std::string text = in_force(policy, *rule, profile);
      if (text != in_force(shipped, *rule, profile)) {
        text += " *";
        changed = true;
      }
      out << std::setw(18) << text;
    }
    out << rule->info.title << "\n";
  }
  if (changed) out << "* by the policy file\n";
}

// Whether every name that `pattern` matches is matched by `earlier` too. '*' in `pattern` stands for any text
// within a part, and only a wildcard of `earlier` can meet it; "**" for any text at all.
bool covers(std::string_view earlier, const std::string& pattern) {
  if (earlier == "**" || earlier == pattern) return true;
  return pattern.find("**") == std::string::npos && name_matches(earlier, pattern);
}

}  // namespace

int check_policy(const std::string& file, Instant now, const PolicyOutput& output) {
  const auto policy = load_policy(file, now);
  if (!policy) return refused(policy.error(), output);
  // What is searched for is compiled too: an expression that cannot be used is a mistake of the policy.
  const auto rules = compile_rules(*policy, user_cache_folder(), {});
  if (!rules) return refused(rules.error(), output);
  for (const std::string& sentence : without_effect(*policy, now)) output.err << "note: " << sentence << "\n";
  std::size_t off = 0;
  for (const Rule* rule : all_rules())
    off += std::any_of(profiles.begin(), profiles.end(), [&](Profile p) { return policy->is_off(*rule, p); });
  output.out << "The policy is in order (" << name_of(file) << "): " << plural(off, "rule") << " off, "
             << plural(policy->paths.size(), "set") << " of actions by path, "
             << plural(policy->waivers.size(), "waiver") << ".\n"
             << policy->digest() << "\n";
  return 0;
}

int explain_rule(const std::string& rule, const std::string& file, Instant now, const PolicyOutput& output) {
  const auto policy = load_policy(file, now);
  if (!policy) return refused(policy.error(), output);
  if (rule.empty()) {
    explain_all(*policy, output.out);
    return 0;
  }
  if (const Rule* found = find_rule(rule)) {
    explain_one(*found, *policy, file, output.out);
    return 0;
  }
  std::vector<std::string> known;
  for (const Rule* each : all_rules()) known.emplace_back(each->info.id);
  const std::string near = nearest(rule, known);
  return refused(fail(ErrorKind::invalid, "There is no rule \"" + printable(rule, 60) + "\"" +
                                              (near.empty() ? "; `sallyport policy explain` lists them all."
                                                            : "; did you mean \"" + near + "\"?")),
                 output);
}

int diff_policies(const std::string& before, const std::string& after, Instant now,
                  const PolicyOutput& output) {
  const auto was = load_policy(before, now);
  if (!was) return refused(was.error(), output);
  const auto is = load_policy(after, now);
  if (!is) return refused(is.error(), output);
  const auto lines = differences(*was, *is);
  for (const std::string& line : lines) output.out << line << "\n";
  if (lines.empty()) output.out << "The two policies judge alike.\n";
  return 0;
}

std::string policy_reference() {
  const Policy shipped;
  std::string out =
      "Rules, and what each profile does about a finding:\n\n"
      "| rule | looks for | proprietary | open | internal |\n|---|---|---|---|---|\n";
  for (const Rule* rule : all_rules()) {
    out += "| `" + std::string(rule->info.id) + "` | " + std::string(rule->info.title) + " |";
    for (const Profile profile : profiles) out += " " + in_force(shipped, *rule, profile) + " |";
    out += "\n";
  }
  out += "\n`[thresholds]`:\n\n| key | default | rule | meaning |\n|---|---|---|---|\n";
  for (const ThresholdInfo& info : threshold_table())
    out += "| `" + std::string(info.key) + "` | `" + threshold_text(shipped.thresholds, info) + "` | `" +
           std::string(info.rule) + "` | " + std::string(info.meaning) + " |\n";
  return out +
         "| `file_bytes_max_for` |  | `size/file` | Table of pattern and bytes: limits of files that match. "
         "|\n";
}

Result<std::vector<std::string>> without_effect(const Config& config, Instant now) {
  const auto policy = load_policy(config.policy_file, now);
  if (!policy) return policy.error();
  std::vector<std::string> out;
  for (std::size_t i = 0; i < config.packages.size(); ++i) {
    const auto end = config.packages.begin() + static_cast<std::ptrdiff_t>(i);
    const auto earlier = std::find_if(config.packages.begin(), end, [&](const PackageRule& rule) {
      return covers(rule.match, config.packages[i].match);
    });
    if (earlier != end)
      out.push_back("The [[packages]] rule for \"" + printable(config.packages[i].match) +
                    "\" can never match: the one for \"" + printable(earlier->match) +
                    "\" stands before it.");
  }
  for (std::string& sentence : without_effect(*policy, now)) out.push_back(std::move(sentence));
  return out;
}

}  // namespace sallyport
