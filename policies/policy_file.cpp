// Reads a policy from TOML.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "policies/policy.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/semver.hpp"
#include "storage/base/text.hpp"
#include "storage/base/toml.hpp"

namespace sallyport {

namespace {

using Names = std::vector<std::string>;

constexpr std::size_t problems_shown = 20;
constexpr std::size_t pattern_bytes_max = 500;
constexpr std::size_t file_limits_max = 200;

const Names& rule_names() {
  static const Names names = [] {
    Names out;
    for (const Rule* rule : all_rules()) out.emplace_back(rule->info.id);
    return out;
  }();
  return names;
}

// Mistakes are collected, so that one look at a policy shows them all. They read "policy.toml:3: …", as
// compilers write them.
class PolicyReader {
 public:
  PolicyReader(std::string_view file, Instant now, const Policy::ReadFile& read_file, Policy& policy)
      : file_(printable(file)), now_(now), read_file_(read_file), policy_(policy) {}

  Result<void> read(const toml::table& root) {
    for (const auto& [key, node] : root) member(key, node);
    if (problems_.empty()) return {};
    std::sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.line, a.text) < std::tie(b.line, b.text);
    });
    std::string text;
    for (std::size_t i = 0; i < std::min(problems_.size(), problems_shown); ++i)
      text +=
          (i == 0 ? "" : "\n") + file_ + ":" + std::to_string(problems_[i].line) + ": " + problems_[i].text;
    if (problems_.size() > problems_shown)
      text += "\n" + file_ + ": and " + thousands(problems_.size() - problems_shown) + " more mistakes.";
    return fail(ErrorKind::invalid, std::move(text));
  }

 private:
  struct Problem {
    toml::source_index line;
    std::string text;
  };

  void wrong(const toml::source_region& where, std::string text) {
    problems_.push_back({where.begin.line, std::move(text)});
  }
  void wrong(const toml::node& where, std::string text) { wrong(where.source(), std::move(text)); }

  void unknown(const toml::source_region& where, std::string_view what, std::string_view key,
               const Names& known) {
    const std::string near = nearest(key, known);
    wrong(where, "unknown " + std::string(what) + " \"" + printable(key) +
                     (near.empty() ? "\"." : "\"; did you mean \"" + near + "\"?"));
  }

  void member(const toml::key& key, const toml::node& node) {
    if (key == "rules") return actions(key, node, policy_.overrides);
    if (key == "profiles") return profiles(node);
    if (key == "paths") return tables(key, node, [this](const auto& table) { paths(table); });
    if (key == "thresholds") return thresholds(node);
    if (key == "limits") return limits(node);
    if (key == "secret_rules") return secret_rules(node);
    if (key == "words") return tables(key, node, [this](const auto& table) { words(table); });
    if (key == "waivers") return waivers(key, node);
    unknown(key.source(), "key", key,
            {"rules", "profiles", "paths", "thresholds", "limits", "secret_rules", "words", "waivers"});
  }

  const toml::table* table_of(std::string_view name, const toml::node& node) {
    if (!node.is_table()) wrong(node, "\"" + printable(name) + "\" must be a table.");
    return node.as_table();
  }

  template <class Read>
  void tables(std::string_view name, const toml::node& node, Read read) {
    const toml::array* all = node.as_array();
    if (all == nullptr || !std::all_of(all->begin(), all->end(), [](auto& n) { return n.is_table(); }))
      return wrong(node, "write each of \"" + std::string(name) + "\" as [[" + std::string(name) + "]].");
    for (const toml::node& item : *all) read(*item.as_table());
  }

  // Says so of every key of `table` that is none of `known`.
  void only(const toml::table& table, const Names& known) {
    for (const auto& [key, node] : table)
      if (std::find(known.begin(), known.end(), key.str()) == known.end())
        unknown(key.source(), "key", key, known);
  }

  void actions(std::string_view name, const toml::node& node, ActionMap& out) {
    const toml::table* members = table_of(name, node);
    if (members == nullptr) return;
    for (const auto& [rule, value] : *members) {
      const std::string_view id = rule.str();
      if (find_rule(id) == nullptr) {
        unknown(rule.source(), "rule", id, rule_names());
        continue;
      }
      const auto text = value.value_exact<std::string_view>();
      const auto action = parse_action(text.value_or(""));
      if (action) {
        out[std::string(id)] = *action;
      } else if (text) {
        unknown(value.source(), "action", *text, {"off", "note", "warn", "escalate", "block"});
      } else {
        wrong(value, "the action of \"" + std::string(id) + "\" must be a text.");
      }
    }
  }

  void profiles(const toml::node& node) {
    const toml::table* all = table_of("profiles", node);
    if (all == nullptr) return;
    for (const auto& [name, value] : *all) {
      const auto profile = parse_profile(name.str());
      if (!profile) {
        unknown(name.source(), "profile", name, {"proprietary", "open", "internal"});
      } else if (const toml::table* inner = table_of(name, value)) {
        only(*inner, {"rules"});
        if (const toml::node* rules = inner->get("rules"))
          actions("rules", *rules, policy_.profile_overrides[static_cast<std::size_t>(*profile)]);
      }
    }
  }

  // A list of texts, or one text; empty where that is wrong.
  Names texts(std::string_view name, const toml::node& node) {
    Names out;
    const auto add = [&](const toml::node& item) {
      const auto text = item.value_exact<std::string>();
      if (text && !text->empty()) out.push_back(*text);
      return text && !text->empty();
    };
    const toml::array* list = node.as_array();
    const bool fine = list == nullptr ? add(node) : std::all_of(list->begin(), list->end(), add);
    if (fine && !out.empty()) return out;
    wrong(node, "\"" + std::string(name) + "\" must be a list of texts.");
    return {};
  }

  std::optional<Glob> glob(const toml::node& where, const std::string& pattern) {
    // A leading '#' is a comment to the reader of patterns, and '/' or ".." can match nothing of a package.
    if (pattern.size() > pattern_bytes_max || pattern.starts_with('#') || pattern.starts_with('/') ||
        pattern.starts_with("./") || pattern.starts_with("../")) {
      wrong(where, "the pattern \"" + printable(pattern, 60) + "\" can match no file of a package.");
      return std::nullopt;
    }
    try {
      Glob made(pattern);
      patterns_ += std::max<std::size_t>(made.alternatives(), 1);
      if (patterns_ <= path_patterns_max) return made;
    } catch (const std::length_error&) {
    }
    if (!too_many_) wrong(where, "the patterns expand to more than " + thousands(path_patterns_max) + ".");
    too_many_ = true;
    return std::nullopt;
  }

  void paths(const toml::table& table) {
    only(table, {"match", "packages", "rules"});
    PathRules rules;
    if (const toml::node* match = table.get("match")) {
      for (std::string& pattern : texts("match", *match)) {
        if (too_many_) return;
        auto made = glob(*match, pattern);
        if (!made) continue;
        rules.globs.push_back(std::move(*made));
        rules.match.push_back(std::move(pattern));
      }
    } else {
      wrong(table, "[[paths]] has no \"match\".");
    }
    if (const toml::node* packages = table.get("packages")) rules.packages = texts("packages", *packages);
    if (const toml::node* own = table.get("rules")) {
      actions("rules", *own, rules.rules);
    } else {
      wrong(table, "[[paths]] has no \"rules\".");
    }
    for (const auto& [rule, action] : rules.rules)
      if (rule.starts_with("tar/"))
        wrong(table, "\"" + rule + "\" is about the archive, so no path of the package meets it.");
    policy_.paths.push_back(std::move(rules));
  }

  template <class N>
  void count(std::string_view key, const toml::node& node, N& out,
             std::uint64_t most = std::numeric_limits<std::int64_t>::max(), std::int64_t least = 1) {
    most = std::min<std::uint64_t>(most, std::numeric_limits<N>::max());
    const auto number = node.value_exact<std::int64_t>();
    if (!number || *number < least || static_cast<std::uint64_t>(*number) > most)
      return wrong(node, "\"" + printable(key) + "\" must be a whole number from " + std::to_string(least) +
                             " to " + std::to_string(most) + ".");
    out = static_cast<N>(*number);
  }

  void factor(std::string_view key, const toml::node& node, double& out) {
    const auto number = node.is_number() ? node.value<double>() : std::nullopt;
    if (!number || !(*number > 0) || !(*number <= 1e9))  // also of what is no number (nan)
      return wrong(node, "\"" + printable(key) + "\" must be a number above 0.");
    out = *number;
  }

  void thresholds(const toml::node& node) {
    const toml::table* members = table_of("thresholds", node);
    if (members == nullptr) return;
    for (const auto& [key, value] : *members) {
      if (key == "file_bytes_max_for") {
        file_thresholds(value);
        continue;
      }
      const auto table = threshold_table();
      const auto info = std::find_if(table.begin(), table.end(),
                                     [&](const ThresholdInfo& i) { return i.key == key.str(); });
      if (info == table.end()) {
        Names known = {"file_bytes_max_for"};
        for (const ThresholdInfo& i : table) known.emplace_back(i.key);
        unknown(key.source(), "key", key, known);
      } else if (const auto whole = std::get_if<std::uint64_t Thresholds::*>(&info->member)) {
        count(key, value, policy_.thresholds.**whole, info->max, static_cast<std::int64_t>(info->min));
      } else {
        factor(key, value, policy_.thresholds.*std::get<double Thresholds::*>(info->member));
      }
    }
  }

  void file_thresholds(const toml::node& node) {
    const toml::table* members = table_of("file_bytes_max_for", node);
    if (members == nullptr) return;
    if (members->size() > file_limits_max)
      return wrong(node,
                   "\"file_bytes_max_for\" holds more than " + thousands(file_limits_max) + " patterns.");
    for (const auto& [pattern, value] : *members) {
      const std::string text(pattern.str());
      if (glob(value, text)) count(text, value, policy_.thresholds.file_bytes_max_for[text]);
    }
  }

  void limits(const toml::node& node) {
    const toml::table* members = table_of("limits", node);
    if (members == nullptr) return;
    TarballLimits& l = policy_.limits;
    for (const auto& [key, value] : *members) {
      if (key == "unpacked_bytes_max") {
        count(key, value, l.unpacked_bytes_max);
      } else if (key == "ratio_max") {
        count(key, value, l.ratio_max);
      } else if (key == "ratio_from_bytes") {
        count(key, value, l.ratio_from_bytes);
      } else if (key == "entries_max") {
        count(key, value, l.entries_max);
      } else if (key == "depth_max") {
        count(key, value, l.depth_max);
      } else if (key == "path_bytes_max") {
        count(key, value, l.path_bytes_max);
      } else {
        unknown(key.source(), "key", key,
                {"unpacked_bytes_max", "ratio_max", "ratio_from_bytes", "entries_max", "depth_max",
                 "path_bytes_max"});
      }
    }
  }

  std::optional<std::string> file_text(const toml::node& where, const std::string& name) {
    auto text = read_file_ ? read_file_(name) : fail(ErrorKind::invalid, "it names another file.");
    if (text) return std::move(*text);
    wrong(where, "the file \"" + printable(name) + "\" cannot be read: " + text.error().message);
    return std::nullopt;
  }

  void secret_rules(const toml::node& node) {
    if (!node.is_array()) return wrong(node, "\"secret_rules\" must be a list of file names.");
    if (node.as_array()->empty()) return;
    for (std::string& name : texts("secret_rules", node))
      if (auto text = file_text(node, name))
        policy_.secret_rule_files.push_back({std::move(name), std::move(*text)});
  }

  void words(const toml::table& table) {
    only(table, {"label", "literals", "patterns", "file", "packages"});
    WordList list;
    list.label = required(table, "label", "a list of words");
    for (const WordList& other : policy_.words)
      if (!list.label.empty() && other.label == list.label)
        wrong(table, "there are two lists of words with the label \"" + list.label + "\".");
    if (const toml::node* node = table.get("literals")) list.literals = texts("literals", *node);
    if (const toml::node* node = table.get("patterns")) list.patterns = texts("patterns", *node);
    if (const toml::node* node = table.get("packages")) list.scopes = texts("packages", *node);
    if (const toml::node* node = table.get("file")) {
      const std::string name = node->value_exact<std::string>().value_or("");
      if (name.empty()) {
        wrong(*node, "\"file\" of a list of words must be the name of a file.");
      } else if (const auto text = file_text(*node, name)) {
        lines(*text, list.literals);
      }
    }
    if (list.literals.empty() && list.patterns.empty())
      wrong(table, "a list of words has no words: give it literals, patterns or a file of them.");
    words_ += list.literals.size() + list.patterns.size();
    if (words_ > words_max) {
      if (words_ - list.literals.size() - list.patterns.size() <= words_max)
        wrong(table, "there are more than " + thousands(words_max) + " words.");
      return;
    }
    policy_.words.push_back(std::move(list));
  }

  static void lines(std::string_view text, Names& out) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      const std::size_t first = line.find_first_not_of(" \t\r");
      if (first == std::string_view::npos || line[first] == '#') continue;
      line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
      out.emplace_back(line);
    }
  }

  void waivers(const toml::key& key, const toml::node& node) {
    if (const toml::array* all = node.as_array(); all != nullptr && all->size() > waivers_max)
      return wrong(node, "there are more than " + thousands(waivers_max) +
                             " waivers: take out what has expired, or set the rule off.");
    tables(key, node, [this](const auto& table) { waiver(table); });
  }

  // A text that must be there; empty where it is not.
  std::string required(const toml::table& table, const std::string& name,
                       const std::string& what = "a waiver") {
    const toml::node* node = table.get(name);
    if (node == nullptr) {
      wrong(table, what + " has no \"" + name + "\".");
      return {};
    }
    const auto text = node->value_exact<std::string>();
    std::string clean = printable(text.value_or(""), 500);
    if (clean.find_first_not_of(' ') == std::string::npos) {
      wrong(*node, "\"" + name + "\" of " + what + " must be a text.");
      return {};
    }
    return clean;
  }

  void waiver(const toml::table& table) {
    only(table, {"rule", "fingerprint", "package", "version", "owner", "reason", "expires"});
    Waiver waiver;
    waiver.rule = required(table, "rule");
    if (!waiver.rule.empty() && find_rule(waiver.rule) == nullptr) {
      unknown(table.get("rule")->source(), "rule", waiver.rule, rule_names());
    } else if (!may_be_waived(waiver.rule)) {
      wrong(*table.get("rule"), "\"" + waiver.rule +
                                    "\" cannot be waived: it is about what can be read of "
                                    "the archive at all.");
    }
    const std::string fingerprint = required(table, "fingerprint");
    if (!fingerprint.empty() && !is_fingerprint(fingerprint))
      wrong(*table.get("fingerprint"),
            "\"fingerprint\" must be that of a finding, \"sha256-\" and 64 digits.");
    waiver.package = required(table, "package");
    if (waiver.package.find('*') != std::string::npos ||
        (!waiver.package.empty() && !PackageName::parse(waiver.package)))
      wrong(*table.get("package"), "\"package\" must be the name of one package.");
    if (table.contains("version")) {
      const auto version = Version::parse(required(table, "version"));
      if (version)
        waiver.version = version->text();
      else
        wrong(*table.get("version"), "\"version\" must be one version, like \"1.2.3\".");
    }
    waiver.owner = required(table, "owner");
    waiver.reason = required(table, "reason");
    if (const toml::node* node = table.get("expires")) {
      expiry(*node, waiver.expires);
    } else {
      wrong(table, "a waiver has no \"expires\".");
    }
    policy_.waivers.emplace(fingerprint, std::move(waiver));
  }

  void expiry(const toml::node& node, Instant& out) {
    const auto date = node.value_exact<toml::date>();
    if (!date) return wrong(node, "\"expires\" must be a date, like 2026-12-31 (without quotes).");
    out = std::chrono::sys_days(std::chrono::year(date->year) / std::chrono::month(date->month) /
                                std::chrono::day(date->day));
    if (out - now_ > waiver_days_max)
      wrong(node, "a waiver lasts a year at most: this one would last until " +
                      to_iso8601(out).substr(0, 10) + ".");
  }

  static bool is_fingerprint(std::string_view text) {
    constexpr std::string_view prefix = "sha256-";
    return text.starts_with(prefix) && text.size() == prefix.size() + 64 &&
           text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
  }

  std::string file_;
  Instant now_;
  const Policy::ReadFile& read_file_;
  Policy& policy_;
  std::vector<Problem> problems_;
  std::size_t patterns_ = 0, words_ = 0;
  bool too_many_ = false;
};

}  // namespace

Result<Policy> Policy::parse(std::string_view text, std::string_view file, Instant now,
                             const ReadFile& read_file) {
  if (text.size() > policy_bytes_max)
    return fail(ErrorKind::invalid, printable(file) + ": a policy has " + human_bytes(policy_bytes_max) +
                                        " at most: long lists belong into files of their own.");
  const auto parsed = parse_toml(text, file);
  if (!parsed) return parsed.error();
  Policy policy;
  const auto done = PolicyReader(file, now, read_file, policy).read(*parsed);
  if (done.has_error()) return done.error();
  return policy;
}

}  // namespace sallyport
