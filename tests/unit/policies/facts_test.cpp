#include "policies/facts.hpp"

#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

std::string baseline(std::vector<std::string> versions, std::string_view version) {
  return choose_baseline(versions, version).value_or("none");
}

}  // namespace

TEST_CASE("a release is compared with the highest lower stable one, whatever is latest") {
  const std::vector<std::string> axios = {"0.30.2", "0.30.3", "1.14.0", "1.13.9", "2.0.0-beta.1"};
  CHECK(baseline(axios, "1.14.1") == "1.14.0");
  CHECK(baseline(axios, "0.30.4") == "0.30.3");
  CHECK(baseline(axios, "2.0.0") == "1.14.0");
  CHECK(baseline({"1.9.0", "1.10.0"}, "1.11.0") == "1.10.0");
}

TEST_CASE("a prerelease is compared with an earlier one of the same target") {
  CHECK(baseline({"1.0.0", "2.0.0-beta.1", "2.0.0-beta.2"}, "2.0.0-beta.3") == "2.0.0-beta.2");
  CHECK(baseline({"1.0.0", "1.5.0-rc.1"}, "2.0.0-beta.1") == "1.0.0");
  CHECK(baseline({"1.0.0-alpha.1"}, "1.0.0") == "1.0.0-alpha.1");
}

TEST_CASE("a version below all others does not escape its history") {
  CHECK(baseline({"1.0.0", "2.0.0"}, "0.0.1") == "1.0.0");
  CHECK(baseline({"1.0.0-beta", "1.0.0"}, "0.0.1") == "1.0.0-beta");
  CHECK(baseline({}, "1.0.0") == "none");
  CHECK(baseline({"1.0.0"}, "1.0.0") == "none");
  CHECK(baseline({"nonsense", "1.0.0"}, "1.0.1") == "1.0.0");
  CHECK(baseline({"1.0.0"}, "nonsense") == "none");
}

TEST_CASE("facts survive a round through JSON text") {
  ReleaseBuilder builder(R"({"files":["a"],"dependencies":{"x":"^1"},"optionalDependencies":{"o":"1"},
    "peerDependencies":{"p":"1","q":"1"},"peerDependenciesMeta":{"q":{"optional":true}},
    "scripts":{"test":"t"},"bin":"cli.js","license":"MIT"})");
  builder.file("lib/Index.D.TS", "export {}")
      .file("bin/tool", "ELF", Magic::elf)
      .file("x.dat", "?", Magic::other_binary);
  builder.file(".eslintrc", "{}").file("a.tar.gz", "plain text");
  Facts facts = builder.release().facts;
  facts.released = parse_iso8601("2026-03-31T04:23:06.123Z").value();
  facts.measured = true;
  facts.capabilities = {"network", "process"};
  facts.toolchain = {{"npm", "11"}};
  facts.measures = {{"code-bytes", 1ull << 40}};
  facts.marks = {{"code/escapes", {"ab", "cd"}}};
  facts.origin = ReleaseOrigin{"ann",         "k1", "npm/11.19.1", "ci", true, "https://git.example/acme/lib",
                               "release.yml", "b"};
  CHECK(facts.peer_dependencies == DependencyMap{{"p", "1"}});
  CHECK(facts.files.at(1).type == ".d.ts");
  CHECK(facts.files.at(2).type == to_text(Magic::elf));
  CHECK(facts.files.at(3).type == ".dat");
  CHECK(facts.files.at(4).type == "");
  CHECK(facts.files.at(5).type == ".tar.gz");

  const Facts back = facts_from_json(json::parse(json::serialize(to_json(facts)))).value();
  CHECK(json::serialize(to_json(back)) == json::serialize(to_json(facts)));
  CHECK(back.released == facts.released);
  CHECK(back.has_files_field);
  CHECK(back.license == "MIT");
  CHECK(back.files.size() == facts.files.size());
}

TEST_CASE("facts of before contents were measured know nothing of them") {
  ReleaseBuilder builder;
  Facts facts = builder.release().facts;
  facts.measured = false;
  facts.origin.reset();
  const Facts back = facts_from_json(to_json(facts)).value();
  CHECK_FALSE(back.measured);
  CHECK_FALSE(back.origin.has_value());
}

TEST_CASE("facts of a newer format, or damaged ones, are refused") {
  ReleaseBuilder builder;
  json::object good = to_json(builder.release().facts);
  REQUIRE(facts_from_json(good).has_value());
  for (const std::string_view member : {"origin", "capabilities"}) {
    json::object damaged = good;
    damaged[member] = 1;
    CHECK(facts_from_json(damaged).has_error());
  }
  json::object unknown = good;
  unknown["later"] = 1;
  CHECK(facts_from_json(unknown).has_value());
  json::object newer = good;
  newer["v"] = 2;
  REQUIRE(facts_from_json(newer).has_error());
  CHECK(facts_from_json(newer).error().kind == ErrorKind::corrupt);
  CHECK(facts_from_json(newer).error().message.find("newer") != std::string::npos);
  for (const auto& [key, value] : good) {
    json::object damaged = good;
    damaged.erase(key);
    CAPTURE(std::string(key));
    const bool added_later = key == "license" || key == "capabilities" || key == "toolchain";
    CHECK(facts_from_json(damaged).has_error() != added_later);
    damaged[key] = json::array{json::object{{"size", -1}}};
    CHECK(facts_from_json(damaged).has_error());
  }
  CHECK(facts_from_json(json::value("text")).has_error());
}

}  // namespace sallyport
