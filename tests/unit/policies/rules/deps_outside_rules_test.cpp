// deps/young, confusion, known-bad, range, optional-new, typo.

#include <doctest/doctest.h>

#include "policies/rules/deps.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

using State = DependencyKnowledge::State;

struct Case {
  ReleaseBuilder before{R"({"dependencies":{"old":"^1.0.0"}})", "1.2.2"};
  ReleaseBuilder now;
  ManualClock clock;

  explicit Case(std::string_view package_json) : now(package_json) {
    now.after(before);
    now.release().now = clock.now();
    now.release().outside.collected = true;
  }
  DependencyKnowledge& known(const std::string& name, Millis package_age, Millis version_age) {
    DependencyKnowledge& known = now.release().outside.dependencies[name];
    known.state = State::known;
    known.first_published = clock.now() - package_age;
    known.resolved = "4.2.1";
    known.resolved_published = clock.now() - version_age;
    return known;
  }
  std::vector<Said> ask(std::string_view rule) { return sallyport::ask(rule, now); }
};

constexpr std::chrono::days day{1};

// The tier of what is said once, or -1.
int tier_of(const std::vector<Said>& said) {
  return said.size() == 1 ? said.front().tier : -1;
}

Action action_of(std::string_view rule, int tier, Profile profile) {
  return find_rule(rule)->info.tiers.at(static_cast<std::size_t>(tier)).at(static_cast<std::size_t>(profile));
}

constexpr std::string_view added = R"({"dependencies":{"old":"^1.0.0","plain-crypto-js":"^4.2.1"}})";

}  // namespace

TEST_CASE("a dependency seeded 18 hours before blocks, one of some weeks escalates, an old one passes") {
  const auto age = [](Millis package, Millis version) {
    Case c(added);
    c.known("plain-crypto-js", package, version);
    return tier_of(c.ask("deps/young"));
  };
  CHECK(age(std::chrono::hours(18), std::chrono::hours(1)) == 1);
  CHECK(age(std::chrono::hours(72), day * 3) == 0);
  CHECK(age(day * 29, day * 29) == 0);
  CHECK(age(day * 30, day * 7) == -1);
  CHECK(age(day * 4000, day * 7 - Millis(1)) == 0);
  CHECK(age(day * 4000, Millis(0)) == 0);
  CHECK(action_of("deps/young", 0, Profile::internal) == Action::escalate);
  CHECK(action_of("deps/young", 1, Profile::internal) == Action::block);
}

TEST_CASE("a date in the future is no way to look old") {
  Case c(added);
  c.known("plain-crypto-js", -day * 400, -day * 400);
  CHECK(tier_of(c.ask("deps/young")) == 1);
  c.known("plain-crypto-js", day * 400, -day * 400);
  CHECK(tier_of(c.ask("deps/young")) == 0);
}

TEST_CASE("an age that nobody could tell is never a silent pass") {
  const auto unknown = [](auto change) {
    Case c(added);
    change(c.known("plain-crypto-js", day * 400, day * 400));
    return tier_of(c.ask("deps/young"));
  };
  CHECK(unknown([](auto& k) { k.state = State::unavailable; }) == 2);
  CHECK(unknown([](auto& k) { k.first_published.reset(); }) == 2);
  CHECK(unknown([](auto& k) { k.resolved.clear(); }) == 2);
  CHECK(unknown([](auto& k) { k.resolved_published.reset(); }) == 2);
  CHECK(unknown([](auto& k) { k.state = State::absent; }) == 0);
  Case not_asked(added);
  CHECK(tier_of(not_asked.ask("deps/young")) == 2);
  CHECK(action_of("deps/young", 2, Profile::proprietary) == Action::escalate);
  CHECK(action_of("deps/young", 2, Profile::internal) == Action::note);

  Case first(added);
  first.now.release().history.baseline.reset();
  for (const Said& said : first.ask("deps/young")) CHECK(said.tier == 3);
  CHECK(first.ask("deps/young").size() == 2);
}

