// What a package has always shipped is not told anew with every release; what is like it, and is not it, is.

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <string>

#include "../content/scan_text.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/release_builder.hpp"

namespace sallyport {
namespace {

using namespace std::string_literals;
using Files = std::map<std::string, std::string>;

// Scanned as an inspection scans it.
class Scanned {
 public:
  explicit Scanned(Files files, const Scanned* previous = nullptr) : files_(std::move(files)) {
    ContentScan scan(shipped_rules());
    for (const auto& [path, text] : files_) {
      TarEntry& entry = entries_.emplace_back();
      entry.path = "package/" + path;
      entry.inner = path;
      entry.size = text.size();
      entry.digest = sha256(text);
      contents_.push_back(scan_text(scan, text, path));
      release_.files.push_back({entry, contents_.back()});
      release_.unpacked_bytes += text.size();
    }
    release_.bytes = [this](const TarEntry& entry) { return bytes_of(files_.at(entry.inner)); };
    release_.facts = facts_of(release_);
    if (previous != nullptr) release_.history.baseline = previous->release_.facts;
  }
  Scanned(const Scanned&) = delete;
  Scanned& operator=(const Scanned&) = delete;

  // The tiers of what the rule says, as digits.
  std::string tiers(std::string_view rule) const {
    std::string out;
    for (const Said& said : ask(rule, release_)) out += std::to_string(said.tier);
    return out;
  }

 private:
  Files files_;
  std::deque<TarEntry> entries_;
  std::deque<FileContent> contents_;
  Release release_;
};

std::string tiers(std::string_view rule, const Files& files, const Files& before) {
  const Scanned previous(before);
  return Scanned(files, &previous).tiers(rule);
}
std::string tiers(std::string_view rule, const Files& files) {
  return Scanned(files).tiers(rule);
}

const std::string code = "exports.a = 1;\n",
                  bare_map = R"({"version":3,"sources":["a.ts"],"mappings":"AAAA"})",
                  full_map =
                      R"({"version":3,"sources":["a.ts"],"sourcesContent":["let a"],"mappings":"AAAA"})";

}  // namespace

TEST_CASE("maps are told softly to who has shipped maps, and text in them to who has shipped text") {
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", full_map}}) == "0");
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", full_map}}, {{"a.js", code}}) == "0");
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", full_map}}, {{"b.js.map", bare_map}}) == "1");
  // Without text it gives away the names of files.
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", bare_map}}, {{"a.js", code}}) == "1");
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", "not to be read"}}, {{"a.js", code}}) == "0");
  // Under another name it is a map all the same, then and now.
  CHECK(tiers("leak/source-map", {{"a.js.map", bare_map}}, {{"data.bin", bare_map}}) == "1");
  CHECK(tiers("leak/source-map-ratio", {{"a.js.map", bare_map}}, {{"a.js.map", bare_map}}) == "1");
  CHECK(tiers("leak/source-map-sources", {{"a.js.map", full_map}}, {{"a.js.map", bare_map}}) == "0");
  CHECK(tiers("leak/source-map-sources", {{"a.js.map", full_map}}, {{"b.js.map", full_map}}) == "1");
  const Files in_line = {{"a.js", code + "//# sourceMappingURL=data:application/json;base64," +
                                      base64_encode(as_bytes(full_map))}};
  CHECK(tiers("leak/inline-source-map", in_line, {{"b.js.map", full_map}}) == "0");
  CHECK(tiers("leak/inline-source-map", in_line, in_line) == "1");
}

TEST_CASE("a large file is told softly where one as large, of its kind, was before") {
  const std::uint64_t mib = 1 << 20;
  const auto tier = [&](std::string_view before, std::uint64_t size_before, std::uint64_t size) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    previous.big_file(before, size_before * mib);
    builder.big_file("a.js", size * mib).after(previous);
    return ask("size/file", builder).at(0).tier;
  };
  CHECK(tier("b.js", 8, 9) == 1);
  CHECK(tier("b.js", 8, 12) == 1);
  CHECK(tier("b.js", 8, 13) == 0);
  CHECK(tier("b.js", 4, 6) == 0);
  CHECK(tier("b.map", 8, 8) == 0);
}

