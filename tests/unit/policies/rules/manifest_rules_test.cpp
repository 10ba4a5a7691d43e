#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

// The members told to the registry that differ from the tarball's.
std::vector<std::string> confusion(std::string_view packed, std::string_view told,
                                   std::vector<std::string> files = {}) {
  ReleaseBuilder builder(packed);
  for (const std::string& file : files) builder.file(file, "x");
  builder.published(told);
  std::vector<std::string> out;
  for (const Said& said : ask("manifest/confusion", builder)) {
    CHECK(said.file == "package.json");
    out.push_back(said.identity.substr(0, said.identity.find('\n')));
  }
  return out;
}
using List = std::vector<std::string>;

}  // namespace

TEST_CASE("a manifest that hides what the tarball does is refused, member by member") {
  CHECK(confusion("{}", R"({"name":"@acme/other"})") == List{"name"});
  CHECK(confusion("{}", R"({"version":"1.2.4"})") == List{"version"});
  CHECK(confusion(R"({"dependencies":{"evil":"1"}})", "{}") == List{"dependencies.evil"});
  CHECK(confusion("{}", R"({"dependencies":{"evil":"1"}})") == List{"dependencies.evil"});
  CHECK(confusion(R"({"dependencies":{"a":"^1"}})", R"({"dependencies":{"a":"^2"}})") ==
        List{"dependencies.a"});
  CHECK(confusion(R"({"devDependencies":{"a":"1"}})", "{}") == List{"devDependencies.a"});
  CHECK(confusion("{}", R"({"optionalDependencies":{"a":"1"}})") == List{"optionalDependencies.a"});
  CHECK(confusion(R"({"peerDependencies":{"a":"1"}})", "{}") == List{"peerDependencies.a"});
  CHECK(confusion(R"({"scripts":{"postinstall":"node x"}})", "{}") == List{"scripts.postinstall"});
  CHECK(confusion(R"({"scripts":{"install":"a"}})", R"({"scripts":{"install":"b"}})") ==
        List{"scripts.install"});
  CHECK(confusion(R"({"bin":{"a":"x.js"}})", "{}") == List{"bin.a"});
  CHECK(confusion(R"({"bin":{"a":"x.js"}})", R"({"bin":{"a":"y.js"}})") == List{"bin.a"});
  CHECK(confusion(R"({"dependencies":{"a":"1"},"bundleDependencies":["a"]})",
                  R"({"dependencies":{"a":"1"}})") == List{"bundleDependencies"});
  for (const char* member :
       {"main", "module", "browser", "exports", "imports", "type", "types", "typings", "os", "cpu", "libc",
        "engines", "peerDependenciesMeta", "acceptDependencies", "deprecated"}) {
    CAPTURE(member);
    const std::string one = std::string("{\"") + member + "\":\"./a.js\"}";
    const std::string other = std::string("{\"") + member + "\":{\"x\":\"./b.js\"}}";
    CHECK(confusion(one, other) == List{member});
    CHECK(confusion("{}", one) == List{member});
    CHECK(confusion(one, "{}") == List{member});
    CHECK(confusion(one, one).empty());
  }
}

