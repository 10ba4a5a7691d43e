#include "policies/rules/signs.hpp"

#include <algorithm>

#include "policies/content/text_patterns.hpp"
#include "policies/content/text_signs.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::string_view reported_once[] = {"leak/secret-generic", "code/escapes", "code/encoded-blob"};

// Enough to tell marks apart; they are kept for every release.
constexpr std::size_t mark_digits = 24, marks_max = 4000;

std::string mark_of(const Sign& sign) {
  return sign.digest.substr(0, mark_digits);
}

// What a file that is built anew with every release has, is of a known kind there.
std::string mark_of_place(std::string_view path) {
  // What is packed in a file lies elsewhere in the next one.
  path = path.substr(0, path.find('!'));
  return "in " + to_hex(sha256(path)).substr(0, mark_digits);
}

}  // namespace

std::vector<SignGroup> sign_groups(const Release& release, std::string_view rule, const SignFilter& wanted) {
  std::vector<SignGroup> groups;
  for_each_sign(release, rule, [&](std::string_view path, const FileContent& content, const Sign& sign) {
    if (wanted && !wanted(path, sign)) return;
    const bool others = sign.what == sign_rest;
    // Those of one file stand together.
    const auto before =
        std::find_if(groups.rbegin(), groups.rend(), [&](const SignGroup& g) { return g.path != path; });
    auto group = std::find_if(groups.rbegin(), before,
                              [&](const SignGroup& g) { return others || g.first->what == sign.what; });
    if (group == before) {
      groups.push_back({std::string(path), &sign, 0, {}});
      group = groups.rbegin();
    }
    group->digest += sign.digest;
    group->count += others ? content.sign_counts.at(rule) - sign_rest_from : 1;
  });
  for (SignGroup& group : groups) group.digest = to_hex(sha256(group.digest));
  return groups;
}

std::string and_more(const SignGroup& group) {
  return group.count < 2 ? "" : " (and " + thousands(group.count - 1) + " more in this file)";
}

void add_sign_facts(const Release& release, Facts& facts) {
  for (const std::string_view rule : reported_once) {
    std::set<std::string> marks;
    for_each_sign(release, rule, [&](std::string_view path, const FileContent&, const Sign& sign) {
      if (marks.size() >= marks_max) return;
      marks.insert(mark_of(sign));
      if (rule == "code/encoded-blob") marks.insert(mark_of_place(path));
    });
    if (!marks.empty()) facts.marks[std::string(rule)] = std::move(marks);
  }
  std::set<std::string>& places = facts.marks[std::string(sign_build_path)];
  for_each_sign(release, sign_build_path, [&](std::string_view path, const FileContent&, const Sign&) {
    if (places.size() < marks_max) places.insert(mark_of_place(path));
  });
  constexpr std::pair<std::string_view, std::string_view> counts[] = {{sign_eval, measure_eval},
                                                                      {sign_debugger, measure_debugger},
                                                                      {sign_branches, measure_branches},
                                                                      {sign_console, measure_console}};
  std::uint64_t longest = 0;
  for (const auto& [sign, measure] : counts) facts.measures[std::string(measure)] = 0;
  for_each_content(release, [&](std::string_view, std::uint64_t, const FileContent& content) {
    if (!content.map) longest = std::max(longest, content.longest_line_bytes);
    for (const auto& [sign, measure] : counts)
      if (const auto count = content.sign_counts.find(sign); count != content.sign_counts.end())
        facts.measures[std::string(measure)] += count->second;
  });
  facts.measures[std::string(measure_longest_line)] = longest;
  facts.measured = true;
}

bool had_such(const Release& release, std::string_view rule, std::string_view path) {
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->measured) return false;
  const auto marks = baseline->marks.find(std::string(rule));
  return marks != baseline->marks.end() && marks->second.contains(mark_of_place(path));
}

Novelty novelty(const Release& release, const Sign& sign) {
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->measured) return Novelty::unknown;
  const auto marks = baseline->marks.find(std::string(sign.rule));
  return marks != baseline->marks.end() && marks->second.contains(mark_of(sign)) ? Novelty::known
                                                                                 : Novelty::fresh;
}

void say_new(const Release& release, std::string_view rule, FindingSink& sink,
             const std::function<std::string(const SignGroup&)>& say) {
  const auto fresh = [&](std::string_view, const Sign& sign) {
    return novelty(release, sign) == Novelty::fresh;
  };
  for (const SignGroup& group : sign_groups(release, rule, fresh))
    sink.add({.file = group.path,
              .message = group.first->what == sign_rest
                             ? "among the many of this kind in the file are others than in the last release"
                             : say(group) + and_more(group),
              .evidence = group.first->evidence,
              .line = group.first->line,
              .offset = group.first->offset,
              .content_digest = group.digest},
             had_such(release, rule, group.path) ? 2 : 0);
  const auto unknown = [&](std::string_view, const Sign& sign) {
    return novelty(release, sign) == Novelty::unknown;
  };
  const auto groups = sign_groups(release, rule, unknown);
  if (groups.empty()) return;
  std::uint64_t count = 0;
  for (const SignGroup& group : groups) count += group.count;
  const SignGroup& first = groups.front();
  sink.add({.file = first.path,
            .message = say(first) + (count > 1 ? ", the first of " + thousands(count) + " such" : "") +
                       "; there is no earlier release to tell whether it is new",
            .evidence = first.first->evidence,
            .line = first.first->line,
            .offset = first.first->offset,
            .content_digest = first.digest},
           1);
}

}  // namespace sallyport