TEST_CASE("base64 that a file had before in another form is told softly, elsewhere it is not") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "function f" + std::to_string(i) + "() { return 1; }\n";
  const auto blob = [&](const std::string& of) { return "x('" + base64_encode(as_bytes(of)) + "');\n"; };
  const Files before = {{"worker.js", blob(text)}, {"plain.js", code}};
  CHECK(tiers("code/encoded-blob", {{"worker.js", blob(text)}}, before).empty());
  CHECK(tiers("code/encoded-blob", {{"worker.js", blob(text + "g()")}}, before) == "2");
  CHECK(tiers("code/encoded-blob", {{"plain.js", blob(text + "g()")}}, before) == "0");
}

TEST_CASE("a table of a document is set with blanks, code is not") {
  const std::string blanks(500, ' '), row = "| a" + blanks + "| b |\n";
  CHECK(tiers("code/hidden-by-space", {{"README.md", "| a | b |\n" + row}}) == "1");
  std::string rows;
  for (std::size_t i = 0; i < 40; ++i) rows += "| a" + std::string(450 + i % 2, ' ') + "| b |\n";
  CHECK(tiers("code/hidden-by-space", {{"README.md", rows}}).find('0') == std::string::npos);
  CHECK(tiers("code/hidden-by-space", {{"README.md", "a" + blanks + "evil()\n"}}) == "2");
  CHECK(tiers("code/hidden-by-space", {{"README.md", row + "a" + blanks + "evil()\n"}}) == "12");
  CHECK(tiers("code/hidden-by-space", {{"a.js", "0\n" + row}}) == "0");
  // A document that code loads is code.
  CHECK(tiers("code/hidden-by-space",
              {{"a.js", "require('./README.md')"}, {"README.md", "0\n| a" + blanks + "| evil()"}}) == "0");
}

TEST_CASE("embeddings belong to texts written from the right, overrides to no text") {
  const std::string arabic = "\u0645\u0631\u062d\u0628\u0627";
  CHECK(tiers("code/bidi", {{"ar.json", "{\"a\":\"\u202b" + arabic + "\u202c\"}"}}) == "1");
  CHECK(tiers("code/bidi", {{"ar.json", "{\"a\":\"\u202e" + arabic + "\u202c\"}"}}) == "0");
  CHECK(tiers("code/bidi", {{"ar.json", "{\"a\":\"\u2067" + arabic + "\u2069\"}"}}) == "0");
  CHECK(tiers("code/bidi", {{"en.json", "{\"a\":\"\u202bhello\u202c\"}"}}) == "0");
  CHECK(tiers("code/bidi", {{"ar.js", "x = '\u202b" + arabic + "\u202c'"}}) == "0");
  CHECK(tiers("code/bidi", {{"package.json", "{\"name\":\"\u202b" + arabic + "\u202c\"}"}}) == "0");
}

TEST_CASE("private addresses explain in documents; a path of the machine explains nowhere") {
  CHECK(tiers("leak/build-path", {{"README.md", "connect to redis://10.87.3.4:6379\n"}}) == "1");
  CHECK(tiers("leak/build-path", {{"a.js", "connect('10.87.3.4')\n"}}) == "0");
  CHECK(tiers("leak/build-path", {{"README.md",
                                   "see /ho"
                                   "me/jane.doe/work/app/src/a.ts\n"}}) == "0");
  const Files before = {{"a.js",
                         "// /ho"
                         "me/jane.doe/work/app/src/a.ts\n"}};
  CHECK(tiers("leak/build-path",
              {{"a.js",
                "// /ho"
                "me/jane.doe/work/app/src/b.ts\n"}},
              before) == "1");
  CHECK(tiers("leak/build-path",
              {{"b.js",
                "// /ho"
                "me/jane.doe/work/app/src/b.ts\n"}},
              before) == "0");
}

