// A feed as one file: every form in which feeds are published, and what a server may send in its place.

#include "gate/feed_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/tar_builder.hpp"
#include "tests/support/zip_builder.hpp"

namespace sallyport {
namespace {

std::string osv(std::string_view id, std::string_view name, std::string_view ecosystem = "npm") {
  return R"({"id":")" + std::string(id) +
         R"(","summary":"a \"brace\" } in text","affected":[{"package":{"ecosystem":")" +
         std::string(ecosystem) + R"(","name":")" + std::string(name) + R"("}}]})";
}

Result<FeedContents> read(const std::string& bytes, const FeedLimits& limits = {}) {
  const FileBytes file{bytes.size(), [&bytes](std::uint64_t offset, std::span<std::uint8_t> out) {
                         const std::size_t n = offset < bytes.size()
                                                   ? std::min<std::size_t>(out.size(), bytes.size() - offset)
                                                   : 0;
                         std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
                         return Result<std::size_t>(n);
                       }};
  return read_feed_file(file, limits);
}

std::string zip_of(const std::vector<std::pair<std::string, std::string>>& files) {
  ZipBuilder zip;
  for (const auto& [name, text] : files) zip.file(name, text);
  return zip.zip();
}

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  TarBuilder tar;
  for (const auto& [name, text] : files) tar.file(name, text);
  return tar.tar();
}

const std::vector<std::pair<std::string, std::string>> files{
    {"npm/MAL-1.json", osv("MAL-1", "evil")},
    {"npm/MAL-2.json", osv("MAL-2", "Worse")},
    {"pypi/MAL-3.json", osv("MAL-3", "other", "PyPI")},
    {"README.md", "not an advisory"}};

void check_whole(const Result<FeedContents>& feed) {
  REQUIRE_MESSAGE(feed.has_value(), (feed ? "" : feed.error().message));
  CHECK(feed->documents == 3);
  CHECK(feed->advisories == 2);
  CHECK(feed->damaged == 0);
  CHECK(feed->by_name.at("evil").at(0).id == "MAL-1");
  CHECK(feed->by_name.contains("worse"));
  CHECK_FALSE(feed->by_name.contains("other"));
}

}  // namespace

TEST_CASE("a feed is read whole in each form in which feeds are published") {
  const std::string one = files[0].second, two = files[1].second, three = files[2].second;
  check_whole(read(zip_of(files)));
  check_whole(read(gzip(tar_of(files))));
  check_whole(read(one + "\n" + two + "\r\n" + three + "\n"));
  check_whole(read(gzip(one + "\n" + two + "\n" + three)));
  check_whole(read("[" + one + ", " + two + ",\n" + three + "]"));
  const auto single = read(one);
  REQUIRE(single.has_value());
  CHECK(single->advisories == 1);
}

TEST_CASE("what is no feed, or not the whole of one, is refused") {
  const std::string zip = zip_of(files), tar = gzip(tar_of(files)), lines = files[0].second + files[1].second;
  std::vector<std::string> bad{"",
                               "\n",
                               "<html>not found</html>",
                               "null",
                               "[]",
                               "[1]",
                               R"("text")",
                               "PK",
                               "\x1f\x8b",
                               "PK\x03\x04 and then nothing like it",
                               tar_of(files),
                               zip_of({{"README.md", "text"}}),
                               zip_of({{"a.json", osv("M", "x", "PyPI")}})};
  for (const std::string& whole : {zip, tar, gzip(lines), lines})
    for (const std::size_t part : {whole.size() / 4, whole.size() / 2, whole.size() - 1})
      if (part != files[0].second.size()) bad.push_back(whole.substr(0, part));
  for (const std::string& text : bad) {
    const auto feed = read(text);
    CHECK_MESSAGE(feed.has_error(), text.substr(0, 60));
    if (feed.has_error()) CHECK(feed.error().kind == ErrorKind::invalid);
  }
}

