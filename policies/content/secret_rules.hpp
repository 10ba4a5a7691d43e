#pragma once
// Rules for secret text in gitleaks' TOML format: ours (policies/secret_rules.toml, built in) and an
// operator's.
//
// Read of a rule: id, description, regex (RE2), secretGroup, entropy, keywords, and its allow-lists' regexes,
// regexTarget, stopwords and condition. Not honoured: path allow-lists (a leak in a tarball hides just where
// they look away), `path` (every file is read), rules by path alone (leak/secret-file judges names) and the
// rule "generic-api-key" (it fires on one release in eight).
//
// A rule is tried around each of its keywords, up to its longest match and at most 8 KiB to either side.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/content/regex.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct SecretAllow {
  enum class Target : std::uint8_t { secret, match, line };
  Target target = Target::secret;
  bool all = false;    // condition = "AND": every kind of criterion given must hold
  bool never = false;  // ... and one of them is a kind that is not honoured
  std::vector<std::shared_ptr<const Regex>> regexes;
  std::vector<std::string> stopwords;  // lower case
  std::vector<std::string> only_rules;
};

struct SecretRule {
  std::string id, description;
  std::string pattern;
  std::shared_ptr<const Regex> regex;
  int secret_group = 0;               // 0: the first group that took part, or the whole match
  double entropy = 0;                 // bits a character the secret must exceed; 0: not asked
  std::vector<std::string> keywords;  // lower case; none: the pattern itself is searched
  std::vector<SecretAllow> allows;
  // Not a secret but a sign of this catalogue rule (of static life), named `description` in what it says.
  std::string_view sign;
};

struct SecretRules {
  std::vector<SecretRule> rules;
  std::vector<SecretAllow> allows;  // of every rule

  enum class Check : std::uint8_t {
    now,    // every regex is compiled, and one that cannot be is an error here
    at_use  // for a text that has been checked before
  };
  // `file` names the text in messages. Errors name file, rule or line, and reason.
  static Result<SecretRules> parse(std::string_view toml, std::string_view file, Check check = Check::now);
};

// The text of policies/secret_rules.toml as it was at build time.
std::string_view shipped_secret_rules();

struct SecretMatch {
  std::size_t offset = 0, length = 0;  // of the secret in the window
};
// All secrets of `rule` in `window` that entropy and the allow-lists let stand.
std::vector<SecretMatch> find_secrets(const SecretRule& rule, const std::vector<SecretAllow>& allows,
                                      std::string_view window);

// Shannon entropy in bits a character, over bytes.
double shannon_entropy(std::string_view text);

}  // namespace sallyport