TEST_CASE("a name of two scripts deceives where it runs or names a package") {
  const std::string mixed = "var \u0441ontainer = 1;\n";
  CHECK(tiers("code/homoglyph", {{"a.js", mixed}}) == "0");
  CHECK(tiers("code/homoglyph", {{"doc.leafdoc", mixed}}) == "1");
  CHECK(tiers("code/homoglyph", {{"a.js", "require('./doc.leafdoc')"}, {"doc.leafdoc", mixed}}) == "0");
  CHECK(tiers("code/homoglyph", {{"package.json", "{\"dependencies\":{\"\u0430xios\":\"1\"}}"}}) == "0");
}

TEST_CASE("a key shown by its first line is none, and a key of pages may be meant for them") {
  const std::string line = "MIIEpQIBAAKCAQEAuyf/lNrH9ck8DmNyo3fGgvCI1l9s+cmBY3WIz+cUDqmxiieR";
  const auto pem = [&](std::string_view kind, int lines) {
    std::string body;
    for (int i = 0; i < lines; ++i)
      body += line.substr(static_cast<std::size_t>(i) + 1) + line.substr(0, 3) + "\n";
    return "-----BEGIN "s + std::string(kind) + "PRIVATE " + "KEY-----\n" + body + "-----END " +
           std::string(kind) + "PRIVATE " + "KEY-----\n";
  };
  CHECK(tiers("leak/secret", {{"a.d.ts", pem("RSA ", 1)}}).empty());
  CHECK(tiers("leak/secret", {{"a.pem.txt", pem("RSA ", 8)}}) == "0");
  CHECK(tiers("leak/secret", {{"a.pem.txt", pem("DSA ", 8)}}) == "0");
  // Of other kinds the shortest has one line.
  CHECK(tiers("leak/secret", {{"a.pem.txt", pem("", 1)}}) == "0");
  CHECK(tiers("leak/secret", {{"a.pem.txt", pem("EC ", 2)}}) == "0");
  CHECK(tiers("leak/secret", {{"a.js", "key = 'AIza"s + "SyC3aviU6KHXAjoSnxcw6qbOhjnFctbxQkF'"}}) == "1");
}

TEST_CASE("without a change of code, what comes in is told, not what moves") {
  const auto tier = [](std::string_view package) {
    ReleaseBuilder previous(R"({"dependencies":{"a":"^1"},"scripts":{"test":"t","install":"i"}})", "1.0.0"),
        builder(package);
    previous.file("index.js", "code");
    builder.file("index.js", "code").after(previous);
    return ask("run/manifest-only", builder).at(0).tier;
  };
  CHECK(tier(R"({"dependencies":{"a":"^2"},"scripts":{"test":"t","install":"i"}})") == 1);
  CHECK(tier(R"({"dependencies":{"a":"^1"},"scripts":{"test":"u","install":"i"}})") == 1);
  CHECK(tier(R"({"dependencies":{},"scripts":{"test":"t","install":"i"}})") == 1);
  CHECK(tier(R"({"dependencies":{"a":"github:x/y"},"scripts":{"test":"t","install":"i"}})") == 0);
  CHECK(tier(R"({"dependencies":{"a":"npm:b@1"},"scripts":{"test":"t","install":"i"}})") == 0);
  CHECK(tier(R"({"dependencies":{"a":"^1","b":"1"},"scripts":{"test":"t","install":"i"}})") == 0);
  CHECK(tier(R"({"dependencies":{"a":"^1"},"scripts":{"test":"t","install":"j"}})") == 0);
  CHECK(tier(R"({"dependencies":{"a":"^1"},"scripts":{"test":"t","install":"i","preinstall":"p"}})") == 0);
}

TEST_CASE("a dependency that nothing imports is told softly where it was released together with this") {
  const auto tier = [](std::string_view map, std::string_view name, std::string_view spec) {
    ReleaseBuilder previous("{}", "1.0.0"), builder("{\"" + std::string(map) + "\":{\"" + std::string(name) +
                                                    "\":\"" + std::string(spec) + "\"}}");
    previous.file("index.js", "code");
    builder.file("index.js", "code").after(previous);
    return ask("deps/phantom", builder).at(0).tier;
  };
  CHECK(tier("dependencies", "@acme/other", "1.2.3") == 1);
  CHECK(tier("optionalDependencies", "@acme/lib-linux-x64", "1.2.3") == 1);
  CHECK(tier("peerDependencies", "typescript", ">=5") == 1);
  CHECK(tier("dependencies", "@acme/other", "^1.2.3") == 0);
  CHECK(tier("dependencies", "@acme/other", "1.2.4") == 0);
  CHECK(tier("dependencies", "@acmee/other", "1.2.3") == 0);
  CHECK(tier("dependencies", "plain-crypto-js", "1.2.3") == 0);
  CHECK(tier("dependencies", "typescript", ">=5") == 2);
}

