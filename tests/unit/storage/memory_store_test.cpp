// The fakes keep the promises of the real stores, and fail when they are told to.

#include <doctest/doctest.h>

#include "tests/compliance/blob_store_suite.hpp"
#include "tests/compliance/meta_store_suite.hpp"
#include "tests/support/faulty_blob_store.hpp"
#include "tests/support/faulty_meta_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_blob_store.hpp"
#include "tests/support/memory_meta_store.hpp"

using namespace sallyport;

namespace {
const Error disk_gone = fail(ErrorKind::unavailable, "the disk is gone");
}

TEST_CASE("a meta store in memory") {
  MemoryMetaStore store;
  meta_store_suite(store);
}

TEST_CASE("a faulty meta store with no fault armed") {
  MemoryMetaStore inner;
  FaultyMetaStore store(inner);
  meta_store_suite(store);
}

TEST_CASE("a blob store in memory") {
  MemoryBlobStore store;
  blob_store_suite(store);
}

TEST_CASE("a faulty blob store with no fault armed") {
  MemoryBlobStore inner;
  FaultyBlobStore store(inner);
  blob_store_suite(store);
}

TEST_CASE("a meta store fails at the call it is told to, and only there") {
  MemoryMetaStore inner;
  FaultyMetaStore store(inner);
  MetaBatch batch;
  batch.put(Family::users, "k", "v");
  store.writes.fail_nth(2, disk_gone);
  CHECK(store.write(MetaBatch(), Durability::synced).has_value());
  CHECK(store.write(batch, Durability::synced).error().message == disk_gone.message);
  CHECK_FALSE(store.get(Family::users, "k").value());
  store.writes.fail_nth(1, disk_gone, FaultMoment::after);
  CHECK(store.write(batch, Durability::synced).has_error());
  CHECK(store.get(Family::users, "k").value() == "v");
  CHECK(store.write(batch, Durability::synced).has_value());
  store.reads.fail_nth(1, disk_gone);
  CHECK(store.get(Family::users, "k").has_error());
}

TEST_CASE("a seed repeats its faults") {
  const auto pattern = [](std::uint64_t seed) {
    MemoryMetaStore inner;
    FaultyMetaStore store(inner);
    store.writes.fail_one_in(3, seed, disk_gone);
    std::string text;
    for (int i = 0; i < 60; ++i) text += store.write(MetaBatch(), Durability::synced).has_value() ? '.' : 'x';
    return text;
  };
  CHECK(pattern(1) == pattern(1));
  CHECK(pattern(1) != pattern(2));
  CHECK(pattern(1).find('x') != std::string::npos);
  CHECK(pattern(1).find('.') != std::string::npos);
}

TEST_CASE("a blob store fails at each of its points") {
  MemoryBlobStore inner;
  FaultyBlobStore store(inner);
  const Sha512 digest = sha512(as_bytes("abc"));
  store.begins().fail_nth(1, disk_gone);
  CHECK(store.begin().has_error());
  auto staged = store.begin().value();
  store.appends().fail_nth(1, disk_gone);
  CHECK(staged->append(as_bytes("abc")).has_error());
  REQUIRE(staged->append(as_bytes("abc")).has_value());
  store.commits().fail_nth(1, disk_gone);
  CHECK(staged->commit(digest).has_error());
  CHECK(store.open(digest).has_error());
  REQUIRE(staged->commit(digest).has_value());
  store.opens().fail_nth(1, disk_gone);
  CHECK(store.open(digest).has_error());
  store.reads().fail_nth(1, disk_gone);
  std::array<std::uint8_t, 3> bytes{};
  CHECK(store.open(digest).value()->read(0, bytes).has_error());
}

TEST_CASE("blobs in memory are dated by the clock handed in") {
  ManualClock clock;
  MemoryBlobStore store(&clock);
  put_blob(store, "abc");
  REQUIRE(store
              .walk([&](const BlobInfo& info) {
                CHECK(info.modified == clock.now());
                return true;
              })
              .has_value());
}
