#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

// Which of the files, each alone in a package, a rule speaks of.
std::vector<std::string> told(std::string_view rule, const std::vector<std::string>& paths,
                              Magic magic = Magic::text) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    ReleaseBuilder builder;
    if (!ask(rule, builder.file(path, "x", magic)).empty()) out.push_back(path);
  }
  return out;
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("original source is told of by folder, under any case and when packed") {
  const Paths sources = {"src/a.ts", "lib/b.tsx", "c.vue", "d/e/f.svelte", "a.MTS", "x/y.cts", "a.test.ts"};
  CHECK(told("leak/original-source", sources) == sources);
  // Declarations, videos, what a bundled dependency ships, and a lone src/ of scripts.
  CHECK(told("leak/original-source", {"a.d.ts", "a.d.mts", "a.d.css.ts", "a.js", "ts", "src/a.js",
                                      "node_modules/x/src/a.ts", "src/data.json"})
            .empty());
  CHECK(told("leak/original-source", {"video/part1.ts"}, Magic::other_binary).empty());

  ReleaseBuilder builder;
  builder.file("src/a.ts", "x").file("src/deep/b.ts", "x").file("other/c.ts", "x").file("src/a.css", "x");
  const auto said = ask("leak/original-source", builder);
  REQUIRE(said.size() == 2);
  CHECK(said[0].message == "other is original source");
  CHECK(said[1].file == "src/a.ts");
  CHECK(said[1].message == "src is original source, 2 files of it");
}

TEST_CASE("src beside dist is what dist was built of") {
  ReleaseBuilder beside, alone, apart, deeper;
  beside.file("src/a.js", "x").file("dist/a.js", "x");
  alone.file("src/a.js", "x").file("lib/a.js", "x");
  apart.file("a/src/a.js", "x").file("b/dist/a.js", "x").file("src/a.css", "x");
  deeper.file("packages/a/SRC/a.js", "x").file("packages/a/Dist/a.js", "x");
  CHECK(ask("leak/original-source", beside).size() == 1);
  CHECK(ask("leak/original-source", alone).empty());
  CHECK(ask("leak/original-source", apart).empty());
  REQUIRE(ask("leak/original-source", deeper).size() == 1);
  CHECK(ask("leak/original-source", deeper)[0].message.starts_with("packages/a/SRC is source beside"));
}

TEST_CASE("a finding of a folder is the same as long as its list of files is") {
  ReleaseBuilder one, same, more;
  one.file("src/a.ts", "x").file("src/b.ts", "x");
  same.file("src/a.ts", "changed").file("src/b.ts", "x");
  more.file("src/a.ts", "x").file("src/b.ts", "x").file("src/secret.ts", "x");
  const auto identity = [](ReleaseBuilder& b) { return ask("leak/original-source", b).at(0).identity; };
  CHECK(identity(one) == identity(same));
  CHECK(identity(one) != identity(more));
}

TEST_CASE("tests, by folder and by name") {
  const Paths tests = {
      "test/a.js",  "lib/__tests__/a.js", "a.test.js",        "b.spec.tsx", "x/__snapshots__/a",
      "fixtures/a", "coverage/lcov.info", "TEST/A.JS",        "a.js.snap",  "lib/foo_test.mjs",
      "test.js",    ".nyc_output/1.json", "src/fixtures/x.gz"};
  CHECK(told("leak/tests", tests) == tests);
  CHECK(told("leak/tests", {"lib/testing.js", "contest/a.js", "lib/test-utils.js", "latest.js", "a.test",
                            "spec.md", "node_modules/x/test/a.js", "lib/test.css"})
            .empty());
}

TEST_CASE("documents of the house") {
  const Paths documents = {"NOTES.md",   "todo",      "docs/DESIGN.txt", "ROADMAP.adoc",
                           "runbook.md", "plan.docx", "x/budget.XLSX",   "mail.eml"};
  CHECK(told("leak/internal-doc", documents) == documents);
  CHECK(told("leak/internal-doc", {"README.md", "CHANGELOG.md", "notes.js", "todo.css", "lib/design.json",
                                   "design.png", "footnotes.md"})
            .empty());
  CHECK(told("leak/internal-doc", {"talk.key"}, Magic::zip) == Paths{"talk.key"});
  CHECK(told("leak/internal-doc", {"talk.key"}).empty());
}

TEST_CASE("rubbish, logs, dumps and packed tarballs") {
  const Paths junk = {".DS_Store",      "a/Thumbs.db", "run.log",        "npm-debug.log",
                      "app.log.12",     ".cli.js.swp", "x.js~",          "a.orig",
                      "trace.HAR",      "net.pcap",    "acme-1.0.0.tgz", "x.tar.gz",
                      "a.heapsnapshot", "._cli.js",    "#cli.js#",       "data.sqlite3"};
  CHECK(told("leak/junk", junk) == junk);
  CHECK(told("leak/junk", {"lib/log.js", "catalog", "changelog.md", "blog.login.js", "a.log.js", "core",
                           "har.js", "node_modules/x/a.log", "a.zip"})
            .empty());
  // A database or an archive under any name, and the memory of a program that crashed.
  CHECK(told("leak/junk", {"assets/icons.bin"}, Magic::sqlite).size() == 1);
  CHECK(told("leak/junk", {"assets/icons.bin"}, Magic::tar).size() == 1);
  CHECK(told("leak/junk", {"core.4711"}, Magic::elf).size() == 1);
}

TEST_CASE("configuration of the build is one note with its files") {
  const Paths config = {
      ".eslintrc.json", "eslint.config.mjs", "tsconfig.build.json",   "webpack.config.js",
      "yarn.lock",      "a/tsconfig.json",   "x.tsbuildinfo",         ".github/workflows/ci.yml",
      ".travis.yml",    "Makefile",          "packages/a/.npmignore", "npm-shrinkwrap.json"};
  CHECK(told("leak/build-config", config) == config);
  CHECK(
      told("leak/build-config", {"lib/webpack.js", "lib/jest.config.js", "config.js", "eslint.js", "lock.js"})
          .empty());
  ReleaseBuilder builder;
  for (const std::string& path : config) builder.file(path, "x");
  const auto said = ask("leak/build-config", builder);
  REQUIRE(said.size() == 1);
  CHECK(said[0].message ==
        "configuration of the build: .eslintrc.json, eslint.config.mjs, tsconfig.build.json and 9 more");
}

}  // namespace sallyport
