#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

std::vector<Said> said(std::string_view shrinkwrap) {
  ReleaseBuilder builder;
  return ask("deps/exotic", builder.file("npm-shrinkwrap.json", shrinkwrap));
}

std::string entry(std::string_view name, std::string_view resolved) {
  return "\"node_modules/" + std::string(name) + "\":{\"version\":\"1.0.0\",\"resolved\":\"" +
         std::string(resolved) + "\"}";
}

std::string packages(const std::vector<std::string>& entries) {
  std::string out = R"({"lockfileVersion":3,"packages":{"":{"name":"x"})";
  for (const std::string& e : entries) out += "," + e;
  return out + "}}";
}

const std::string a = entry("a", "https://npm.acme.example/a/-/a-1.0.0.tgz"),
                  b = entry("@s/b", "https://npm.acme.example/@s/b/-/b-1.0.0.tgz");

}  // namespace

TEST_CASE("a shrinkwrap of one registry passes") {
  CHECK(said(packages({a, b})).empty());
  CHECK(said(packages({a, b, R"("node_modules/c":{"version":"1.0.0","inBundle":true})"})).empty());
  CHECK(
      said(
          R"({"dependencies":{"a":{"version":"1.0.0","resolved":"https://npm.acme.example/a/-/a-1.0.0.tgz"}}})")
          .empty());
  CHECK(said("{}").empty());
}

TEST_CASE("what a shrinkwrap takes past every registry is refused") {
  for (const char* source :
       {"git+ssh://git@git.example.invalid/x/y.git#abc", "https://files.example.invalid/c.tgz", "file:../c",
        "github:x/y", "http://npm.acme.example/c/-/c-1.0.0.tgz",
        "https://user@npm.acme.example/c/-/c-1.0.0.tgz", "https://npm.acme.example/c/-/c-1.0.0.zip",
        "../c"}) {
    CAPTURE(source);
    const auto found = said(packages({a, b, entry("c", source)}));
    REQUIRE(found.size() == 1);
    CHECK(found[0].file == "npm-shrinkwrap.json");
    CHECK(found[0].tier == 0);
    CHECK(found[0].message.find("\"c\"") != std::string::npos);
  }
  // The old form, deep in its tree, with the source where a version stands.
  const auto deep = said(
      R"({"dependencies":{"a":{"version":"1.0.0","dependencies":{"b":{"version":"git+https://git.example.invalid/b.git#1"}}}}})");
  REQUIRE(deep.size() == 1);
  CHECK(deep[0].message.find("\"b\"") != std::string::npos);
  CHECK(said(R"({"dependencies":{"a":{"version":"npm:b@1.0.0"}}})").empty());
}

TEST_CASE("one entry from another host than the rest is told, unless that is a registry known here") {
  const std::string planted = entry("c", "https://npm.evil.example.invalid/c/-/c-1.0.0.tgz");
  const auto found = said(packages({a, b, planted}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].tier == 1);
  ReleaseBuilder builder;
  builder.file("npm-shrinkwrap.json", packages({a, b, planted}));
  builder.release().registries = {"https://npm.evil.example.invalid/"};
  CHECK(ask("deps/exotic", builder).empty());
}

TEST_CASE("a shrinkwrap that nobody can read is refused") {
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string(R"({"packages":{},"packages":{}})"),
        std::string(9u << 20, ' ')}) {
    const auto found = said(text);
    REQUIRE(found.size() == 1);
    CHECK(found[0].tier == 0);
    CHECK(found[0].message.find("nobody can tell") != std::string::npos);
  }
}

TEST_CASE("only the shrinkwrap at the root counts, and many bad entries end in a hundred") {
  ReleaseBuilder deeper;
  CHECK(ask("deps/exotic", deeper.file("a/npm-shrinkwrap.json", "{")).empty());
  std::vector<std::string> many;
  for (int i = 0; i < 500; ++i) many.push_back(entry("p" + std::to_string(i), "file:../p"));
  CHECK(said(packages(many)).size() == 100);
}

}  // namespace sallyport
