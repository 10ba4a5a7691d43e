// What was never meant to be read by others, in the text of files: the organisation's words, the machine that
// built it, people's data, passwords, and what only a development build has.

#include <algorithm>

#include "policies/content/text_patterns.hpp"
#include "policies/glob.hpp"
#include "policies/rules/signs.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

// "lib*" means names without a scope; "*" and "**" mean all.
bool in_scope(const WordList& list, std::string_view name) {
  if (list.scopes.empty()) return true;
  return std::any_of(list.scopes.begin(), list.scopes.end(), [&](const std::string& scope) {
    if (scope == "*" || scope == "**") return true;
    if (scope.find('/') == scope.npos && name.find('/') != name.npos) return false;
    return Glob(scope).matches(name);
  });
}

// Files whose trade is names and addresses.
bool names_people(std::string_view path) {
  const std::string name = folded(base_name(path));
  constexpr std::string_view starts[] = {"author",       "contributor", "maintainer", "thanks",  "credits",
                                         "copying",      "license",     "licence",    "notice",  "third",
                                         "changelog",    "changes",     "history",    "backers", "sponsors",
                                         "package.json", "codeowners",  ".mailmap"};
  return std::any_of(std::begin(starts), std::end(starts),
                     [&](std::string_view start) { return name.starts_with(start); });
}

std::uint64_t measure(const Facts& facts, std::string_view name) {
  const auto found = facts.measures.find(std::string(name));
  return found == facts.measures.end() ? 0 : found->second;
}

}  // namespace

void check_words(const Release& release, FindingSink& sink) {
  std::set<std::string_view> elsewhere;
  if (release.words != nullptr)
    for (const WordList& list : *release.words)
      if (!in_scope(list, release.name)) elsewhere.insert(list.label);
  const auto wanted = [&](std::string_view, const Sign& sign) { return !elsewhere.contains(sign.what); };
  for (const SignGroup& group : sign_groups(release, sign_words, wanted))
    sink.add({.file = group.path,
              .message = "\"" + printable(group.first->evidence, 80) + "\" is on the list \"" +
                         printable(group.first->what, 80) + "\"" + and_more(group),
              .evidence = group.first->evidence,
              .line = group.first->line,
              .offset = group.first->offset,
              .content_digest = group.digest});
}

void check_build_path(const Release& release, FindingSink& sink) {
  // Documents explain with addresses and hosts of their own; a path of the machine is a path there too. What
  // a file always named was let pass before.
  const auto told = [&](const SignGroup& group) {
    const std::string path = folded(group.path);
    return had_such(release, sign_build_path, group.path) ||
           (group.first->what.find("private network") != std::string::npos &&
            (path.ends_with(".md") || path.ends_with(".markdown")));
  };
  for (const SignGroup& group : sign_groups(release, sign_build_path))
    sink.add({.file = group.path,
              .message = "the text names " + group.first->what + and_more(group),
              .evidence = group.first->evidence,
              .line = group.first->line,
              .offset = group.first->offset,
              .content_digest = group.digest},
             told(group) ? 1 : 0);
}

void check_personal_data(const Release& release, FindingSink& sink) {
  for_each_sign(release, "leak/personal-data",
                [&](std::string_view path, const FileContent&, const Sign& sign) {
                  if (names_people(path)) return;
                  sink.add({.file = path,
                            .message = "the file holds " + sign.what + " of people",
                            .line = sign.line,
                            .offset = sign.offset});
                });
}

void check_secret_generic(const Release& release, FindingSink& sink) {
  say_new(release, "leak/secret-generic", sink, [](const SignGroup& group) {
    return "a value that looks like a password or key is given to " + printable(group.first->what, 60);
  });
}

void check_debug_build(const Release& release, FindingSink& sink) {
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->measured) return;
  struct Trace {
    std::string_view sign, measure, is;
  };
  constexpr Trace traces[] = {
      {sign_eval, measure_eval, "code is wrapped as webpack's eval devtool does it"},
      {sign_debugger, measure_debugger, "a debugger statement stops whoever runs it with tools open"},
      {sign_branches, measure_branches, "branches for development only are still in"},
      {sign_console, measure_console, "console.debug is called far more often"},
  };
  for (const Trace& trace : traces) {
    const std::uint64_t before = measure(*baseline, trace.measure),
                        now = measure(release.facts, trace.measure);
    if (trace.sign == sign_console) {
      // By size, so that a package that grows may say more.
      const auto rate = [](std::uint64_t calls, std::uint64_t bytes) {
        return static_cast<double>(calls) / static_cast<double>(std::max<std::uint64_t>(bytes, 1));
      };
      const Thresholds& t = release.thresholds;
      if (now < t.console_debug_calls ||
          rate(now, release.unpacked_bytes) < t.console_debug_factor * rate(before, baseline->unpacked_bytes))
        continue;
    } else if (now == 0 || before > 0) {
      continue;
    }
    const auto groups = sign_groups(release, trace.sign);
    if (groups.empty()) continue;
    sink.add({.file = groups.front().path,
              .message = std::string(trace.is) + " (" + thousands(now) + " now, " + thousands(before) +
                         " in " + baseline->version + ")",
              .evidence = groups.front().first->evidence,
              .line = groups.front().first->line,
              .offset = groups.front().first->offset,
              .content_digest = trace.measure});
  }
}

}  // namespace sallyport
