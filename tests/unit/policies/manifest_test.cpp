#include "policies/manifest.hpp"

#include <doctest/doctest.h>

namespace sallyport {

namespace {

Manifest read(std::string_view members) {
  return Manifest::parse("{\"name\":\"@acme/lib\",\"version\":\"1.0.0\"," + std::string(members) + "}")
      .value();
}
std::string refused(std::string_view members) {
  const auto m =
      Manifest::parse("{\"name\":\"@acme/lib\",\"version\":\"1.0.0\"," + std::string(members) + "}");
  REQUIRE(m.has_error());
  CHECK(m.error().kind == ErrorKind::invalid);
  return m.error().message;
}

using Map = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("bin is read as npm normalises it") {
  CHECK(read(R"("bin":"./cli.js")").bin == Map{{"lib", "cli.js"}});
  CHECK(read(R"("bin":{"@acme/tool":"/bin\\tool.js"})").bin == Map{{"tool", "bin/tool.js"}});
  CHECK(read(R"("bin":["./a.js","sub/b.js"])").bin == Map{{"a.js", "a.js"}, {"b.js", "sub/b.js"}});
  CHECK(read(R"("bin":{"t":"../../etc/passwd"})").bin == Map{{"t", "etc/passwd"}});
  CHECK(read(R"("bin":{"t":"./"})").bin.empty());
  CHECK(read(R"("bin":null)").bin.empty());
}

TEST_CASE("what is optional is not a dependency, and what is bundled is one") {
  const Manifest m = read(R"("dependencies":{"a":"1","b":"1"},"optionalDependencies":{"b":"2"},
                             "bundledDependencies":["c","a"])");
  CHECK(m.dependencies == DependencyMap{{"a", "1"}, {"c", "*"}});
  CHECK(m.optional_dependencies == DependencyMap{{"b", "2"}});
  CHECK(m.bundle_dependencies == std::vector<std::string>{"a", "c"});
  CHECK(read(R"("dependencies":{"a":"1"},"bundleDependencies":true)").bundle_dependencies ==
        std::vector<std::string>{"a"});
  CHECK(read(R"("bundleDependencies":false)").bundle_dependencies.empty());
}

TEST_CASE("files and private are read as npm reads them") {
  CHECK_FALSE(read(R"("files":"dist")").files.has_value());
  CHECK(*read(R"("files":["dist",3,""])").files == std::vector<std::string>{"dist", ""});
  CHECK(read(R"("private":true)").is_private);
  CHECK(read(R"("private":"false")").is_private);
  CHECK_FALSE(read(R"("private":false)").is_private);
  CHECK(read(R"("peerDependenciesMeta":{"x":{"optional":true},"y":{}})").optional_peers ==
        std::vector<std::string>{"x"});
}

TEST_CASE("a member of the wrong type that a client would act on is an error that names it") {
  CHECK(refused(R"("dependencies":["a"])").find("dependencies") != std::string::npos);
  CHECK(refused(R"("dependencies":{"a":1})").find("dependencies.a") != std::string::npos);
  CHECK(refused(R"("scripts":{"postinstall":["x"]})").find("scripts.postinstall") != std::string::npos);
  CHECK(refused(R"("bin":7)").find("bin") != std::string::npos);
  CHECK(refused(R"("bin":{"a":null})").find("bin.a") != std::string::npos);
  CHECK(refused(R"("bundleDependencies":"a")").find("bundleDependencies") != std::string::npos);
  CHECK(Manifest::parse(R"({"name":"a"})").has_error());
  CHECK(Manifest::parse(R"({"name":1,"version":"1.0.0"})").has_error());
  CHECK(Manifest::parse(R"(["name"])").has_error());
}

TEST_CASE("two readers must agree: duplicate keys and __proto__ are refused") {
  CHECK(Manifest::parse(R"({"name":"a","version":"1.0.0","scripts":{},"scripts":{"install":"x"}})")
            .has_error());
  CHECK(Manifest::parse(R"({"name":"a","version":"1.0.0","__proto__":{"scripts":{}}})").has_error());
}

}  // namespace sallyport
