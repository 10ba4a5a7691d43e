#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <string>

#include "../content/scan_text.hpp"
#include "policies/rule.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/tar_builder.hpp"
#include "tests/support/zip_builder.hpp"

namespace sallyport {
namespace {

using namespace std::string_literals;

struct Seen {
  std::string rule, file, message, evidence;
  int tier;
};

class Collector final : public FindingSink {
 public:
  Collector(const Rule& rule, std::vector<Seen>& out) : rule_(rule), out_(out) {}
  void add(Detail detail, int tier) override {
    REQUIRE(static_cast<std::size_t>(tier) < rule_.info.tiers.size());
    out_.push_back(
        {std::string(rule_.info.id), std::string(detail.file), detail.message, detail.evidence, tier});
  }

 private:
  const Rule& rule_;
  std::vector<Seen>& out_;
};

// A release of the given files, each scanned as an inspection scans it.
std::vector<Seen> judge(const std::map<std::string, std::string>& files) {
  std::deque<TarEntry> entries;
  std::deque<FileContent> contents;
  Release release;
  ContentScan scan(shipped_rules());
  for (const auto& [path, text] : files) {
    TarEntry& entry = entries.emplace_back();
    entry.path = "package/" + path;
    entry.inner = path;
    entry.size = text.size();
    contents.push_back(scan_text(scan, text, path));
    release.files.push_back({entry, contents.back()});
    release.unpacked_bytes += text.size();
  }
  release.bytes = [&](const TarEntry& entry) { return bytes_of(files.at(entry.inner)); };
  std::vector<Seen> out;
  for (const Rule& rule : leak_rules()) {
    Collector collector(rule, out);
    rule.check(release, collector);
  }
  return out;
}

std::vector<std::string> rules_for(const std::map<std::string, std::string>& files) {
  std::vector<std::string> out;
  for (const Seen& seen : judge(files)) out.push_back(seen.rule + (seen.tier > 0 ? "+" : ""));
  return out;
}

bool fires(const std::map<std::string, std::string>& files, const std::string& rule) {
  const auto rules = rules_for(files);
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

using Rules = std::vector<std::string>;

std::string map_of(int own, int others, const std::string& extra = "") {
  std::string sources, contents;
  for (int i = 0; i < own + others; ++i) {
    sources += (i ? "," : "") +
               (i < own ? "\"../src/f" + std::to_string(i) + ".ts\"" : "\"../node_modules/m/i.js\""s);
    contents += (i ? "," : "") + "\"let a = 1;\\nlet b = 2;\\n\""s;
  }
  return "{\"version\":3," + extra + "\"sources\":[" + sources + "],\"sourcesContent\":[" + contents +
         "],\"mappings\":\"AAAA\"}";
}

const std::string github_token = "gh"s + "p_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5";
const std::string bare_map = R"({"version":3,"sources":["../src/a.ts"],"mappings":"AAAA"})";
const std::string code(4000, 'x');

TEST_CASE("the leak: a map with the text of its sources") {
  const auto seen =
      judge({{"cli.js", code + "\n//# sourceMappingURL=cli.js.map\n"}, {"cli.js.map", map_of(1906, 2850)}});
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].rule == "leak/source-map");
  CHECK(seen[0].file == "cli.js.map");
  CHECK(seen[1].rule == "leak/source-map-sources");
  CHECK(seen[1].message == "source map carries the text of 1,906 of your files (3,812 lines)");
  CHECK(seen[1].evidence == "../src/f0.ts, ../src/f1.ts, ../src/f2.ts, ../src/f3.ts, ../src/f4.ts, …");
  CHECK(seen[2].rule == "leak/source-map-ratio");
}

TEST_CASE("the same map renamed, deep, in capitals, as sections, with a prefix, inline, in gzip") {
  const std::string map = map_of(2, 1);
  const std::string sections =
      R"({"version":3,"sections":[{"offset":{"line":0,"column":0},"map":)" + map + "}]}";
  for (const auto& [path, text] : std::map<std::string, std::string>{{"CLI.JS.MAP", map},
                                                                     {"data.json", map},
                                                                     {"a/b/c/d/e/f/LICENSE", map},
                                                                     {"logo.png", map},
                                                                     {"s.js", sections},
                                                                     {"x.txt", ")]}'\n" + map},
                                                                     {"bom.js", "\xef\xbb\xbf" + map}}) {
    CAPTURE(path);
    CHECK(fires({{path, text}, {"cli.js", code}}, "leak/source-map"));
    CHECK(fires({{path, text}, {"cli.js", code}}, "leak/source-map-sources"));
  }
  const std::string inline_map =
      code + "\n//# sourceMappingURL=data:application/json;base64," + base64_encode(as_bytes(map));
  CHECK(rules_for({{"cli.js", inline_map}}) == Rules{"leak/source-map-sources", "leak/inline-source-map"});
  CHECK(rules_for({{"a.css", code + "/*# sourceMappingURL=data:;base64," + base64_encode(as_bytes(map)) +
                                 " */"}}) == Rules{"leak/source-map-sources", "leak/inline-source-map"});
}

TEST_CASE("what is packed is judged with its inner path") {
  const auto seen = judge({{"assets/a.gz", gzip(gzip(map_of(1, 0)))}, {"b.js", code}});
  REQUIRE(seen.size() >= 2);
  CHECK(seen[0].rule == "leak/source-map");
  CHECK(seen[0].file == "assets/a.gz!a!a");
  CHECK(seen[1].rule == "leak/source-map-sources");
  CHECK(rules_for({{"x.gz", gzip(github_token)}}) == Rules{"leak/secret", "leak/secret-nested"});
  CHECK(rules_for({{"a/.env.gz", gzip("A=1")}}) ==
        Rules{"leak/secret-file", "leak/secret-file", "leak/secret-nested"});
}

TEST_CASE("what is only found packed or encoded is told by two rules, whichever is off") {
  const std::string key = "-----BEGIN " + "PRIVATE KEY-----\n"s +
                          "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
                          "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n" +
                          "-----END PRIVATE KEY-----\n";
  // The private folder with a key archive.
  const std::string archive = gzip(TarBuilder().file("private/deploy.pem", key).tar());
  CHECK(rules_for({{"private/keys.tar.gz", archive}}) ==
        Rules{"leak/secret-file", "leak/secret", "leak/secret-nested", "leak/junk"});
  const auto seen = judge({{"private/keys.tar.gz", archive}});
  CHECK(seen.at(2).file == "private/keys.tar.gz!private/deploy.pem");
  CHECK(seen.at(2).message == "a secret is packed or encoded in the file");
  for (const std::string& name : {"id_rsa", ".npmrc", ".env", "a/b/credentials"})
    CHECK(rules_for({{"x.zip", ZipBuilder().file(name, "x").zip()}}) ==
          Rules{"leak/secret-file", "leak/secret-nested"});
  CHECK(rules_for({{"a.js", "const t = \"" + base64_encode(as_bytes("token: " + github_token)) + "\""}}) ==
        Rules{"leak/secret", "leak/secret-nested"});
  CHECK(rules_for({{"x.zip", ZipBuilder().file("a.js.map", map_of(1, 0)).zip()}, {"a.js", code}}) ==
        Rules{"leak/source-map", "leak/source-map-sources", "leak/secret-nested+"});
  CHECK(
      rules_for({{"x.tgz", gzip(TarBuilder().file(".git/config", "x").file("src/.hg/store", "x").tar())}}) ==
      Rules{"leak/vcs", "leak/vcs", "leak/junk"});
  CHECK(rules_for({{"x.zip", ZipBuilder().file(".claude/settings.local.json", "{}").zip()}}) ==
        Rules{"leak/ai-state+"});
  CHECK(rules_for({{"x.zip", ZipBuilder().file("lib/a.js", code).file("README.md", "text").zip()}}).empty());
  CHECK(
      rules_for({{"a.js", "x = \"" + base64_encode(as_bytes("nothing but some text of some length")) + "\""}})
          .empty());
}

TEST_CASE("the secrets that are not described are counted") {
  std::string text;
  for (int i = 10; i < 99; ++i)
    text += github_token.substr(0, 38) + std::to_string(i) + "\n" + github_token + "\n";
  const auto seen = judge({{"a.js", text}});
  CHECK(seen.back().message == "the file holds 78 more secrets");
}

TEST_CASE("a map without text, a file only named like one, and no map") {
  CHECK(rules_for({{"a.js", code}, {"a.js.map", bare_map}}) == Rules{"leak/source-map+"});
  CHECK(rules_for({{"a.js", code}, {"world.map", "tiles"}}) == Rules{"leak/source-map"});
  CHECK(rules_for({{"a.js", code}, {"package.json", R"({"name":"a","version":"3.0.0"})"}}).empty());
  CHECK(rules_for({{"a.js", code}, {"b.js", "const u = '//# sourceMappingURL=' + x;"}}).empty());
}

TEST_CASE("a comment that names a map which is not there") {
  CHECK(rules_for({{"lib/a.js", "//# sourceMappingURL=a.js.map\n"}}) == Rules{"leak/source-map-reference"});
  CHECK(rules_for({{"lib/a.js", code + "\n//# sourceMappingURL=../m/a%20b.map?x\n"},
                   {"m/a b.map", bare_map}}) == Rules{"leak/source-map+"});
  CHECK(rules_for({{"a.css", "/*# sourceMappingURL=../../out.map */"}}) ==
        Rules{"leak/source-map-reference"});
}

TEST_CASE("addresses of maps and sources") {
  for (const char* target :
       {"https://maps.example.invalid/a.map", "S3://bucket/a.map", "gs://b/a", "r2://b/a",
        "file:///home/me/a.map", "/home/me/a.map", "C:/a.map", "//cdn.example.invalid/a.map"})
    CHECK_MESSAGE(rules_for({{"a.js", "//# sourceMappingURL="s + target}}) == Rules{"leak/source-map-url"},
                  std::string(target));
  CHECK(fires({{"a.js", code}, {"a.map", map_of(1, 0, "\"sourceRoot\":\"https://r.example.invalid/\",")}},
              "leak/source-map-url"));
  CHECK_FALSE(
      fires({{"a.js", code}, {"a.map", map_of(1, 0, "\"sourceRoot\":\"../src\",")}}, "leak/source-map-url"));
}

TEST_CASE("maps above half of the package") {
  const std::string map = map_of(50, 0);
  CHECK(fires({{"a.js.map", map}, {"a.js", std::string(map.size() - 1, 'x')}}, "leak/source-map-ratio"));
  CHECK_FALSE(
      fires({{"a.js.map", map}, {"a.js", std::string(map.size() + 1, 'x')}}, "leak/source-map-ratio"));
}

TEST_CASE("files made to hold secrets") {
  for (const char* path : {".env",
                           ".env.production",
                           "config/.ENV.local",
                           "config/prod.env",
                           ".env-prod",
                           ".envrc",
                           ".npmrc",
                           "a/.netrc",
                           ".pypirc",
                           ".htpasswd",
                           ".aws/credentials",
                           "keys/id_rsa",
                           "id_ed25519",
                           "store.P12",
                           "a.pfx",
                           "a.jks",
                           "a.keystore",
                           "pw.kdbx",
                           "terraform.tfstate",
                           "prod.tfstate.backup",
                           "kubeconfig",
                           ".kube/config",
                           ".git-credentials",
                           ".docker/config.json"})
    CHECK_MESSAGE(fires({{path, "x"}}, "leak/secret-file"), std::string(path));
  for (const char* path : {".env.example", "config/example.env", ".env.sample", ".env.template", ".env.d.ts",
                           "env.js", "environment.ts", "npmrc.md", "id_rsa.pub", "credentials.js",
                           "lib/credentials/index.js", "keystore.js", "a.pem"})
    CHECK_MESSAGE(!fires({{path, "x"}}, "leak/secret-file"), std::string(path));
}

TEST_CASE("keys and key stores by what they hold") {
  const std::string body =
      "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDExampleQ7Vt1\nJ8zp0c4Wm3Kq9uXy2RfTnLsHdGbA5eYv\n";
  const auto pem = [&](const std::string& kind) {
    return "-----BEGIN " + kind + "-----\n" + body + "-----END " + kind + "-----\n";
  };
  const std::string key = pem("PRIVATE"s + " KEY");
  CHECK(rules_for({{"server.pem", key}}) == Rules{"leak/secret-file", "leak/secret"});
  CHECK(rules_for({{"renamed.js", key}}) == Rules{"leak/secret-file", "leak/secret"});
  CHECK(rules_for({{"data/a", "\n\n" + key}}) == Rules{"leak/secret-file", "leak/secret"});
  CHECK(rules_for({{"code.js", code + "\nconst k = `" + key + "`"}}) == Rules{"leak/secret"});
  CHECK(rules_for({{"cert.pem", pem("CERTIFICATE")}}).empty());
  CHECK(rules_for({{"pub.pem", pem("PUBLIC KEY")}}).empty());
  CHECK(rules_for({{"a.bin", "\xfe\xed\xfe\xed\0\0\0\2"s}}) == Rules{"leak/secret-file"});
  CHECK(
      rules_for(
          {{"b.dat",
            "\x30\x82\x01\x01\x02\x01\x03\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\0\0\0"s}}) ==
      Rules{"leak/secret-file"});
  const std::string digits(0x4a4 - 7, '\x5a');
  const std::string der = "\x30\x82\x04\xa4\x02\x01\x00\x02\x82\x01\x01"s + digits;
  CHECK(rules_for({{"c.bin", der}}) == Rules{"leak/secret-file"});
  CHECK(rules_for({{"c.bin", der + "x"}}).empty());  // no longer one value from end to end
  CHECK(rules_for({{"ec.bin", "\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48"s + digits.substr(0, 55)}}) ==
        Rules{"leak/secret-file"});
  CHECK(rules_for({{"sa.json",
                    "{\"type\":\"service_account\",\"private_key_id\":"
                    "\"0123abcd4567ef890123abcd4567ef8901ab23cd\"}"}}) ==
        Rules{"leak/secret-file", "leak/secret"});
  CHECK(rules_for({{"deploy.yaml", "apiVersion: v1\nclusters:\n- x\nkind: Config\nusers: []\n"}}) ==
        Rules{"leak/secret-file"});
  CHECK(rules_for({{"deploy.yaml", "apiVersion: v1\nkind: ConfigMap\n"}}).empty());
}

TEST_CASE("a secret is named by rule and shown by its first letters") {
  const std::string token = "gh"s + "p_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5";
  const auto seen = judge({{"node_modules/x/package-lock.json", "{\"a\": \"Bearer " + token + "\"}"}});
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].rule == "leak/secret");
  CHECK(seen[0].message == "the file holds a secret: GitHub personal access token");
  CHECK(seen[0].evidence == "github-pat: ghp_… (40 characters)");
}