TEST_CASE("a dependency that most packages stand on, or of the package's own scope, is no stranger") {
  const auto tier = [](std::string_view rule, std::string_view name, std::string_view spec) {
    ReleaseBuilder previous("{}", "1.0.0"),
        builder("{\"dependencies\":{\"" + std::string(name) + "\":\"" + std::string(spec) + "\"}}");
    previous.file("index.js", "code");
    builder.file("index.js", "code").after(previous);
    return ask(rule, builder).at(0).tier;
  };
  CHECK(tier("deps/new", "chalk", "^5.0.0") == 1);
  CHECK(tier("deps/new", "@babel/runtime", "^7.0.0") == 1);
  CHECK(tier("deps/new", "@acme/other", "^1.0.0") == 1);
  CHECK(tier("deps/new", "@acmee/other", "^1.0.0") == 0);
  CHECK(tier("deps/new", "plain-crypto-js", "^4.2.1") == 0);
  CHECK(tier("deps/new", "Chalk", "^5.0.0") == 0);
  // Under a known name something else.
  CHECK(tier("deps/new", "chalk", "npm:plain-crypto-js@^4.2.1") == 0);
  CHECK(tier("deps/new", "chalk", "github:x/chalk") == 0);
  CHECK(tier("deps/new", "chalk", "https://c.example.invalid/chalk.tgz") == 0);
  CHECK(tier("deps/new", "@acme/other", "npm:plain-crypto-js@^4.2.1") == 0);
  CHECK(tier("deps/phantom", "chalk", "^5.0.0") == 2);
  CHECK(tier("deps/phantom", "chalk", "npm:plain-crypto-js@^4.2.1") == 0);
  CHECK(tier("run/manifest-only", "chalk", "^5.0.0") == 1);
  CHECK(tier("run/manifest-only", "plain-crypto-js", "^4.2.1") == 0);
  CHECK(tier("run/manifest-only", "chalk", "github:x/chalk") == 0);
}

