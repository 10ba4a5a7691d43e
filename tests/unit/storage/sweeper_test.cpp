#include "storage/sweeper.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "storage/file_blob_store.hpp"
#include "tests/compliance/blob_store_suite.hpp"
#include "tests/support/faulty_blob_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_blob_store.hpp"
#include "tests/support/temp_folder.hpp"

using namespace sallyport;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours day{24};

struct House {
  ManualClock clock;
  MemoryBlobStore blobs{&clock};
  Sha512 used = put_blob(blobs, "used"), orphan = put_blob(blobs, "an orphan");

  Sweep after_two_days() {
    clock.advance(2 * day);
    Sweep sweep;
    sweep.used = {used};
    sweep.before = clock.now() - day;
    return sweep;
  }
  bool has(const Sha512& digest) { return blobs.open(digest).has_value(); }
};

void age(const std::string& root, const Sha512& digest) {
  const std::string hex = to_hex(digest);
  const fs::path path = root + "/sha512/" + hex.substr(0, 2) + '/' + hex;
  fs::last_write_time(path, fs::last_write_time(path) - 2 * day);
}

}  // namespace

TEST_CASE("what nothing refers to goes, and nothing else") {
  House house;
  Sweep sweep = house.after_two_days();
  std::vector<Sha512> gone;
  sweep.found = [&](const BlobInfo& info) { gone.push_back(info.digest); };
  const Sha512 young = put_blob(house.blobs, "whose record is on its way");
  const Swept swept = sallyport::sweep(house.blobs, sweep).value();
  CHECK(swept.blobs == 1);
  CHECK(swept.bytes == std::string("an orphan").size());
  CHECK(gone == std::vector<Sha512>{house.orphan});
  CHECK(!house.has(house.orphan));
  CHECK(house.has(house.used));
  CHECK(house.has(young));
  CHECK(swept.missing.empty());
  CHECK(!swept.stopped);
}

TEST_CASE("a dry run tells the same and removes nothing") {
  House house;
  Sweep sweep = house.after_two_days();
  sweep.dry_run = true;
  const Swept swept = sallyport::sweep(house.blobs, sweep).value();
  CHECK(swept.blobs == 1);
  CHECK(swept.bytes == std::string("an orphan").size());
  CHECK(blob_count(house.blobs) == 2);
}

TEST_CASE("what is referred to and not there is told") {
  House house;
  Sweep sweep = house.after_two_days();
  const Sha512 lost = sha512(as_bytes("lost"));
  sweep.used.push_back(lost);
  CHECK(sallyport::sweep(house.blobs, sweep).value().missing == std::vector<Sha512>{lost});
}

TEST_CASE("a sweep stops when it is told to") {
  House house;
  for (int i = 0; i < 10; ++i) put_blob(house.blobs, std::to_string(i));
  Sweep sweep = house.after_two_days();
  int left = 12 + 3;  // the walk sees twelve, then three go
  sweep.progress = [&](std::size_t, std::size_t) { return --left > 0; };
  const Swept swept = sallyport::sweep(house.blobs, sweep).value();
  CHECK(swept.stopped);
  CHECK(swept.blobs == 3);
  CHECK(blob_count(house.blobs) == 9);
}

TEST_CASE("bytes that are published again in the middle of a sweep stay") {
  House house;
  Sweep sweep = house.after_two_days();
  bool once = false;
  // The walk has judged the orphan to be old; then it is written again, and its record is still to come.
  sweep.progress = [&](std::size_t, std::size_t) {
    if (!std::exchange(once, true)) put_blob(house.blobs, "an orphan");
    return true;
  };
  const Swept swept = sallyport::sweep(house.blobs, sweep).value();
  CHECK(swept.blobs == 0);
  CHECK(house.has(house.orphan));
}

TEST_CASE("beside writers of the same bytes a sweep takes none that was committed") {
  TempFolder folder;
  const std::string root = folder / "blobs";
  const auto store = open_file_blob_store(root, Durability::relaxed).value();
  constexpr int rounds = 40, blobs = 12;
  int taken = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<Sha512> digests;
    for (int i = 0; i < blobs; ++i) {
      digests.push_back(put_blob(*store, "blob " + std::to_string(i)));
      age(root, digests.back());
    }
    std::atomic<int> ready = 0;
    std::thread writer([&] {
      for (++ready; ready < 2;) {
      }
      for (int i = 0; i < blobs; ++i) put_blob(*store, "blob " + std::to_string(i));
    });
    for (++ready; ready < 2;) {
    }
    Sweep sweep;
    sweep.before = SystemClock().now() - day;
    taken += static_cast<int>(sallyport::sweep(*store, sweep).value().blobs);
    writer.join();
    for (const Sha512& digest : digests) CHECK(store->open(digest).has_value());
  }
  MESSAGE("blobs taken and written again: " << taken << " of " << rounds * blobs);
}