TEST_CASE("one document in a hundred may be no advisory, and is named; not more") {
  auto many = files;
  for (int i = 0; i < 200; ++i) many.emplace_back("ok-" + std::to_string(i) + ".json", osv("MAL-9", "x"));
  many.emplace_back("npm/MAL-77.json", "{\"id\":");
  const auto feed = read(zip_of(many));
  REQUIRE(feed.has_value());
  CHECK(feed->damaged == 1);
  CHECK(feed->damaged_ids == std::set<std::string>{"MAL-77"});
  CHECK(feed->first_damage.find("npm/MAL-77.json") != std::string::npos);
  for (int i = 0; i < 3; ++i) many.emplace_back("bad-" + std::to_string(i) + ".json", "[]");
  CHECK(read(zip_of(many)).error().message.find("no advisories") != std::string::npos);
}

TEST_CASE("a document of more than 4 MiB is damage, in whatever form it comes") {
  const std::string large = R"({"id":"M","summary":")" + std::string(5u << 20, 'x') + R"("})";
  CHECK(read(zip_of({{"a.json", large}, {"b.json", osv("M", "x")}})).error().kind == ErrorKind::invalid);
  CHECK(read(large + osv("M", "x")).error().kind == ErrorKind::invalid);
}

TEST_CASE("a bomb is given up as soon as it is one") {
  const std::string blanks(8u << 20, ' ');
  FeedLimits limits;
  limits.unpacked_bytes_max = 1u << 20;
  for (const std::string& bomb : {gzip(blanks), gzip(tar_of({{"a.json", blanks}})),
                                  zip_of({{"a.txt", blanks}}), zip_of({{"a.json", blanks}})}) {
    CHECK(bomb.size() < 100'000);
    CHECK(read(bomb, limits).error().kind == ErrorKind::too_large);
  }
  CHECK(read(blanks + osv("M", "x")).has_value());  // within the limits that are in force

  limits = {};
  limits.documents_max = 2;
  for (const std::string& many :
       {zip_of(files), gzip(tar_of(files)), files[0].second + files[1].second + files[2].second})
    CHECK(read(many, limits).error().kind == ErrorKind::too_large);

  limits = {};
  limits.memory_bytes_max = 10'000;
  std::string versions = R"("1.0.0")";
  for (int i = 0; i < 1'000; ++i) versions += ",\"1.0." + std::to_string(i) + "\"";
  const std::string heavy =
      R"({"id":"M","affected":[{"package":{"ecosystem":"npm","name":"x"},"versions":[)" + versions + "]}]}";
  CHECK(read(heavy).has_value());
  CHECK(read(heavy, limits).error().kind == ErrorKind::too_large);
}

TEST_CASE("an advisory says what an audit tells of it") {
  const auto one = [](std::string_view rest, std::string_view affected) {
    return parse_osv(R"({"id":"GHSA-1")" + std::string(rest) +
                     R"(,"affected":[{"package":{"ecosystem":"npm","name":"x"})" + std::string(affected) +
                     "}]}")
        .value()
        .at(0)
        .second;
  };
  const Advisory told = one(
      R"(,"summary":"it leaks","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}],"database_specific":{"severity":"MODERATE","cwe_ids":["CWE-79"]})",
      R"(,"versions":["3.0.0","odd one"],"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"},{"introduced":"2.0.0"},{"last_affected":"2.1.0"},{"introduced":"4.0.0"}]}])");
  CHECK(told.vulnerable_versions() == "<1.2.0 || >=2.0.0 <=2.1.0 || >=4.0.0 || 3.0.0");
  CHECK(Range::parse(told.vulnerable_versions()).has_value());
  CHECK(told.severity == "moderate");
  CHECK(told.cvss == "CVSS:3.1/AV:N");
  CHECK(told.weaknesses == std::vector<std::string>{"CWE-79"});
  CHECK(one("", "").vulnerable_versions() == "*");
  CHECK(one("", "").severity == "high");
  CHECK(one(R"(,"database_specific":{"severity":"dreadful"})", "").severity == "high");
  const Advisory malware = parse_osv(osv("MAL-1", "x")).value().at(0).second;
  CHECK(malware.severity == "critical");
  CHECK(malware.weaknesses == std::vector<std::string>{"CWE-506"});
}

}  // namespace sallyport
