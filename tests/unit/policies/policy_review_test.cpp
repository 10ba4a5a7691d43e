#include "policies/policy_review.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace sallyport {

namespace {

const Instant now = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);

Policy policy(std::string_view toml) {
  return Policy::parse(toml, "p", now).value();
}

std::string waiver(std::string_view expires) {
  return "[[waivers]]\nrule = \"leak/secret\"\nfingerprint = \"sha256-" + std::string(64, 'a') +
         "\"\npackage = \"lib\"\nowner = \"ada\"\nreason = \"an example\"\nexpires = " +
         std::string(expires) + "\n";
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("what can never have an effect is told") {
  CHECK(without_effect(policy(""), now).empty());
  CHECK(without_effect(policy(waiver("2026-05-01")), now).empty());
  CHECK(without_effect(policy(waiver("2026-04-01")), now) ==
        Lines{"The waiver of leak/secret in lib by ada expired on 2026-04-01: take it out."});
  CHECK(without_effect(policy("[rules]\n\"leak/secret\" = \"off\"\n" + waiver("2026-05-01")), now) ==
        Lines{"The waiver of leak/secret in lib by ada waives nothing: the rule is off in every profile."});
  CHECK(
      without_effect(policy("[profiles.open.rules]\n\"leak/secret\" = \"off\"\n" + waiver("2026-05-01")), now)
          .empty());
  CHECK(without_effect(policy("[rules]\n\"size/jump\" = \"off\"\n[thresholds]\njump_factor = 2"), now) ==
        Lines{"The threshold jump_factor is read by nothing: size/jump is off in every profile."});
  const std::string paths =
      "[[paths]]\nmatch = \"**\"\nrules = { \"deps/new\" = \"note\" }\n"
      "[[paths]]\nmatch = \"test/**\"\nrules = { \"deps/new\" = \"off\", \"deps/exotic\" = \"off\" }\n";
  CHECK(
      without_effect(policy(paths), now) ==
      Lines{"The action of deps/new for \"test/**\" can never count: an earlier [[paths]] says what it does "
            "there."});
}

TEST_CASE("two policies differ in what they judge otherwise, and in nothing else") {
  const Policy shipped = policy("");
  CHECK(differences(shipped, shipped).empty());
  CHECK(differences(shipped, policy("[rules]\n\"size/count\" = \"warn\"")).empty());  // that is the default
  CHECK(differences(shipped, policy("[rules]\n\"size/count\" = \"off\"")) ==
        Lines{"size/count: warn -> off"});
  CHECK(differences(policy("[rules]\n\"size/count\" = \"off\""), shipped) ==
        Lines{"size/count: off -> warn"});
  CHECK(differences(shipped, policy("[profiles.open.rules]\n\"size/count\" = \"block\"")) ==
        Lines{"size/count (open): warn -> block"});
  CHECK(differences(shipped, policy("[rules]\n\"leak/original-source\" = \"note\"")) ==
        Lines{"leak/original-source (proprietary): warn -> note"});
  CHECK(differences(shipped, policy("[rules]\n\"size/jump\" = \"note\"")) ==
        Lines{"size/jump: warn; escalate -> note"});
  CHECK(differences(shipped, policy("[thresholds]\njump_factor = 2")) ==
        Lines{"thresholds jump_factor: 1.5 -> 2"});
  CHECK(differences(shipped, policy("[thresholds.file_bytes_max_for]\n\"*.wasm\" = 5")) ==
        Lines{"thresholds file_bytes_max_for *.wasm: none -> 5"});
  CHECK(differences(shipped, policy("[limits]\ndepth_max = 5")) == Lines{"limits depth_max: 64 -> 5"});
  const Lines added = differences(shipped, policy(waiver("2026-05-01")));
  REQUIRE(added.size() == 1);
  CHECK(added[0].starts_with("+ waivers {\"rule\":\"leak/secret\""));
  const Lines moved = differences(policy(waiver("2026-05-01")), policy(waiver("2026-06-01")));
  REQUIRE(moved.size() == 2);
  CHECK(moved[0].starts_with("- waivers"));
  const std::string one = "[[paths]]\nmatch = \"a\"\nrules = { \"deps/new\" = \"off\" }\n",
                    two = "[[paths]]\nmatch = \"b\"\nrules = { \"deps/new\" = \"note\" }\n";
  CHECK(differences(policy(one + two), policy(two + one)) == Lines{"paths: in another order"});
}

TEST_CASE("every rule says why it is there") {
  std::set<std::string_view> reasons;
  for (const Rule* rule : all_rules()) {
    CAPTURE(rule->info.id);
    CHECK(rule->info.why.size() > 40);
    CHECK(rule->info.why.ends_with('.'));
    CHECK(reasons.insert(rule->info.why).second);  // its own, not its family's
  }
}

TEST_CASE("every threshold is of a rule") {
  for (const ThresholdInfo& info : threshold_table()) {
    CAPTURE(info.key);
    CHECK(find_rule(info.rule) != nullptr);
  }
}

}  // namespace sallyport
