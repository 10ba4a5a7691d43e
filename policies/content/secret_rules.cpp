#include "policies/content/secret_rules.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "storage/base/text.hpp"
#include "storage/base/toml.hpp"

namespace sallyport {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// Reads one file; the first thing that is wrong ends it.
class Reader {
 public:
  Reader(std::string_view file, SecretRules::Check check)
      : file_(file), checks_(check == SecretRules::Check::now) {}

  Result<SecretRules> read(const toml::table& root) {
    SecretRules out;
    known(root, {"title", "description", "minVersion", "allowlist", "allowlists", "rules"}, "the file");
    if (const auto* rules = array(root, "rules"))
      for (const auto& node : *rules)
        if (const auto* table = node.as_table()) rule(*table, out);
    subject_ = "the global allow-list";
    allow_lists(root, "allowlist", "allowlists", out.allows);
    if (error_) return *error_;
    return out;
  }

 private:
  void wrong(const toml::node& node, const std::string& reason) {
    if (error_) return;
    error_ = fail(ErrorKind::invalid,
                  file_ + ":" + std::to_string(node.source().begin.line) + ": " + reason + ".");
  }

  void known(const toml::table& table, std::initializer_list<std::string_view> keys, const std::string& of) {
    for (const auto& [key, node] : table) {
      if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
      const std::vector<std::string> names(keys.begin(), keys.end());
      const std::string near = nearest(key.str(), names);
      wrong(node, "unknown key \"" + printable(key.str()) + "\" in " + of +
                      (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
    }
  }

  const toml::array* array(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node != nullptr && node->as_array() == nullptr)
      wrong(*node, "\"" + std::string(key) + "\" must be a list");
    return node == nullptr ? nullptr : node->as_array();
  }

  std::string text(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return {};
    if (!node->is_string()) wrong(*node, "\"" + std::string(key) + "\" of " + subject_ + " must be text");
    return node->value_or<std::string>({});
  }

  std::vector<std::string> texts(const toml::table& table, std::string_view key) {
    std::vector<std::string> out;
    if (const auto* list = array(table, key))
      for (const auto& node : *list) {
        if (!node.is_string())
          wrong(node, "\"" + std::string(key) + "\" of " + subject_ + " must hold texts");
        out.push_back(node.value_or<std::string>({}));
      }
    return out;
  }

  double number(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return 0;
    const auto value = node->value<double>();
    if (!value || *value < 0)
      wrong(*node, "\"" + std::string(key) + "\" of " + subject_ + " must be a number from 0");
    return value.value_or(0);
  }

  std::shared_ptr<const Regex> regex(const toml::node& node, const std::string& pattern) {
    auto made = std::make_shared<const Regex>(pattern);
    if (checks_) {
      if (const std::string fault = made->fault(); !fault.empty())
        wrong(node, subject_ + ": its regex cannot be used: " + printable(fault));
    }
    return made;
  }

  void rule(const toml::table& table, SecretRules& out) {
    SecretRule rule;
    subject_ = "a rule";
    rule.id = text(table, "id");
    if (rule.id.empty()) return wrong(table, "a rule has no id");
    subject_ = "rule \"" + printable(rule.id) + "\"";
    known(table,
          {"id", "description", "regex", "secretGroup", "entropy", "keywords", "allowlist", "allowlists",
           "path", "tags", "report", "verify", "skipReport"},
          subject_);
    rule.description = text(table, "description");
    rule.pattern = text(table, "regex");
    rule.entropy = number(table, "entropy");
    rule.secret_group = static_cast<int>(number(table, "secretGroup"));
    for (const auto& keyword : texts(table, "keywords"))
      if (!keyword.empty()) rule.keywords.push_back(lower(keyword));
    if (rule.pattern.empty()) {
      if (!table.contains("path")) wrong(table, subject_ + " has no regex");
      return;
    }
    if (rule.id == "generic-api-key") return;
    for (const auto& other : out.rules)
      if (other.id == rule.id) wrong(table, subject_ + " is there twice");
    rule.regex = regex(*table.get("regex"), rule.pattern);
    if (checks_ && !error_ && rule.secret_group > rule.regex->compiled().NumberOfCapturingGroups())
      wrong(*table.get("secretGroup"), subject_ + " has no such group");
    allow_lists(table, "allowlist", "allowlists", rule.allows);
    out.rules.push_back(std::move(rule));
  }

  void allow_lists(const toml::table& table, std::string_view one, std::string_view many,
                   std::vector<SecretAllow>& out) {
    if (const auto* node = table.get(one)) {
      if (const auto* list = node->as_table())
        allow(*list, out);
      else
        wrong(*node, "\"" + std::string(one) + "\" must be a table");
    }
    if (const auto* lists = array(table, many))
      for (const auto& node : *lists)
        if (const auto* list = node.as_table()) allow(*list, out);
  }

  void allow(const toml::table& table, std::vector<SecretAllow>& out) {
    known(table,
          {"description", "condition", "commits", "paths", "regexTarget", "regexes", "stopwords",
           "targetRules"},
          "an allow-list of " + subject_);
    SecretAllow allow;
    const std::string condition = lower(text(table, "condition"));
    if (condition == "and" || condition == "&&")
      allow.all = true;
    else if (!condition.empty() && condition != "or" && condition != "||")
      wrong(*table.get("condition"), "\"condition\" of " + subject_ + " must be AND or OR");
    // Leaving one of several conditions out would allow more than was meant.
    allow.never = allow.all && (table.contains("paths") || table.contains("commits"));
    const std::string target = lower(text(table, "regexTarget"));
    if (target == "match")
      allow.target = SecretAllow::Target::match;
    else if (target == "line")
      allow.target = SecretAllow::Target::line;
    else if (!target.empty() && target != "secret")
      wrong(*table.get("regexTarget"), "\"regexTarget\" of " + subject_ + " must be secret, match or line");
    for (const auto& pattern : texts(table, "regexes")) allow.regexes.push_back(regex(table, pattern));
    for (const auto& word : texts(table, "stopwords")) allow.stopwords.push_back(lower(word));
    allow.only_rules = texts(table, "targetRules");
    out.push_back(std::move(allow));
  }

  std::string file_, subject_;
  bool checks_;
  std::optional<Error> error_;
};

std::string_view line_around(std::string_view window, std::string_view match) {
  const auto from = static_cast<std::size_t>(match.data() - window.data()), to = from + match.size();
  const std::size_t before = from == 0 ? std::string_view::npos : window.rfind('\n', from - 1);
  const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
  return window.substr(start, std::min(window.find('\n', to), window.size()) - start);
}

bool allowed(const SecretAllow& allow, const SecretRule& rule, std::string_view secret,
             std::string_view match, std::string_view window) {
  if (allow.never || (allow.regexes.empty() && allow.stopwords.empty())) return false;
  if (!allow.only_rules.empty() &&
      std::find(allow.only_rules.begin(), allow.only_rules.end(), rule.id) == allow.only_rules.end())
    return false;
  const std::string_view target = allow.target == SecretAllow::Target::secret  ? secret
                                  : allow.target == SecretAllow::Target::match ? match
                                                                               : line_around(window, match);
  const re2::StringPiece piece(target.data(), target.size());
  const bool regex = std::any_of(allow.regexes.begin(), allow.regexes.end(),
                                 [&](const auto& r) { return re2::RE2::PartialMatch(piece, r->compiled()); });
  const std::string folded = lower(secret);
  const bool word = std::any_of(allow.stopwords.begin(), allow.stopwords.end(),
                                [&](const std::string& w) { return folded.find(w) != std::string::npos; });
  if (allow.all) return (allow.regexes.empty() || regex) && (allow.stopwords.empty() || word);
  return regex || word;
}

}  // namespace

Result<SecretRules> SecretRules::parse(std::string_view toml, std::string_view file, Check check) {
  const auto parsed = parse_toml(toml, file);
  if (!parsed) return parsed.error();
  return Reader(file, check).read(*parsed);
}

std::vector<SecretMatch> find_secrets(const SecretRule& rule, const std::vector<SecretAllow>& allows,
                                      std::string_view window) {
  std::vector<SecretMatch> out;
  std::array<re2::StringPiece, 10> groups;
  const re2::RE2& regex = rule.regex->compiled();
  const int count = std::min(static_cast<int>(groups.size()), regex.NumberOfCapturingGroups() + 1);
  const re2::StringPiece text(window.data(), window.size());
  std::size_t from = 0;
  while (from <= window.size() &&
         regex.Match(text, from, window.size(), re2::RE2::UNANCHORED, groups.data(), count)) {
    const std::string_view match(groups[0].data(), groups[0].size());
    const auto match_at = static_cast<std::size_t>(match.data() - window.data());
    from = match_at + std::max<std::size_t>(match.size(), 1);
    std::string_view secret = match;
    if (rule.secret_group > 0 && rule.secret_group < count) {
      const auto& group = groups[static_cast<std::size_t>(rule.secret_group)];
      secret = std::string_view(group.data(), group.size());
    } else {
      for (int i = 1; i < count; ++i) {
        const auto& group = groups[static_cast<std::size_t>(i)];
        if (group.empty()) continue;
        secret = std::string_view(group.data(), group.size());
        break;
      }
    }
    if (secret.empty() || (rule.entropy > 0 && shannon_entropy(secret) <= rule.entropy)) continue;
    const auto lets_pass = [&](const SecretAllow& allow) {
      return allowed(allow, rule, secret, match, window);
    };
    if (std::any_of(rule.allows.begin(), rule.allows.end(), lets_pass) ||
        std::any_of(allows.begin(), allows.end(), lets_pass))
      continue;
    out.push_back({static_cast<std::size_t>(secret.data() - window.data()), secret.size()});
  }
  return out;
}

double shannon_entropy(std::string_view text) {
  std::array<std::uint32_t, 256> counts{};
  for (const char c : text) ++counts[static_cast<std::uint8_t>(c)];
  double bits = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    const double share = count / static_cast<double>(text.size());
    bits -= share * std::log2(share);
  }
  return bits;
}

std::string_view shipped_secret_rules() {
  static constexpr char text[] =
#include "secret_rules.inc"
      ;
  return {text, sizeof text - 1};
}

}  // namespace sallyport
