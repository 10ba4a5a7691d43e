#pragma once
// What every MetaStore promises. Call it in a test case, with a new, empty store.

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "storage/meta_store.hpp"

namespace sallyport {

inline std::vector<std::string> keys_of(MetaStore& store, Family family, std::string_view prefix = {},
                                        std::string_view from = {}, bool reverse = false,
                                        std::size_t count_max = 1000) {
  std::vector<std::string> keys;
  const auto scanned = store.scan(family, prefix, from, reverse, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return keys.size() < count_max;
  });
  REQUIRE(scanned.has_value());
  return keys;
}

inline void put(MetaStore& store, Family family, std::string key, std::string value) {
  MetaBatch batch;
  batch.put(family, std::move(key), std::move(value));
  REQUIRE(store.write(batch, Durability::synced).has_value());
}

inline void meta_store_suite(MetaStore& store) {
  using Keys = std::vector<std::string>;

  SUBCASE("what was written is read, byte for byte") {
    const std::string key("k\0\xFF\n", 4);
    const std::string value("\0v\xFF", 3);
    put(store, Family::users, key, value);
    CHECK(store.get(Family::users, key).value() == value);
    put(store, Family::users, key, "");
    CHECK(store.get(Family::users, key).value() == "");
    put(store, Family::users, "large", std::string(5'000'000, 'x'));
    CHECK(store.get(Family::users, "large").value()->size() == 5'000'000);
  }

  SUBCASE("what was not written is absent, and no error") {
    CHECK_FALSE(store.get(Family::users, "none").value());
    CHECK(keys_of(store, Family::users).empty());
    CHECK(keys_of(store, Family::users, "p", "", true).empty());
  }

  SUBCASE("families do not see each other's keys") {
    for (std::size_t i = 1; i < family_count; ++i) put(store, static_cast<Family>(i), "k", std::to_string(i));
    for (std::size_t i = 1; i < family_count; ++i) {
      CHECK(store.get(static_cast<Family>(i), "k").value() == std::to_string(i));
      CHECK(keys_of(store, static_cast<Family>(i)) == Keys{"k"});
    }
  }

  SUBCASE("a batch spans families, and its later entries win") {
    put(store, Family::stages, "gone", "1");
    MetaBatch batch;
    batch.put(Family::users, "a", "1");
    batch.put(Family::tokens, "b", "2");
    batch.remove(Family::stages, "gone");
    batch.remove(Family::stages, "never-was");
    batch.put(Family::users, "twice", "first");
    batch.put(Family::users, "twice", "second");
    batch.put(Family::users, "put-removed", "x");
    batch.remove(Family::users, "put-removed");
    REQUIRE(store.write(batch, Durability::synced).has_value());
    CHECK(store.get(Family::users, "a").value() == "1");
    CHECK(store.get(Family::tokens, "b").value() == "2");
    CHECK_FALSE(store.get(Family::stages, "gone").value());
    CHECK(store.get(Family::users, "twice").value() == "second");
    CHECK_FALSE(store.get(Family::users, "put-removed").value());
    CHECK(store.write(MetaBatch(), Durability::synced).has_value());
  }

  SUBCASE("a relaxed write is seen at once") {
    MetaBatch batch;
    batch.put(Family::upstream, "k", "v");
    REQUIRE(store.write(batch, Durability::relaxed).has_value());
    CHECK(store.get(Family::upstream, "k").value() == "v");
  }

  SUBCASE("a scan goes in byte order, either way, within its bounds") {
    for (const char* key : {"a", "b", "b/1", "b/2", "b/3", "b0", "c", "\xFF", "\xFF\xFF", "\xFF\xFFz"}) {
      put(store, Family::versions, key, "v");
    }
    CHECK(keys_of(store, Family::versions) ==
          Keys{"a", "b", "b/1", "b/2", "b/3", "b0", "c", "\xFF", "\xFF\xFF", "\xFF\xFFz"});
    CHECK(keys_of(store, Family::versions, "b/") == Keys{"b/1", "b/2", "b/3"});
    CHECK(keys_of(store, Family::versions, "b/", "b/2") == Keys{"b/2", "b/3"});
    CHECK(keys_of(store, Family::versions, "b/", "b/2x") == Keys{"b/3"});
    CHECK(keys_of(store, Family::versions, "b/", "a") == Keys{"b/1", "b/2", "b/3"});
    CHECK(keys_of(store, Family::versions, "b/", "c").empty());
    CHECK(keys_of(store, Family::versions, "", "c") == Keys{"c", "\xFF", "\xFF\xFF", "\xFF\xFFz"});
    CHECK(keys_of(store, Family::versions, "z").empty());

    CHECK(keys_of(store, Family::versions, "", "", true) ==
          Keys{"\xFF\xFFz", "\xFF\xFF", "\xFF", "c", "b0", "b/3", "b/2", "b/1", "b", "a"});
    CHECK(keys_of(store, Family::versions, "b/", "", true) == Keys{"b/3", "b/2", "b/1"});
    CHECK(keys_of(store, Family::versions, "b/", "b/3", true) == Keys{"b/2", "b/1"});
    CHECK(keys_of(store, Family::versions, "b/", "b/2x", true) == Keys{"b/2", "b/1"});
    CHECK(keys_of(store, Family::versions, "b/", "zzz", true) == Keys{"b/3", "b/2", "b/1"});
    CHECK(keys_of(store, Family::versions, "b/", "b/1", true).empty());
    CHECK(keys_of(store, Family::versions, "b/", "a", true).empty());
    CHECK(keys_of(store, Family::versions, "\xFF", "", true) == Keys{"\xFF\xFFz", "\xFF\xFF", "\xFF"});
    CHECK(keys_of(store, Family::versions, "\xFF\xFF", "", true) == Keys{"\xFF\xFFz", "\xFF\xFF"});

    CHECK(keys_of(store, Family::versions, "", "", false, 2) == Keys{"a", "b"});
    CHECK(keys_of(store, Family::versions, "", "", true, 1) == Keys{"\xFF\xFFz"});
  }

  SUBCASE("a scan sees one moment, and its visitor may use the store") {
    for (const char* key : {"a", "b", "c"}) put(store, Family::users, key, "old");
    Keys seen;
    const auto scanned =
        store.scan(Family::users, "", "", false, [&](std::string_view key, std::string_view value) {
          CHECK(value == "old");
          CHECK(store.get(Family::users, key).value());
          put(store, Family::users, "c", "new");
          put(store, Family::users, "d", "new");
          seen.emplace_back(key);
          return true;
        });
    REQUIRE(scanned.has_value());
    CHECK(seen == Keys{"a", "b", "c"});
    CHECK(keys_of(store, Family::users) == Keys{"a", "b", "c", "d"});
  }

  SUBCASE("threads write at once, and a reader sees whole batches only") {
    constexpr int threads = 4;
    constexpr int rounds = 50;
    std::vector<std::thread> writers;
    for (int t = 0; t < threads; ++t) {
      writers.emplace_back([&store, t] {
        for (int i = 0; i < rounds; ++i) {
          MetaBatch batch;
          const std::string value = std::to_string(t) + '.' + std::to_string(i);
          batch.put(Family::facts, "left", value);
          batch.put(Family::facts, "right", value);
          batch.put(Family::facts, value, "");
          CHECK(store.write(batch, Durability::relaxed).has_value());
        }
      });
    }
    for (int i = 0; i < rounds; ++i) {
      std::string left;
      std::string right;
      const auto scanned =
          store.scan(Family::facts, "", "l", false, [&](std::string_view key, std::string_view value) {
            if (key == "left") left = value;
            if (key == "right") right = value;
            return true;
          });
      CHECK(scanned.has_value());
      CHECK(left == right);
    }
    for (auto& writer : writers) writer.join();
    CHECK(keys_of(store, Family::facts).size() == threads * rounds + 2);
  }
}

}  // namespace sallyport
