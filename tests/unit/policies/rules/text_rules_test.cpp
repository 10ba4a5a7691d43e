#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <string>

#include "../content/scan_text.hpp"
#include "policies/rule.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/release_builder.hpp"

namespace sallyport {
namespace {

using Files = std::map<std::string, std::string>;

// A release of these files as an inspection sees it, after another one.
class Scanned {
 public:
  explicit Scanned(Files files, const Scanned* previous = nullptr,
                   std::shared_ptr<const ContentRules> rules = shipped_rules())
      : files_(std::move(files)), rules_(std::move(rules)) {
    ContentScan scan(rules_);
    for (const auto& [path, text] : files_) {
      TarEntry& entry = entries_.emplace_back();
      entry.path = "package/" + path;
      entry.inner = path;
      entry.size = text.size();
      contents_.push_back(scan_text(scan, text, path));
      release.files.push_back({entry, contents_.back()});
      release.unpacked_bytes += text.size();
    }
    release.name = "@acme/lib";
    release.version = previous == nullptr ? "1.0.0" : "1.0.1";
    release.words = &rules_->words();
    release.bytes = [this](const TarEntry& entry) { return bytes_of(files_.at(entry.inner)); };
    if (previous != nullptr) release.history.baseline = previous->release.facts;
    release.facts = facts_of(release);
  }

  Release release;

