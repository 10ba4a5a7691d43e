#include "storage/file_blob_store.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/compliance/blob_store_suite.hpp"
#include "tests/support/child_case.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/support/temp_folder.hpp"

using namespace sallyport;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<BlobStore> open_store(const std::string& folder) {
  auto store = open_file_blob_store(folder);
  REQUIRE_MESSAGE(store.has_value(), (store.has_error() ? store.error().message + store.error().detail : ""));
  return std::move(*store);
}

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

std::string file_of(const std::string& root, const Sha512& digest) {
  const std::string hex = to_hex(digest);
  return root + "/sha512/" + hex.substr(0, 2) + '/' + hex;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the file store") {
  TempFolder folder;
  const auto store = open_store(folder / "blobs");
  blob_store_suite(*store);
}

TEST_CASE("the file store, for what can be fetched again") {
  TempFolder folder;
  const auto store = open_file_blob_store(folder / "blobs", Durability::relaxed).value();
  blob_store_suite(*store);
}

TEST_CASE("a blob that is touched is dated now") {
  TempFolder folder;
  const auto store = open_store(folder / "blobs");
  const std::string path = file_of(folder / "blobs", put_blob(*store, "abc"));
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(5));
  REQUIRE(store->touch(sha512(as_bytes("abc"))).has_value());
  CHECK(fs::file_time_type::clock::now() - fs::last_write_time(path) < std::chrono::minutes(10));
}

TEST_CASE("blobs are files of their digest's name, and only their owner's") {
  TempFolder folder;
  const std::string root = folder / "a/b/blobs";
  const auto store = open_store(root);
  const Sha512 digest = put_blob(*store, "abc");
  std::ifstream file(file_of(root, digest));
  CHECK(std::string((std::istreambuf_iterator<char>(file)), {}) == "abc");
  const auto others = fs::perms::group_all | fs::perms::others_all;
  CHECK((fs::status(file_of(root, digest)).permissions() & others) == fs::perms::none);
  CHECK((fs::status(root).permissions() & others) == fs::perms::none);
  CHECK(files_in(root + "/tmp") == 0);
  Instant modified{};
  REQUIRE(store
              ->walk([&](const BlobInfo& info) {
                modified = info.modified;
                return true;
              })
              .has_value());
  CHECK(std::chrono::abs(modified - SystemClock().now()) < std::chrono::minutes(10));
}

TEST_CASE("blobs outlive a restart, and what was being written does not") {
  TempFolder folder;
  const std::string root = folder / "blobs";
  const Sha512 digest = put_blob(*open_store(root), "abc");
  std::ofstream(root + "/tmp/stale") << "half";
  const auto store = open_store(root);
  CHECK(read_all(*store, digest) == "abc");
  CHECK(files_in(root + "/tmp") == 0);
}

TEST_CASE("a staged blob that is dropped or refused leaves no file") {
  TempFolder folder;
  const std::string root = folder / "blobs";
  const auto store = open_store(root);
  {
    auto staged = store->begin().value();
    REQUIRE(staged->append(as_bytes("abc")).has_value());
    CHECK(files_in(root + "/tmp") == 1);
  }
  CHECK(files_in(root + "/tmp") == 0);
  {
    auto staged = store->begin().value();
    REQUIRE(staged->append(as_bytes("abc")).has_value());
    CHECK(staged->commit(Sha512{}).has_error());
  }
  CHECK(files_in(root + "/tmp") == 0);
  CHECK(files_in(root + "/sha512") == 0);
}

TEST_CASE("a blob that something cut short is replaced by whole bytes") {
  TempFolder folder;
  const std::string root = folder / "blobs";
  const auto store = open_store(root);
  const Sha512 digest = put_blob(*store, "abcdef");
  fs::resize_file(file_of(root, digest), 3);
  CHECK(put_blob(*store, "abcdef") == digest);
  CHECK(read_all(*store, digest) == "abcdef");
  CHECK(files_in(root + "/tmp") == 0);
}

