#include "storage/ledger.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <stdexcept>
#include <thread>

#include "storage/rocks_meta_store.hpp"
#include "tests/compliance/meta_store_suite.hpp"
#include "tests/support/child_case.hpp"
#include "tests/support/faulty_meta_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_meta_store.hpp"
#include "tests/support/temp_folder.hpp"

using namespace sallyport;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Ledger> open_ledger(MetaStore& store, const Clock& clock) {
  auto ledger = Ledger::open(store, clock);
  REQUIRE(ledger.has_value());
  return std::move(*ledger);
}

Result<void> hold(Ledger& ledger, const std::string& stage) {
  return ledger.commit([&](Fact& fact) -> Result<void> {
    fact.put(Family::stages, stage, "held");
    fact.record({"alice", "stage.held", "@acme/lib@" + stage, {{"findings", 2}, {"note", "\n\xC3\xA4"}}});
    return {};
  });
}

struct Filled {
  MemoryMetaStore store;
  ManualClock clock;
  std::unique_ptr<Ledger> ledger = open_ledger(store, clock);
  explicit Filled(int entries) {
    for (int i = 1; i <= entries; ++i) {
      REQUIRE(hold(*ledger, std::to_string(i)).has_value());
      clock.advance(1s);
    }
  }
};

std::string key_of(char sequence) {
  return std::string(7, '\0') + sequence;
}

void overwrite(MetaStore& store, Family family, std::string key, std::optional<std::string> value) {
  MetaBatch batch;
  if (value) {
    batch.put(family, std::move(key), std::move(*value));
  } else {
    batch.remove(family, std::move(key));
  }
  REQUIRE(store.write(batch, Durability::synced).has_value());
}

}  // namespace

TEST_CASE("a fact and its entry are written together") {
  Filled filled(2);
  CHECK(filled.store.get(Family::stages, "2").value() == "held");
  CHECK(filled.ledger->last_sequence() == 2);
  std::vector<LedgerEntry> entries;
  REQUIRE(filled.ledger
              ->read(1,
                     [&](const LedgerEntry& entry) {
                       entries.push_back(entry);
                       return true;
                     })
              .has_value());
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].sequence == 1);
  CHECK(entries[0].previous == Sha256{});
  CHECK(entries[0].event.actor == "alice");
  CHECK(entries[0].event.action == "stage.held");
  CHECK(entries[0].event.subject == "@acme/lib@1");
  CHECK(entries[0].event.detail.at("findings") == 2);
  CHECK(entries[0].event.detail.at("note") == "\n\xC3\xA4");
  CHECK(to_iso8601(entries[0].time) == "2026-03-31T04:23:06.123Z");
  CHECK(entries[1].time == entries[0].time + 1s);
  CHECK(entries[1].previous == entries[0].hash);

  int seen = 0;
  REQUIRE(filled.ledger->read(2, [&](const LedgerEntry& entry) { return ++seen > 0 && entry.sequence == 2; })
              .has_value());
  CHECK(seen == 1);
  REQUIRE(filled.ledger->read(3, [&](const LedgerEntry&) { return ++seen > 0; }).has_value());
  CHECK(seen == 1);
}

TEST_CASE("a fact sees what it has put, and no one else does before the end") {
  Filled filled(1);
  const auto done = filled.ledger->commit([&](Fact& fact) -> Result<void> {
    CHECK(fact.now() == filled.clock.now());
    CHECK(fact.get(Family::stages, "1").value() == "held");
    fact.put(Family::stages, "1", "approved");
    CHECK(fact.get(Family::stages, "1").value() == "approved");
    fact.remove(Family::stages, "1");
    CHECK_FALSE(fact.get(Family::stages, "1").value());
    fact.put(Family::versions, "k", "v");
    fact.put(Family::versions, "k", "w");
    CHECK(filled.store.get(Family::stages, "1").value() == "held");
    CHECK_FALSE(filled.store.get(Family::versions, "k").value());
    fact.record({"bob", "stage.approved", "x", {}});
    fact.record({"system", "outbox.queued", "x", {}});
    return {};
  });
  REQUIRE(done.has_value());
  CHECK_FALSE(filled.store.get(Family::stages, "1").value());
  CHECK(filled.store.get(Family::versions, "k").value() == "w");
  CHECK(filled.ledger->last_sequence() == 3);
  CHECK_FALSE(filled.ledger->verify().value().broken_at);
}

