#pragma once
// What every BlobStore promises. Call it in a test case, with a new, empty store.

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "storage/blob_store.hpp"

namespace sallyport {

inline std::string read_all(BlobStore& store, const Sha512& digest) {
  const auto blob = store.open(digest);
  REQUIRE(blob.has_value());
  std::string bytes((*blob)->size() + 1, '\0');
  const auto n = (*blob)->read(0, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  REQUIRE(n.has_value());
  bytes.resize(*n);
  CHECK(bytes.size() == (*blob)->size());
  return bytes;
}

inline Sha512 put_blob(BlobStore& store, std::string_view bytes) {
  const Sha512 digest = sha512(as_bytes(bytes));
  auto staged = store.begin();
  REQUIRE(staged.has_value());
  REQUIRE((*staged)->append(as_bytes(bytes)).has_value());
  REQUIRE((*staged)->commit(digest).has_value());
  return digest;
}

inline std::size_t blob_count(BlobStore& store) {
  std::size_t count = 0;
  REQUIRE(store.walk([&](const BlobInfo&) { return ++count > 0; }).has_value());
  return count;
}

inline void blob_store_suite(BlobStore& store) {
  SUBCASE("what was committed is read under its digest") {
    std::string bytes;
    for (int i = 0; i < 300'000; ++i) bytes.push_back(static_cast<char>(i * 31));
    CHECK(read_all(store, put_blob(store, bytes)) == bytes);
    CHECK(read_all(store, put_blob(store, "")).empty());
    CHECK(blob_count(store) == 2);
  }

  SUBCASE("a blob is read from any place") {
    const auto blob = store.open(put_blob(store, "0123456789")).value();
    std::array<std::uint8_t, 4> part{};
    CHECK(blob->read(3, part).value() == 4);
    CHECK(as_text(part) == "3456");
    CHECK(blob->read(8, part).value() == 2);
    CHECK(as_text(Bytes(part).first(2)) == "89");
    CHECK(blob->read(10, part).value() == 0);
    CHECK(blob->read(1000, part).value() == 0);
  }

  SUBCASE("what is being written can be read, and is not there yet") {
    auto staged = store.begin().value();
    REQUIRE(staged->append(as_bytes("abc")).has_value());
    REQUIRE(staged->append({}).has_value());
    REQUIRE(staged->append(as_bytes("def")).has_value());
    CHECK(staged->size() == 6);
    std::array<std::uint8_t, 8> part{};
    CHECK(staged->read(2, part).value() == 4);
    CHECK(as_text(Bytes(part).first(4)) == "cdef");
    CHECK(staged->read(6, part).value() == 0);
    CHECK(staged->read(60, part).value() == 0);
    const Sha512 digest = sha512(as_bytes("abcdef"));
    CHECK(store.open(digest).error().kind == ErrorKind::not_found);
    CHECK(blob_count(store) == 0);
    REQUIRE(staged->commit(digest).has_value());
    CHECK(staged->read(0, part).value() == 6);
    CHECK(read_all(store, digest) == "abcdef");
  }

  SUBCASE("without a commit nothing stays") {
    const Sha512 digest = sha512(as_bytes("abc"));
    {
      auto staged = store.begin().value();
      REQUIRE(staged->append(as_bytes("abc")).has_value());
    }
    CHECK(store.open(digest).has_error());
    CHECK(blob_count(store) == 0);
  }

  SUBCASE("a digest that is not that of the bytes is refused") {
    const Sha512 other = sha512(as_bytes("abd"));
    auto staged = store.begin().value();
    REQUIRE(staged->append(as_bytes("abc")).has_value());
    CHECK(staged->commit(other).error().kind == ErrorKind::corrupt);
    CHECK(store.open(other).error().kind == ErrorKind::not_found);
    // And there is no second try with what was refused.
    CHECK(staged->commit(sha512(as_bytes("abc"))).has_error());
    CHECK(blob_count(store) == 0);
  }

  SUBCASE("the digest of what was appended ends it") {
    const auto staged = store.begin().value();
    REQUIRE(staged->append(as_bytes("ab")).has_value());
    REQUIRE(staged->append(as_bytes("c")).has_value());
    CHECK(staged->digest() == sha512(as_bytes("abc")));
    CHECK(staged->append(as_bytes("d")).has_error());
    CHECK(staged->digest() == sha512(as_bytes("abc")));
    REQUIRE(staged->commit(staged->digest()).has_value());
    CHECK(read_all(store, sha512(as_bytes("abc"))) == "abc");
  }

  SUBCASE("a blob is committed once, and takes nothing after") {
    auto staged = store.begin().value();
    REQUIRE(staged->append(as_bytes("abc")).has_value());
    const Sha512 digest = sha512(as_bytes("abc"));
    REQUIRE(staged->commit(digest).has_value());
    CHECK(staged->commit(digest).has_error());
    CHECK(staged->append(as_bytes("d")).has_error());
    staged.reset();
    CHECK(read_all(store, digest) == "abc");
  }

  SUBCASE("the same bytes are kept once") {
    const Sha512 digest = put_blob(store, "same");
    CHECK(put_blob(store, "same") == digest);
    CHECK(blob_count(store) == 1);
    CHECK(read_all(store, digest) == "same");
  }

  SUBCASE("what is removed is gone, but not under those who read it") {
    const Sha512 digest = put_blob(store, "abc");
    const auto open = store.open(digest).value();
    REQUIRE(store.remove(digest).has_value());
    CHECK(store.open(digest).error().kind == ErrorKind::not_found);
    CHECK(store.remove(digest).has_value());
    std::array<std::uint8_t, 3> bytes{};
    CHECK(open->read(0, bytes).value() == 3);
    CHECK(as_text(bytes) == "abc");
    CHECK(read_all(store, put_blob(store, "abc")) == "abc");
  }

  SUBCASE("a walk visits every blob once, until it is told to stop") {
    std::vector<Sha512> digests;
    for (int i = 0; i < 40; ++i)
      digests.push_back(put_blob(store, std::string(static_cast<std::size_t>(i), 'x')));
    std::vector<Sha512> seen;
    REQUIRE(store
                .walk([&](const BlobInfo& info) {
                  CHECK(info.digest == sha512(as_bytes(std::string(info.size, 'x'))));
                  seen.push_back(info.digest);
                  return true;
                })
                .has_value());
    std::sort(digests.begin(), digests.end());
    std::sort(seen.begin(), seen.end());
    CHECK(seen == digests);
    int visits = 0;
    REQUIRE(store.walk([&](const BlobInfo&) { return ++visits < 3; }).has_value());
    CHECK(visits == 3);
  }

  SUBCASE("what is touched is not older for it, and what is absent stays so") {
    const Sha512 digest = put_blob(store, "abc");
    const auto modified = [&] {
      Instant at;
      REQUIRE(store.walk([&](const BlobInfo& info) { return at = info.modified, true; }).has_value());
      return at;
    };
    const Instant before = modified();
    REQUIRE(store.touch(digest).has_value());
    CHECK(modified() >= before);
    CHECK(store.touch(sha512(as_bytes("absent"))).has_value());
    CHECK(blob_count(store) == 1);
    CHECK(read_all(store, digest) == "abc");
  }

  SUBCASE("what is older than a moment is removed, and nothing else") {
    const Sha512 digest = put_blob(store, "abc");
    Instant at;
    REQUIRE(store.walk([&](const BlobInfo& info) { return at = info.modified, true; }).has_value());
    CHECK(store.remove_older(digest, at).value() == false);
    CHECK(read_all(store, digest) == "abc");
    CHECK(store.remove_older(digest, at + Millis(1)).value() == true);
    CHECK(store.open(digest).error().kind == ErrorKind::not_found);
    CHECK(store.remove_older(digest, at + Millis(1)).value() == false);
  }

  SUBCASE("many write at once, the same and other bytes") {
    std::vector<std::thread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([&store, t] {
        for (int i = 0; i < 10; ++i) {
          put_blob(store, "shared " + std::to_string(i));
          put_blob(store, std::to_string(t) + " own " + std::to_string(i));
        }
      });
    }
    for (auto& writer : writers) writer.join();
    CHECK(blob_count(store) == 50);
  }
}

}  // namespace sallyport
