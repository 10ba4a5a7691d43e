#include "gate/own_signatures.hpp"

#include <doctest/doctest.h>

#include "storage/base/base64.hpp"
#include "tests/support/memory_meta_store.hpp"

using namespace sallyport;

namespace {

LocalPackage package_with(std::string_view content) {
  LocalPackage package{"@acme/lib", {}, {}, {}, 1, {}};
  LocalVersion version;
  version.version = "1.0.0";
  version.manifest = {{"dist", {{"shasum", "x"}, {"signatures", {"forged"}}}}};
  version.sha512 = sha512(as_bytes(content));
  package.versions.push_back(std::move(version));
  return package;
}
std::string signed_text(OwnSignatures& signatures, LocalPackage package) {
  REQUIRE(signatures.sign(package).has_value());
  return json::serialize(package.versions.front().manifest);
}

}  // namespace

TEST_CASE("a version is signed once, over its name, number and bytes, with a key that lasts") {
  MemoryMetaStore store;
  auto first = OwnSignatures::open(store).value();
  const std::string text = signed_text(*first, package_with("a"));
  CHECK(text.find(first->key().id()) != std::string::npos);
  CHECK(text.find("forged") == std::string::npos);
  CHECK(text.find("\"shasum\":\"x\"") != std::string::npos);
  CHECK(signed_text(*first, package_with("a")) == text);
  auto again = OwnSignatures::open(store).value();
  CHECK(again->key().id() == first->key().id());
  CHECK(signed_text(*again, package_with("a")) == text);
  // Other bytes under the same name never get the signature of the first.
  CHECK(signed_text(*again, package_with("b")) != text);
  MemoryMetaStore elsewhere;
  CHECK(OwnSignatures::open(elsewhere).value()->key().id() != first->key().id());
}

TEST_CASE("a key that cannot be read is not replaced by a new one") {
  MemoryMetaStore store;
  for (const char* record :
       {"", "{}", R"({"v":1})", R"({"v":1,"pkcs8":"AAAA"})", R"({"v":2,"pkcs8":"AAAA"})"}) {
    MetaBatch batch;
    batch.put(Family::system, "signing_key", record);
    REQUIRE(store.write(batch, Durability::synced).has_value());
    const auto opened = OwnSignatures::open(store);
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().kind == ErrorKind::corrupt);
  }
}