TEST_CASE("what real clients change on the way is tolerated") {
  CHECK(confusion(R"({"version":"1.2.3+build.5"})", R"({"version":"1.2.3"})").empty());
  CHECK(confusion(R"({"bin":"./cli.js"})", R"({"bin":{"lib":"cli.js"}})").empty());
  CHECK(confusion(R"({"bin":"./cli.js"})", R"({"bin":{"@acme/lib":"./cli.js"}})").empty());  // Bun
  CHECK(confusion(R"({"bundledDependencies":["a"]})",
                  R"({"bundleDependencies":["a"],"dependencies":{"a":"*"}})")
            .empty());
  CHECK(confusion(R"({"dependencies":{"o":"1"},"optionalDependencies":{"o":"1"}})",
                  R"({"optionalDependencies":{"o":"1"}})")
            .empty());
  CHECK(confusion("{}", R"({"scripts":{"install":"node-gyp rebuild"},"gypfile":true})", {"binding.gyp"})
            .empty());
  CHECK(confusion(R"({"scripts":{"preinstall":"x"}})",  // Yarn 1
                  R"({"scripts":{"preinstall":"x","install":"node-gyp rebuild"}})", {"binding.gyp"})
            .empty());
  CHECK(confusion("{}", R"({"scripts":{"start":"node server.js"}})").empty());
  CHECK(confusion(R"({"scripts":{"b":"./node_modules/.bin/tsc -p ."}})", R"({"scripts":{"b":"tsc -p ."}})")
            .empty());
  CHECK(confusion(R"({"directories":{"bin":"./tools"}})",
                  R"({"directories":{"bin":"./tools"},"bin":{"a":"tools/a"}})")
            .empty());
  CHECK(confusion(R"({"main":"./lib/a.js"})", R"({"main":"./lib/a.js","types":"./lib/a.d.ts"})").empty());
  CHECK(confusion("{}", R"({"types":"./index.d.ts"})").empty());
  CHECK(confusion(R"({"dependencies":{"a":"u/r#v1"}})", R"({"dependencies":{"a":"github:u/r#v1"}})").empty());
  CHECK(
      confusion(
          R"({"author":"A <a@b.example>","bugs":"https://b.example","repository":"u/r","funding":"https://f"})",
          R"({"author":{"name":"A"},"bugs":{"url":"https://b.example"},"repository":{"type":"git"},
                      "funding":{"url":"https://f"},"readme":"...","readmeFilename":"README.md","gitHead":"abc",
                      "_id":"x","_nodeVersion":"20.0.0","_npmVersion":"10","_integrity":"s","_resolved":"/tmp/x",
                      "_from":"file:x","integrity":"s","shasum":"s","dist":{"shasum":"s"},"homepage":"h",
                      "description":"d","man":["a.1"],"contributors":[],"license":"MIT"})")
          .empty());
  CHECK(confusion(R"({"exports":{"b":1,"a":2}})", R"({"exports":{"a":2,"b":1}})").empty());
  CHECK(confusion(R"({"main":""})", "{}").empty());
}

TEST_CASE("a tolerance is no hiding place") {
  // node-gyp without a binding.gyp in the tarball, or in place of a script of its own.
  CHECK(confusion("{}", R"({"scripts":{"install":"node-gyp rebuild"}})") == List{"scripts.install"});
  CHECK(confusion("{}", R"({"scripts":{"install":"node-gyp rebuild"}})", {"sub/binding.gyp"}) ==
        List{"scripts.install"});
  CHECK(confusion(R"({"scripts":{"install":"evil"}})", R"({"scripts":{"install":"node-gyp rebuild"}})",
                  {"binding.gyp"}) == List{"scripts.install"});
  CHECK(confusion("{}", R"({"scripts":{"install":"node-gyp rebuild && evil"}})", {"binding.gyp"}) ==
        List{"scripts.install"});
  CHECK(confusion("{}", R"({"scripts":{"start":"node server.js; evil"}})") == List{"scripts.start"});
  CHECK(confusion(R"({"scripts":{"b":"node_modules/.bin/../evil"}})", R"({"scripts":{"b":"evil"}})") ==
        List{"scripts.b"});
  CHECK(confusion(R"({"directories":{"bin":"tools"}})", R"({"bin":{"git":"tools/a"}})") == List{"bin.git"});
  CHECK(confusion(R"({"directories":{"bin":"tools"}})", R"({"bin":{"a":"elsewhere/a"}})") == List{"bin.a"});
  CHECK(confusion(R"({"directories":{"bin":"tools"},"bin":{"a":"a.js"}})", R"({"bin":{"b":"tools/b"}})") ==
        List{"bin.a", "bin.b"});
  CHECK(confusion(R"({"main":"a.js"})", R"({"main":"a.js","types":"./b.d.ts"})") == List{"types"});
  CHECK(confusion(R"({"typings":"x.d.ts"})", R"({"typings":"x.d.ts","types":"./index.d.ts"})") ==
        List{"types"});
  CHECK(confusion(R"({"dependencies":{"a":"u/r#v1"}})", R"({"dependencies":{"a":"github:u/r#v2"}})") ==
        List{"dependencies.a"});
  CHECK(confusion(R"({"version":"1.2.3+a"})", R"({"version":"1.2.4"})") == List{"version"});
  CHECK(confusion(R"({"version":"1.2.3-beta"})", R"({"version":"1.2.3"})") == List{"version"});
}

TEST_CASE("nothing is compared in a scan, where nobody was told anything") {
  ReleaseBuilder builder(R"({"scripts":{"install":"x"}})");
  CHECK(ask("manifest/confusion", builder).empty());
}

TEST_CASE("a name that may not be published is refused") {
  const auto name = [](std::string_view text) {
    ReleaseBuilder builder("{\"name\":\"" + std::string(text) + "\"}");
    return ask("manifest/name", builder).size();
  };
  CHECK(name("@acme/lib") == 0);
  CHECK(name("lib") == 0);
  CHECK(name("Lib") == 1);
  CHECK(name("fs") == 1);
  CHECK(name(" lib") == 1);
  CHECK(name("../lib") == 1);
  CHECK(name(".lib") == 1);
  CHECK(name("@acme/../../x") == 1);

  ReleaseBuilder old(R"({"name":"JSONStream"})", "1.0.0"), next(R"({"name":"JSONStream"})");
  CHECK(ask("manifest/name", next.after(old)).empty());

  ReleaseBuilder scoped;
  scoped.release().publisher_scopes = {"@acme", "@acme-labs"};
  CHECK(ask("manifest/name", scoped).empty());
  scoped.release().publisher_scopes = {"@acme-labs"};
  CHECK(ask("manifest/name", scoped).size() == 1);
  ReleaseBuilder bare(R"({"name":"lib"})");
  bare.release().publisher_scopes = {"@acme"};
  CHECK(ask("manifest/name", bare).size() == 1);
}

TEST_CASE("a version is strict semver, moves forward, and takes no long jumps") {
  const auto tiers = [](std::string_view version, std::string_view tag, std::string_view target,
                        std::string_view before) {
    ReleaseBuilder builder("{}", version), previous("{}", before.empty() ? "0.0.0" : before);
    if (!before.empty()) builder.after(previous);
    builder.release().tag = tag;
    if (!target.empty()) builder.release().history.tag_target = target;
    std::vector<int> out;
    for (const Said& said : ask("manifest/version", builder)) out.push_back(said.tier);
    return out;
  };
  using Tiers = std::vector<int>;
  CHECK(tiers("1.2.3", "latest", "1.2.2", "1.2.2") == Tiers{});
  CHECK(tiers("1.2.3+build", "latest", "", "") == Tiers{});
  CHECK(tiers("v1.2.3", "latest", "", "") == Tiers{0});
  CHECK(tiers("1.2", "latest", "", "") == Tiers{0});
  CHECK(tiers("01.2.3", "latest", "", "") == Tiers{0});
  CHECK(tiers("0.30.4", "latest", "1.14.0", "0.30.3") == Tiers{1});
  CHECK(tiers("0.30.4", "legacy", "0.30.3", "0.30.3") == Tiers{});
  CHECK(tiers("2.0.0-rc.1", "latest", "", "1.9.0") == Tiers{2});
  CHECK(tiers("2.0.0-rc.1", "next", "", "1.9.0") == Tiers{});
  CHECK(tiers("99.0.0", "latest", "1.0.0", "1.0.0") == Tiers{3});
  CHECK(tiers("2.0.0", "latest", "1.0.0", "1.0.0") == Tiers{});
  CHECK(tiers("99.0.0", "latest", "", "") == Tiers{});
  CHECK(tiers("1.0.0-rc.1", "latest", "3.0.0", "") == Tiers{1, 2});

  // The registry is told a good version, the tarball carries a bad one.
  ReleaseBuilder hidden(R"({"version":"v1.2.3"})");
  hidden.published(R"({"version":"1.2.3"})").release().version = "1.2.3";
  CHECK(ask("manifest/version", hidden).size() == 1);
}

TEST_CASE("without a manifest to read nothing is said of its name and version") {
  const Release nothing;
  for (const char* rule : {"manifest/confusion", "manifest/name", "manifest/version"}) {
    CHECK(ask(rule, nothing).empty());
  }
}

TEST_CASE("latest that moves back is escalated, other tags may") {
  const auto said = [](std::string_view version, std::string_view tag, std::string_view target) {
    ReleaseBuilder builder("{}", version);
    builder.release().tag = tag;
    if (!target.empty()) builder.release().history.tag_target = target;
    const auto all = ask("manifest/tag", builder);
    return all.empty() ? std::string() : all.at(0).message;
  };
  CHECK(said("0.30.4", "latest", "1.14.0") ==
        "latest would fall to an older major line: from 1.14.0 to 0.30.4");
  CHECK(said("1.2.3", "latest", "1.14.0") == "latest would move backwards: from 1.14.0 to 1.2.3");
  CHECK(said("1.14.0-rc.1", "latest", "1.14.0") != "");
  CHECK(said("1.14.1", "latest", "1.14.0") == "");
  CHECK(said("0.30.4", "v0", "1.14.0") == "");
  CHECK(said("0.30.4", "latest", "") == "");
}

}  // namespace sallyport