TEST_CASE("a secret in a list of strings of JSON is told twice") {
  const std::string token = "gh"s + "p_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5";
  const auto nested = [&](const std::string& before) {
    return fires({{"a.bin", before + token}}, "leak/secret-nested");
  };
  CHECK(nested("[\"Bearer "));
  CHECK(nested(" {\"permissions\": {\"allow\": [\"a\", \"curl \\\"x\\\" -H "));
  CHECK(nested("[[\"]\", \""));
  CHECK_FALSE(nested("{\"a\": \""));
  CHECK_FALSE(nested("{\"a\": [\"x\"], \"b\": \""));
  CHECK_FALSE(nested("[1, "));
  CHECK_FALSE(nested("]\""));
  CHECK_FALSE(nested("use [\""));
  CHECK_FALSE(nested(""));
}

TEST_CASE("files of secrets are known by what they say, under any name") {
  const std::string token = "gh"s + "p_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5";
  const std::string npm = "npm"s + "_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5";
  CHECK(fires({{"a.bin", "//npm.acme.example/:_authToken=" + npm + "\n"}}, "leak/secret-file"));
  CHECK(fires({{"a.bin", "# ours\nNODE_ENV=production\nexport TOKEN=" + token + "\n"}}, "leak/secret-file"));
  CHECK_FALSE(
      fires({{"a.bin", "TOKEN=" + token + "\n"}}, "leak/secret-file"));  // one line is no file of them
  CHECK_FALSE(fires({{"a.js", "A=1\nB=2\nuse('" + token + "')\nC=3\n"}}, "leak/secret-file"));
  CHECK_FALSE(fires({{"a.txt", "A=1\nB=2\n"}}, "leak/secret-file"));

  const std::string log = "12:00:01 start\n2026-03-31T12:00:02Z token " + token + "\n";
  CHECK(fires({{"a.bin", log}}, "leak/junk"));
  CHECK_FALSE(fires({{"a.bin", "12:00:01 start\n12:00:02 end\n"}}, "leak/junk"));
  CHECK_FALSE(fires({{"a.js", "const a = '12:00:01';\nuse('" + token + "')\n"}}, "leak/junk"));
}

