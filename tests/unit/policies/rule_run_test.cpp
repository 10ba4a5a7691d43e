#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "policies/rule_run.hpp"

using namespace sallyport;

namespace {

const TarEntry entry_a{"package/a.js", "a.js", false, 3, 0644, 512, sha256("abc")};
const FileContent no_content;

Release release_of_one_file() {
  Release release;
  release.files.push_back({entry_a, no_content});
  return release;
}

Rule rule_of(void (*check)(const Release&, FindingSink&),
             std::vector<Defaults> tiers = {everywhere(Action::warn)}) {
  return {{"test/rule", "a rule of the tests", "because", "change it", std::move(tiers)}, check};
}

std::vector<Finding> run(const Rule& rule, const Policy& policy = {},
                         const Release& release = release_of_one_file()) {
  const Rule* rules[] = {&rule};
  return run_rules(rules, release, policy, Profile::open);
}

}  // namespace

TEST_CASE("a finding carries the rule, its action and fix, and the path as the archive has it") {
  const auto found = run(rule_of([](const Release&, FindingSink& sink) {
    sink.add({.file = "a.js", .message = "bad \x1b[31mthing", .evidence = "\xff", .line = 7, .offset = 100});
  }));
  REQUIRE(found.size() == 1);
  CHECK(found[0].rule == "test/rule");
  CHECK(found[0].action == Action::warn);
  CHECK(found[0].file == "package/a.js");
  CHECK(found[0].fix == "change it");
  CHECK(found[0].line == 7);
  CHECK(found[0].offset == 100);
  CHECK(found[0].message == "bad ?[31mthing");
  CHECK(found[0].evidence == "?");
  CHECK(found[0].fingerprint.starts_with("sha256-"));
  CHECK(found[0].fingerprint.size() == 7 + 64);
}

TEST_CASE("paths of what is not a file of the archive") {
  const auto found = run(rule_of([](const Release&, FindingSink& sink) {
    sink.add({.file = "a.js!inner/b", .message = "m"});
    sink.add({.file = "dist/absent.js", .message = "m"});
    sink.add({.message = "m", .archive_path = "/etc/passwd"});
    sink.add({.message = "m"});
  }));
  REQUIRE(found.size() == 4);
  CHECK(found[0].file == "package/a.js!inner/b");
  CHECK(found[1].file == "package/dist/absent.js");
  CHECK(found[2].file == "/etc/passwd");
  CHECK(found[3].file.empty());
}

TEST_CASE("the fingerprint stays while the finding does, and changes with what was found") {
  const auto print = [](void (*check)(const Release&, FindingSink&),
                        const Release& release = release_of_one_file()) {
    return run(rule_of(check), {}, release).at(0).fingerprint;
  };
  const auto in_file = [](const Release&, FindingSink& sink) {
    sink.add({.file = "a.js", .message = "5 lines"});
  };
  const auto in_file_reworded = [](const Release&, FindingSink& sink) {
    sink.add({.file = "a.js", .message = "6 lines"});
  };
  CHECK(print(in_file) == print(in_file_reworded));
  TarEntry altered = entry_a;
  altered.digest = sha256("abd");
  Release other;
  other.files.push_back({altered, no_content});
  CHECK(print(in_file) != print(in_file, other));
  CHECK(print([](const Release&, FindingSink& s) {
          s.add({.file = "a.js", .message = "m", .content_digest = "d1"});
        }) != print([](const Release&, FindingSink& s) {
          s.add({.file = "a.js", .message = "m", .content_digest = "d2"});
        }));
  // Of a release as a whole there is no content: other figures are another finding, to be acknowledged anew.
  CHECK(print([](const Release&, FindingSink& s) { s.add({.message = "grew 4 times"}); }) !=
        print([](const Release&, FindingSink& s) { s.add({.message = "grew 5 times"}); }));
}

