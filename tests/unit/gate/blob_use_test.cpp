#include "gate/blob_use.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/gate_house.hpp"

using namespace sallyport;

namespace {

bool uses(const BlobUse& use, const Stage& stage) {
  return std::find(use.used.begin(), use.used.end(), stage.sha512) != use.used.end();
}

const Principal alice = person("alice"), rita = person("rita");

}  // namespace

TEST_CASE("what is held, approved, failed or published is in use, however old") {
  GateHouse house(rule_to("local"));
  const Stage held = house.hold(alice, clean_body("held"));
  const Stage published = house.hold(alice, clean_body("published"));
  REQUIRE(house.gate->approve(rita, published.id).value().state == StageState::published);
  house.clock.advance(std::chrono::hours(24 * 1000));
  const BlobUse use = blob_use(house.memory, house.clock.now()).value();
  CHECK(uses(use, held));
  CHECK(uses(use, published));
  CHECK(use.past.empty());
}

TEST_CASE("what was turned down counts until its time is over") {
  GateHouse house(rule_to("local"));
  const Stage rejected = house.hold(alice, clean_body("rejected"));
  const Stage withdrawn = house.hold(alice, clean_body("withdrawn"));
  REQUIRE(house.gate->reject(rita, rejected.id, "no").has_value());
  REQUIRE(house.gate->reject(alice, withdrawn.id, "").has_value());
  const Instant then = house.clock.now();
  house.clock.advance(std::chrono::hours(1));

  const BlobUse before = blob_use(house.memory, then).value();
  CHECK(uses(before, rejected));
  CHECK(uses(before, withdrawn));
  CHECK(before.past.empty());

  const BlobUse after = blob_use(house.memory, house.clock.now()).value();
  CHECK(!uses(after, rejected));
  CHECK(!uses(after, withdrawn));
  CHECK(
      after.past.at(rejected.sha512).starts_with("rejected@1.0.0 (" + rejected.code + "), rejected by rita"));
}

TEST_CASE("bytes that were turned down once and are held again are in use") {
  GateHouse house(rule_to("local"));
  const Stage first = house.hold(alice, clean_body());
  REQUIRE(house.gate->reject(rita, first.id, "no").has_value());
  house.clock.advance(std::chrono::hours(1));
  const Stage second = house.hold(alice, clean_body());
  REQUIRE(second.sha512 == first.sha512);
  const BlobUse use = blob_use(house.memory, house.clock.now()).value();
  CHECK(uses(use, second));
  CHECK(use.past.empty());
}

TEST_CASE("a record that cannot be read lets nothing be removed") {
  GateHouse house(rule_to("local"));
  const Stage held = house.hold(alice, clean_body());
  MetaBatch batch;
  batch.put(Family::stages, "s " + held.id, "{");
  REQUIRE(house.memory.write(batch, Durability::relaxed).has_value());
  CHECK(blob_use(house.memory, house.clock.now()).error().kind == ErrorKind::corrupt);
}
