#include "storage/rocks_meta_store.hpp"

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/compliance/meta_store_suite.hpp"
#include "tests/support/child_case.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/support/temp_folder.hpp"

using namespace sallyport;

namespace {

std::unique_ptr<MetaStore> open_store(const std::string& folder) {
  auto store = open_rocks_meta_store(folder);
  REQUIRE_MESSAGE(store.has_value(), (store.has_error() ? store.error().message + store.error().detail : ""));
  return std::move(*store);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The database as some other program would have made it.
void with_raw(const std::string& folder,
              const std::function<void(rocksdb::DB&, std::vector<rocksdb::ColumnFamilyHandle*>&)>& change) {
  rocksdb::Options options;
  options.create_if_missing = true;
  std::vector<std::string> names;
  rocksdb::DB::ListColumnFamilies(options, folder, &names).PermitUncheckedError();
  if (names.empty()) names.push_back(rocksdb::kDefaultColumnFamilyName);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  REQUIRE(rocksdb::DB::Open(options, folder, families, &handles, &db).ok());
  change(*db, handles);
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  delete db;
}

// Writes pairs until the disk says no; returns how many were acknowledged.
int write_pairs_until_refused(MetaStore& store, Error& refusal) {
  for (int i = 0; i < 100'000; ++i) {
    MetaBatch batch;
    const std::string n = std::to_string(i);
    batch.put(Family::stages, "left" + n, std::string(20'000, 'x'));
    batch.put(Family::versions, "right" + n, std::string(20'000, 'y'));
    if (auto written = store.write(batch, Durability::synced); written.has_error()) {
      refusal = written.error();
      return i;
    }
  }
  FAIL("the disk never filled");
  return 0;
}

void check_pairs(MetaStore& store, int count) {
  for (int i = 0; i < count; ++i) {
    CHECK(store.get(Family::stages, "left" + std::to_string(i)).value().has_value());
    CHECK(store.get(Family::versions, "right" + std::to_string(i)).value().has_value());
  }
  CHECK(keys_of(store, Family::stages, "left", "", false, 100'000).size() ==
        keys_of(store, Family::versions, "right", "", false, 100'000).size());
}

}  // namespace

TEST_CASE("the RocksDB store") {
  TempFolder folder;
  const auto store = open_store(folder / "meta");
  meta_store_suite(*store);
}

TEST_CASE("what was written is there after a restart, in a folder that had to be made") {
  TempFolder folder;
  const std::string path = folder / "a/b/meta";
  for (int start = 0; start < 3; ++start) {
    const auto store = open_store(path);
    CHECK(keys_of(*store, Family::users).size() == static_cast<std::size_t>(start));
    MetaBatch batch;
    batch.put(Family::users, std::to_string(start), "v");
    REQUIRE(store->write(batch, start == 1 ? Durability::relaxed : Durability::synced).has_value());
  }
  namespace fs = std::filesystem;
  CHECK((fs::status(path).permissions() & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none);
}

TEST_CASE("a folder that is open already is refused as in use") {
  TempFolder folder;
  const auto store = open_store(folder / "meta");
  const auto second = open_rocks_meta_store(folder / "meta");
  REQUIRE(second.has_error());
  CHECK(second.error().kind == ErrorKind::busy);
  CHECK(contains(second.error().message, "in use by another Sallyport"));
  const ChildEnd other = run_case("child opens a folder in use", {{"CHILD_FOLDER", folder / "meta"}});
  CHECK(other.exit == 0);
  put(*store, Family::users, "still", "writable");
}

TEST_CASE("child opens a folder in use" * doctest::skip()) {
  const auto store = open_rocks_meta_store(from_environment("CHILD_FOLDER"));
  REQUIRE(store.has_error());
  CHECK(store.error().kind == ErrorKind::busy);
}

TEST_CASE("data of a newer format is refused, and left as it is") {
  TempFolder folder;
  const std::string path = folder / "meta";
  put(*open_store(path), Family::system, "format", "2");
  for (int i = 0; i < 2; ++i) {
    const auto store = open_rocks_meta_store(path);
    REQUIRE(store.has_error());
    CHECK(store.error().kind == ErrorKind::conflict);
    CHECK(contains(store.error().message, "format 2"));
    CHECK(contains(store.error().message, "newer Sallyport"));
  }
  with_raw(path, [](auto& db, auto& families) {
    std::string format;
    for (auto* family : families) {
      if (family->GetName() == "system") CHECK(db.Get({}, family, "format", &format).ok());
    }
    CHECK(format == "2");
  });
}

TEST_CASE("a format number that is none is damage") {
  for (const char* format : {"", "0", "one", "1x", "-1", "99999999999999999999999"}) {
    TempFolder folder;
    put(*open_store(folder / "meta"), Family::system, "format", format);
    const auto store = open_rocks_meta_store(folder / "meta");
    REQUIRE(store.has_error());
    CHECK(store.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("a family that this version does not know is refused by name") {
  TempFolder folder;
  const std::string path = folder / "meta";
  put(*open_store(path), Family::users, "k", "v");
  with_raw(path, [](auto& db, auto& families) {
    rocksdb::ColumnFamilyHandle* added = nullptr;
    REQUIRE(db.CreateColumnFamily({}, "webhooks", &added).ok());
    families.push_back(added);
  });
  const auto store = open_rocks_meta_store(path);
  REQUIRE(store.has_error());
  CHECK(store.error().kind == ErrorKind::conflict);
  CHECK(contains(store.error().message, "\"webhooks\""));
}

TEST_CASE("a family that an older version did not have is added") {
  TempFolder folder;
  const std::string path = folder / "meta";
  put(*open_store(path), Family::users, "k", "v");
  with_raw(path, [](auto& db, auto& families) {
    for (auto* family : families) {
      if (family->GetName() == "outbox") REQUIRE(db.DropColumnFamily(family).ok());
    }
  });
  const auto store = open_store(path);
  put(*store, Family::outbox, "k", "v");
  CHECK(store->get(Family::users, "k").value() == "v");
}

TEST_CASE("another program's database is refused, the start of ours is finished") {
  TempFolder folder;
  with_raw(folder / "foreign", [](auto& db, auto&) { REQUIRE(db.Put({}, "theirs", "x").ok()); });
  const auto foreign = open_rocks_meta_store(folder / "foreign");
  REQUIRE(foreign.has_error());
  CHECK(contains(foreign.error().message, "not Sallyport's"));

  with_raw(folder / "begun", [](auto& db, auto& families) {
    rocksdb::ColumnFamilyHandle* added = nullptr;
    REQUIRE(db.CreateColumnFamily({}, "users", &added).ok());
    families.push_back(added);
  });
  put(*open_store(folder / "begun"), Family::ledger, "k", "v");
}

TEST_CASE("a file in the place of the folder is told") {
  TempFolder folder;
  std::ofstream(folder / "file") << "x";
  CHECK(open_rocks_meta_store(folder / "file").has_error());
  CHECK(open_rocks_meta_store(folder / "file/meta").has_error());
}

TEST_CASE("a copy is whole, opens, and does not follow what comes after") {
  TempFolder folder;
  const auto store = open_store(folder / "meta");
  put(*store, Family::users, "before", "v");
  REQUIRE(store->checkpoint(folder / "copy").has_value());
  put(*store, Family::users, "after", "v");
  const auto copy = open_store(folder / "copy");
  CHECK(keys_of(*copy, Family::users) == std::vector<std::string>{"before"});
  const auto again = store->checkpoint(folder / "copy");
  REQUIRE(again.has_error());
  CHECK(again.error().kind == ErrorKind::conflict);
  CHECK(store->checkpoint(folder / "no/such/parent").has_error());
}

TEST_CASE("a damaged table is told as damage, never read as something else") {
  TempFolder folder;
  {
    const auto store = open_store(folder / "meta");
    for (int i = 0; i < 1000; ++i) put(*store, Family::users, "k" + std::to_string(i), std::string(100, 'v'));
    REQUIRE(store->checkpoint(folder / "copy").has_value());  // flushes to tables
  }
  int tables = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder / "copy")) {
    if (file.path().extension() != ".sst" || file.file_size() < 4096) continue;
    ++tables;
    // A table is a hard link to the original's: break it first.
    std::ifstream in(file.path(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    bytes[1000] = static_cast<char>(bytes[1000] ^ 1);
    std::filesystem::remove(file.path());
    std::ofstream(file.path(), std::ios::binary) << bytes;
  }
  REQUIRE(tables > 0);
  const auto copy = open_rocks_meta_store(folder / "copy");
  if (copy.has_error()) {
    CHECK(copy.error().kind == ErrorKind::corrupt);
    return;
  }
  const auto scanned = (*copy)->scan(Family::users, "", "", false, [](auto, auto) { return true; });
  REQUIRE(scanned.has_error());
  CHECK(scanned.error().kind == ErrorKind::corrupt);
}

TEST_CASE("a full disk is told, loses nothing, and is forgotten once there is room") {
  SmallDisk disk("24m");
  if (!disk.mounted()) {
    MESSAGE("not run: no right to mount");
    return;
  }
  int acknowledged = 0;
  {
    const auto store = open_store(disk / "meta");
    put(*store, Family::users, "first", "v");
    disk.fill();
    Error refusal;
    acknowledged = write_pairs_until_refused(*store, refusal);
    CHECK(refusal.kind == ErrorKind::unavailable);
    CHECK(contains(refusal.message, "full"));
    CHECK(store->get(Family::users, "first").value() == "v");
    check_pairs(*store, acknowledged);
    disk.free();
    put(*store, Family::users, "later", "v");
    check_pairs(*store, acknowledged);
  }
  const auto store = open_store(disk / "meta");
  CHECK(store->get(Family::users, "first").value() == "v");
  CHECK(store->get(Family::users, "later").value() == "v");
  check_pairs(*store, acknowledged);
}

TEST_CASE("a disk that is full from the start is told") {
  SmallDisk disk("1m");
  if (!disk.mounted()) {
    MESSAGE("not run: no right to mount");
    return;
  }
  disk.fill();
  const auto store = open_rocks_meta_store(disk / "meta");
  REQUIRE(store.has_error());
  CHECK(store.error().kind == ErrorKind::unavailable);
  CHECK(contains(store.error().message, "full"));
}

TEST_CASE("a read-only disk is told") {
  SmallDisk disk("24m");
  if (!disk.mounted()) {
    MESSAGE("not run: no right to mount");
    return;
  }
  put(*open_store(disk / "meta"), Family::users, "k", "v");
  REQUIRE(disk.make_read_only());
  for (const char* name : {"meta", "new"}) {
    const auto store = open_rocks_meta_store(disk / name);
    REQUIRE(store.has_error());
    CHECK(store.error().kind == ErrorKind::unavailable);
    CHECK_MESSAGE(contains(store.error().message, "read-only"), store.error().detail);
  }
}

TEST_CASE("a limit on file sizes is told as a full disk") {
  TempFolder folder;
  const ChildEnd child = run_case("child writes past a file size limit", {{"CHILD_FOLDER", folder / "meta"}});
  CHECK(child.exit == 0);
  const auto store = open_store(folder / "meta");
  const auto pairs = keys_of(*store, Family::stages, "left").size();
  CHECK(pairs > 0);
  check_pairs(*store, static_cast<int>(pairs));
}

TEST_CASE("child writes past a file size limit" * doctest::skip()) {
  const auto store = open_store(from_environment("CHILD_FOLDER"));
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1u << 20, 1u << 20};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  Error refusal;
  const int acknowledged = write_pairs_until_refused(*store, refusal);
  CHECK(refusal.kind == ErrorKind::unavailable);
  CHECK_MESSAGE(contains(refusal.message, "full"), refusal.detail);
  check_pairs(*store, acknowledged);
}

TEST_CASE("killed while it writes: what was acknowledged is there, nothing is half there") {
  TempFolder folder;
  const ChildEnd child =
      run_case("child writes until it is killed",
               {{"CHILD_FOLDER", folder / "meta"}, {"CHILD_LOG", folder / "acknowledged"}});
  CHECK(child.signal == SIGKILL);
  std::ifstream log(folder / "acknowledged");
  int acknowledged = 0;
  for (std::string line; std::getline(log, line);) ++acknowledged;
  CHECK(acknowledged > 20);
  const auto store = open_store(folder / "meta");
  check_pairs(*store, acknowledged);
}

TEST_CASE("child writes until it is killed" * doctest::skip()) {
  const auto store = open_store(from_environment("CHILD_FOLDER"));
  std::ofstream log(from_environment("CHILD_LOG"));
  for (int i = 0;; ++i) {
    MetaBatch batch;
    batch.put(Family::stages, "left" + std::to_string(i), "x");
    batch.put(Family::versions, "right" + std::to_string(i), "y");
    REQUIRE(store->write(batch, Durability::synced).has_value());
    log << i << std::endl;
    if (i == 40) {
      // Others are in the middle of a write at that moment.
      std::vector<std::thread> writers;
      for (int t = 1; t <= 3; ++t) {
        writers.emplace_back([&, t] {
          for (int j = 1000 * t;; ++j) {
            MetaBatch pair;
            pair.put(Family::stages, "left" + std::to_string(j), std::string(5000, 'x'));
            pair.put(Family::versions, "right" + std::to_string(j), std::string(5000, 'y'));
            if (store->write(pair, Durability::synced).has_error() || j > 1000 * t + 10) std::raise(SIGKILL);
          }
        });
      }
      for (auto& writer : writers) writer.join();
    }
  }
}
