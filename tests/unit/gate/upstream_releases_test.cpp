#include "gate/upstream_releases.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

namespace {
bool refused(std::string_view text) {
  const auto parsed = UpstreamReleases::parse(text);
  return !parsed && parsed.error().kind == ErrorKind::upstream;
}
}  // namespace

TEST_CASE("a packument's versions, times and tags are found among everything else") {
  const auto parsed = UpstreamReleases::parse(R"({
    "_id": "lib", "users": {"versions": {"9.9.9": {"dist": {"tarball": "no"}}}},
    "dist": {"tarball": "no"}, "list": [{"versions": {"8.8.8": {}}}, "time"],
    "dist-tags": {"latest": "1.0.0", "odd": 7},
    "versions": {
      "1.0.0": {"name": "lib", "tarball": "no",
                "nested": {"dist": {"tarball": "no", "tarball": "no"}}, "files": [{"dist": {"tarball": "no"}}],
                "dist": {"tarball": "http:\/\/h\/lib-1.0.0.tgz", "integrity": "sha512-AA==", "shasum": "ab",
                         "signatures": [{"tarball": "no"}], "more": {"tarball": "no"}}},
      "1.0.1": null, "1.0.2": {"dist": "text"}, "1.0.3": {"dist": {"tarball": 5}}, "\u0031.1.0": {}},
    "time": {"created": "2020-01-01T00:00:00.000Z", "1.0.0": "2021-01-01T00:00:00.000Z"}
  } )");
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->versions.size() == 5);
  const UpstreamRelease& release = parsed->versions.at("1.0.0");
  CHECK(release.tarball == "http://h/lib-1.0.0.tgz");
  CHECK(release.integrity == "sha512-AA==");
  CHECK(release.shasum == "ab");
  CHECK(parsed->versions.contains("1.0.1"));  // there, whatever it is: the version is taken
  CHECK(parsed->versions.at("1.0.2").tarball.empty());
  CHECK(parsed->versions.at("1.0.3").tarball.empty());
  CHECK(parsed->versions.contains("1.1.0"));
  CHECK(parsed->tags.size() == 1);
  CHECK(parsed->tags.at("latest") == "1.0.0");
  CHECK(parsed->times.at("1.0.0") == "2021-01-01T00:00:00.000Z");
}

TEST_CASE("a packument that readers would take differently is refused") {
  CHECK(UpstreamReleases::parse("{}").has_value());
  CHECK(refused(""));
  CHECK(refused("[]"));
  CHECK(refused("null"));
  CHECK(refused("[{}]"));
  CHECK(refused("{\"versions\":{}"));
  CHECK(refused("{} {}"));
  CHECK(refused("<html>"));
  CHECK(refused(R"({"versions":{"1.0.0":{}},"versions":{}})"));
  CHECK(refused(R"({"versions":{"1.0.0":{},"1.0.0":{}}})"));
  CHECK(refused(R"({"versions":{"1.0.0":{},"1.0.\u0030":{}}})"));
  CHECK(refused(R"({"versions":{"1.0.0":{"dist":{"integrity":"a"},"dist":{"integrity":"b"}}}})"));
  CHECK(refused(R"({"versions":{"1.0.0":{"dist":{"integrity":"a","integrity":"b"}}}})"));
  CHECK(refused(R"({"versions":{"1.0.0":{"dist":{"tarball":"a","tarball":"b"}}}})"));
  CHECK(refused(R"({"versions":{"1.0.0":{"dist":{"shasum":"a","shasum":"b"}}}})"));
  CHECK(refused(R"({"dist-tags":{"latest":"1.0.0","latest":"2.0.0"}})"));
  CHECK(refused(R"({"time":{},"time":{}})"));
  CHECK(refused(R"({"time":{"1.0.0":"a","1.0.0":"b"}})"));
  CHECK(refused(std::string(100, '{')));
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "{\"a\":";
  CHECK(refused(deep));
}

TEST_CASE("who published a version, and how, is taken from its manifest") {
  const auto parsed = UpstreamReleases::parse(R"({"versions": {
    "1.0.0": {"_npmUser": {"name": "GitHub Actions", "trustedPublisher": {"id": "github", "name": "no"}},
              "_npmVersion": "11.19.1", "_nodeVersion": "v24.1.0",
              "dist": {"unpackedSize": 4321, "fileCount": 12,
                       "attestations": {"url": "https://h/-/npm/v1/attestations/lib@1.0.0",
                                        "provenance": {"predicateType": "https://slsa.dev/provenance/v1"}}}},
    "1.0.1": {"_npmUser": {"name": "ann", "email": "a@b.example", "trustedPublisher": null}},
    "1.0.2": {"_npmUser": {"name": "bot"}, "dist": {"attestations": {"url": "/a"}, "unpackedSize": -5}},
    "1.0.3": {"_npmUser": "ann <a@b.example>", "_npmVersion": 7}},
    "time": {"1.0.0": "2026-03-31T04:23:06.123Z", "1.0.1": "yesterday"}})");
  REQUIRE(parsed.has_value());
  const auto& versions = parsed->versions;
  const auto origin = versions.at("1.0.0").origin();
  REQUIRE(origin.has_value());
  CHECK(origin->publisher == "GitHub Actions");
  CHECK(origin->path == "trusted");
  CHECK(origin->attested);
  CHECK(origin->credential.empty());
  CHECK(versions.at("1.0.0").toolchain() ==
        std::map<std::string, std::string>{{"npm", "11"}, {"node", "24"}});
  CHECK(versions.at("1.0.0").unpacked_bytes == 4321);
  CHECK(versions.at("1.0.0").attestations == "https://h/-/npm/v1/attestations/lib@1.0.0");
  CHECK(versions.at("1.0.1").origin()->path == "token");
  CHECK(versions.at("1.0.2").origin()->path == "ci");
  CHECK(versions.at("1.0.2").unpacked_bytes == 0);
  CHECK_FALSE(versions.at("1.0.3").origin());
  CHECK(versions.at("1.0.3").toolchain().empty());
  CHECK(parsed->time_of("1.0.0") == parse_iso8601("2026-03-31T04:23:06.123Z").value());
  CHECK_FALSE(parsed->time_of("1.0.1"));
  CHECK_FALSE(parsed->time_of("1.0.2"));
  for (const std::string_view twice :
       {R"("_npmUser":{},"_npmUser":{})", R"("_npmUser":{"name":"a","name":"b"})",
        R"("_npmVersion":"1","_npmVersion":"2")", R"("dist":{"attestations":{"url":"/a","url":"/b"}})",
        R"("dist":{"unpackedSize":1,"unpackedSize":2})"})
    CHECK_MESSAGE(refused(R"({"versions":{"1.0.0":{)" + std::string(twice) + "}}}"), twice);
  const auto longest = UpstreamReleases::parse(R"({"versions":{"1.0.0":{"_npmUser":{"name":")" +
                                               std::string(5000, 'x') + R"("}}}})");
  CHECK(longest.value().versions.at("1.0.0").publisher.size() == 200);
}