TEST_CASE("what did not change, is our own or comes from no registry has no age to look up") {
  Case c(R"({"dependencies":{"old":"^1.0.0","own":"1","git":"git+https://git.example/a/b.git"}})");
  c.known("own", Millis(0), Millis(0)).own = true;
  CHECK(c.ask("deps/young").empty());
  Case scan(added);
  scan.now.release().outside.collected = false;
  CHECK(scan.ask("deps/young").empty());
  Case changed(R"({"dependencies":{"old":"^1.0.1"}})");
  changed.known("old", day * 400, std::chrono::hours(2));
  CHECK(tier_of(changed.ask("deps/young")) == 0);
}

TEST_CASE("a name of the organisation's that only others have blocks") {
  Case c(R"({"dependencies":{"@acme/util":"^1.0.0"}})");
  CHECK(c.ask("deps/confusion").empty());
  DependencyKnowledge& known = c.known("@acme/util", day * 400, day * 400);
  CHECK(c.ask("deps/confusion").empty());
  known.organisation = true;
  CHECK(tier_of(c.ask("deps/confusion")) == 0);
  known.state = State::absent;
  CHECK(tier_of(c.ask("deps/confusion")) == 0);
  known.state = State::unavailable;
  CHECK(tier_of(c.ask("deps/confusion")) == 1);
  known.own = true;
  CHECK(c.ask("deps/confusion").empty());
}

TEST_CASE("what is known to be bad blocks, and a feed that cannot be read holds everything") {
  Case c(added);
  CHECK(c.ask("deps/known-bad").empty());
  c.now.release().outside.known_bad = {{"plain-crypto-js", "4.2.1", "MAL-2026-1", "drops a trojan", true}};
  auto said = c.ask("deps/known-bad");
  CHECK(tier_of(said) == 0);
  CHECK(said.at(0).message.find("MAL-2026-1") != std::string::npos);
  c.now.release().outside.known_bad.at(0).certain = false;
  CHECK(tier_of(c.ask("deps/known-bad")) == 1);
  c.now.release().outside.known_bad.clear();
  c.now.release().outside.feed = "unavailable: 1 of its files cannot be read";
  said = c.ask("deps/known-bad");
  CHECK(tier_of(said) == 1);
  CHECK(action_of("deps/known-bad", 1, Profile::open) == Action::escalate);
  c.now.release().outside.feed = "stale: it could not be read again since 2026-03-31, sha512-x";
  CHECK(tier_of(c.ask("deps/known-bad")) == 2);
  CHECK(action_of("deps/known-bad", 2, Profile::proprietary) == Action::note);
}

TEST_CASE("a range that admits more than before is said, one that moves is not") {
  const auto range = [](std::string_view spec) {
    Case c(R"({"dependencies":{"old":")" + std::string(spec) + R"("}})");
    return c.ask("deps/range").size();
  };
  for (const auto spec : {"^1.0.0", "^1.2.0", "~1.0.1", "^2.0.0", "1.0.0"})
    CHECK_MESSAGE(range(spec) == 0, spec);
  for (const auto spec : {"*", "", "x", ">=0.0.0", "latest", "next", ">=1.0.0", "^1.0.0 || ^2.0.0", "1 - 3",
                          "not a range at all", "^1.0.0 ||"})
    CHECK_MESSAGE(range(spec) == 1, spec);
  Case fresh(R"({"dependencies":{"new":"*","fine":"^1"},"peerDependencies":{"peer":"*"}})");
  CHECK(fresh.ask("deps/range").size() == 1);
  Case bundled(R"({"bundleDependencies":["inside"]})");
  CHECK(bundled.ask("deps/range").empty());
  ReleaseBuilder pinned(R"({"dependencies":{"a":"1.0.0"}})"), loose(R"({"dependencies":{"a":"^1.0.0"}})");
  CHECK(ask("deps/range", loose.after(pinned)).size() == 1);
}

TEST_CASE("a new optional dependency is said unless it is a build of this package") {
  const auto optional = [](std::string_view own, std::string_view name) {
    const std::string head = R"({"name":")" + std::string(own) + R"(")";
    ReleaseBuilder before(head + "}");
    ReleaseBuilder now(head + R"(,"optionalDependencies":{")" + std::string(name) + R"(":"1.0.0"}})");
    return ask("deps/optional-new", now.after(before)).size();
  };
  CHECK(optional("esbuild", "@esbuild/linux-x64") == 0);
  CHECK(optional("sharp", "@img/sharp-darwin-arm64") == 0);
  CHECK(optional("turbo", "turbo-linux-64") == 0);
  CHECK(optional("@swc/core", "@swc/core-win32-ia32-msvc") == 0);
  CHECK(optional("@acme/lib", "@setup/env") == 1);
  CHECK(optional("@acme/lib", "evil-linux-x64") == 1);
  CHECK(optional("lib", "libevil-linux-x64") == 1);
  CHECK(optional("lib", "lib-linux") == 1);
}

TEST_CASE("a name that could be taken for a popular one is found out, a popular one is not") {
  for (const auto name : {"axois", "lodahs", "expres", "expresss", "crossenv", "cross_env", "node-express",
                          "expressjs", "1odash", "l0dash", "Lodash", "l\u043edash", "@bable/core",
                          "types-node", "typescrip", "reactt", "rreact", "axxios"})
    CHECK_MESSAGE(lookalike(name).has_value(), name);
  for (const auto name : {"axios", "lodash", "express", "cross-env", "js-yaml", "node-fetch", "preact", "ws",
                          "pg", "@babel/core", "@acme/core", "plain-crypto-js", "internal-tool", "qs2",
                          "eventemitter2", "wss", "uid", "reacts", "react-x"})
    CHECK_MESSAGE(!lookalike(name).has_value(), name);
  Case c(R"({"dependencies":{"old":"1","lodahs":"1"}})");
  CHECK(c.ask("deps/typo").size() == 1);
  Case alias(R"({"dependencies":{"lodash":"npm:lodahs@1"}})");
  CHECK(alias.ask("deps/typo").size() == 1);
  Case foreign(R"({"dependencies":{"b\u00fccher":"1"}})");
  CHECK(foreign.ask("deps/typo").size() == 1);
  ReleaseBuilder before(R"({"dependencies":{"lodahs":"1"}})"), after(R"({"dependencies":{"lodahs":"2"}})");
  CHECK(ask("deps/typo", after.after(before)).empty());
}

}  // namespace sallyport
