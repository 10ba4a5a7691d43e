#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

// Whether the new dependency `name` is a phantom beside one file of that name and text.
bool phantom(std::string_view name, std::string_view path, std::string_view text, std::string_view more = "",
             std::string_view map = "dependencies") {
  ReleaseBuilder previous("{}", "1.0.0");
  ReleaseBuilder builder("{\"" + std::string(map) + "\":{\"" + std::string(name) + "\":\"^1\"}" +
                         std::string(more) + "}");
  builder.file(path, text).after(previous);
  return !ask("deps/phantom", builder).empty();
}

}  // namespace

TEST_CASE("a dependency the baseline lacks is new, wherever it stands") {
  ReleaseBuilder previous(R"({"dependencies":{"a":"^1"},"optionalDependencies":{"b":"^1"}})", "1.0.0");
  ReleaseBuilder builder(R"({"dependencies":{"a":"^2","b":"^1","c":"^1"},"optionalDependencies":{"d":"1"},
    "peerDependencies":{"e":"1","f":"1"},"peerDependenciesMeta":{"f":{"optional":true}},"devDependencies":{"g":"1"}})");
  std::vector<std::string> names;
  for (const Said& said : ask("deps/new", builder.after(previous))) names.push_back(said.identity);
  CHECK(names == std::vector<std::string>{"c@^1", "d@1", "e@1"});
  ReleaseBuilder first(R"({"dependencies":{"a":"^1"}})");
  CHECK(ask("deps/new", first).empty());
  CHECK(ask("deps/phantom", first).empty());
}

TEST_CASE("a new dependency that nothing imports is a phantom; a mention is no import") {
  CHECK(phantom("plain-crypto-js", "index.js", "module.exports = 1"));
  CHECK(phantom("plain-crypto-js", "README.md", "const x = require('plain-crypto-js')"));
  CHECK(phantom("plain-crypto-js", "index.js", "// require('plain-crypto-js')"));
  CHECK(phantom("plain-crypto-js", "index.js",
                "/* import 'plain-crypto-js' */ console.log('plain-crypto-js')"));
  CHECK(phantom("plain-crypto-js", "package-lock.json", R"({"packages":{"plain-crypto-js":{}}})"));
  CHECK(phantom("plain-crypto-js", "sub/package.json", R"({"plugins":["plain-crypto-js"]})"));
  CHECK(phantom("plain-crypto-js", "index.js", "require('plain-crypto-js-more'); require('plain-crypto')"));
  CHECK(phantom("plain-crypto-js", "node_modules/other/index.js", "require('plain-crypto-js')"));
  CHECK(phantom("plain-crypto-js", "index.js", "1", R"(,"scripts":{"test":"plain-crypto-js"})"));
  CHECK(phantom("plain-crypto-js", "index.js", "1", R"(,"scripts":{"postinstall":"not-plain-crypto-js"})"));
  CHECK(phantom("plain-crypto-js", "index.js", "1", R"(,"devDependencies":{"plain-crypto-js":"1"})"));
  CHECK(phantom("plain-crypto-js", "index.js", "1", "", "peerDependencies"));
  CHECK(phantom("plain-crypto-js", "index.js", "1", "", "optionalDependencies"));
}

TEST_CASE("a new dependency that is used is none") {
  CHECK_FALSE(phantom("x", "index.js", "require('x/sub')"));
  CHECK_FALSE(phantom("@a/x", "index.mjs", "import a from '@a/x'"));
  CHECK_FALSE(phantom("x", "index.d.ts", "import {A} from 'x'"));
  CHECK_FALSE(phantom("x", "tsconfig.json", R"({"extends":"x/base.json"})"));
  CHECK_FALSE(phantom("x", "App.vue", "<script>\nimport a from 'x'\n</script>"));
  CHECK_FALSE(phantom("x", "a.css", "@import 'x/y.css';"));
  CHECK_FALSE(phantom("node-gyp-build", "i.js", "1", R"(,"scripts":{"install":"node-gyp-build || true"})"));
  CHECK_FALSE(phantom("@a/tool", "i.js", "execFile('tool', [])"));
  CHECK_FALSE(phantom("@types/node", "index.d.ts", "/// <reference types=\"node\" />"));
  CHECK_FALSE(phantom("@types/node", "index.d.ts", "import * as fs from 'fs'"));
  CHECK_FALSE(phantom("@types/a__b", "index.d.ts", "import {A} from '@a/b'"));
  CHECK(phantom("@types/a__b", "index.js", "import {A} from '@a/b'"));
  CHECK_FALSE(phantom("@a/core-linux-x64", "i.js", "require(`@a/core-${process.platform}`)"));
  CHECK_FALSE(phantom("@a/core-linux-x64", "i.js", "const t = {'linux x64': '@a/core-linux-x64'}", "",
                      "optionalDependencies"));
  CHECK(phantom("@a/core-linux-x64", "i.js", "const t = {'linux x64': '@a/core-linux-x64'}"));
}

TEST_CASE("an import is found across the chunks of a large file, and a file that cannot be read is no pass") {
  for (const std::size_t before : {256u * 1024 - 8, 256u * 1024 - 1, 3u * 256 * 1024 - 4}) {
    CHECK_FALSE(
        phantom("plain-crypto-js", "big.js", std::string(before, ' ') + "require('plain-crypto-js')"));
  }
  ReleaseBuilder previous("{}", "1.0.0"), builder(R"({"dependencies":{"x":"1"}})");
  builder.file("a.js", "1").after(previous);
  builder.release().bytes = [](const TarEntry&) {
    return FileBytes{10, [](std::uint64_t, std::span<std::uint8_t>) -> Result<std::size_t> {
                       return fail(ErrorKind::internal, "gone");
                     }};
  };
  CHECK_THROWS_AS(ask("deps/phantom", builder), BadResult);
  builder.release().bytes = [](const TarEntry&) {
    return FileBytes{10, [](std::uint64_t, std::span<std::uint8_t>) -> Result<std::size_t> { return 0u; }};
  };
  CHECK_THROWS_AS(ask("deps/phantom", builder), std::runtime_error);
}

TEST_CASE("a dependency past the registries is refused, one under another name is to be seen") {
  const auto tier = [](std::string_view spec, std::string_view map = "dependencies") {
    ReleaseBuilder builder("{\"" + std::string(map) + "\":{\"x\":\"" + std::string(spec) + "\"}}");
    const auto said = ask("deps/exotic", builder);
    return said.empty() ? -1 : said.at(0).tier;
  };
  for (const char* spec :
       {"git+https://github.com/a/b.git#abc", "a/b", "github:a/b", "https://e.example/x.tgz",
        " http://e.example/x", "git@github.com:a/b", "exec:./x"}) {
    CAPTURE(spec);
    CHECK(tier(spec) == 0);
    CHECK(tier(spec, "optionalDependencies") == 0);
    CHECK(tier(spec, "peerDependencies") == 0);
    CHECK(tier(spec, "devDependencies") == -1);
  }
  CHECK(tier("npm:y@^1") == 1);
  CHECK(tier("npm:x@^1") == -1);
  CHECK(tier("^1.0.0") == -1);
}

}  // namespace sallyport
