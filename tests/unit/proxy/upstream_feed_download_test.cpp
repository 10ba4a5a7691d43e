// A feed behind a URL: what a server may answer, and what counts afterwards.

#include "proxy/upstream/feed_download.hpp"

#include <doctest/doctest.h>

#include "proxy/handlers/own_advisories.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_blob_store.hpp"
#include "tests/support/memory_meta_store.hpp"
#include "tests/support/scripted_upstream.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/tar_builder.hpp"
#include "tests/support/zip_builder.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

constexpr Millis hour{3'600'000};

std::string osv(std::string_view id, std::string_view name) {
  return R"({"id":")" + std::string(id) + R"(","affected":[{"package":{"ecosystem":"npm","name":")" +
         std::string(name) + "\"}}]}";
}
std::string feed_of(std::string_view name) {
  return ZipBuilder().file("MAL-1.json", osv("MAL-1", name)).zip();
}

// A server whose next answers a test says, and what is fetched from it.
struct House {
  std::mutex mutex;
  std::string answer;  // to everything
  ScriptedUpstream server{answering([this](const SeenRequest&) {
    const std::lock_guard lock(mutex);
    return answer;
  })};
  ManualClock clock;
  MemoryMetaStore store;
  MemoryBlobStore blobs;
  SeededRandom random{7};
  HttpClient client;
  FeedOptions options{.name = "malware_feed", .url = server.url() + "/all.zip", .ca_file = {}, .limits = {}};
  std::unique_ptr<MalwareFeed> feed;
  std::unique_ptr<FeedDownload> download;

  House() { restart(); }
  void restart() {
    download.reset();
    feed = MalwareFeed::handed_in({}, 3 * hour, clock);
    download = std::make_unique<FeedDownload>(client, options, *feed, store, blobs, clock, random);
    download->load();
  }
  void say(std::string text) {
    const std::lock_guard lock(mutex);
    answer = std::move(text);
  }
  // The next time that it is due.
  void fetch() {
    clock.advance(hour * 11 / 10);
    download->fetch_if_due();
  }
  bool knows(std::string_view name) const { return !feed->about(name).empty(); }
  std::size_t copies() {
    std::size_t n = 0;
    (void)blobs.walk([&](const BlobInfo&) { return ++n; });
    return n;
  }
};

}  // namespace

TEST_CASE("a feed is fetched, asked for by its ETag, and changed as a whole") {
  House house;
  CHECK(house.feed->state().starts_with("unavailable"));
  house.say(
      response(200, feed_of("evil"), "ETag: \"one\"\r\nLast-Modified: Tue, 31 Mar 2026 04:00:00 GMT\r\n"));
  house.download->fetch_if_due();
  CHECK(house.feed->state().starts_with("sha512-"));
  CHECK(house.knows("evil"));
  const auto generation = house.feed->generation();

  house.say(response(304, "", "ETag: \"one\"\r\n"));
  house.fetch();
  auto seen = house.server.requests();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].header("if-none-match").empty());
  CHECK(seen[1].header("if-none-match") == "\"one\"");
  CHECK(house.feed->generation() == generation);
  CHECK(house.feed->status().as_of == house.clock.now());

  house.say(response(200, feed_of("worse"), "Last-Modified: Tue, 31 Mar 2026 05:00:00 GMT\r\n"));
  house.fetch();
  CHECK(house.knows("worse"));
  CHECK_FALSE(house.knows("evil"));
  CHECK(house.feed->generation() > generation);
  CHECK(house.copies() == 1);
  house.say(response(304, ""));
  house.fetch();
  seen = house.server.requests();
  CHECK(seen[3].header("if-modified-since") == "Tue, 31 Mar 2026 05:00:00 GMT");
  CHECK(house.download->failures() == 0);
}