TEST_CASE("a fact that fails, throws or meets a bad disk leaves nothing") {
  Filled filled(1);
  FaultyMetaStore faulty(filled.store);
  const auto ledger = open_ledger(faulty, filled.clock);
  const auto nothing_written = [&] {
    CHECK_FALSE(filled.store.get(Family::stages, "2").value());
    CHECK(ledger->last_sequence() == 1);
    CHECK_FALSE(ledger->verify().value().broken_at);
  };
  const auto refused = ledger->commit([](Fact& fact) -> Result<void> {
    fact.put(Family::stages, "2", "held");
    fact.record({"alice", "stage.held", "x", {}});
    return fail(ErrorKind::conflict, "taken");
  });
  CHECK(refused.error().message == "taken");
  nothing_written();

  CHECK_THROWS_AS((void)ledger->commit([](Fact& fact) -> Result<void> {
    fact.put(Family::stages, "2", "held");
    throw std::runtime_error("surprise");
  }),
                  std::runtime_error);
  nothing_written();

  faulty.writes.fail_nth(1, fail(ErrorKind::unavailable, "the disk is gone"));
  CHECK(hold(*ledger, "2").error().kind == ErrorKind::unavailable);
  nothing_written();
  REQUIRE(hold(*ledger, "2").has_value());
  CHECK(ledger->last_sequence() == 2);
  CHECK_FALSE(ledger->verify().value().broken_at);
}

TEST_CASE("an answer that got lost does not break the chain") {
  Filled filled(1);
  FaultyMetaStore faulty(filled.store);
  const auto ledger = open_ledger(faulty, filled.clock);
  faulty.writes.fail_nth(1, fail(ErrorKind::unavailable, "no answer"), FaultMoment::after);
  CHECK(hold(*ledger, "2").has_error());
  // Whether it is taken up by a restart or goes on in this process, the chain holds.
  CHECK_FALSE(open_ledger(filled.store, filled.clock)->verify().value().broken_at);
  REQUIRE(hold(*ledger, "3").has_value());
  CHECK_FALSE(ledger->verify().value().broken_at);
  // The fact that was written after all keeps its entry.
  CHECK(filled.store.get(Family::stages, "2").value());
  CHECK(ledger->last_sequence() == 3);
  CHECK_FALSE(open_ledger(filled.store, filled.clock)->verify().value().broken_at);
}

TEST_CASE("nobody writes to the ledger around it, nor what it could not read back") {
  Filled filled(1);
  CHECK_THROWS_AS((void)filled.ledger->commit([](Fact& fact) -> Result<void> {
    fact.put(Family::ledger, key_of(1), "x");
    return {};
  }),
                  std::logic_error);
  CHECK_THROWS_AS((void)filled.ledger->commit([](Fact& fact) -> Result<void> {
    fact.remove(Family::system, "ledger.head");
    return {};
  }),
                  std::logic_error);
  for (const LedgerEvent& event :
       {LedgerEvent{"\xFF", "a", "s", {}}, LedgerEvent{"a", "a", std::string(17u << 20, 'x'), {}}}) {
    const auto refused = filled.ledger->commit([&](Fact& fact) -> Result<void> {
      fact.record(event);
      return {};
    });
    CHECK(refused.has_error());
  }
  CHECK(filled.ledger->last_sequence() == 1);
  CHECK_FALSE(filled.ledger->verify().value().broken_at);
}

TEST_CASE("any altered byte of an entry is found, and its place named") {
  Filled filled(4);
  REQUIRE_FALSE(filled.ledger->verify().value().broken_at);
  for (const char sequence : {'\1', '\2', '\4'}) {
    const std::string value = *filled.store.get(Family::ledger, key_of(sequence)).value();
    for (std::size_t at = 0; at < value.size(); ++at) {
      for (const int bit : {1, 0x20, 0x80}) {
        std::string altered = value;
        altered[at] = static_cast<char>(altered[at] ^ bit);
        overwrite(filled.store, Family::ledger, key_of(sequence), altered);
        const auto proof = filled.ledger->verify().value();
        REQUIRE(proof.broken_at == static_cast<std::uint64_t>(sequence));
        REQUIRE(proof.entries == static_cast<std::uint64_t>(sequence) - 1);
        REQUIRE_FALSE(proof.why.empty());
      }
    }
    for (const std::string& altered : {std::string(), value.substr(0, 20), value + " "}) {
      overwrite(filled.store, Family::ledger, key_of(sequence), altered);
      REQUIRE(filled.ledger->verify().value().broken_at == static_cast<std::uint64_t>(sequence));
    }
    overwrite(filled.store, Family::ledger, key_of(sequence), value);
  }
  CHECK_FALSE(filled.ledger->verify().value().broken_at);
  CHECK(filled.ledger->verify().value().entries == 4);
}

TEST_CASE("an entry that is rewritten with a hash that fits is found by the next one") {
  Filled other(0);
  REQUIRE(hold(*other.ledger, "1").has_value());
  other.clock.advance(5s);
  REQUIRE(hold(*other.ledger, "forged").has_value());
  Filled filled(3);
  overwrite(filled.store, Family::ledger, key_of(2), other.store.get(Family::ledger, key_of(2)).value());
  CHECK(filled.ledger->verify().value().broken_at == 3);
  // The last one has no next: there the recorded end tells.
  Filled last(2);
  overwrite(last.store, Family::ledger, key_of(2), other.store.get(Family::ledger, key_of(2)).value());
  CHECK(last.ledger->verify().value().broken_at == 2);
  CHECK(open_ledger(last.store, last.clock)->verify().value().broken_at == 2);
}