TEST_CASE("a rule that throws holds, and what it said before stays") {
  const auto found = run(rule_of(
      [](const Release&, FindingSink& sink) {
        sink.add({.message = "first"});
        throw std::runtime_error("no \x07 idea");
      },
      {everywhere(Action::note)}));
  REQUIRE(found.size() == 2);
  CHECK(found[0].message == "first");
  CHECK(found[1].action == Action::warn);
  CHECK(found[1].message.find("no ? idea") != std::string::npos);
  CHECK(verdict_of(found) == Verdict::hold);
}

TEST_CASE("a rule that is off is not run; an override counts for every tier") {
  const Rule noisy = rule_of([](const Release&, FindingSink& sink) { sink.add({.message = "m"}, 1); },
                             {everywhere(Action::off), everywhere(Action::block)});
  CHECK(run(noisy).at(0).action == Action::block);
  const Rule throwing = rule_of([](const Release&, FindingSink&) { throw std::runtime_error("ran"); });
  CHECK(run(throwing).size() == 1);
  Policy off;
  off.overrides["test/rule"] = Action::off;
  CHECK(run(throwing, off).empty());
  CHECK(run(noisy, off).empty());
  Policy note;
  note.overrides["test/rule"] = Action::note;
  CHECK(run(noisy, note).at(0).action == Action::note);
}

TEST_CASE("a tier that the rule does not have counts as the first") {
  const Rule rule = rule_of(
      [](const Release&, FindingSink& sink) {
        sink.add({.message = "m"}, 5);
        sink.add({.message = "m"}, -1);
      },
      {everywhere(Action::block), everywhere(Action::note)});
  const auto found = run(rule);
  REQUIRE(found.size() == 2);
  CHECK(found[0].action == Action::block);
  CHECK(found[1].action == Action::block);
}

TEST_CASE("findings of one rule are bounded, and what is left out keeps its weight") {
  const Rule rule = rule_of(
      [](const Release&, FindingSink& sink) {
        for (int i = 0; i < 600; ++i) sink.add({.message = std::to_string(i)}, i < 599 ? 1 : 0);
      },
      {everywhere(Action::block), everywhere(Action::note)});
  const auto found = run(rule);
  REQUIRE(found.size() == findings_per_rule_max + 1);
  CHECK(found.back().message == "the rule found 100 more than are listed");
  CHECK(found.back().action == Action::block);

  // Notes without number hold nobody.
  const Rule notes = rule_of(
      [](const Release&, FindingSink& sink) {
        for (int i = 0; i < 600; ++i) sink.add({.message = std::to_string(i)});
      },
      {everywhere(Action::note)});
  CHECK(run(notes).back().action == Action::note);
}

TEST_CASE("worst first, then by rule and file") {
  std::vector<Finding> findings;
  const auto add = [&](const char* rule, Action action, const char* file) {
    Finding& f = findings.emplace_back();
    f.rule = rule;
    f.action = action;
    f.file = file;
  };
  add("b/b", Action::note, "");
  add("b/b", Action::block, "z");
  add("b/b", Action::block, "a");
  add("a/a", Action::block, "z");
  sort_findings(findings);
  CHECK(findings[0].rule == "a/a");
  CHECK(findings[1].file == "a");
  CHECK(findings[2].file == "z");
  CHECK(findings[3].action == Action::note);
}

namespace {

// One finding about a.js, as a policy and a history make of it.
struct Judged {
  Policy policy;
  Release release = release_of_one_file();
  Rule rule = rule_of([](const Release&, FindingSink& sink) { sink.add({.file = "a.js", .message = "m"}); },
                      {everywhere(Action::block)});

  Judged() {
    rule.info.id = "leak/secret";
    release.name = "@acme/lib";
    release.version = "1.2.3";
    release.now = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  }
  std::vector<Finding> findings() const {
    const Rule* rules[] = {&rule};
    return run_rules(rules, release, policy, Profile::open);
  }
  Waiver waiver() const {
    return {"leak/secret", "@acme/lib", "", "ada", "an example", release.now + std::chrono::days(1)};
  }
  void waive(const Waiver& waiver) { policy.waivers.emplace(findings().at(0).fingerprint, waiver); }
};

}  // namespace

