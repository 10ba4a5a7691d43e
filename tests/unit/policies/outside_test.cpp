#include "policies/outside.hpp"

#include <doctest/doctest.h>

#include "policies/context_record.hpp"
#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

Instant at(std::string_view text) {
  return parse_iso8601(text).value();
}

OutsideFacts everything() {
  OutsideFacts outside;
  outside.collected = true;
  outside.dependencies["a"] = {.state = DependencyKnowledge::State::known,
                               .first_published = at("2026-03-30T00:00:00.000Z"),
                               .resolved = "1.2.3",
                               .resolved_published = at("2026-03-31T00:00:00.000Z")};
  outside.dependencies["b"].why = "the upstream does not answer";
  outside.dependencies["@acme/c"] = {
      .state = DependencyKnowledge::State::absent, .own = true, .organisation = true};
  outside.known_bad = {{"a", "1.2.3", "MAL-2026-1", "steals", true}, {"d", "", "deny", "", false}};
  outside.feed = "sha256-00";
  outside.origin = ReleaseOrigin{"ann", "k1", "npm/11.19.1", "token", true, "r", "w", "b"};
  outside.provenance = Provenance{Provenance::State::invalid, "f", "i", "id", "r", "w", "ref", "c", "b", "t"};
  outside.previous_provenance.emplace().issuer = "https://i";
  outside.previous_unavailable = "why";
  return outside;
}

}  // namespace

TEST_CASE("what is known from outside survives a round through JSON text") {
  const OutsideFacts outside = everything();
  const auto read = outside_from_json(json::parse(json::serialize(to_json(outside))));
  REQUIRE(read.has_value());
  CHECK(to_json(*read) == to_json(outside));
  CHECK(read->dependencies.at("a").first_published == at("2026-03-30T00:00:00.000Z"));
  CHECK(read->dependencies.at("b").state == DependencyKnowledge::State::unavailable);
  CHECK(read->dependencies.at("@acme/c").organisation);
  CHECK_FALSE(read->known_bad.at(1).certain);
  CHECK(read->provenance->state == Provenance::State::invalid);
  CHECK(read->provenance->build_type == "t");
  CHECK(read->previous_provenance->issuer == "https://i");
  CHECK(to_json(outside_from_json(to_json(OutsideFacts())).value()) == to_json(OutsideFacts()));
}

TEST_CASE("damaged facts from outside are refused, whatever member is damaged") {
  const json::object good = to_json(everything());
  for (const auto& [key, value] : good) {
    const bool optional = key == "origin" || key == "provenance" || key == "previousProvenance";
    CAPTURE(std::string(key));
    json::object bad = good;
    bad.erase(key);
    if (!optional) CHECK(outside_from_json(bad).has_error());
    bad[key] = json::array{1};
    CHECK(outside_from_json(bad).has_error());
  }
  for (const std::string_view dependency :
       {R"({})", R"(1)", R"({"state":"sure"})",
        R"({"state":"known","why":"","own":false,"organisation":false,"firstPublished":"yesterday",
            "resolved":"","resolvedPublished":null})"}) {
    json::object bad = good;
    bad["dependencies"] = {{"a", json::parse({dependency.data(), dependency.size()})}};
    CHECK(outside_from_json(bad).has_error());
  }
  json::object newer = good;
  newer["v"] = 2;
  CHECK(outside_from_json(newer).error().message.find("upgrade") != std::string::npos);
  CHECK(outside_from_json(json::value("text")).has_error());
}

TEST_CASE("what a verdict was given on survives a round through JSON text") {
  ReleaseBuilder previous(R"({"dependencies":{"x":"^1"}})", "1.2.2");
  previous.file("index.js", "1");
  ReleaseContext context;
  context.profile = Profile::open;
  context.tag = "next";
  context.public_upstream = true;
  context.publisher_scopes = {"@acme"};
  context.registries = {"https://npm.acme.example"};
  context.now = at("2026-03-31T04:23:06.123Z");
  context.outside = everything();
  context.published = Manifest::parse(R"({"name":"@acme/lib","version":"1.2.3"})").value();
  context.history.baseline = previous.release().facts;
  context.history.baseline_origin = "gate";
  context.history.types_seen = {".js", ""};
  context.history.largest_file_bytes = {1ull << 40, 3};
  context.history.tag_target = "1.2.2";
  context.history.last_release = at("2026-03-30T00:00:00.000Z");
  context.history.line = {previous.release().facts};
  context.history.known = {{"sha256-00", Action::warn}};
  const json::object record = to_json(context);
  const auto read = context_from_json(json::parse(json::serialize(record)));
  REQUIRE(read.has_value());
  CHECK(to_json(*read) == record);
  CHECK(read->profile == Profile::open);
  CHECK(read->history.baseline->files.size() == 2);
  CHECK(read->history.largest_file_bytes == context.history.largest_file_bytes);
  CHECK(read->history.known == context.history.known);
  CHECK(read->published->version == "1.2.3");

  for (const auto& [key, value] : record) {
    CAPTURE(std::string(key));
    json::object bad = record;
    bad[key] = json::array{1};
    CHECK(context_from_json(bad).has_error());
    bad.erase(key);
    if (key != "published") CHECK(context_from_json(bad).has_error());
  }
  for (const auto& [key, value] : record.at("history").as_object()) {
    CAPTURE(std::string(key));
    json::object bad = record;
    bad["history"].as_object()[key] = json::object{{"a", 1}};
    CHECK(context_from_json(bad).has_error());
  }
  const ReleaseContext nothing = context_from_json(to_json(ReleaseContext())).value();
  CHECK_FALSE(nothing.history.baseline);
  CHECK_FALSE(nothing.published);
}

}  // namespace sallyport
