#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

TEST_CASE("an install script that is new or changed is refused, an old one is not") {
  ReleaseBuilder none("{}", "1.0.0"), old(R"({"scripts":{"postinstall":"node a.js"}})", "1.0.0");
  for (const char* name : {"preinstall", "install", "postinstall"}) {
    CAPTURE(name);
    ReleaseBuilder builder("{\"scripts\":{\"" + std::string(name) + "\":\"node b.js\"}}");
    const auto said = ask("run/install-script", builder.after(none));
    REQUIRE(said.size() == 1);
    CHECK(said[0].evidence == "node b.js");
    CHECK(said[0].message.starts_with(name));
  }
  ReleaseBuilder same(R"({"scripts":{"postinstall":"node a.js"}})"),
      changed(R"({"scripts":{"postinstall":"node a.js "}})");
  CHECK(ask("run/install-script", same.after(old)).empty());
  CHECK(ask("run/install-script", changed.after(old)).size() == 1);
  ReleaseBuilder first(R"({"scripts":{"preinstall":"x"}})"),
      harmless(R"({"scripts":{"test":"x","prepare":"y"}})");
  CHECK(ask("run/install-script", first).size() == 1);
  CHECK(ask("run/install-script", harmless).empty());
}

TEST_CASE("a gyp file in the root is an install script, told or not") {
  ReleaseBuilder none("{}", "1.0.0"), with("{}", "1.0.0"), builder("{}"), again("{}"), other("{}"),
      deeper("{}"), own(R"({"scripts":{"install":"node a.js"}})");
  with.file("binding.gyp", "{}");
  builder.file("binding.gyp", "{'targets': ['<!(id)']}");
  again.file("binding.gyp", "{}");
  other.file("other.gyp", "{}");
  deeper.file("deps/binding.gyp", "{}");
  own.file("binding.gyp", "{}");
  const auto said = ask("run/install-script", builder.after(none));
  REQUIRE(said.size() == 1);
  CHECK(said[0].evidence == "node-gyp rebuild");
  CHECK(ask("run/install-script", again.after(with)).empty());
  CHECK(ask("run/install-script", other.after(none)).size() == 1);
  CHECK(ask("run/install-script", deeper.after(none)).empty());
  const auto instead = ask("run/install-script", own.after(with));
  REQUIRE(instead.size() == 1);
  CHECK(instead[0].evidence == "node a.js");
}

TEST_CASE("a release whose only change is in the manifest's dependencies or scripts is escalated") {
  const auto fires = [](std::string_view package, std::string_view code, std::string_view docs = "a") {
    ReleaseBuilder previous(R"({"dependencies":{"a":"^1"},"scripts":{"test":"t"}})", "1.0.0"),
        builder(package);
    previous.file("index.js", "code").file("README.md", "a").file("data.json", "{}");
    builder.file("index.js", code).file("README.md", docs).file("data.json", docs).after(previous);
    return !ask("run/manifest-only", builder).empty();
  };
  const std::string same = R"({"dependencies":{"a":"^1"},"scripts":{"test":"t"}})";
  CHECK_FALSE(fires(same, "code"));
  CHECK_FALSE(fires(same, "code", "documents changed"));
  const std::string axios = R"({"dependencies":{"a":"^1","plain-crypto-js":"^4"},"scripts":{"test":"t"}})";
  CHECK(fires(axios, "code"));
  // Touching what does not run is no disguise.
  CHECK(fires(axios, "code", "documents changed"));
  CHECK_FALSE(fires(axios, "code that changed"));
  CHECK(fires(R"({"dependencies":{"a":"^1"},"scripts":{"test":"t","postinstall":"x"}})", "code"));
  CHECK(fires(R"({"dependencies":{"a":"^2"},"scripts":{"test":"t"}})", "code"));
  CHECK(fires(R"({"dependencies":{"a":"^1"},"optionalDependencies":{"b":"1"},"scripts":{"test":"t"}})",
              "code"));
  CHECK(fires(R"({"dependencies":{"a":"^1"},"peerDependencies":{"b":"1"},"scripts":{"test":"t"}})", "code"));
  ReleaseBuilder first(axios);
  CHECK(ask("run/manifest-only", first).empty());
}

TEST_CASE("a renamed or added file of code is a change of code") {
  ReleaseBuilder previous("{}", "1.0.0"), renamed(R"({"scripts":{"x":"y"}})"),
      added(R"({"scripts":{"x":"y"}})");
  previous.file("a.js", "code");
  renamed.file("b.js", "code").after(previous);
  added.file("a.js", "code").file("addon", "ELF", Magic::elf).after(previous);
  CHECK(ask("run/manifest-only", renamed).empty());
  CHECK(ask("run/manifest-only", added).empty());
}

}  // namespace sallyport
