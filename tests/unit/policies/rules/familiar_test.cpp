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
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", bare_map}}) == "0");
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", bare_map}}, {{"a.js", code}}) == "0");
  CHECK(tiers("leak/source-map", {{"a.js", code}, {"a.js.map", bare_map}}, {{"b.js.map", bare_map}}) == "1");
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
  CHECK(tiers("code/hidden-by-space", {{"README.md", "a" + blanks + "evil()\n"}}) == "0");
  CHECK(tiers("code/hidden-by-space", {{"README.md", row + "a" + blanks + "evil()\n"}}) == "01");
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
  CHECK(tier("dependencies", "typescript", ">=5") == 0);
}

}  // namespace sallyport