TEST_CASE("a dependency is used where a gyp file asks it for headers, or a name of imports leads to it") {
  const auto phantom = [](std::string_view more, std::string_view gyp) {
    ReleaseBuilder previous("{}", "1.0.0"),
        builder("{\"dependencies\":{\"strange-headers\":\"^1\"}" + std::string(more) + "}");
    builder.file("index.js", "code").file("binding.gyp", gyp).after(previous);
    return !ask("deps/phantom", builder).empty();
  };
  CHECK_FALSE(phantom("", "{'a': '<!(node -p \"require(\\'strange-headers\\').include\")'}"));
  CHECK(phantom("", "{'a': 'strange-headers'}"));
  CHECK(phantom("", "{'a': '<!(node -p \"require(\\'strange-headers-more\\').include\")'}"));
  CHECK_FALSE(phantom(R"(,"imports":{"#a":{"bare":"strange-headers","default":"./a.js"}})", "{}"));
  CHECK(phantom(R"(,"imports":{"strange-headers":"./a.js"})", "{}"));
}

TEST_CASE("a range within the major version that was pinned is told softly") {
  const auto tier = [](std::string_view before, std::string_view now) {
    const auto with = [](std::string_view spec) {
      return "{\"dependencies\":{\"a\":\"" + std::string(spec) + "\"}}";
    };
    ReleaseBuilder previous(with(before), "1.0.0"), builder(with(now));
    return ask("deps/range", builder.after(previous)).at(0).tier;
  };
  CHECK(tier("1.2.3", "^1.2.3") == 1);
  CHECK(tier("0.7.2", "~0.7.2") == 1);
  CHECK(tier("1.2.3", ">=1.2.3") == 0);
  CHECK(tier("1.2.3", "^1.2.3 || ^2.0.0") == 0);
  CHECK(tier("1.2.3", "*") == 0);
  CHECK(tier("1.2.3", "latest") == 0);
}

TEST_CASE("where a script ran at install, building the addon another way is told softly") {
  const auto tier = [](std::string_view before, std::string_view now, std::string_view name = "install") {
    const auto with = [](std::string_view of, std::string_view script) {
      return "{\"scripts\":{\"" + std::string(of) + "\":\"" + std::string(script) + "\"}}";
    };
    ReleaseBuilder previous(with("install", before), "1.0.0"), builder(with(name, now));
    builder.file("scripts/build.js", "code").after(previous);
    return ask("run/install-script", builder).at(0).tier;
  };
  CHECK(tier("node-gyp rebuild", "node-gyp-build") == 2);
  CHECK(tier("x", "prebuild-install -r napi || node-gyp rebuild") == 2);
  CHECK(tier("x", "node scripts/build.js || node-gyp rebuild") == 1);
  CHECK(tier("x", "node ./scripts/build --quiet") == 1);
  CHECK(tier("x", "node scripts/other.js") == 0);
  CHECK(tier("x", "node -e 1") == 0);
  CHECK(tier("x", "node-gyp rebuild && curl c.example.invalid") == 0);
  CHECK(tier("x", "node-gyp rebuild; sh x") == 0);
  CHECK(tier("x", "node-gyp rebuild `id`") == 0);
  CHECK(tier("x", "node-gyp $(id)") == 0);
  CHECK(tier("x", "node-gyp rebuild > /dev/tcp") == 0);
  CHECK(tier("x", "node-gyp\\nrebuild") == 0);
  CHECK(tier("x", "prebuild-install --download https://c.example.invalid") == 0);
  CHECK(tier("x", "npx node-gyp rebuild") == 0);
  // What ran under another name was another script.
  CHECK(tier("x", "node-gyp rebuild", "preinstall") == 0);
}

TEST_CASE("one more build of an addon beside others is as one that changed") {
  const auto tier = [](std::string_view before, std::string_view now, Magic magic = Magic::elf) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    previous.file(before, "1", Magic::elf);
    builder.file(now, "2", magic).after(previous);
    return ask("run/native", builder).at(0).tier;
  };
  CHECK(tier("prebuilds/linux-x64/node.napi.node", "prebuilds/darwin-arm64/acme.node") == 1);
  CHECK(tier("prebuilds/linux-x64/a.node", "other/darwin-arm64/a.node") == 0);
  CHECK(tier("prebuilds/linux-x64/a.node", "prebuilds/darwin-arm64/helper") == 0);
  CHECK(tier("prebuilds/linux-x64/a.node", "prebuilds/a.node") == 0);
  CHECK(tier("prebuilds/linux-x64/a.dll", "prebuilds/linux-arm64/a.node") == 0);
  CHECK(tier("a.node", "linux-x64/a.node") == 0);
}

TEST_CASE("what stands beside the code is told where it grew, not where code went") {
  const auto tier = [](std::uint64_t code_before, std::uint64_t other_before, std::uint64_t code_now,
                       std::uint64_t other_now) {
    const std::uint64_t mib = 1 << 20;
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    previous.big_file("a.js", code_before * mib).big_file("a.txt", other_before * mib);
    builder.big_file("a.js", code_now * mib).big_file("a.txt", other_now * mib).after(previous);
    return ask("size/ratio", builder).at(0).tier;
  };
  CHECK(tier(8, 2, 1, 2) == 1);
  CHECK(tier(8, 2, 1, 1) == 1);
  CHECK(tier(8, 2, 8, 9) == 0);
  CHECK(tier(8, 2, 1, 3) == 0);
}

TEST_CASE("what hides behind blanks is judged by where it stands") {
  const std::string blanks(500, ' '), rule = "code/hidden-by-space";
  CHECK(tiers(rule, {{"a.js", "/*\n" + blanks + "* words\n*/\nx();\n"}}) == "1");
  CHECK(tiers(rule, {{"a.js", "x(); //" + blanks + "words\ny();\n"}}) == "1");
  CHECK(tiers(rule, {{"a.js", "x();" + blanks + "evil();\n"}}) == "0");
  CHECK(tiers(rule, {{"a.js", "/*" + blanks + "words */ evil();\n"}}) == "0");
  CHECK(tiers(rule, {{"a.js", "/* words */" + blanks + "evil();\n"}}) == "0");
  CHECK(tiers(rule, {{"a.js", "x('" + blanks + "evil()');\n"}}) == "0");
  CHECK(tiers(rule, {{"a.js", "x(`//" + blanks + "${evil()}`);\n"}}) == "0");
  CHECK(tiers(rule, {{"a.js", "x(/[/*]/);" + blanks + "evil();\n// */\n"}}) == "0");
  // Broken programs may be read otherwise by who runs them.
  CHECK(tiers(rule, {{"a.js", "x({;\n//" + blanks + "evil();\n"}}) == "0");
  CHECK(tiers(rule, {{"doc/a.md", "words" + blanks + "more\n"}}) == "2");
  CHECK(tiers(rule, {{"a.js", "require('./doc/a.md')"}, {"doc/a.md", "words" + blanks + "evil()\n"}}) == "0");
}

TEST_CASE("a slip in a comment or a sentence deceives nobody, in a name it does") {
  const std::string c = "\u0441", zero = "\u200b";
  CHECK(tiers("code/homoglyph", {{"a.js", "// " + c + "ontainer\nx();\n"}}) == "1");
  CHECK(tiers("code/homoglyph", {{"a.js", "x('the " + c + "ontainer is');\n"}}) == "1");
  CHECK(tiers("code/homoglyph", {{"a.js", "x('" + c + "ontainer');\n"}}) == "0");
  CHECK(tiers("code/homoglyph", {{"a.js", "require('" + c + "ommander');\n"}}) == "0");
  CHECK(tiers("code/homoglyph", {{"a.js", "/* */ x." + c + "ontainer = 1;\n"}}) == "0");
  CHECK(tiers("code/homoglyph", {{"a.js", "x(`a b ${" + c + "ontainer}`);\n"}}) == "0");
  CHECK(tiers("code/invisible", {{"a.js", "// con" + zero + "tainer\nx();\n"}}) == "1");
  CHECK(tiers("code/invisible", {{"a.js", "x('the con" + zero + "tainer');\n"}}) == "1");
  CHECK(tiers("code/invisible", {{"a.js", "x(/a" + zero + "b/);\n"}}) == "1");
  CHECK(tiers("code/invisible", {{"a.js", "con" + zero + "tainer();\n"}}) == "0");
  CHECK(tiers("code/invisible", {{"a.js", "x('con" + zero + "tainer');\n"}}) == "0");
  CHECK(tiers("code/invisible", {{"a.md", "con" + zero + "tainer\n"}}) == "1");
  CHECK(tiers("code/invisible", {{"a.js", "require('./a.md')"}, {"a.md", "con" + zero + "tainer()\n"}}) ==
        "0");
  std::string run;
  for (int i = 0; i < 12; ++i) run += i % 2 == 0 ? zero : "\u200c";
  // Data of them is read by a program, wherever it lies.
  CHECK(tiers("code/invisible", {{"a.js", "// a" + run + "b\nx();\n"}}) == "0");
  CHECK(tiers("code/invisible", {{"a.md", "a" + run + "b\n"}}) == "0");
}

TEST_CASE("a capability that does no harm alone is told softly, with another it is not") {
  const auto said = [](std::string_view program) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    previous.scanned("a.js", "module.exports = 1;\n");
    builder.scanned("a.js", program).after(previous);
    std::string out;
    for (const Said& each : ask("code/capability", builder)) out += std::to_string(each.tier);
    return out;
  };
  CHECK(said("require('fs').writeFileSync(a, b);\n") == "2");
  CHECK(said("new Worker(a);\n") == "2");
  CHECK(said("require('child_process').exec(a);\n") == "0");
  CHECK(said("fetch(a);\n") == "0");
  CHECK(said("eval(a);\n") == "0");
  CHECK(said("fetch(JSON.stringify(process.env));\n").find('1') != std::string::npos);
}

