#include "gate/visibility.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

namespace {

const Instant noon = parse_iso8601("2026-03-31T12:00:00.000Z").value();

const std::string some_sha512 = "sha512-" + std::string(86, 'A') + "==";

VersionFacts lib(std::string_view version, Instant published) {
  VersionFacts facts;
  facts.version = version;
  facts.published = published;
  facts.integrity = some_sha512;
  facts.shasum = "0123456789012345678901234567890123456789";
  return facts;
}
Conditions open_door() {
  Conditions conditions;
  conditions.name = "lib";
  return conditions;
}
Advisory denial(std::string_view entry) {
  return Denied::parse(entry).value().advisory;
}

}  // namespace

TEST_CASE("what nothing speaks against is visible for good") {
  const Seen seen = judge(lib("1.0.0", noon), open_door(), noon);
  CHECK(seen.sight == Sight::visible);
  CHECK(seen.why.empty());
  CHECK(seen.until == Instant::max());
}

TEST_CASE("a young version is hidden until it is of age, and the sentence says when that is") {
  Conditions conditions = open_door();
  conditions.rule.minimum_release_age = std::chrono::days(3);
  const Seen young = judge(lib("1.0.0", noon), conditions, noon + std::chrono::days(2));
  CHECK(young.sight == Sight::hidden);
  CHECK(young.until == noon + std::chrono::days(3));
  CHECK(young.why.find("lib@1.0.0") != std::string::npos);
  CHECK(young.why.find("2026-04-03T12:00:00.000Z") != std::string::npos);
  CHECK(judge(lib("1.0.0", noon), conditions, young.until).sight == Sight::visible);
  CHECK(judge(lib("1.0.0", noon), conditions, young.until - Millis(1)).sight == Sight::hidden);
  VersionFacts undated = lib("1.0.0", noon);
  undated.published.reset();
  CHECK(judge(undated, conditions, Instant::max()).sight == Sight::hidden);
}

TEST_CASE("age is forgiven by name, by pattern, by range, and to the version that mends a fault") {
  Conditions conditions = open_door();
  conditions.rule.minimum_release_age = std::chrono::days(3);
  const auto sight = [&](std::string_view version) {
    return judge(lib(version, noon), conditions, noon).sight;
  };
  const auto exempt = [&](std::string_view entry) {
    conditions.rule.release_age_exempt = {Exemption::parse(entry).value()};
  };
  exempt("lib");
  CHECK(sight("1.0.0") == Sight::visible);
  exempt("other");
  CHECK(sight("1.0.0") == Sight::hidden);
  exempt("l*");
  CHECK(sight("1.0.0") == Sight::visible);
  exempt("lib@^1.2.0");
  CHECK(sight("1.2.3") == Sight::visible);
  CHECK(sight("2.0.0") == Sight::hidden);
  conditions.rule.release_age_exempt.clear();

  Advisory fault = parse_osv(R"({"id":"GHSA-1","affected":[{"package":{"ecosystem":"npm","name":"lib"},
      "ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.4"}]}]}]})")
                       .value()
                       .front()
                       .second;
  conditions.known = {fault};
  CHECK(sight("1.2.4") == Sight::visible);
  CHECK(sight("1.2.5") == Sight::hidden);  // young, and mends nothing
  CHECK(sight("1.2.3") == Sight::hidden);
}

TEST_CASE("an entry that is no exemption is refused") {
  for (const char* text : {"", "a b", "lib@", "lib@not a range", "\x1b[1m"})
    CHECK_FALSE(Exemption::parse(text).has_value());
}

TEST_CASE("a freeze hides what is younger, and what has no date") {
  Conditions conditions = open_door();
  conditions.frozen_at = noon;
  CHECK(judge(lib("1.0.0", noon), conditions, noon).sight == Sight::visible);
  CHECK(judge(lib("1.0.0", noon + Millis(1)), conditions, noon + std::chrono::years(5)).sight ==
        Sight::hidden);
  VersionFacts undated = lib("1.0.0", noon);
  undated.published.reset();
  CHECK(judge(undated, conditions, noon).sight == Sight::hidden);
}

