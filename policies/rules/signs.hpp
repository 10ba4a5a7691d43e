#pragma once
// The signs that the content scan left in a release's files, for the rules that speak of them.

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/content/file_content.hpp"
#include "policies/release.hpp"
#include "policies/rule.hpp"
#include "policies/rules/leak.hpp"

namespace sallyport {

// Every sign of `rule`, with the path of the file that it is in. The same text seen twice in one file (as it
// stands and unpacked) counts once.
template <class Visit>  // void(std::string_view path, const FileContent&, const Sign&)
void for_each_sign(const Release& release, std::string_view rule, const Visit& visit) {
  for (const ReleaseFile& file : release.files) {
    std::set<std::pair<std::string_view, std::string_view>> outside;
    for (const Sign& sign : file.content.signs) {
      if (sign.rule != rule) continue;
      visit(std::string_view(file.entry.inner), file.content, sign);
      if (!sign.digest.empty()) outside.insert({sign.what, sign.digest});
    }
    for_each_nested(file.content, [&](std::string_view path, std::uint64_t, const FileContent& content) {
      for (const Sign& sign : content.signs)
        if (sign.rule == rule && (sign.digest.empty() || outside.insert({sign.what, sign.digest}).second))
          visit(path, content, sign);
    });
  }
}

// The signs of a rule in one file, of one kind: what a finding speaks of. Its digest is that of all of them.
struct SignGroup {
  std::string path;
  const Sign* first = nullptr;
  std::uint64_t count = 0;
  std::string digest;
};
// By file and `what`; only signs that `wanted` says.
using SignFilter = std::function<bool(std::string_view path, const Sign&)>;
std::vector<SignGroup> sign_groups(const Release& release, std::string_view rule,
                                   const SignFilter& wanted = {});
std::string and_more(const SignGroup& group);  // " (and 3 more in this file)", or nothing

// What is kept of the signs for the next release: marks of what is reported only once, and counts.
void add_sign_facts(const Release& release, Facts& facts);

// Whether the baseline has no such mark; `unknown` where there is no baseline to tell, or it was not
// measured.
enum class Novelty { known, fresh, unknown };
Novelty novelty(const Release& release, const Sign& sign);

// Whether the baseline had a sign of this rule in the same file: of code/encoded-blob and leak/build-path.
bool had_such(const Release& release, std::string_view rule, std::string_view path);

// Findings of a rule that speaks of what is new: tier 0 for signs that the baseline lacks; where there is
// nothing to compare with, one of tier 1 for all of them. Of code/encoded-blob, tier 2 where another was in
// the same file.
void say_new(const Release& release, std::string_view rule, FindingSink& sink,
             const std::function<std::string(const SignGroup&)>& say);

// Names of counts in Facts::measures.
constexpr std::string_view measure_longest_line = "longest-line", measure_eval = "eval-devtool",
                           measure_debugger = "debugger-statements",
                           measure_branches = "development-branches", measure_console = "console-debug";

}  // namespace sallyport
