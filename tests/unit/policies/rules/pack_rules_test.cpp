#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

TEST_CASE("a package without files is told so") {
  ReleaseBuilder without, with(R"({"files":["dist"]})"), wrong(R"({"files":"dist"})");
  CHECK(ask("pack/files-allowlist", without).size() == 1);
  CHECK(ask("pack/files-allowlist", wrong).size() == 1);
  CHECK(ask("pack/files-allowlist", with).empty());
}

TEST_CASE("a file that files does not admit is named, and worse when it is new") {
  ReleaseBuilder first(R"({"files":["dist"]})", "1.0.0");
  first.file("dist/a.js", "").file("stray.js", "");
  const auto stray = ask("pack/outside-files", first);
  REQUIRE(stray.size() == 1);
  CHECK(stray[0].file == "stray.js");
  CHECK(stray[0].tier == 0);

  ReleaseBuilder second(R"({"files":["dist"]})");
  second.file("dist/a.js", "").file("stray.js", "").file("dist.map", "").after(first);
  const auto both = ask("pack/outside-files", second);
  REQUIRE(both.size() == 2);
  CHECK(both[0].file == "dist.map");
  CHECK(both[0].tier == 1);
  CHECK(both[1].file == "stray.js");
  CHECK(both[1].tier == 2);

  ReleaseBuilder without;
  without.file("anything", "");
  CHECK(ask("pack/outside-files", without).empty());
}

TEST_CASE("thousands of stray files make a readable report that loses none") {
  ReleaseBuilder builder(R"({"files":["dist"]})");
  for (int i = 0; i < 1000; ++i) builder.file("stray/" + std::to_string(i), "");
  const auto said = ask("pack/outside-files", builder);
  REQUIRE(said.size() == 20);
  CHECK(said.back().message.find("980 more") != std::string::npos);
}

TEST_CASE("what a workspace left behind is refused in every map that consumers install") {
  for (const char* map : {"dependencies", "optionalDependencies", "peerDependencies"}) {
    for (const char* spec :
         {"workspace:^", "file:../x", "link:../x", "catalog:", "portal:../x", "../x", " WORKSPACE:* "}) {
      CAPTURE(map);
      CAPTURE(spec);
      ReleaseBuilder builder("{\"" + std::string(map) + "\":{\"x\":\"" + spec + "\",\"y\":\"^1\"}}");
      CHECK(ask("pack/local-dependency", builder).size() == 1);
    }
  }
  ReleaseBuilder development(R"({"devDependencies":{"x":"workspace:^"}})"),
      good(R"({"dependencies":{"x":"^1"}})");
  CHECK(ask("pack/local-dependency", development).empty());
  CHECK(ask("pack/local-dependency", good).empty());
  ReleaseBuilder told(R"({"dependencies":{"x":"^1"}})");
  told.published(R"({"dependencies":{"x":"file:../x"}})");
  CHECK(ask("pack/local-dependency", told).size() == 1);
}

TEST_CASE("a package that says it is private is refused") {
  const auto findings = [](std::string_view package, bool public_upstream,
                           std::vector<std::string> registries = {}) {
    ReleaseBuilder builder(package);
    builder.release().public_upstream = public_upstream;
    builder.release().registries = std::move(registries);
    return ask("pack/private", builder).size();
  };
  CHECK(findings(R"({"private":true})", false) == 1);
  CHECK(findings(R"({"private":"yes"})", false) == 1);
  CHECK(findings(R"({"private":false})", true) == 0);

  CHECK(findings(R"({"license":"UNLICENSED"})", true) == 1);
  CHECK(findings(R"({"license":"UNLICENSED"})", false) == 0);
  CHECK(findings(R"({"license":"MIT"})", true) == 0);
  CHECK(findings(R"({"license":"UNLICENSED","publishConfig":{"access":"restricted"}})", true) == 0);
  CHECK(findings(R"({"license":"UNLICENSED","publishConfig":{"access":"public"}})", true) == 1);
  // Only a scoped package can be restricted.
  CHECK(findings(R"({"name":"lib","license":"UNLICENSED","publishConfig":{"access":"restricted"}})", true) ==
        1);

  const std::vector<std::string> here = {"https://npm.acme.example", "https://upstream.example/npm/"};
  CHECK(findings(R"({"publishConfig":{"registry":"https://NPM.acme.example/"}})", true, here) == 0);
  CHECK(findings(R"({"publishConfig":{"registry":"http://upstream.example/npm"}})", true, here) == 0);
  CHECK(findings(R"({"publishConfig":{"registry":"https://elsewhere.example/"}})", true, here) == 1);
  CHECK(findings(R"({"publishConfig":{"registry":"https://npm.acme.example.evil.example/"}})", true, here) ==
        1);
  CHECK(findings(R"({"publishConfig":{"registry":"https://npm.acme.example/",
                     "@acme:registry":"https://elsewhere.example/"}})",
                 true, here) == 1);
  CHECK(findings(R"({"publishConfig":{"registry":"https://elsewhere.example/"}})", true) == 0);
  CHECK(findings(R"({"publishConfig":{"tag":"next"}})", true, here) == 0);
}

}  // namespace sallyport