TEST_CASE("a waiver makes a finding a note that says so, and hides nothing") {
  Judged j;
  j.waive(j.waiver());
  const auto found = j.findings();
  REQUIRE(found.size() == 1);
  CHECK(found[0].action == Action::note);
  CHECK(found[0].message == "m");
  REQUIRE(found[0].waiver.has_value());
  CHECK(found[0].waiver->instead_of == Action::block);
  CHECK(to_text(*found[0].waiver) == "waived by ada until 2026-04-02: an example");
  CHECK(verdict_of(found) == Verdict::clean);
}

TEST_CASE("a waiver of something else waives nothing") {
  Judged j;
  Waiver w = j.waiver();
  SUBCASE("another rule, same fingerprint") {
    w.rule = "leak/secret-file";
    j.waive(w);
  }
  SUBCASE("another package") {
    w.package = "@acme/lib2";
    j.waive(w);
  }
  SUBCASE("another version") {
    w.version = "1.2.4";
    j.waive(w);
  }
  SUBCASE("another fingerprint") {
    j.policy.waivers.emplace("sha256-" + std::string(64, '0'), w);
  }
  const auto found = j.findings();
  REQUIRE(found.size() == 1);
  CHECK(found[0].action == Action::block);
  CHECK_FALSE(found[0].waiver.has_value());
}

TEST_CASE("a waiver that expires now has no effect, and a note says so") {
  Judged j;
  Waiver w = j.waiver();
  w.expires = j.release.now;
  j.waive(w);
  const auto found = j.findings();
  REQUIRE(found.size() == 2);
  CHECK(found[0].rule == "inspection/expired-waiver");
  CHECK(found[0].action == Action::note);
  CHECK(found[0].message.find("by ada expired on 2026-04-01") != std::string::npos);
  CHECK(found[1].action == Action::block);
  j.release.now -= Millis(1);
  REQUIRE(j.findings().size() == 1);
  CHECK(j.findings().at(0).action == Action::note);
}

TEST_CASE("what the engine could not judge is neither waived nor known") {
  Judged j;
  j.rule.check = [](const Release&, FindingSink&) { throw std::runtime_error("no idea"); };
  j.waive(j.waiver());
  j.release.history.known.emplace(j.findings().at(0).fingerprint, Action::warn);
  const auto found = j.findings();
  REQUIRE(found.size() == 1);
  CHECK(found[0].action == Action::warn);
  CHECK_FALSE(found[0].known);

  Judged archive;
  archive.rule.info.id = "tar/link";
  Waiver w = archive.waiver();
  w.rule = "tar/link";
  archive.waive(w);
  CHECK(archive.findings().at(0).action == Action::block);
}

TEST_CASE("a finding is known where the last approved release had the same one, judged the same") {
  Judged j;
  const std::string print = j.findings().at(0).fingerprint;
  CHECK_FALSE(j.findings().at(0).known);
  j.release.history.known[print] = Action::note;
  CHECK_FALSE(j.findings().at(0).known);
  j.release.history.known[print] = Action::block;
  CHECK(j.findings().at(0).known);
  CHECK(j.findings().at(0).action == Action::block);
}

TEST_CASE("an action for a path is for the file and what is packed in it, and for no other") {
  Judged j;
  j.policy =
      Policy::parse("[[paths]]\nmatch = \"a.js\"\nrules = { \"leak/secret\" = \"note\" }", "p", {}).value();
  CHECK(j.findings().at(0).action == Action::note);
  j.rule.check = [](const Release&, FindingSink& s) { s.add({.file = "a.js!x/b", .message = "m"}); };
  CHECK(j.findings().at(0).action == Action::note);
  j.rule.check = [](const Release&, FindingSink& s) { s.add({.message = "m"}); };
  CHECK(j.findings().at(0).action == Action::block);

  // A real name with '!' is that file, not something within another.
  TarEntry odd = entry_a;
  odd.path = "package/a.js!/evil.sh";
  odd.inner = "a.js!/evil.sh";
  j.release.files.push_back({odd, no_content});
  j.rule.check = [](const Release&, FindingSink& s) { s.add({.file = "a.js!/evil.sh", .message = "m"}); };
  CHECK(j.findings().at(0).action == Action::block);
}
