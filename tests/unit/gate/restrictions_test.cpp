#include "gate/restrictions.hpp"

#include <doctest/doctest.h>

#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_meta_store.hpp"

using namespace sallyport;

namespace {

struct House {
  ManualClock clock;
  MemoryMetaStore store;
  std::unique_ptr<Ledger> ledger = Ledger::open(store, clock).value();
  PackageRules rules{{PackageRule{}}};
  std::unique_ptr<Restrictions> restrictions = Restrictions::open({*ledger, store, rules}).value();

  Sight sight(std::string_view name, std::string_view version) {
    VersionFacts facts;
    facts.version = version;
    facts.published = clock.now();
    return judge(facts, restrictions->of(PackageName::parse(name).value()), clock.now()).sight;
  }
  std::string last_action() {
    std::string action;
    (void)ledger->read(1, [&](const LedgerEntry& entry) { return action = entry.event.action, true; });
    return action;
  }
};

}  // namespace

TEST_CASE("a denial holds at once, is a fact, survives a restart and can be taken back") {
  House house;
  const auto before = house.restrictions->generation();
  REQUIRE(house.restrictions->deny("alice", "lib@^1", "stolen account").has_value());
  CHECK(house.last_action() == "install.denied");
  CHECK(house.restrictions->generation() > before);
  CHECK(house.sight("lib", "1.0.0") == Sight::denied);
  CHECK(house.sight("lib", "2.0.0") == Sight::visible);
  CHECK(house.sight("other", "1.0.0") == Sight::visible);
  house.restrictions = Restrictions::open({*house.ledger, house.store, house.rules}).value();
  CHECK(house.sight("lib", "1.0.0") == Sight::denied);
  const auto all = house.restrictions->denied();
  REQUIRE(all.size() == 1);
  CHECK(all[0].entry == "lib@^1");
  CHECK(all[0].reason == "stolen account");
  CHECK(all[0].by == "alice");
  REQUIRE(house.restrictions->allow("bob", "lib@^1").has_value());
  CHECK(house.last_action() == "install.allowed");
  CHECK(house.sight("lib", "1.0.0") == Sight::visible);
  CHECK(house.restrictions->allow("bob", "lib@^1").error().kind == ErrorKind::not_found);
}

TEST_CASE("a freeze holds until it is lifted") {
  House house;
  const Instant at = house.clock.now();
  CHECK(house.restrictions->unfreeze("alice").error().kind == ErrorKind::not_found);
  CHECK(house.restrictions->freeze("alice", at + Millis(1), "incident").error().kind == ErrorKind::invalid);
  REQUIRE(house.restrictions->freeze("alice", at, "incident").has_value());
  CHECK(house.last_action() == "install.frozen");
  CHECK(house.sight("lib", "1.0.0") == Sight::visible);
  house.clock.advance(Millis(1));
  CHECK(house.sight("lib", "1.0.1") == Sight::hidden);
  house.restrictions = Restrictions::open({*house.ledger, house.store, house.rules}).value();
  REQUIRE(house.restrictions->frozen().has_value());
  CHECK(house.restrictions->frozen()->at == at);
  CHECK(house.restrictions->frozen()->reason == "incident");
  REQUIRE(house.restrictions->unfreeze("alice").has_value());
  CHECK(house.sight("lib", "1.0.1") == Sight::visible);
  CHECK_FALSE(house.restrictions->frozen().has_value());
}

TEST_CASE("an entry or a reason that says nothing is refused, and nothing is written") {
  House house;
  const auto before = house.ledger->last_sequence();
  for (const char* entry : {"", "a b", "lib@", "lib@nonsense range", "sha512-short", "@acme/*"})
    CHECK(house.restrictions->deny("alice", entry, "because").error().kind == ErrorKind::invalid);
  for (const std::string& reason : {std::string(), std::string("two\nlines"), std::string(201, 'x')})
    CHECK(house.restrictions->deny("alice", "lib", reason).error().kind == ErrorKind::invalid);
  CHECK(house.ledger->last_sequence() == before);
}

TEST_CASE("a tarball is denied by its digest, whatever it is called") {
  House house;
  const std::string integrity = to_integrity(sha512(as_bytes("evil")));
  REQUIRE(house.restrictions->deny("alice", integrity, "trojan").has_value());
  VersionFacts facts;
  facts.version = "1.0.0";
  facts.integrity = integrity;
  const Conditions conditions = house.restrictions->of(PackageName::parse("any").value());
  CHECK(judge(facts, conditions, house.clock.now()).sight == Sight::denied);
}

TEST_CASE("what is denied is found however its letters are spelled") {
  House house;
  REQUIRE(house.restrictions->deny("alice", "Lib@1.0.0", "trojan").has_value());
  CHECK(house.sight("lib", "1.0.0+build") == Sight::denied);
  CHECK(house.sight("LIB", "1.0.0") == Sight::denied);
  CHECK(house.sight("lib", "1.0.1") == Sight::visible);
}

TEST_CASE("a damaged record stops the start, and is never read as nothing") {
  for (const char* text : {"", "{}", R"({"v":1,"reason":"x"})",
                           R"({"v":2,"reason":"x","by":"a","since":"2026-01-01T00:00:00.000Z"})"}) {
    House house;
    MetaBatch batch;
    batch.put(Family::system, "deny lib", text);
    REQUIRE(house.store.write(batch, Durability::synced).has_value());
    auto opened = Restrictions::open({*house.ledger, house.store, house.rules});
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().kind == ErrorKind::corrupt);
  }
}