TEST_CASE("a document that says it is not for others") {
  for (const char* text :
       {"# Plan\nINTERNAL USE ONLY\n", "Acme - strictly confidential", "Confidential: internal",
        "Proprietary and Confidential", "(not for external distribution)"}) {
    CHECK_MESSAGE(fires({{"docs/plan.md", text}}, "leak/internal-doc"), std::string(text));
    CHECK_MESSAGE(fires({{"docs/PLAN", text}}, "leak/internal-doc"), std::string(text));
    CHECK_MESSAGE(fires({{"docs/plan.txt.gz", gzip(text)}}, "leak/internal-doc"), std::string(text));
    CHECK_MESSAGE(!fires({{"lib/a.js", text}}, "leak/internal-doc"), std::string(text));
    CHECK_MESSAGE(!fires({{"LICENSE.md", text}}, "leak/internal-doc"), std::string(text));
  }
  for (const char* text :
       {"a confidential client as OAuth has it", "@internal only", "the internal onlyOnce function"})
    CHECK_MESSAGE(!fires({{"docs/plan.md", text}}, "leak/internal-doc"), std::string(text));
}

TEST_CASE("version control's own") {
  CHECK(rules_for({{".git/config", "x"}, {".git/HEAD", "x"}}) == Rules{"leak/vcs"});
  CHECK(rules_for({{"a/.SVN/entries", "x"}}) == Rules{"leak/vcs"});
  CHECK(rules_for({{".hg/store/a", "x"}, {"vendor/.git", "gitdir: x"}}) == Rules{"leak/vcs", "leak/vcs"});
  CHECK(rules_for({{"data/a.bin", "# v2 git bundle\n0123 refs/heads/main\n\nPACK"}}) == Rules{"leak/vcs"});
  CHECK(rules_for({{"data/a.bin", "PACK\0\0\0\2\0\0\0\1"s}}) == Rules{"leak/vcs"});
  CHECK(rules_for({{"data/git/HEAD", "ref: refs/heads/main\n"}}) == Rules{"leak/vcs"});
  CHECK(rules_for({{"HEAD", "ref"}}).empty());
  CHECK(rules_for({{".gitignore", "x"}, {".github/a.yml", "x"}, {"git/a", "x"}, {".gitattributes", "x"}}) ==
        Rules{"leak/build-config"});
}