TEST_CASE("what is no blob is neither opened nor visited") {
  TempFolder folder;
  const std::string root = folder / "blobs";
  const auto store = open_store(root);
  const Sha512 digest = sha512(as_bytes("target"));
  std::ofstream(folder / "target") << "target";
  fs::create_directories(fs::path(file_of(root, digest)).parent_path());
  fs::create_symlink(folder / "target", file_of(root, digest));
  CHECK(store->open(digest).has_error());
  std::ofstream(root + "/sha512/README") << "x";
  std::ofstream(root + "/sha512/" + to_hex(digest).substr(0, 2) + "/short") << "x";
  const std::string hex = to_hex(sha512(as_bytes("x")));
  fs::create_directories(root + "/sha512/zz");
  std::ofstream(root + "/sha512/zz/" + hex) << "x";  // in a folder where no open() would look
  std::vector<Sha512> seen;
  const auto walked = store->walk([&](const BlobInfo& info) {
    seen.push_back(info.digest);
    return true;
  });
  REQUIRE(walked.has_value());
  CHECK(seen.empty());
}

TEST_CASE("a full disk is told, and leaves nothing half-written") {
  SmallDisk disk("1m");
  if (!disk.mounted()) {
    MESSAGE("not run: no right to mount");
    return;
  }
  const std::string root = disk / "blobs";
  const auto store = open_store(root);
  const Sha512 kept = put_blob(*store, "kept");
  {
    auto staged = store->begin().value();
    const std::string block(64 * 1024, 'x');
    Result<void> appended;
    for (int i = 0; i < 100 && appended.has_value(); ++i) appended = staged->append(as_bytes(block));
    REQUIRE(appended.has_error());
    CHECK(appended.error().kind == ErrorKind::unavailable);
    CHECK(contains(appended.error().message, "full"));
    // Nothing that follows makes a blob of what is left.
    CHECK(staged->append(as_bytes("x")).has_error());
    CHECK(staged->commit(sha512(as_bytes(block))).has_error());
  }
  CHECK(files_in(root + "/tmp") == 0);
  CHECK(blob_count(*store) == 1);
  CHECK(read_all(*store, kept) == "kept");
  CHECK(read_all(*store, put_blob(*store, std::string(100'000, 'y'))).size() == 100'000);
}

TEST_CASE("a read-only disk is told") {
  SmallDisk disk("1m");
  if (!disk.mounted()) {
    MESSAGE("not run: no right to mount");
    return;
  }
  const auto store = open_store(disk / "blobs");
  const Sha512 kept = put_blob(*store, "kept");
  REQUIRE(disk.make_read_only());
  const auto staged = store->begin();
  REQUIRE(staged.has_error());
  CHECK(contains(staged.error().message, "read-only"));
  CHECK(read_all(*store, kept) == "kept");
  const auto other = open_file_blob_store(disk / "other");
  REQUIRE(other.has_error());
  CHECK(contains(other.error().message, "read-only"));
}

TEST_CASE("a limit on file sizes is told as a full disk") {
  TempFolder folder;
  CHECK(run_case("child appends past a file size limit", {{"CHILD_FOLDER", folder / "blobs"}}).exit == 0);
  CHECK(files_in(folder / "blobs/tmp") == 0);
}

TEST_CASE("child appends past a file size limit" * doctest::skip()) {
  const auto store = open_store(from_environment("CHILD_FOLDER"));
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{100'000, 100'000};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  auto staged = store->begin().value();
  const auto appended = staged->append(as_bytes(std::string(100'001, 'x')));
  REQUIRE(appended.has_error());
  CHECK(contains(appended.error().message, "full"));
}

TEST_CASE("killed at any point of a commit: a blob is whole or absent") {
  struct Point {
    const char* name;
    bool there;  // promised once it is reached; before the link the blob must be absent
  };
  for (const Point point :
       {Point{"blob.before_sync", false}, {"blob.before_link", false}, {"blob.after_link", true}}) {
    CAPTURE(point.name);
    TempFolder folder;
    const std::string root = folder / "blobs";
    const ChildEnd child = run_case(
        "child commits blobs", {{"CHILD_FOLDER", root}, {"SALLYPORT_FAULT", std::string(point.name) + ":2"}});
    REQUIRE(child.signal == SIGKILL);
    CHECK(files_in(root + "/tmp") == 1);
    const auto store = open_store(root);
    CHECK(files_in(root + "/tmp") == 0);
    CHECK(read_all(*store, sha512(as_bytes("first"))) == "first");
    const Sha512 second = sha512(as_bytes("second"));
    CHECK(store->open(second).has_value() == point.there);
    if (point.there) CHECK(read_all(*store, second) == "second");
    CHECK(read_all(*store, put_blob(*store, "second")) == "second");
    CHECK(blob_count(*store) == 2);
  }
}

TEST_CASE("child commits blobs" * doctest::skip()) {
  const auto store = open_store(from_environment("CHILD_FOLDER"));
  put_blob(*store, "first");
  put_blob(*store, "second");
}
