// Records of the gate that were damaged where they lie: a clear error, never a package with less in it.

#include <doctest/doctest.h>

#include "gate/catalog.hpp"
#include "gate/history.hpp"
#include "gate/publish_parser.hpp"
#include "gate/stage.hpp"
#include "tests/support/memory_blob_store.hpp"
#include "tests/support/memory_meta_store.hpp"

namespace sallyport {
namespace {

const PackageName lib = PackageName::parse("lib").value();
const std::string digest(128, 'a');

ErrorKind kind_of_catalog(const std::string& package, const std::string& version) {
  MemoryMetaStore store;
  MetaBatch batch;
  batch.put(Family::packages, "lib", package);
  batch.put(Family::versions, std::string("lib\0", 4) + "1.0.0", version);
  REQUIRE(store.write(batch, Durability::synced).has_value());
  const auto read = Catalog(store).package(lib);
  return read ? ErrorKind::invalid : read.error().kind;
}

std::string package_record(const std::string& tags, const std::string& revision) {
  return R"({"v":1,"tags":)" + tags +
         R"(,"created":"2026-03-31T00:00:00.000Z","modified":"2026-03-31T00:00:00.000Z","revision":)" +
         revision + "}";
}

std::string version_record(const std::string& sha512, const std::string& size) {
  return R"({"v":1,"sha512":")" + sha512 + R"(","size":)" + size +
         R"(,"time":"2026-03-31T00:00:00.000Z","manifest":{}})";
}

}  // namespace

TEST_CASE("a damaged package or version is an error, not a package without a tag or of no size") {
  const std::string package = package_record(R"({"latest":"1.0.0"})", "3"),
                    version = version_record(digest, "7");
  CHECK(kind_of_catalog(package, version) == ErrorKind::invalid);  // it is read
  for (const std::string& damaged :
       {std::string("{}"), package_record(R"({"latest":1})", "3"), package_record("[]", "3"),
        package_record("{}", "-1"), package_record("{}", "null"), package_record("{}", "\"3\"")}) {
    CAPTURE(damaged);
    CHECK(kind_of_catalog(damaged, version) == ErrorKind::corrupt);
  }
  for (const std::string& damaged : {std::string("{}"), version_record("aa", "7"),
                                     version_record(digest, "-7"), version_record(digest, "1.5")}) {
    CAPTURE(damaged);
    CHECK(kind_of_catalog(package, damaged) == ErrorKind::corrupt);
  }
}

TEST_CASE("a damaged record of an earlier release is an error, not a release without findings") {
  Facts facts;
  facts.name = "lib";
  facts.version = "1.0.0";
  const auto kind = [&](const json::object& members) {
    json::object record{{"v", 1},
                        {"origin", "gate"},
                        {"facts", to_json(facts)},
                        {"findings", json::object{{"sha256-a", "warn"}}}};
    for (const auto& [key, value] : members) record[key] = value;
    MemoryMetaStore store;
    MemoryBlobStore blobs;
    MetaBatch batch;
    batch.put(Family::facts, std::string("lib\0", 4) + "1.0.0", json::serialize(record));
    REQUIRE(store.write(batch, Durability::synced).has_value());
    const auto read = ReleaseHistory(store, blobs, nullptr).before(lib, "1.0.1", nullptr, nullptr);
    return read ? ErrorKind::invalid : read.error().kind;
  };
  CHECK(kind({}) == ErrorKind::invalid);  // it is read
  CHECK(kind({{"v", 2}}) == ErrorKind::corrupt);
  CHECK(kind({{"origin", "elsewhere"}}) == ErrorKind::corrupt);
  CHECK(kind({{"origin", nullptr}}) == ErrorKind::corrupt);
  CHECK(kind({{"findings", nullptr}}) == ErrorKind::corrupt);
  CHECK(kind({{"findings", {{"sha256-a", "nothing"}}}}) == ErrorKind::corrupt);
  CHECK(kind({{"findings", {{"sha256-a", 1}}}}) == ErrorKind::corrupt);
}

TEST_CASE("a damaged publish document is an error, whichever member is hurt") {
  PublishDocument document;
  document.name = "lib";
  document.version = "1.0.0";
  document.tarball_key = "lib-1.0.0.tgz";
  document.tarball_bytes = 7;
  document.provenance = ProvenanceAttachment{"lib.sigstore", "application/json", "e30=", 2};
  const json::object good = to_json(document);
  REQUIRE(publish_document_from_json(good).has_value());
  for (const auto& [key, value] : good) {
    CAPTURE(std::string(key));
    json::object damaged = good;
    damaged[key] = json::array{1};
    const auto read = publish_document_from_json(damaged);
    REQUIRE(read.has_error());
    CHECK(read.error().kind == ErrorKind::corrupt);
  }
}

}  // namespace sallyport