TEST_CASE("state of editors and assistants") {
  for (const char* path : {"CLAUDE.md", "docs/claude.MD", "AGENTS.md", "GEMINI.md"})
    CHECK_MESSAGE(rules_for({{path, "x"}}) == Rules{"leak/ai-state+"}, std::string(path));
  for (const char* path : {".claude/x.md", ".cursor/rules", ".aider.conf.yml", ".aider/x", ".windsurf/a",
                           ".codex/a", ".continue/a", ".vscode/a.json", "a/.IDEA/x.xml"})
    CHECK_MESSAGE(rules_for({{path, "x"}}) == Rules{"leak/ai-state"}, std::string(path));
  CHECK(rules_for({{".claude/settings.local.json", "{}"}}) == Rules{"leak/ai-state+"});
  CHECK(rules_for({{".claude/settings.local.json", "{}"}, {".claude/a", "x"}, {".claude/b", "x"}}) ==
        Rules{"leak/ai-state+", "leak/ai-state"});
  CHECK(rules_for({{"claude.js", "x"}, {"lib/agents.md.js", "x"}, {"vscode/a", "x"}, {"src/cursor/a", "x"}})
            .empty());
}

TEST_CASE("the actions are the catalogue's") {
  using enum Action;
  const std::map<std::string, std::vector<Defaults>> expected = {
      {"leak/source-map", {{block, warn, warn}, {block, note, warn}}},
      {"leak/source-map-sources", {{block, warn, escalate}, {block, note, escalate}}},
      {"leak/inline-source-map", {{block, warn, warn}, {block, note, warn}}},
      {"leak/source-map-reference", {{warn, note, note}}},
      {"leak/source-map-url", {{block, warn, warn}, {block, note, warn}}},
      {"leak/source-map-ratio", {{warn, warn, note}, {warn, note, note}}},
      {"leak/debug-build", {{warn, note, note}}},
      {"leak/build-path", {{warn, warn, note}, {warn, note, note}}},
      {"leak/secret-file", {{block, block, block}}},
      {"leak/secret", {{block, block, block}, {block, escalate, block}}},
      {"leak/secret-generic", {{warn, note, note}, {note, note, note}}},
      {"leak/secret-nested", {{block, block, block}, {block, warn, warn}}},
      {"leak/vcs", {{block, block, block}}},
      {"leak/ai-state", {{warn, warn, note}, {block, block, block}, {warn, note, note}}},
      {"leak/original-source", {{warn, note, note}}},
      {"leak/tests", {{warn, note, note}}},
      {"leak/internal-doc", {{warn, note, note}}},
      {"leak/junk", {{warn, note, note}}},
      {"leak/build-config", {{note, note, note}}},
      {"leak/words", {{escalate, warn, note}}},
      {"leak/personal-data", {{warn, warn, note}}}};
  CHECK(leak_rules().size() == expected.size());
  for (const Rule& rule : leak_rules()) CHECK(expected.at(std::string(rule.info.id)) == rule.info.tiers);
}

}  // namespace
}  // namespace sallyport
