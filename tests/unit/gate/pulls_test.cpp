#include "gate/pulls.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_meta_store.hpp"

using namespace sallyport;

namespace {

struct House {
  ManualClock clock;
  MemoryMetaStore store;
  Pulls pulls{store, clock};
  const PackageName lib = PackageName::parse("@acme/lib").value();
  const Puller alice{"alice", "tok1", "10.0.0.7", "npm/11.19.1"};
  const Puller bob{"bob", "tok2", "10.0.0.8", "pnpm/12.21.0"};

  std::vector<Pull> of(std::string_view version) {
    REQUIRE(pulls.flush().has_value());
    return pulls.of("@acme/lib", version).value();
  }
};

}  // namespace

TEST_CASE("who pulled what, from where, with what, and how often, survives a restart") {
  House house;
  const Instant first = house.clock.now();
  house.pulls.note(house.lib, "1.0.0", house.alice);
  house.clock.advance(std::chrono::minutes(1));
  house.pulls.note(house.lib, "1.0.0", house.alice);
  house.pulls.note(house.lib, "1.0.0", house.bob);
  house.pulls.note(house.lib, "1.0.1", house.bob);
  REQUIRE(house.pulls.flush().has_value());
  house.clock.advance(Millis(5));
  house.pulls.note(house.lib, "1.0.0", house.alice);
  REQUIRE(house.pulls.flush().has_value());

  Pulls again(house.store, house.clock);
  const auto pulls = again.of("@acme/lib", "1.0.0").value();
  REQUIRE(pulls.size() == 2);
  CHECK(pulls[0].who.user == "alice");  // the latest
  CHECK(pulls[0].who.token == "tok1");
  CHECK(pulls[0].who.address == "10.0.0.7");
  CHECK(pulls[0].who.client == "npm/11.19.1");
  CHECK(pulls[0].first == first);
  CHECK(pulls[0].last == house.clock.now());
  CHECK(pulls[0].count == 3);
  CHECK(pulls[1].who.user == "bob");
  CHECK(again.of("@acme/lib", "").value().size() == 3);
  CHECK(again.of("@acme/lib", "1.0").value().empty());
  CHECK(again.of("@acme/li", "").value().empty());
}

TEST_CASE("an hour is a record of its own, and old ones go") {
  House house;
  house.pulls.note(house.lib, "1.0.0", house.alice);
  house.clock.advance(std::chrono::hours(1));
  house.pulls.note(house.lib, "1.0.0", house.alice);
  CHECK(house.of("1.0.0").size() == 2);
  REQUIRE(house.pulls.drop_before(house.clock.now()).has_value());
  const auto left = house.of("1.0.0");
  REQUIRE(left.size() == 1);
  CHECK(left[0].last == house.clock.now());
}

TEST_CASE("what many threads note is not lost") {
  House house;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&house] {
      for (int i = 0; i < 500; ++i) {
        house.pulls.note(house.lib, "1.0.0", house.alice);
        if (i % 100 == 0) (void)house.pulls.flush();
      }
    });
  for (std::thread& thread : threads) thread.join();
  const auto pulls = house.of("1.0.0");
  REQUIRE(pulls.size() == 1);
  CHECK(pulls[0].count == 2000);
}

TEST_CASE("a client that calls itself otherwise each time is one puller all the same") {
  House house;
  Puller liar = house.alice;
  for (int round = 0; round < 3; ++round) {
    for (const char* client : {"npm/11.19.1", "pnpm/12.21.0", "npm/11.19.1", "npm/11.19", ""}) {
      liar.client = client;
      house.pulls.note(house.lib, "1.0.0", liar);
    }
    REQUIRE(house.of("1.0.0").size() == 1);
  }
  CHECK(house.of("1.0.0")[0].who.client == "npm/11.19.1, pnpm/12.21.0, npm/11.19");
  CHECK(house.of("1.0.0")[0].count == 15);
  for (int i = 0; i < 100'500; ++i) {
    liar.client = "made-up/" + std::to_string(i);
    house.pulls.note(house.lib, "1.0.0", liar);
  }
  house.pulls.note(house.lib, "1.0.0", house.bob);  // for whom there is room
  const auto pulls = house.of("1.0.0");
  REQUIRE(pulls.size() == 2);
  for (const Pull& pull : pulls) CHECK(pull.who.client.size() < 140);
  const Pull& lied = pulls[0].who.user == "alice" ? pulls[0] : pulls[1];
  CHECK(lied.count == 100'515);
  CHECK(lied.who.client.starts_with("npm/11.19.1, pnpm/12.21.0, npm/11.19, made-up/0, "));
  CHECK(lied.who.client.ends_with(", …"));
}

TEST_CASE("memory between two flushes is bounded") {
  House house;
  for (int i = 0; i < 100'500; ++i) house.pulls.note(house.lib, "1.0." + std::to_string(i), house.alice);
  CHECK(house.of("").size() == 100'000);
  house.pulls.note(house.lib, "2.0.0", house.alice);
  CHECK(house.of("2.0.0").size() == 1);
}