TEST_CASE("a feed is asked for once an interval, give or take a tenth, and soon after a failure") {
  House house;
  house.say(response(200, feed_of("evil")));
  house.download->fetch_if_due();
  const auto asked = [&](Millis after) {
    house.clock.advance(after);
    const auto before = house.server.requests().size();
    house.download->fetch_if_due();
    return house.server.requests().size() > before;
  };
  CHECK_FALSE(asked(hour * 9 / 10 - Millis(1)));
  CHECK(asked(hour * 2 / 10 + Millis(1)));
  house.say(response(500, "oops"));
  CHECK(asked(hour * 11 / 10));
  CHECK_FALSE(asked(Millis(4'000)));
  CHECK(asked(Millis(2'000)));
  CHECK_FALSE(asked(Millis(8'000)));
  CHECK(asked(Millis(4'000)));
  for (int i = 0; i < 20; ++i) CHECK(asked(hour * 11 / 10));  // never later than that
  house.clock.set(house.clock.now() - 48 * hour);             // a clock that was wrong
  house.say(response(200, feed_of("evil")));
  CHECK(asked(Millis(0)));
}

TEST_CASE("whatever a server sends in place of a feed, what was known before goes on") {
  House house;
  house.options.bytes_max = 1u << 20;
  house.options.limits.unpacked_bytes_max = 1u << 20;
  house.restart();
  SUBCASE("after a good one") {
    house.say(response(200, feed_of("evil"), "ETag: \"one\"\r\n"));
    house.download->fetch_if_due();
    CHECK(house.knows("evil"));
  }
  SUBCASE("from the beginning") {}
  const std::string state = house.feed->state();
  const bool knew = house.knows("evil");
  const std::string zip = feed_of("worse");
  const std::vector<std::string> bad{response(500, "oops"),
                                     response(404, feed_of("worse")),
                                     response(302, "", "Location: http://127.0.0.1:1/elsewhere\r\n"),
                                     response(200, ""),
                                     response(200, "<html>maintenance</html>"),
                                     response(200, zip.substr(0, zip.size() / 2)),
                                     "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(zip.size() + 1) +
                                         "\r\nConnection: close\r\n\r\n" + zip,
                                     response(200, std::string(2u << 20, ' ') + osv("MAL-1", "worse")),
                                     response(200, gzip(std::string(2u << 20, ' ') + osv("MAL-1", "worse"))),
                                     response(200, ZipBuilder().file("a.json", "[]").zip()),
                                     "nothing like HTTP\r\n\r\n"};
  for (const std::string& answer : bad) {
    house.say(answer);
    const auto failures = house.download->failures();
    house.fetch();
    CHECK_MESSAGE(house.download->failures() == failures + 1, answer.substr(0, 60));
    CHECK_FALSE(house.knows("worse"));
    CHECK(house.knows("evil") == knew);
    CHECK(house.copies() == (knew ? 1 : 0));
  }
  CHECK(house.feed->status().known == knew);
  if (knew) CHECK(house.feed->state().starts_with("stale: "));
  if (!knew) CHECK(house.feed->state() == state);
  house.say(response(200, zip));
  house.fetch();
  CHECK(house.knows("worse"));
  CHECK(house.feed->state().starts_with("sha512-"));
}

TEST_CASE("a 304 that was not asked for confirms nothing") {
  House house;
  house.say(response(304, ""));
  house.fetch();
  CHECK(house.download->failures() == 1);
  CHECK(house.feed->state().starts_with("unavailable"));
}

TEST_CASE("what was kept counts after a restart, without asking anybody, and only if it is the same feed") {
  House house;
  house.say(response(200, feed_of("evil"), "ETag: \"one\"\r\n"));
  house.download->fetch_if_due();
  const Instant as_of = house.clock.now();
  house.clock.advance(hour / 2);
  const auto asked = house.server.requests().size();
  house.restart();
  CHECK(house.knows("evil"));
  CHECK(house.feed->status().as_of == as_of);
  house.download->fetch_if_due();
  CHECK(house.server.requests().size() == asked);  // not due
  house.say(response(500, ""));
  house.clock.advance(4 * hour);
  house.restart();
  house.fetch();
  CHECK(house.knows("evil"));
  CHECK(house.feed->state().starts_with("stale"));
  CHECK(house.server.requests().back().header("if-none-match") == "\"one\"");

  SUBCASE("another URL") {
    house.options.url = house.server.url() + "/other.zip";
    house.restart();
    CHECK_FALSE(house.knows("evil"));
    CHECK(house.copies() == 0);
  }
  SUBCASE("other bytes on the disk") {
    std::vector<Sha512> all;
    (void)house.blobs.walk([&](const BlobInfo& blob) { return all.push_back(blob.digest), true; });
    REQUIRE(all.size() == 1);
    house.blobs.replace(all[0], feed_of("forged"));
    house.restart();
    CHECK_FALSE(house.knows("forged"));
  }
  SUBCASE("no bytes on the disk") {
    std::vector<Sha512> all;
    (void)house.blobs.walk([&](const BlobInfo& blob) { return all.push_back(blob.digest), true; });
    (void)house.blobs.remove(all[0]);
    house.restart();
  }
  SUBCASE("a damaged record") {
    MetaBatch batch;
    batch.put(Family::system, "feed malware_feed", "{}");
    (void)house.store.write(batch, Durability::synced);
    house.restart();
  }
  CHECK_FALSE(house.knows("evil"));
  CHECK(house.feed->state().starts_with("unavailable"));
  house.say(response(200, feed_of("evil")));
  house.download->fetch_if_due();
  CHECK(house.server.requests().back().header("if-none-match").empty());
  CHECK(house.knows("evil"));
}

TEST_CASE("a server that never ends is let go at its limit") {
  House house;
  house.options.bytes_max = 1u << 20;
  house.restart();
  house.server.next([](ScriptedUpstream::Connection& connection) {
    (void)connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string piece = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
    while (connection.send(piece)) {
    }
  });
  house.fetch();
  CHECK(house.download->failures() == 1);
  CHECK(house.copies() == 0);
}

TEST_CASE("the base score of a CVSS vector") {
  // From the examples that FIRST gives with the specification.
  CHECK(cvss3_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N") == 6.1);
  CHECK(cvss3_score("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N") == 6.4);
  CHECK(cvss3_score("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") == 9.8);
  CHECK(cvss3_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H") == 7.5);
  CHECK(cvss3_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H") == 10.0);
  CHECK(cvss3_score("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N") == 0);
  for (const char* none : {"", "CVSS:3.1", "CVSS:4.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                           "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"})
    CHECK(cvss3_score(none) == 0);
}
