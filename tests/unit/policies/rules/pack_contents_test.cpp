#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

TEST_CASE("a list of files that lets everything in is no list") {
  for (const std::string files : {R"(["."])", R"(["*"])", R"(["**"])", R"(["./"])", R"(["**/*"])",
                                  R"(["dist","/"])", R"(["*","!secret"])", R"(["{*,.*}"])"}) {
    CAPTURE(files);
    ReleaseBuilder builder("{\"files\":" + files + "}");
    builder.file("dist/a.js", "");
    CHECK(ask("pack/wide-files", builder).size() == 1);
  }
  for (const std::string files : {R"(["dist"])", R"(["dist/**","*.js"])", R"([])", R"(["lib/*"])"}) {
    CAPTURE(files);
    ReleaseBuilder builder("{\"files\":" + files + "}");
    builder.file("dist/a.js", "").file("lib/a.js", "");
    CHECK(ask("pack/wide-files", builder).empty());
  }
  ReleaseBuilder none;
  CHECK(ask("pack/wide-files", none).empty());
}

TEST_CASE("development dependencies and a stray node_modules in the package") {
  ReleaseBuilder stray;
  stray.file("node_modules/x/a.js", "").file("node_modules/y/b.js", "");
  REQUIRE(ask("pack/dev-dependency", stray).size() == 1);
  CHECK(ask("pack/dev-dependency", stray)[0].message.find("(2 files)") != std::string::npos);

  ReleaseBuilder bundled(R"({"bundleDependencies":["x"],"devDependencies":{"@t/y":"1"}})");
  bundled.file("node_modules/x/a.js", "").file("node_modules/x/node_modules/z/a.js", "");
  CHECK(ask("pack/dev-dependency", bundled).empty());
  ReleaseBuilder kept(R"({"bundleDependencies":["x"],"devDependencies":{"@t/y":"1"}})");
  kept.file("dist/node_modules/@t/y/a.js", "").file("node_modules/x/a.js", "");
  const auto said = ask("pack/dev-dependency", kept);
  REQUIRE(said.size() == 1);
  CHECK(said[0].file == "dist/node_modules/@t/y/a.js");
  CHECK(said[0].message.find("@t/y") != std::string::npos);

  ReleaseBuilder both(R"({"dependencies":{"y":"1"},"devDependencies":{"y":"1"}})");
  both.file("dist/node_modules/y/a.js", "").file("my_node_modules/z/a.js", "");
  CHECK(ask("pack/dev-dependency", both).empty());
}

TEST_CASE("what is bundled is told, and that it changed") {
  ReleaseBuilder none("{}", "1.0.0"), x(R"({"bundleDependencies":["x"]})", "1.0.0"),
      now(R"({"bundleDependencies":["x"]})"), gone, still(R"({"bundledDependencies":["x"]})");
  REQUIRE(ask("pack/bundled", now.after(none)).size() == 1);
  CHECK(ask("pack/bundled", now)[0].message.find("1.0.0 bundled nothing") != std::string::npos);
  REQUIRE(ask("pack/bundled", still.after(x)).size() == 1);
  CHECK(ask("pack/bundled", still)[0].message.find("1.0.0") == std::string::npos);
  REQUIRE(ask("pack/bundled", gone.after(x)).size() == 1);
  CHECK(ask("pack/bundled", gone)[0].message.starts_with("nothing is bundled any more"));
  ReleaseBuilder plain;
  CHECK(ask("pack/bundled", plain.after(none)).empty());
  // Of a release from before this was kept nobody knows.
  gone.release().history.baseline->measured = false;
  CHECK(ask("pack/bundled", gone).empty());
}

TEST_CASE("a license that is missing is noted, one that changed is told louder") {
  const auto said = [](std::string_view package, std::string_view file, std::string_view before = {}) {
    ReleaseBuilder previous(before.empty() ? "{}" : before, "1.0.0"), builder(package);
    if (!file.empty()) builder.file(file, "text");
    if (!before.empty()) builder.after(previous);
    std::string out;
    for (const Said& s : ask("pack/license", builder))
      out += (out.empty() ? "" : "; ") + s.message + " " + std::to_string(s.tier);
    return out;
  };
  CHECK(said(R"({"license":"MIT"})", "LICENSE") == "");
  CHECK(said(R"({"license":"MIT"})", "licence.md") == "");
  CHECK(said(R"({"license":"UNLICENSED"})", "") == "");
  CHECK(said("{}", "LICENSE") == "package.json names no license 0");
  CHECK(said("{}", "lib/LICENSE") == "neither a license field nor a license file 0");
  CHECK(said(R"({"license":"MIT"})", "") == "the license is MIT, and no file has its text 0");
  CHECK(said(R"({"licenses":[{"type":"MIT"},{"type":"X"}]})", "LICENSE", R"({"license":"MIT OR X"})") == "");
  CHECK(said(R"({"license":"SSPL-1.0"})", "LICENSE", R"({"license":"MIT"})") ==
        "the license changed from MIT to SSPL-1.0 1");
  CHECK(said(R"({"license":{"type":"MIT"}})", "LICENSE", R"({"license":"MIT"})") == "");
  CHECK(said("{}", "LICENSE", R"({"license":"MIT"})") ==
        "package.json names no license 0; the license changed from MIT to none 1");
  ReleaseBuilder previous(R"({"license":"MIT"})", "1.0.0"), builder(R"({"license":"X"})");
  builder.file("LICENSE", "").after(previous).release().history.baseline->license.reset();
  CHECK(ask("pack/license", builder).empty());
}

namespace {

std::string missing(std::string_view package, const std::vector<std::string>& files) {
  ReleaseBuilder builder(package);
  for (const std::string& file : files) builder.file(file, "");
  std::string out;
  for (const Said& said : ask("pack/entry-points", builder)) out += (out.empty() ? "" : "; ") + said.message;
  return out;
}

}  // namespace

TEST_CASE("entry points that are there, as Node and TypeScript look for them") {
  for (
      const auto& [package, file] : std::vector<std::pair<const char*, const char*>>{
          {R"({"main":"lib/a.js"})", "lib/a.js"},
          {R"({"main":"./lib/a"})", "lib/a.js"},
          {R"({"main":"lib"})", "lib/index.js"},
          {R"({"main":"lib/"})", "lib/index.json"},
          {R"({"main":"."})", "index.js"},
          {R"({"main":"./lib/../a"})", "a.node"},
          {R"({"main":""})", "x"},
          {R"({"types":"./a"})", "a.d.ts"},
          {R"({"types":"dist/a.js"})", "dist/a.d.ts"},
          {R"({"typings":"dist"})", "dist/index.d.ts"},
          {R"({"bin":"./cli.js"})", "cli.js"},
          {R"({"bin":{"x":"bin/../cli.js"}})", "cli.js"},
          {R"({"exports":"./a.js"})", "a.js"},
          {R"({"exports":{".":{"import":{"types":"./a.js","default":"./a.js"}},"./package.json":"./package.json"}})",
           "a.js"},
          {R"({"exports":{".":["./missing.js","./a.js"]}})", "a.js"},
          {R"({"exports":{"./*":"./lib/*.js","./x/*":null}})", "lib/deep/a.js"},
          {R"({"exports":{"./lib/":"./lib/"}})", "lib/a.js"},
          {R"({"exports":{"./*":"./*"}})", "a.js"},
          {R"({"exports":{".":{"source":"./src/a.ts","@acme/dev":"./src/a.ts","default":"./a.js"}}})",
           "a.js"}}) {
    CAPTURE(package);
    CHECK(missing(package, {file}) == "");
  }
}

TEST_CASE("entry points that are not there") {
  CHECK(missing(R"({"main":"dist/index.js"})", {"index.js"}) ==
        "main names \"dist/index.js\", which is not in the package (FILE_DOES_NOT_EXIST)");
  CHECK(missing(R"({"main":"LIB/a.js"})", {"lib/a.js"}).starts_with("main names"));
  CHECK(missing(R"({"main":"../a.js"})", {"a.js"}).starts_with("main names"));
  CHECK(missing(R"({"types":"a.d.ts"})", {"a.js"}).starts_with("types names"));
  CHECK(missing(R"({"bin":{"x":"cli"}})", {"cli.js"}).starts_with("bin.x names \"cli\""));
  CHECK(missing(R"({"exports":{".":{"import":"./a.mjs","require":"./a.cjs"}}})", {"a.mjs"}) ==
        "exports[\".\"][\"require\"] names \"./a.cjs\", which is not in the package (FILE_DOES_NOT_EXIST)");
  CHECK(missing(R"({"exports":{"./*":"./lib/*.js"}})", {"lib/a.css"}) ==
        "exports[\"./*\"] names \"./lib/*.js\", which matches no file of the package "
        "(EXPORTS_GLOB_NO_MATCHED_FILES)");
  CHECK(missing(R"({"exports":{".":["./a.js","./b.js"]}})", {"c.js"}).find("./b.js") != std::string::npos);
  CHECK(missing(R"({"exports":"a.js"})", {"a.js"}).ends_with("(EXPORTS_VALUE_INVALID)"));
  // No extension is added to what exports names.
  CHECK(missing(R"({"exports":"./a"})", {"a.js"}).ends_with("(FILE_DOES_NOT_EXIST)"));
}

TEST_CASE("declarations and subpaths that the last release lacked as well are a note") {
  const auto tier = [](std::string_view package, bool had_it) {
    ReleaseBuilder previous("{}", "1.0.0"), builder(package);
    if (had_it) previous.file("gone/a.js", "").file("gone/a.d.ts", "");
    return ask("pack/entry-points", builder.after(previous)).at(0).tier;
  };
  for (const char* package : {R"({"types":"gone/a.d.ts"})", R"({"exports":"./gone/a.js"})",
                              R"({"exports":{"./*":"./gone/*.js"}})"}) {
    CAPTURE(package);
    CHECK(tier(package, true) == 0);
    CHECK(tier(package, false) == 1);
  }
  CHECK(tier(R"({"main":"gone/a"})", false) == 0);
  CHECK(tier(R"({"bin":"gone/a.js"})", false) == 0);
}

TEST_CASE("exports that nest without end, or name thousands of files, are told in a few lines") {
  std::string deep = "\"./a.js\"";
  for (int i = 0; i < 26; ++i) deep = "{\"default\":" + deep + "}";
  CHECK(missing("{\"exports\":" + deep + "}", {}).find("too deep") != std::string::npos);
  std::string many = "{";
  for (int i = 0; i < 5000; ++i)
    many += (i ? "," : "") + ("\"./" + std::to_string(i) + "\":\"./" + std::to_string(i) + ".js\"");
  ReleaseBuilder builder("{\"exports\":" + many + "}}");
  CHECK(ask("pack/entry-points", builder).size() == 20);
}

}  // namespace sallyport