TEST_CASE("letters of other scripts written as escapes hide no code") {
  std::string letters, latin, bytes;
  for (int i = 0; i < 30; ++i) {
    letters += "\\u04" + std::to_string(30 + i);
    latin += "\\u00" + std::to_string(61 + i % 9);
    bytes += "\\x" + std::to_string(61 + i % 9);
  }
  const Files before = {{"b.js", "x();\n"}};
  CHECK(tiers("code/escapes", {{"a.js", "x('" + letters + "');\n"}}, before).empty());
  CHECK(tiers("code/escapes", {{"a.js", "x('" + latin + "');\n"}}, before) == "0");
  CHECK(tiers("code/escapes", {{"a.js", "x('" + bytes + "');\n"}}, before) == "0");
  CHECK(tiers("code/escapes", {{"a.js", "x('" + letters + latin + "');\n"}}, before) == "0");
}

TEST_CASE("degrees of places are no telephone numbers") {
  std::string places, phones;
  for (int i = 10; i < 50; ++i) {
    places += "AD\t+42" + std::to_string(i) + "-001" + std::to_string(i) + "\tEurope\n";
    places += "US\t+4043" + std::to_string(i) + "-07400" + std::to_string(i) + "\tAmerica\n";
    phones += "a\t+49-30-12345" + std::to_string(i) + "\tb\n";
  }
  CHECK(tiers("leak/personal-data", {{"zone.tab", places}}).empty());
  CHECK(tiers("leak/personal-data", {{"zone.tab", phones}}) == "0");
}

