#include "gate/replay.hpp"

#include <doctest/doctest.h>

#include <map>

#include "gate/policy_record.hpp"
#include "tests/support/gate_house.hpp"

using namespace sallyport;

namespace {

const Principal ann = person("ann"), rita = person("rita");

// The rules of the house, with these actions instead.
std::shared_ptr<const InspectionRules> rules_with(const ActionMap& actions) {
  auto changed = std::make_shared<InspectionRules>(*gate_rules());
  for (const auto& [rule, action] : actions) changed->policy.overrides[rule] = action;
  return changed;
}

std::vector<Replayed> replayed(GateHouse& house, const ActionMap& actions, const ReplayChoice& choice = {}) {
  std::vector<Replayed> all;
  REQUIRE(replay(
              house.memory, house.blobs, rules_with(actions), choice,
              [&](Replayed&& release) { return all.push_back(std::move(release)), true; },
              [](std::size_t, std::size_t) { return true; })
              .has_value());
  return all;
}

void damage(GateHouse& house, const std::string& key) {
  MetaBatch batch;
  batch.put(Family::stages, key, "{\"v\":1,");
  REQUIRE(house.memory.write(batch, Durability::synced).has_value());
}

}  // namespace

TEST_CASE("another policy over recorded releases says what it would have made of each, and changes nothing") {
  GateHouse house(rule_to("local"));
  const Stage published = house.hold(ann, clean_body("lib", "1.0.0"));
  REQUIRE(house.gate->approve(rita, published.id).has_value());
  house.clock.advance(std::chrono::hours(1));
  const Stage warned = house.hold(ann, warned_body("lib", "1.1.0"));
  const std::size_t facts = house.entries().size();

  const auto stricter =
      replayed(house, {{"pack/files-allowlist", Action::block}, {"pack/license", Action::warn}});
  REQUIRE(stricter.size() == 2);
  CHECK(stricter[0].stage.id == published.id);
  CHECK(stricter[0].report->verdict == Verdict::hold);
  CHECK(stricter[0].changed());
  CHECK(stricter[1].stage.id == warned.id);
  CHECK(stricter[1].stage.verdict == Verdict::hold);
  CHECK(stricter[1].report->verdict == Verdict::block);
  CHECK(stricter[1].report->integrity == to_integrity(warned.sha512));

  for (const Replayed& same : replayed(house, {})) {
    CAPTURE(same.unread);
    REQUIRE(same.report.has_value());
    CHECK_FALSE(same.changed());
    CHECK(same.report->policy_digest == same.stage.policy_digest);
    REQUIRE(same.report->findings.size() == same.stage.findings.size());
    for (std::size_t i = 0; i < same.stage.findings.size(); ++i)
      CHECK(same.report->findings[i].fingerprint == same.stage.findings[i].fingerprint);
  }
  const auto milder = replayed(house, {{"pack/files-allowlist", Action::off}});
  CHECK(milder[1].report->verdict == Verdict::clean);
  CHECK(house.entries().size() == facts);
  CHECK(house.state(warned) == StageState::held);
}

TEST_CASE("releases are chosen by name and by when they came") {
  GateHouse house(rule_to("local"));
  house.hold(ann, clean_body("@acme/old", "1.0.0"));
  house.clock.advance(std::chrono::hours(24));
  const Instant later = house.clock.now();
  house.hold(ann, clean_body("@acme/new", "1.0.0"));
  house.hold(ann, clean_body("other", "1.0.0"));
  CHECK(replayed(house, {}).size() == 3);
  CHECK(replayed(house, {}, {.since = later, .package = {}}).size() == 2);
  CHECK(replayed(house, {}, {.since = {}, .package = "@acme/*"}).size() == 2);
  const auto one = replayed(house, {}, {.since = later, .package = "@acme/*"});
  REQUIRE(one.size() == 1);
  CHECK(one[0].stage.name == "@acme/new");
}

