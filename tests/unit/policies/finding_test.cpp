#include "policies/finding.hpp"

#include <doctest/doctest.h>

namespace sallyport {

TEST_CASE("the worst finding decides") {
  const auto verdict = [](std::vector<Action> actions) {
    std::vector<Finding> findings;
    for (const Action action : actions) findings.emplace_back().action = action;
    return verdict_of(findings);
  };
  CHECK(verdict({}) == Verdict::clean);
  CHECK(verdict({Action::note, Action::off}) == Verdict::clean);
  CHECK(verdict({Action::note, Action::warn}) == Verdict::hold);
  CHECK(verdict({Action::escalate}) == Verdict::hold);
  CHECK(verdict({Action::warn, Action::block, Action::note}) == Verdict::block);
}

TEST_CASE("names are read back as they are written") {
  for (const Action a : {Action::off, Action::note, Action::warn, Action::escalate, Action::block}) {
    CHECK(parse_action(to_text(a)) == a);
  }
  for (const Profile p : {Profile::proprietary, Profile::open, Profile::internal})
    CHECK(parse_profile(to_text(p)) == p);
  for (const Verdict v : {Verdict::clean, Verdict::hold, Verdict::block})
    CHECK(parse_verdict(to_text(v)) == v);
  CHECK_FALSE(parse_action("Block").has_value());
  CHECK_FALSE(parse_profile("").has_value());
  CHECK_FALSE(parse_verdict("pass").has_value());
}

}  // namespace sallyport