TEST_CASE("instructions that ship for assistants are told softly, what an assistant keeps is not") {
  CHECK(tiers("leak/ai-state", {{"AGENTS.md", "words"}}) == "2");
  CHECK(tiers("leak/ai-state", {{"docs/CLAUDE.md", "words"}}) == "2");
  CHECK(tiers("leak/ai-state", {{".claude/CLAUDE.md", "words"}}) == "0");
  CHECK(tiers("leak/ai-state", {{".cursor/rules", "words"}}) == "0");
  CHECK(tiers("leak/ai-state", {{".claude/settings.local.json", "{}"}}) == "1");
}

TEST_CASE("addresses in maps are told softly to who has shipped such, a comment with one is not") {
  const std::string map = R"({"version":3,"sources":["https://c.example.invalid/a.ts"],"mappings":"AAAA"})";
  const Files now = {{"a.js.map", map}};
  CHECK(tiers("leak/source-map-url", now, {{"a.js.map", bare_map}}) == "0");
  CHECK(tiers("leak/source-map-url", now, {{"b.js.map", map}}) == "1");
  CHECK(tiers("leak/source-map-url",
              {{"a.js", code + "//# sourceMappingURL=https://c.example.invalid/a.map\n"}},
              {{"b.js.map", map}}) == "0");
}

TEST_CASE(
    "a dependency under another name, and one that takes every version, are told softly where that is "
    "usual") {
  const auto tier = [](std::string_view rule, std::string_view name, std::string_view before,
                       std::string_view now) {
    const auto with = [&](std::string_view spec) {
      return "{\"dependencies\":{\"" + std::string(name) + "\":\"" + std::string(spec) + "\"}}";
    };
    ReleaseBuilder previous(with(before), "1.0.0"), builder(with(now));
    return ask(rule, builder.after(previous)).at(0).tier;
  };
  CHECK(tier("deps/exotic", "a", "npm:b@^1", "npm:b@^1") == 2);
  CHECK(tier("deps/exotic", "a", "npm:b@^1", "npm:b@^2") == 2);
  CHECK(tier("deps/exotic", "a", "npm:b@^1", "npm:c@^1") == 1);
  CHECK(tier("deps/exotic", "a", "^1", "npm:b@^1") == 1);
  CHECK(tier("deps/exotic", "a", "github:x/y", "github:x/y") == 0);
  CHECK(tier("deps/range", "@types/node", "^1", "*") == 1);
  CHECK(tier("deps/range", "@types/of-no-package-there-is", "^1", "*") == 0);
  CHECK(tier("deps/range", "chalk", "^1", "*") == 0);
  CHECK(tier("deps/range", "@types/node", "^1", "latest") == 0);
}