TEST_CASE("gaps, swaps, a cut end and a longer one are found, and nothing is added after them") {
  const auto broken_at = [](const std::function<void(MetaStore&)>& tamper) {
    Filled filled(4);
    tamper(filled.store);
    const auto proof = filled.ledger->verify().value();
    const auto reopened = open_ledger(filled.store, filled.clock);
    const auto again = reopened->verify().value();
    CHECK(again.broken_at == proof.broken_at);
    CHECK_FALSE(again.why.empty());
    return again.broken_at.value_or(0);
  };
  const auto entry = [](MetaStore& store, char n) { return store.get(Family::ledger, key_of(n)).value(); };
  CHECK(broken_at([](MetaStore& s) { overwrite(s, Family::ledger, key_of(1), {}); }) == 1);
  CHECK(broken_at([](MetaStore& s) { overwrite(s, Family::ledger, key_of(2), {}); }) == 2);
  CHECK(broken_at([](MetaStore& s) { overwrite(s, Family::ledger, key_of(4), {}); }) == 4);
  CHECK(broken_at([&](MetaStore& s) {
          const auto second = entry(s, 2);
          overwrite(s, Family::ledger, key_of(2), entry(s, 3));
          overwrite(s, Family::ledger, key_of(3), second);
        }) == 2);
  CHECK(broken_at([&](MetaStore& s) { overwrite(s, Family::ledger, key_of(5), entry(s, 4)); }) == 5);
  CHECK(broken_at([](MetaStore& s) { overwrite(s, Family::ledger, "x", "y"); }) == 5);
  CHECK(broken_at([](MetaStore& s) { overwrite(s, Family::system, "ledger.head", "{}"); }) == 4);
  CHECK(broken_at([](MetaStore& s) {
          for (char n = 1; n <= 4; ++n) overwrite(s, Family::ledger, key_of(n), {});
        }) == 1);

  Filled cut(4);
  overwrite(cut.store, Family::ledger, key_of(4), {});
  const auto reopened = open_ledger(cut.store, cut.clock);
  const auto refused = hold(*reopened, "5");
  REQUIRE(refused.has_error());
  CHECK(refused.error().kind == ErrorKind::corrupt);
  CHECK_FALSE(cut.store.get(Family::stages, "5").value());
}

TEST_CASE("reading meets damage as an error") {
  Filled filled(3);
  overwrite(filled.store, Family::ledger, key_of(2), "x");
  int seen = 0;
  const auto read = filled.ledger->read(1, [&](const LedgerEntry&) { return ++seen > 0; });
  REQUIRE(read.has_error());
  CHECK(read.error().kind == ErrorKind::corrupt);
  CHECK(seen == 1);
}

TEST_CASE("many threads write one chain, and it is proved while it grows") {
  Filled filled(0);
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto done = filled.ledger->commit([&](Fact& fact) -> Result<void> {
          // No fact runs between this read and its write.
          const auto count = fact.get(Family::facts, "count").value();
          fact.put(Family::facts, "count", std::to_string(std::stoi(count.value_or("0")) + 1));
          fact.record({"writer", "counted", std::to_string(t), {}});
          return {};
        });
        CHECK(done.has_value());
      }
    });
  }
  for (int i = 0; i < 20; ++i) CHECK_FALSE(filled.ledger->verify().value().broken_at);
  for (auto& writer : writers) writer.join();
  CHECK(filled.store.get(Family::facts, "count").value() == "200");
  CHECK(filled.ledger->verify().value().entries == 200);
}

TEST_CASE("killed around the write of a fact: fact and entry are both there or both not") {
  struct Point {
    const char* name;
    std::uint64_t entries;
  };
  for (const Point point : {Point{"ledger.before_write", 2}, {"ledger.after_write", 3}}) {
    CAPTURE(point.name);
    TempFolder folder;
    const ChildEnd child =
        run_case("child commits facts",
                 {{"CHILD_FOLDER", folder / "meta"}, {"SALLYPORT_FAULT", std::string(point.name) + ":3"}});
    REQUIRE(child.signal == SIGKILL);
    const auto store = open_rocks_meta_store(folder / "meta").value();
    const ManualClock clock;
    const auto ledger = open_ledger(*store, clock);
    const auto proof = ledger->verify().value();
    CHECK_FALSE(proof.broken_at);
    CHECK(proof.entries == point.entries);
    CHECK(keys_of(*store, Family::stages).size() == point.entries);
    REQUIRE(hold(*ledger, "next").has_value());
    CHECK(ledger->verify().value().entries == point.entries + 1);
  }
}

TEST_CASE("child commits facts" * doctest::skip()) {
  const auto store = open_rocks_meta_store(from_environment("CHILD_FOLDER")).value();
  const ManualClock clock;
  const auto ledger = open_ledger(*store, clock);
  for (int i = 1; i <= 5; ++i) REQUIRE(hold(*ledger, std::to_string(i)).has_value());
}