 private:
  Files files_;
  std::shared_ptr<const ContentRules> rules_;
  std::deque<TarEntry> entries_;
  std::deque<FileContent> contents_;
};

int tier(std::string_view rule, const Scanned& scanned) {
  const auto said = ask(rule, scanned.release);
  return said.empty() ? -1 : said[0].tier;
}

bool fires(std::string_view rule, const Files& files) {
  return tier(rule, Scanned(files)) >= 0;
}

std::string times(int n, const std::string& text) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

std::string utf16(const std::string& ascii) {
  std::string out;
  for (const char c : ascii) out += std::string(1, c) + '\0';
  return out;
}

std::string names(int from, int to, const std::string& between = ";") {
  std::string out;
  for (int i = from; i < to; ++i) out += "var _0x" + std::to_string(1000 + i) + between;
  return out;
}

std::shared_ptr<const ContentRules> with_words(const std::vector<WordList>& lists) {
  return ContentRules::build({}, "", lists).value();
}

}  // namespace

TEST_CASE("the actions of the text rules are the catalogue's") {
  using enum Action;
  const std::map<std::string_view, std::vector<Defaults>> expected = {
      {"code/obfuscated-names", {{block, escalate, escalate}}},
      {"code/escapes", {everywhere(warn), everywhere(note)}},
      {"code/hidden-by-space", {everywhere(block), everywhere(note), {escalate, warn, note}}},
      {"code/long-line", {everywhere(note)}},
      {"code/encoded-blob", {everywhere(escalate), everywhere(note), {warn, note, note}}},
      {"code/bidi", {everywhere(block), {warn, note, note}}},
      {"code/invisible", {everywhere(block), everywhere(note)}},
      {"code/homoglyph", {everywhere(escalate), {warn, note, note}}}};
  for (const auto& [id, tiers] : expected) {
    REQUIRE(find_rule(id) != nullptr);
    CHECK(find_rule(id)->info.tiers == tiers);
  }
}

TEST_CASE("obfuscated names are found under any name, in any place, and cut into files") {
  constexpr std::string_view rule = "code/obfuscated-names";
  for (const char* path : {"index.js", "a.png", "LICENSE", "data.json", "a.d.ts", "notes.txt"})
    CHECK(fires(rule, {{path, names(0, 10)}}));
  CHECK_FALSE(fires(rule, {{"a.js", names(0, 9)}}));
  CHECK(fires(rule, {{"a.js", names(0, 10, "=1;/* " + std::string(5000, 'x') + " */\n")}}));
  CHECK(fires(rule, {{"a.js", names(0, 5)}, {"b.js", names(5, 10)}}));
  CHECK(fires(rule, {{"a.js.gz", gzip(names(0, 10))}}));
  CHECK(fires(rule, {{"a.js", utf16(names(0, 10))}}));
  for (const std::size_t pushed : {std::size_t{64} << 10, std::size_t{1} << 20, std::size_t{16} << 20})
    CHECK(fires(rule, {{"a.js", std::string(pushed, ' ') + "\n" + names(0, 10)}}));
  Scanned scanned({{"a.js", "\n\n" + names(0, 12)}});
  scanned.release.thresholds.obfuscated_names_min = 13;
  CHECK(ask(rule, scanned.release).empty());
  scanned.release.thresholds.obfuscated_names_min = 12;
  CHECK(ask(rule, scanned.release).at(0).message == "12 names as an obfuscator makes them (_0x…)");
}

TEST_CASE("what deceives a reader is one finding a file, and its identity covers all of it") {
  const Scanned one({{"a.js", "a \u202e b"}}), two({{"a.js", "a \u202e b \u202e c"}});
  const auto said = ask("code/bidi", two.release);
  REQUIRE(said.size() == 1);
  CHECK(said[0].message == "U+202E makes the text look other than it runs (and 1 more in this file)");
  CHECK(said[0].identity != ask("code/bidi", one.release).at(0).identity);
  CHECK(fires("code/invisible", {{"a.json", "{\"to\u200bken\":1}"}}));
  CHECK(fires("code/homoglyph", {{"a.md", "consol\u0435.log"}}));
  CHECK(fires("code/hidden-by-space", {{"a.js", "a();" + std::string(2000, ' ') + "evil()"}}));
  CHECK(fires("code/hidden-by-space", {{"a.js.gz", gzip("a();" + std::string(2000, ' ') + "evil()")}}));
  CHECK(fires("code/bidi", {{"a.js", utf16("x") + std::string("\x2e\x20") + utf16(times(50, "abc "))}}));
}

TEST_CASE("in a table of numbers signs are no deception, beside one they are") {
  const std::string table =
      "const tree = new Uint16Array(\"" + times(400, "\u3b72") + "\u202a\u202c\u202e\u4f3d ";
  const std::string data = table.substr(0, table.size() - 1) + "\u03a4ft;\u4f3d";
  const std::string end = "\".split(\"\").map((c) => c.charCodeAt(0)));\n";
  for (const std::string_view rule : {"code/bidi", "code/homoglyph"}) {
    CHECK(tier(rule, Scanned({{"a.js", data + end}})) == 1);
    CHECK(tier(rule, Scanned({{"a.js", "first();\n" + data + end + "last();\n"}})) == 1);
    CHECK(tier(rule, Scanned({{"a.js", data + "\".split(\"\").map((c) => c.charCodeAt(0))); evil();\n"}})) ==
          0);
    CHECK(tier(rule, Scanned({{"a.js", data + "\"\n"}, {"b.js", "\u0430dmin() // \u202e"}})) == 0);
    // A line that is longer than any such table was not read to its end.
    CHECK(tier(rule, Scanned({{"a.js", data + times(60'000, "\u4f3d") + end}})) == 0);
  }
}

TEST_CASE("escapes and encoded strings are findings where the last release had none such") {
  const std::string code = times(60, "function f(a){return require(a)}\n");
  const std::string blob = "x='" + base64_encode(as_bytes(code)) + "';";
  const std::string run = "'" + times(30, "\\x61") + "';";
  const Scanned plain({{"a.js", "1"}}), old({{"a.js", blob + run}});
  for (const std::string_view rule : {"code/escapes", "code/encoded-blob"}) {
    CHECK(tier(rule, old) == 1);  // nothing to compare with
    CHECK(tier(rule, Scanned({{"a.js", blob + run}}, &plain)) == 0);
    CHECK(tier(rule, Scanned({{"b.js", "moved " + run + blob}}, &old)) == -1);
    CHECK(tier(rule, Scanned({{"a.js", "1"}}, &old)) == -1);
  }
  CHECK(tier("code/escapes", Scanned({{"a.js", blob + "'" + times(31, "\\x61") + "'"}}, &old)) == 0);
  // Among more than are kept, a new one is still seen.
  std::string many;
  for (int i = 10; i < 60; ++i) many += "'" + times(25, "\\x61") + "\\x" + std::to_string(i) + "'\n";
  const Scanned table({{"a.js", many}});
  CHECK(tier("code/escapes", Scanned({{"a.js", many}}, &table)) == -1);
  CHECK(tier("code/escapes", Scanned({{"a.js", many + run}}, &table)) == 0);
  // A record of before such marks were kept cannot tell.
  Scanned unmeasured({{"a.js", run}}, &plain);
  unmeasured.release.history.baseline->measured = false;
  CHECK(tier("code/escapes", unmeasured) == 1);
}

TEST_CASE("the first long line is noted once") {
  const Scanned before({{"a.js", std::string(5000, 'a')}});
  const Files now = {{"a.js", std::string(5001, 'a')}};
  Scanned after(now, &before);
  REQUIRE(ask("code/long-line", after.release).size() == 1);
  after.release.thresholds.long_line_bytes_max = 5001;
  CHECK(tier("code/long-line", after) == -1);
  after.release.thresholds.long_line_bytes_max = 5000;
  CHECK(tier("code/long-line", Scanned(now)) == -1);
  after.release.history.line = {Scanned(now).release.facts};
  CHECK(tier("code/long-line", after) == -1);
  CHECK(tier("code/long-line", Scanned({{"a.js", std::string(5000, 'b')}}, &before)) == -1);
}

TEST_CASE("words are found in any case, in texts and binaries, in one and two bytes a letter") {
  const auto rules = with_words({{"code names", {"Hummingbird", "Grünfink"}, {R"(\bPROJ-\d{3,}\b)"}, {}}});
  const auto found = [&](const std::string& text) {
    return tier("leak/words", Scanned({{"a.bin", text}}, nullptr, rules)) >= 0;
  };
  CHECK(found("const isHUMMINGbirdEnabled = 1"));
  CHECK(found("GRÜNFINK"));
  CHECK(found(std::string("\0\1\2\3", 4) + "hummingbird" + std::string(50, '\0')));
  CHECK(found(std::string("\x7f"
                          "ELF\0\1\2\3",
                          8) +
              utf16("hummingBIRD") + std::string(51, '\1')));
  CHECK(found("see PROJ-1234."));
  CHECK(found(gzip("hummingbird")));
  CHECK(found(utf16("\nsee hummingbird and more of it")));
  CHECK(found("{\"version\":3,\"mappings\":\"\",\"sources\":[\"hummingbird.ts\"]}"));
  CHECK_FALSE(found("humming bird PROJ-12 XPROJ-1234"));
  for (const std::size_t edge : {114'688u, 114'688u + 98'304u, 1u << 20, 16u << 20})
    for (const std::size_t shift : {1u, 5u, 10u})
      CHECK(found(std::string(edge - shift, 'x') + "Hummingbird"));

  const Scanned scanned({{"a.js", "1\nx.hummingBird = hummingbird"}}, nullptr, rules);
  const auto said = ask("leak/words", scanned.release);
  REQUIRE(said.size() == 1);
  CHECK(said[0].message == "\"hummingBird\" is on the list \"code names\" (and 1 more in this file)");
}

TEST_CASE("a list of words speaks of the packages in its scope") {
  const auto fires_for = [](const std::vector<std::string>& scopes) {
    const auto rules = with_words({{"all", {"nothing here"}, {}, {}}, {"some", {"hummingbird"}, {}, scopes}});
    return tier("leak/words", Scanned({{"a.js", "hummingbird"}}, nullptr, rules)) >= 0;
  };
  CHECK(fires_for({}));
  CHECK(fires_for({"@acme/*"}));
  CHECK(fires_for({"@other/*", "@acme/lib"}));
  CHECK(fires_for({"**"}));
  CHECK_FALSE(fires_for({"@other/*"}));
  CHECK_FALSE(fires_for({"lib"}));
  CHECK_FALSE(fires_for({"lib*"}));
}

TEST_CASE("a list of words that cannot be used is refused by name") {
  const auto error = [](const WordList& list) {
    const auto built = ContentRules::build({}, "", {list});
    return built ? std::string() : built.error().message;
  };
  CHECK(error({"l", {"a"}, {}, {}}).find("\"l\": \"a\" must be") != std::string::npos);
  CHECK(error({"l", {"\xff\xfe"}, {}, {}}).find("UTF-8") != std::string::npos);
  CHECK(error({"l", {}, {"("}, {}}).find("cannot be used as a pattern") != std::string::npos);
  CHECK(error({"l", {}, {"a*"}, {}}).find("matches empty text") != std::string::npos);
  CHECK_FALSE(ContentRules::build({}, "", {{"l", {"abc"}, {}, {}}, {"l", {"def"}, {}, {}}}).has_value());
  const auto digest = [](const std::vector<WordList>& lists) { return with_words(lists)->digest(); };
  CHECK(digest({}) != digest({{"l", {"abc"}, {}, {}}}));
  CHECK(digest({{"l", {"abd"}, {}, {}}}) != digest({{"l", {"abc"}, {}, {}}}));
  CHECK(digest({{"l", {"abc"}, {}, {"@a/*"}}}) != digest({{"l", {"abc"}, {}, {}}}));
}

TEST_CASE("paths of the build machine, private hosts and addresses") {
  const auto found = [](const std::string& text) { return fires("leak/build-path", {{"a.txt", text}}); };
  for (const char* text :
       {"at Object (/Users/jsmith/dev/app/x.js:1)", "\"/home/jsmith/dev/app\"", "file:///Users/jsmith/a",
        "C:\\Users\\jsmith\\dev", "\"C:\\\\Users\\\\jsmith\\\\dev\"",
        "\"/home/runner/work/app/app/src/x.ts\"", "('/builds/acme/core/src/x.ts')",
        "\"D:\\\\a\\\\1\\\\s\\\\src\"", "https://git.initech.internal/x",
        "http://user:pw@ci.initech.corp:8080", "\"10.47.3.99\"", "http://10.47.3.99:80/",
        "host '172.22.33.7'", "192.168.44.17 \"192.168.44.17\""})
    CHECK_MESSAGE(found(text), std::string(text));
  for (const char* text :
       {"/home/user/dev/app", "\"/Users/you/dev/app\"", "https://x.example/home/jsmith/a/b", "'/home/me/x'",
        "C:\\Users\\username\\dev", "\"10.0.0.1\"", "d=\"M3 10.2.5.5z\"", "Chrome/10.47.3.99",
        "\"10.0.0.0/8\"", "\"192.168.1.1\"", "http://metadata.google.internal/x",
        "http://host.docker.internal:80", "\"10.300.1.1\"", "10.47.3.99"})
    CHECK_MESSAGE(!found(text), std::string(text));
}

TEST_CASE("data of people is found in a table, not in a list of authors") {
  std::string rows;
  for (int i = 0; i < 25; ++i) rows += std::to_string(i) + ",p" + std::to_string(i) + "@mail.acme.com\n";
  CHECK(fires("leak/personal-data", {{"users.csv", rows}}));
  CHECK(fires("leak/personal-data", {{"users.csv.gz", gzip(rows)}}));
  CHECK_FALSE(fires("leak/personal-data", {{"AUTHORS.md", rows}}));
}

TEST_CASE("a password that the last release did not have") {
  const std::string line = "const dbPassword = \"q7Rz2Lx9Vb4Nw8Kd1Tm5\";\n";
  const Scanned plain({{"a.js", "1"}}), old({{"a.js", line}});
  CHECK(tier("leak/secret-generic", old) == 1);
  CHECK(tier("leak/secret-generic", Scanned({{"a.js", line}}, &plain)) == 0);
  CHECK(tier("leak/secret-generic", Scanned({{"b.js", "\n" + line}}, &old)) == -1);
}

TEST_CASE("a development build is one where the last release was none") {
  const Scanned clean({{"a.js", std::string(10'000, ' ')}});
  const auto found = [&](const std::string& text, const Scanned* previous) {
    return tier("leak/debug-build", Scanned({{"a.js", text}}, previous)) >= 0;
  };
  const std::string branch = "if (process.env.NODE_ENV !== 'production') warn();";
  const std::string calls = times(12, "console.debug(1);\n") + std::string(9000, ' ');
  for (const std::string& text : {std::string("eval(\"x//# sourceURL=webpack-internal:///./a.js\")"),
                                  std::string("f();debugger;g()"), branch, calls}) {
    const Scanned old({{"a.js", text}});
    CHECK(found(text, &clean));
    CHECK_FALSE(found(text, &old));
    CHECK_FALSE(found(text, nullptr));
  }
  const Scanned some({{"a.js", times(3, "console.debug(1);\n") + std::string(9000, ' ')}});
  CHECK_FALSE(found(calls, &some));
  CHECK_FALSE(found("// a debugger, if any", &clean));

  // Four times as often is the policy's to judge.
  Scanned more({{"a.js", calls}}, &some);
  Thresholds& thresholds = more.release.thresholds;
  thresholds.console_debug_factor = 3.5;
  CHECK(tier("leak/debug-build", more) == 0);
  thresholds.console_debug_calls = 13;
  CHECK(tier("leak/debug-build", more) == -1);
}

}  // namespace sallyport
