// origin/publisher, path, dormant, velocity, toolchain.

#include <doctest/doctest.h>

#include "policies/toolchain.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

ReleaseOrigin origin(std::string publisher, std::string credential, std::string path) {
  ReleaseOrigin made;
  made.publisher = std::move(publisher);
  made.credential = std::move(credential);
  made.path = std::move(path);
  return made;
}

struct Case {
  ReleaseBuilder before{"{}", "1.2.2"}, now;
  ManualClock clock;

  explicit Case(std::vector<ReleaseOrigin> line = {}) {
    now.after(before);
    Release& release = now.release();
    release.now = clock.now();
    release.outside.collected = true;
    release.outside.origin = origin("ann", "k1", "token");
    for (ReleaseOrigin& one : line) {
      Facts facts = *release.history.baseline;
      facts.origin = std::move(one);
      release.history.line.push_back(std::move(facts));
    }
  }
  std::vector<Said> ask(std::string_view rule) { return sallyport::ask(rule, now); }
  int tier(std::string_view rule) {
    const auto said = ask(rule);
    return said.size() == 1 ? said.front().tier : -1;
  }
};

}  // namespace

TEST_CASE("an account that never published here escalates, a new credential of a known one is noted") {
  CHECK(Case({origin("ann", "k1", "token")}).tier("origin/publisher") == -1);
  CHECK(Case({origin("ben", "k2", "token"), origin("ann", "k1", "token")}).tier("origin/publisher") == -1);
  CHECK(Case({origin("ben", "k2", "token")}).tier("origin/publisher") == 1);
  CHECK(Case({origin("ann", "k0", "token")}).tier("origin/publisher") == 0);
  // The upstream's accounts are not ours: that it is the first one through this gate is worth a note.
  CHECK(Case({origin("ben", "", "token")}).tier("origin/publisher") == 0);
  CHECK(Case({}).tier("origin/publisher") == 0);
  Case first({});
  first.now.release().history.baseline.reset();
  CHECK(first.tier("origin/publisher") == -1);
  Case scan({origin("ben", "k2", "token")});
  scan.now.release().outside.origin.reset();
  CHECK(scan.tier("origin/publisher") == -1);
}

TEST_CASE("a token where the last release came from a build escalates") {
  CHECK(Case({origin("bot", "", "trusted")}).tier("origin/path") == 0);
  CHECK(Case({origin("bot", "k", "ci"), origin("ann", "k1", "token")}).tier("origin/path") == 0);
  CHECK(Case({origin("ann", "k1", "token"), origin("bot", "k", "ci")}).tier("origin/path") == -1);
  CHECK(Case({origin("ann", "k1", ""), origin("bot", "", "trusted")}).tier("origin/path") == 0);
  CHECK(Case({}).tier("origin/path") == -1);
  Case build({origin("bot", "", "trusted")});
  build.now.release().outside.origin->path = "ci";
  CHECK(build.tier("origin/path") == -1);
  Case baseline_only;
  baseline_only.now.release().history.baseline->origin = origin("bot", "", "trusted");
  CHECK(baseline_only.tier("origin/path") == 0);
}

TEST_CASE("a release after more than a year escalates, a second one within the hour is noted") {
  const auto said = [](std::string_view rule, Millis ago) {
    Case c;
    c.now.release().history.last_release = c.clock.now() - ago;
    return c.tier(rule);
  };
  constexpr std::chrono::days day{1};
  CHECK(said("origin/dormant", day * 365) == -1);
  CHECK(said("origin/dormant", day * 365 + Millis(1)) == 0);
  CHECK(said("origin/dormant", Millis(0)) == -1);
  CHECK(said("origin/velocity", std::chrono::minutes(39)) == 0);
  CHECK(said("origin/velocity", std::chrono::minutes(60)) == 0);
  CHECK(said("origin/velocity", std::chrono::minutes(61)) == -1);
  CHECK(said("origin/velocity", -day) == 0);
  Case unknown;
  CHECK(unknown.tier("origin/dormant") == 1);
  CHECK(unknown.tier("origin/velocity") == -1);
  unknown.now.release().history.baseline.reset();
  CHECK(unknown.tier("origin/dormant") == -1);
}