TEST_CASE("a file that says another thing than its name is told softly where it shipped before") {
  const auto tier = [](std::string_view path, std::string_view text) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    previous.file("a.png", "MZ1", Magic::pe);
    builder.file(path, text, Magic::pe).after(previous);
    return ask("run/polyglot", builder).at(0).tier;
  };
  CHECK(tier("a.png", "MZ1") == 1);
  CHECK(tier("a.png", "MZ2") == 0);
  CHECK(tier("b.png", "MZ1") == 0);
}

TEST_CASE("from one free license to another, or spelled otherwise, nothing is taken from anybody") {
  const auto tier = [](std::string_view before, std::string_view now) {
    const auto with = [](std::string_view license) {
      return "{\"license\":\"" + std::string(license) + "\"}";
    };
    ReleaseBuilder previous(with(before), "1.0.0"), builder(with(now));
    builder.file("LICENSE", "text").after(previous);
    return ask("pack/license", builder).at(0).tier;
  };
  CHECK(tier("Apache 2.0", "Apache-2.0") == 2);
  CHECK(tier("MIT", "ISC") == 2);
  CHECK(tier("WTFPL", "MIT") == 2);
  CHECK(tier("GPL-3.0", "gpl 3.0") == 2);
  CHECK(tier("MIT", "GPL-3.0") == 1);
  CHECK(tier("MIT", "BUSL-1.1") == 1);
  CHECK(tier("Apache-2.0", "SEE LICENSE IN LICENSE") == 1);
  CHECK(tier("GPL-3.0", "MIT") == 1);
}

TEST_CASE("nobody reads a program as text, unless it may be code as well") {
  const std::string bidi = std::string(2000, 'a') + " \u202e def\n", elf =
                                                                         "\x7f"
                                                                         "ELF\x02\x01\x01" +
                                                                         std::string(9, '\0') + bidi;
  CHECK(tiers("code/bidi", {{"bin/acme", elf}}).empty());
  CHECK(tiers("code/bidi", {{"bin/acme.js", elf}}) == "0");
  CHECK(tiers("code/bidi", {{"bin/acme", bidi}}) == "0");
  CHECK(tiers("code/invisible", {{"bin/acme", "x con\u200btainer " + elf}}) == "0");
}

TEST_CASE("what came in without a change of code is told softly where its scope is the package's own") {
  const auto tier = [](std::string_view name, std::string_view spec) {
    ReleaseBuilder previous("{}", "1.0.0"),
        builder("{\"dependencies\":{\"" + std::string(name) + "\":\"" + std::string(spec) + "\"}}");
    previous.file("index.js", "code");
    builder.file("index.js", "code").after(previous);
    return ask("run/manifest-only", builder).at(0).tier;
  };
  CHECK(tier("@acme/other", "^1.0.0") == 1);
  CHECK(tier("@acmee/other", "^1.0.0") == 0);
  CHECK(tier("@acme/other", "github:x/y") == 0);
}

TEST_CASE("a key made of one figure is an example, a name that ends in no key holds none") {
  const auto secret = [](const std::string& text) { return tiers("leak/secret", {{"a.d.ts", text}}); };
  const std::string access =
      "AK"
      "IA";
  CHECK(secret("id: \"" + access + "222222222EXAMPLE\"\n").empty());
  CHECK(secret("id: \"" + access + "222222232EXAMPLE\"\n") == "0");
  const std::string id = "454f5dc9-afa4-433f-bb28-84678a00fd98";
  CHECK(secret("HEROKU_TEST_RUN_ID = '" + id + "'\n").empty());
  CHECK(secret("HEROKU_API_KEY = '" + id + "'\n") == "0");
  CHECK(secret("heroku: '" + id + "'\n") == "0");
}

}  // namespace sallyport