TEST_CASE("what cannot be judged again is said of its release, and the rest goes on") {
  GateHouse house(rule_to("local"));
  const Stage gone = house.hold(ann, clean_body("gone", "1.0.0"));
  const Stage unrecorded = house.hold(ann, clean_body("unrecorded", "1.0.0"));
  const Stage damaged = house.hold(ann, clean_body("damaged", "1.0.0"));
  const Stage half = house.hold(ann, clean_body("half", "1.0.0"));
  const Stage document = house.hold(ann, clean_body("document", "1.0.0"));
  const Stage refused = house.publish(ann, blocked_body()).value().stage;
  const Stage fine = house.hold(ann, warned_body("fine", "1.0.0"));
  REQUIRE(refused.state == StageState::blocked);
  REQUIRE(house.blob_memory.remove(gone.sha512).has_value());
  MetaBatch forget;
  forget.remove(Family::stages, "x " + unrecorded.id);
  REQUIRE(house.memory.write(forget, Durability::synced).has_value());
  damage(house, "s " + damaged.id);
  damage(house, "x " + half.id);
  damage(house, "d " + document.id);
  damage(house, "s no-stage");

  std::map<std::string, Replayed> by_id;
  for (Replayed& release : replayed(house, {{"pack/files-allowlist", Action::block}}))
    by_id.emplace(release.id, std::move(release));
  REQUIRE(by_id.size() == 8);
  for (const std::string& id :
       {gone.id, unrecorded.id, damaged.id, half.id, document.id, refused.id, std::string("no-stage")}) {
    CAPTURE(by_id.at(id).stage.name);
    CHECK_FALSE(by_id.at(id).report.has_value());
    CHECK_FALSE(by_id.at(id).unread.empty());
    CHECK_FALSE(by_id.at(id).changed());
  }
  CHECK(by_id.at(refused.id).unread.find("what is refused is not kept") != std::string::npos);
  CHECK(by_id.at(unrecorded.id).unread.find("was not recorded") != std::string::npos);
  CHECK(by_id.at(fine.id).report->verdict == Verdict::block);
}

TEST_CASE("a replay stops where it is told to") {
  GateHouse house(rule_to("local"));
  for (int i = 0; i < 3; ++i) house.hold(ann, clean_body("lib", "1.0." + std::to_string(i)));
  int visited = 0;
  std::vector<std::size_t> seen;
  const auto run = [&](int stop_after) {
    visited = 0;
    seen.clear();
    REQUIRE(replay(
                house.memory, house.blobs, gate_rules(), {},
                [&](Replayed&&) { return ++visited != stop_after; },
                [&](std::size_t done, std::size_t all) {
                  CHECK(all == 3);
                  seen.push_back(done);
                  return true;
                })
                .has_value());
  };
  run(2);
  CHECK(visited == 2);
  run(0);
  CHECK(visited == 3);
  CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("a policy other than the last one recorded is a fact of the ledger, with what it leaves out") {
  GateHouse house(rule_to("local"));
  const auto record = [&](const InspectionRules& rules) {
    REQUIRE(record_policy(*house.ledger, rules, "policy.toml").has_value());
  };
  record(*gate_rules());
  record(*gate_rules());
  REQUIRE(house.entries().size() == 1);
  const LedgerEvent first = house.entries().back().event;
  CHECK(first.action == "policy.changed");
  CHECK(first.subject == "policy.toml");
  CHECK(first.detail.at("before") == "");
  const auto off = [](const LedgerEvent& event, const char* profile) {
    return json::serialize(event.detail.at("off").at(profile));
  };
  CHECK(off(first, "open").find("\"leak/secret\"") != std::string::npos);
  CHECK(off(first, "open").find("\"pack/private\"") == std::string::npos);

  auto changed = std::make_shared<InspectionRules>(*gate_rules());
  changed->policy.profile_overrides[static_cast<std::size_t>(Profile::open)]["pack/private"] = Action::off;
  changed->policy.paths.push_back(
      {{"test/**"}, {}, {}, {{"deps/new", Action::off}, {"deps/exotic", Action::warn}}});
  record(*changed);
  REQUIRE(house.entries().size() == 2);
  const LedgerEvent second = house.entries().back().event;
  CHECK(second.detail.at("before") == first.detail.at("digest"));
  CHECK(off(second, "open").find("\"pack/private\"") != std::string::npos);
  CHECK(off(second, "internal").find("\"pack/private\"") == std::string::npos);
  REQUIRE(second.detail.at("off_by_path").as_array().size() == 1);
  CHECK(second.detail.at("off_by_path").at(0).at("rule") == "deps/new");
  CHECK(house.ledger_intact());
  record(*gate_rules());
  CHECK(house.entries().size() == 3);
}
