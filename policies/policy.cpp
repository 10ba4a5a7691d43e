#include "policies/policy.hpp"

#include <limits>

#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"
#include "storage/base/toml.hpp"

namespace sallyport {

namespace {

// Errors read "policy.toml:3: ...", as compilers write them.
class PolicyReader {
 public:
  PolicyReader(std::string_view file, Policy& policy) : file_(file), policy_(policy) {}

  Result<void> read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const auto done = member(key.str(), key.source(), node);
      if (done.has_error()) return done;
    }
    return {};
  }

 private:
  Error at(const toml::source_region& where, std::string text) const {
    return fail(ErrorKind::invalid,
                printable(file_) + ":" + std::to_string(where.begin.line) + ": " + std::move(text));
  }

  Error unknown(const toml::source_region& where, std::string_view what, std::string_view key,
                const std::vector<std::string>& known) const {
    std::string text = "unknown " + std::string(what) + " \"" + printable(key) + "\"";
    const std::string near = nearest(key, known);
    text += near.empty() ? "." : "; did you mean \"" + near + "\"?";
    return at(where, std::move(text));
  }

  Result<void> member(std::string_view key, const toml::source_region& where, const toml::node& node) {
    if (key == "rules") return table(key, node, &PolicyReader::rule);
    if (key == "limits") return table(key, node, &PolicyReader::limit);
    if (key == "thresholds") return table(key, node, &PolicyReader::threshold);
    if (key == "secret_rules") return secret_rules(node);
    return unknown(where, "key", key, {"rules", "limits", "thresholds", "secret_rules"});
  }

  using Member = Result<void> (PolicyReader::*)(std::string_view, const toml::source_region&,
                                                const toml::node&);

  Result<void> table(std::string_view name, const toml::node& node, Member member) {
    const toml::table* members = node.as_table();
    if (members == nullptr) return at(node.source(), "\"" + std::string(name) + "\" must be a table.");
    for (const auto& [key, value] : *members) {
      const auto done = (this->*member)(key.str(), key.source(), value);
      if (done.has_error()) return done;
    }
    return {};
  }

  Result<void> rule(std::string_view id, const toml::source_region& where, const toml::node& node) {
    if (find_rule(id) == nullptr) {
      std::vector<std::string> known;
      for (const Rule* rule : all_rules()) known.emplace_back(rule->info.id);
      return unknown(where, "rule", id, known);
    }
    const auto text = node.value_exact<std::string_view>();
    if (!text) return at(node.source(), "the action of \"" + std::string(id) + "\" must be a text.");
    const auto action = parse_action(*text);
    if (!action) return unknown(node.source(), "action", *text, {"off", "note", "warn", "escalate", "block"});
    policy_.overrides[std::string(id)] = *action;
    return {};
  }

  template <class N>
  Result<void> count(std::string_view key, const toml::node& node, N& out) {
    const auto number = node.value_exact<std::int64_t>();
    if (!number || *number < 1 || static_cast<std::uint64_t>(*number) > std::numeric_limits<N>::max()) {
      return at(node.source(),
                "\"" + printable(key) + "\" must be a whole number from 1 to " +
                    std::to_string(std::min<std::uint64_t>(std::numeric_limits<N>::max(),
                                                           std::numeric_limits<std::int64_t>::max())) +
                    ".");
    }
    out = static_cast<N>(*number);
    return {};
  }

  Result<void> limit(std::string_view key, const toml::source_region& where, const toml::node& node) {
    TarballLimits& limits = policy_.limits;
    if (key == "unpacked_bytes_max") return count(key, node, limits.unpacked_bytes_max);
    if (key == "ratio_max") return count(key, node, limits.ratio_max);
    if (key == "ratio_from_bytes") return count(key, node, limits.ratio_from_bytes);
    if (key == "entries_max") return count(key, node, limits.entries_max);
    if (key == "depth_max") return count(key, node, limits.depth_max);
    if (key == "path_bytes_max") return count(key, node, limits.path_bytes_max);
    return unknown(where, "key", key,
                   {"unpacked_bytes_max", "ratio_max", "ratio_from_bytes", "entries_max", "depth_max",
                    "path_bytes_max"});
  }

  Result<void> threshold(std::string_view key, const toml::source_region& where, const toml::node& node) {
    if (key == "file_bytes_max") return count(key, node, policy_.thresholds.file_bytes_max);
    if (key == "file_bytes_max_for") return table(key, node, &PolicyReader::file_threshold);
    return unknown(where, "key", key, {"file_bytes_max", "file_bytes_max_for"});
  }

  Result<void> file_threshold(std::string_view glob, const toml::source_region&, const toml::node& node) {
    return count(glob, node, policy_.thresholds.file_bytes_max_for[std::string(glob)]);
  }

  Result<void> secret_rules(const toml::node& node) {
    const toml::array* files = node.as_array();
    if (files == nullptr) return at(node.source(), "\"secret_rules\" must be a list of file names.");
    for (const toml::node& item : *files) {
      const auto text = item.value_exact<std::string>();
      if (!text || text->empty()) return at(item.source(), "\"secret_rules\" must be a list of file names.");
      policy_.secret_rule_files.push_back(*text);
    }
    return {};
  }

  std::string_view file_;
  Policy& policy_;
};

}  // namespace

Result<Policy> Policy::parse(std::string_view text, std::string_view file) {
  const auto parsed = parse_toml(text, file);
  if (!parsed) return parsed.error();
  Policy policy;
  const auto done = PolicyReader(file, policy).read(*parsed);
  if (done.has_error()) return done.error();
  return policy;
}

Action Policy::action(const Rule& rule, int tier, Profile profile) const {
  if (const auto own = overrides.find(rule.info.id); own != overrides.end()) return own->second;
  return rule.info.tiers.at(static_cast<std::size_t>(tier)).at(static_cast<std::size_t>(profile));
}

std::string Policy::digest() const {
  json::object rules, sizes;
  for (const auto& [id, action] : overrides) rules[id] = to_text(action);
  for (const auto& [glob, bytes] : thresholds.file_bytes_max_for) sizes[glob] = bytes;
  const json::value text = {
      {"rules", std::move(rules)},
      {"limits",
       {{"unpacked_bytes_max", limits.unpacked_bytes_max},
        {"ratio_max", limits.ratio_max},
        {"ratio_from_bytes", limits.ratio_from_bytes},
        {"entries_max", limits.entries_max},
        {"depth_max", limits.depth_max},
        {"path_bytes_max", limits.path_bytes_max}}},
      {"thresholds",
       {{"file_bytes_max", thresholds.file_bytes_max}, {"file_bytes_max_for", std::move(sizes)}}},
      {"secret_rules", json::array(secret_rule_files.begin(), secret_rule_files.end())},
  };
  return "sha256-" + to_hex(sha256(canonical(text)));
}

}  // namespace sallyport
