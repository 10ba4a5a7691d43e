#include "policies/pack_list.hpp"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

namespace sallyport {

namespace {

// Of `paths`, those that package.json does not admit. What npm itself does with such trees is compared in
// tests/integration/packlist_test.py.
std::set<std::string> outside(std::string_view package_json, std::vector<std::string> paths) {
  json::object raw = json::parse({package_json.data(), package_json.size()}).as_object();
  raw["name"] = "lib";
  raw["version"] = "1.0.0";
  const Manifest manifest = Manifest::from(std::move(raw)).value();
  PackList list(manifest, paths);
  std::set<std::string> out;
  for (const std::string& path : paths) {
    if (!list.admits(path)) out.insert(path);
  }
  return out;
}
using Set = std::set<std::string>;

}  // namespace

TEST_CASE("what npm always takes is admitted whatever files says") {
  CHECK(outside(R"({"files":[],"main":"lib/main.js","bin":{"t":"./bin/t.js"},"browser":"b.js"})",
                {"package.json", "README.md", "LICENSE", "licence.txt", "COPYING", "lib/main.js", "bin/t.js",
                 "b.js", "CHANGELOG.md", "lib/other.js", "bin/u.js", "README.md~", "sub/README.md"}) ==
        Set{"lib/other.js", "bin/u.js", "README.md~", "sub/README.md"});
}

TEST_CASE("without bin, the programs are those of directories.bin") {
  const std::vector<std::string> paths = {"package.json", "cli/a",  "cli/sub/b.js",
                                          "cli/.c",       "clip/d", "e.js"};
  CHECK(outside(R"({"files":[],"directories":{"bin":"./cli"}})", paths) == Set{"cli/.c", "clip/d", "e.js"});
  CHECK(outside(R"({"files":[],"directories":{"bin":"cli"},"bin":"e.js"})", paths) ==
        Set{"cli/.c", "cli/a", "cli/sub/b.js", "clip/d"});
  CHECK(outside(R"({"files":[],"directories":{"bin":"../cli"}})", paths).contains("cli/a"));
}

TEST_CASE("folders, files, patterns and negations of files are followed") {
  const std::vector<std::string> tree = {"dist/a.js", "dist/a.js.map", "dist/sub/b.js",
                                         "src/a.ts",  "index.js",      "x.map"};
  CHECK(outside(R"({"files":["dist"]})", tree) == Set{"src/a.ts", "index.js", "x.map"});
  CHECK(outside(R"({"files":["./dist/"]})", tree) == Set{"src/a.ts", "index.js", "x.map"});
  CHECK(outside(R"({"files":["/dist/*.js"]})", tree) ==
        Set{"dist/a.js.map", "dist/sub/b.js", "src/a.ts", "index.js", "x.map"});
  CHECK(outside(R"({"files":["dist/*"]})", tree) == Set{"src/a.ts", "index.js", "x.map"});
  CHECK(outside(R"({"files":["dist","!dist/**/*.map"]})", tree) ==
        Set{"dist/a.js.map", "src/a.ts", "index.js", "x.map"});
  CHECK(outside(R"({"files":["**/*.js"]})", tree) == Set{"dist/a.js.map", "src/a.ts", "x.map"});
  CHECK(outside(R"({"files":["*"]})", tree).empty());
  CHECK(outside(R"({"files":["./"]})", tree).empty());
  CHECK(outside(R"({"files":[""]})", tree).empty());
  CHECK(outside(R"({"files":["."]})", tree).size() == tree.size());  // as npm 11 does
  CHECK(outside(R"({"files":["dist//sub/../sub"]})", tree) ==
        Set{"dist/a.js", "dist/a.js.map", "src/a.ts", "index.js", "x.map"});
  CHECK(outside("{}", tree).empty());
}

TEST_CASE("the files that npm never takes are outside even of a wide list") {
  CHECK(outside(R"({"files":["**"]})",
                {"a.js", ".npmrc", "sub/.npmrc", ".git/config", "node_modules/x/i.js", "package-lock.json",
                 "x.orig", "sub/x.orig", ".DS_Store", "sub/.npmignore"}) ==
        Set{".npmrc", "sub/.npmrc", ".git/config", "node_modules/x/i.js", "package-lock.json", "sub/x.orig",
            "sub/.npmignore"});
  CHECK(outside(R"({"files":["a.js"],"dependencies":{"x":"1"},"bundleDependencies":["x"]})",
                {"a.js", "node_modules/x/i.js", "node_modules/y/i.js"})
            .empty());
}

TEST_CASE("a list too large to judge is an error, so that the rule holds") {
  std::string many = "{\"files\":[\"a\"";
  for (int i = 0; i < 2000; ++i) many += ",\"p" + std::to_string(i) + "/**\"";
  std::string wild = R"({"files":["a")";
  for (int i = 0; i < 500; ++i) wild += ",\"p" + std::to_string(i) + "*\"";
  CHECK_THROWS_AS(outside(wild + "]}", {"a"}), std::length_error);
  std::string names = R"({"files":["a")";
  for (int i = 0; i < 2000; ++i) names += ",\"p" + std::to_string(i) + "\"";
  CHECK(outside(names + "]}", {"a", "p7", "q"}) == Set{"q"});
  for (int i = 0; i < 9000; ++i) names += ",\"q" + std::to_string(i) + "\"";
  CHECK_THROWS_AS(outside(names + "]}", {"a"}), std::length_error);
  std::string bins = R"({"files":["a"],"bin":{"b":"b*")";
  for (int i = 0; i < 500; ++i) bins += ",\"b" + std::to_string(i) + "\":\"b" + std::to_string(i) + "*\"";
  CHECK_THROWS_AS(outside(bins + "}}", {"a"}), std::length_error);
  std::vector<std::string> paths;
  for (int i = 0; i < 5000; ++i) paths.push_back("f" + std::to_string(i));
  CHECK_THROWS_AS(outside(many + "]}", paths), std::length_error);
  for (std::string& path : paths) path = "cli/" + path;
  CHECK_THROWS_AS(outside(R"({"files":[],"directories":{"bin":"cli"}})", paths), std::length_error);
}

}  // namespace sallyport