TEST_CASE("denied: by range, by either digest; hidden never weakens it") {
  Conditions conditions = open_door();
  conditions.bad = {denial("lib@<2")};
  conditions.frozen_at = noon - std::chrono::days(1);
  const Seen seen = judge(lib("1.0.0", noon), conditions, noon);
  CHECK(seen.sight == Sight::denied);
  CHECK(seen.why.find("lib@1.0.0 is denied") != std::string::npos);
  CHECK(judge(lib("2.0.0", noon), conditions, noon).sight == Sight::hidden);
  conditions = open_door();
  for (const std::string& digest : {some_sha512, std::string("0123456789012345678901234567890123456789")}) {
    conditions.bad_digests = std::make_shared<const std::set<std::string, std::less<>>>(
        std::set<std::string, std::less<>>{digest});
    CHECK(judge(lib("1.0.0", noon), conditions, noon).sight == Sight::denied);
  }
  // However its origin spells them.
  VersionFacts odd = lib("1.0.0", noon);
  odd.integrity = "sha1-ASNFZ4kBI0VniQEjRWeJASNFZ4k=  sha384-x";
  odd.shasum = "";
  CHECK(judge(odd, conditions, noon).sight == Sight::denied);
  odd.integrity = "";
  odd.shasum = "ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD";
  conditions.bad_digests =
      std::make_shared<const std::set<std::string, std::less<>>>(std::set<std::string, std::less<>>{
          canonical_digest("abcdefABCDEFabcdefABCDEFabcdefABCDEFabcd").value()});
  CHECK(judge(odd, conditions, noon).sight == Sight::denied);
  CHECK_FALSE(canonical_digest("sha384-x").has_value());
  VersionFacts bare = lib("1.0.0", noon);
  bare.integrity = bare.shasum = "";
  CHECK(judge(bare, conditions, noon).sight == Sight::visible);
}

TEST_CASE("install scripts and lost provenance: shown, hidden or denied as the rule says") {
  VersionFacts facts = lib("1.0.0", noon);
  facts.install_script = true;
  facts.provenance_before = true;
  const std::pair<Admission, Sight> answers[] = {
      {Admission::show, Sight::visible}, {Admission::hide, Sight::hidden}, {Admission::deny, Sight::denied}};
  for (const auto& [admission, sight] : answers) {
    Conditions conditions = open_door();
    conditions.rule.install_scripts = admission;
    CHECK(judge(facts, conditions, noon).sight == sight);
    conditions = open_door();
    conditions.rule.provenance_lost = admission;
    CHECK(judge(facts, conditions, noon).sight == sight);
    VersionFacts kept = facts;
    kept.provenance = true;
    CHECK(judge(kept, conditions, noon).sight == Sight::visible);
  }
}

TEST_CASE("an own version is hidden by nothing, and denied like any other") {
  Conditions conditions = open_door();
  conditions.rule.minimum_release_age = std::chrono::days(3);
  conditions.rule.install_scripts = conditions.rule.provenance_lost = Admission::deny;
  conditions.frozen_at = noon - std::chrono::days(1);
  VersionFacts own = lib("1.0.0", noon);
  own.own = own.install_script = own.provenance_before = true;
  CHECK(judge(own, conditions, noon).sight == Sight::visible);
  conditions.bad = {denial("lib")};
  CHECK(judge(own, conditions, noon).sight == Sight::denied);
}

TEST_CASE("while it is not known what is malware, nothing of an upstream is served, and what is own is") {
  Conditions conditions;
  conditions.name = "lib";
  conditions.bad_unknown = true;
  VersionFacts version;
  version.version = "1.0.0";
  const Seen seen = judge(version, conditions, Instant());
  CHECK(seen.sight == Sight::denied);
  CHECK(seen.why.find("has never been read") != std::string::npos);
  version.own = true;
  CHECK(judge(version, conditions, Instant()).sight == Sight::visible);
}

TEST_CASE("no text of others drives a terminal") {
  Conditions conditions = open_door();
  conditions.bad = {denial("lib")};
  conditions.bad.front().summary = "\x1b]0;title\x07 bad";
  const Seen seen = judge(lib("1.0.0-\x1b[2J", noon), conditions, noon);
  CHECK(seen.sight == Sight::denied);
  CHECK(seen.why.find('\x1b') == std::string::npos);
}
