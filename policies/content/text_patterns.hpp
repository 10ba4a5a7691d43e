#pragma once
// What is searched in every text beside secrets, by the same keywords and expressions: the organisation's
// words, paths and hosts of the machine a build ran on, and what only development builds have.

#include <vector>

#include "policies/content/secret_rules.hpp"
#include "policies/content/words.hpp"

namespace sallyport {

// Ours. `sign` is "leak/build-path", "leak/internal-doc", or "leak/debug-build#…" with what is counted:
// sign_eval and so on.
std::vector<SecretRule> text_patterns();

// Every word of every list as a rule with the sign "leak/words" and the list's label as description. Errors
// name the list and the word.
Result<std::vector<SecretRule>> word_patterns(const std::vector<WordList>& lists);

constexpr std::string_view sign_words = "leak/words", sign_build_path = "leak/build-path",
                           sign_internal = "leak/internal-doc";
constexpr std::string_view sign_eval = "leak/debug-build#eval", sign_debugger = "leak/debug-build#debugger",
                           sign_branches = "leak/debug-build#branches",
                           sign_console = "leak/debug-build#console";

}  // namespace sallyport
