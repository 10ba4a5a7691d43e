#include "gate/stage.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace sallyport;
using enum StageState;

namespace {

Stage held_stage() {
  Stage s;
  s.id = "00000000-0000-4000-8000-000000000000";
  s.code = "R-AAAA";
  s.name = "@acme/lib";
  s.version = "1.0.0";
  s.tag = "latest";
  s.target = "local";
  s.publisher = "alice";
  s.policy_digest = "sha256-policy";
  s.findings_digest = "sha256-findings";
  s.manifest_digest = "sha256-manifest";
  s.approvals_needed = 1;
  return s;
}

Decision approval(const Stage& s, const std::string& user) {
  return {DecisionKind::approve, user, Instant{}, {}, {}, s.binding()};
}

Finding finding(Action action, const std::string& print) {
  Finding f;
  f.rule = "pack/files-allowlist";
  f.action = action;
  f.message = "m";
  f.fix = "f";
  f.fingerprint = print;
  return f;
}

}  // namespace

TEST_CASE("the table of transitions is exactly the life of a release") {
  const std::set<std::tuple<int, StageEvent, StageState>> allowed{
      {-1, StageEvent::block, blocked},
      {-1, StageEvent::hold, held},
      {int(held), StageEvent::approve, approved},
      {int(held), StageEvent::reject, rejected},
      {int(held), StageEvent::withdraw, rejected},
      {int(held), StageEvent::expire, rejected},
      {int(held), StageEvent::supersede, rejected},
      {int(approved), StageEvent::publish, published},
      {int(approved), StageEvent::fail, failed},
      {int(failed), StageEvent::retry, approved},
      {int(failed), StageEvent::reject, rejected},
      {int(failed), StageEvent::withdraw, rejected},
      {int(failed), StageEvent::supersede, rejected},
  };
  for (int from = -1; from <= int(rejected); ++from)
    for (int e = 0; e <= int(StageEvent::supersede); ++e) {
      const auto event = static_cast<StageEvent>(e);
      const auto to =
          next_state(from < 0 ? std::nullopt : std::optional(static_cast<StageState>(from)), event);
      bool expected = false;
      for (const auto& [f, ev, t] : allowed)
        if (f == from && ev == event) {
          expected = true;
          CHECK(to == t);
        }
      if (!expected) CHECK_FALSE(to.has_value());
    }
}

TEST_CASE("nothing leaves published, blocked or rejected") {
  for (StageState state : {published, blocked, rejected})
    for (int e = 0; e <= int(StageEvent::supersede); ++e)
      CHECK_FALSE(next_state(state, static_cast<StageEvent>(e)).has_value());
}

TEST_CASE("an approval counts once a person, never the publisher's, and only for what it was given for") {
  Stage s = held_stage();
  s.decisions = {approval(s, "bob"), approval(s, "bob"), approval(s, "alice"), approval(s, "carol")};
  CHECK(s.approvers() == std::vector<std::string>{"bob", "carol"});

  SUBCASE("other tarball") {
    s.sha512.bytes[0] ^= 1;
  }
  SUBCASE("other manifest") {
    s.manifest_digest += "x";
  }
  SUBCASE("other tag") {
    s.tag = "next";
  }
  SUBCASE("other version") {
    s.version = "1.0.1";
  }
  SUBCASE("other policy") {
    s.policy_digest += "x";
  }
  SUBCASE("other findings") {
    s.findings_digest += "x";
  }
  SUBCASE("other target") {
    s.target = "main";
  }
  CHECK(s.approvers().empty());
}

TEST_CASE("warnings wait for each reviewer's own acknowledgement") {
  Stage s = held_stage();
  s.findings = {finding(Action::warn, "sha256-a"), finding(Action::note, "sha256-b"),
                finding(Action::warn, "sha256-c"), finding(Action::escalate, "sha256-d")};
  s.findings[2].known = true;  // in the last approved release
  REQUIRE(s.to_acknowledge("bob").size() == 1);
  CHECK(s.to_acknowledge("bob")[0]->fingerprint == "sha256-a");
  s.decisions.push_back({DecisionKind::acknowledge, "bob", Instant{}, {}, {"sha256-a"}, s.binding()});
  CHECK(s.to_acknowledge("bob").empty());
  CHECK(s.to_acknowledge("carol").size() == 1);
  s.policy_digest += "x";  // the acknowledgement was of another verdict
  CHECK(s.to_acknowledge("bob").size() == 1);
}

TEST_CASE("the quorum grows with what was found") {
  CHECK(approvals_needed(0, {}) == 0);
  CHECK(approvals_needed(0, {finding(Action::note, "a")}) == 0);
  CHECK(approvals_needed(0, {finding(Action::warn, "a")}) == 1);
  CHECK(approvals_needed(0, {finding(Action::escalate, "a")}) == 1);
  CHECK(approvals_needed(1, {finding(Action::warn, "a")}) == 1);
  CHECK(approvals_needed(1, {finding(Action::escalate, "a"), finding(Action::escalate, "b")}) == 2);
}

TEST_CASE("a stage survives its record") {
  Stage s = held_stage();
  s.why = "because";
  s.findings = {finding(Action::warn, "sha256-a")};
  s.findings[0].line = 7;
  s.findings[0].offset = 99;
  s.findings[0].known = true;
  s.findings[0].waiver = {"ada", "an example", "2026-12-31", Action::block};
  s.decisions = {approval(s, "bob")};
  s.size_bytes = 123;
  s.created = Instant(Millis(1'000));
  auto back = stage_from_json(to_json(s));
  REQUIRE(back.has_value());
  CHECK(to_json(*back) == to_json(s));
  CHECK(back->approvers() == std::vector<std::string>{"bob"});
}

TEST_CASE("a damaged or newer record is corrupt, whichever member is hurt") {
  const json::object good = to_json(held_stage());
  for (const auto& [key, value] : good) {
    json::object damaged = good;
    damaged[key] = json::object{{"not", "this"}};
    INFO(std::string(key));
    auto read = stage_from_json(damaged);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().kind == ErrorKind::corrupt);
  }
  json::object newer = good;
  newer["v"] = 2;
  CHECK_FALSE(stage_from_json(newer).has_value());
}