TEST_CASE("a change of tools is said once, with every trace that changed") {
  Case c;
  auto& before = c.now.release().history.baseline->toolchain;
  auto& now = c.now.release().facts.toolchain;
  before = {{"npm", "10"}, {"bundler", "webpack"}, {"order", "grouped"}, {"client", "npm"}};
  now = {{"npm", "11"}, {"bundler", "bun"}, {"order", "grouped sorted"}, {"gzip", "os 3"}};
  auto said = c.ask("origin/toolchain");
  REQUIRE(said.size() == 1);
  CHECK(said[0].evidence == "bundler: webpack before, bun now; npm: 10 before, 11 now");
  CHECK(said[0].tier == 0);
  now = {{"npm", "10"}, {"bundler", "webpack"}, {"order", "sorted"}};
  CHECK(c.tier("origin/toolchain") == 1);  // another packer alone: milder outside of proprietary code
  before["order"] = "";
  now["order"] = "";
  CHECK(c.ask("origin/toolchain").empty());
  before.clear();  // recorded before fingerprints were
  CHECK(c.ask("origin/toolchain").empty());
}

TEST_CASE("the tools of a release are read off what they leave behind") {
  const auto bundler = [](std::string_view code) {
    ReleaseBuilder builder;
    builder.file("dist/index.js", code);
    return builder.release().facts.toolchain.at("bundler");
  };
  CHECK(bundler("module.exports = 1\n") == "none");
  CHECK(bundler("/******/ (() => { // webpackBootstrap\nvar __webpack_require__ = {};") == "webpack");
  CHECK(bundler("var __defProp = Object.defineProperty;\nvar __getOwnPropNames = 1;") == "esbuild");
  CHECK(bundler("// @bun\nvar __defProp = Object.defineProperty;") == "bun");
  CHECK(bundler("//#region rolldown:runtime\nvar __defProp = Object.defineProperty;") == "rolldown");
  CHECK(bundler("/******/ __nccwpck_require__; __webpack_require__") == "ncc");
  CHECK(bundler("var __importDefault = (this && this.__importDefault) || 1;") == "tsc");
  CHECK(bundler("function a(){}" + std::string(100'000, ' ') + "function _interopRequireDefault(e) {}") ==
        "babel");
  CHECK(bundler("import { _ as _define } from \"@swc/helpers/_/_define\";") == "swc");
  CHECK(bundler("function getDefaultExportFromCjs (x) {}") == "rollup");

  ReleaseBuilder builder(R"({"scripts":{"build":"tsc -p . && rollup -c","test":"webpack"},
                             "devDependencies":{"esbuild":"1"}})");
  builder.file("README.md", "").file("lib/a.js", "");
  builder.published(R"({"_npmVersion":"11.19.1","_nodeVersion":"24.1.0"})");
  Release& release = builder.release();
  release.gzip = GzipHeader{0, 255, 0, 2};
  release.outside.origin = ReleaseOrigin();
  release.outside.origin->client = "pnpm/10.2.0";
  CHECK(toolchain_of(release) == Toolchain{{"npm", "11"},
                                           {"node", "24"},
                                           {"client", "pnpm"},
                                           {"gzip", "os 255, extra flags 2, flags 0"},
                                           {"order", "grouped manifest-first"},
                                           {"bundler", "none"},
                                           {"build", "esbuild rollup tsc"}});
  CHECK(major_of("v24.1.0") == "24");
  CHECK(major_of("npm/11.19.1") == "11");
  CHECK(major_of("latest").empty());
}

}  // namespace sallyport
