// What is packed or encoded in a file: every kind, deep, hostile, and within what an inspection may spend.

#include <doctest/doctest.h>

#include "policies/tarball/zip_lists.hpp"
#include "scan_text.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/tar_builder.hpp"
#include "tests/support/zip_builder.hpp"

namespace sallyport {
namespace {

std::string token(int n = 0) {
  return "gh" + std::string("p_") + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3h" + std::to_string(10 + n % 90);
}

std::string base64(std::string_view text) {
  return base64_encode(as_bytes(text));
}

std::string tar(const std::string& path, const std::string& text) {
  return TarBuilder().file(path, text).tar();
}
std::string zip(const std::string& path, const std::string& text) {
  return ZipBuilder().file(path, text).zip();
}

const std::string map_text =
    R"({"version":3,"sources":["a.ts"],"sourcesContent":["let a = 1;\n"],"mappings":"AA"})";

// Every place with a secret or a map, and everything that was not looked at.
std::vector<std::string> seen(const FileContent& content, const std::string& path) {
  std::vector<std::string> out;
  if (!content.secrets.empty()) out.push_back(path + ": secret");
  if (content.map) out.push_back(path + ": map");
  for (const std::string& why : content.incomplete) out.push_back(path + ": " + why);
  for (const auto& nested : content.nested)
    for (auto& place : seen(nested.content, nested.path)) out.push_back(std::move(place));
  return out;
}
// One a line, so that a test that fails shows them.
using Places = std::string;
Places places_of(const FileContent& content, const std::string& path) {
  std::string out;
  for (const std::string& place : seen(content, path)) out += (out.empty() ? "" : "\n") + place;
  return out;
}
Places seen_in(const std::string& text, const std::string& path, const ScanLimits& limits = {}) {
  ContentScan scan(shipped_rules(), {}, limits);
  return places_of(scan_text(scan, text, path), path);
}

TEST_CASE("each kind of nesting shows what is in it, with a path that leads there") {
  const std::string line = "token = \"" + token() + "\"\n";
  CHECK(seen_in(zip("inner/.env", line), "x.zip") == Places{"x.zip!inner/.env: secret"});
  CHECK(seen_in(ZipBuilder().file("a/.env", line, false).zip("a comment"), "x.jar") ==
        Places{"x.jar!a/.env: secret"});
  CHECK(seen_in(tar("inner/id_rsa", line), "x.tar") == Places{"x.tar!inner/id_rsa: secret"});
  CHECK(seen_in(gzip(tar("./k/id_rsa", line)), "f/x.tgz") == Places{"f/x.tgz!k/id_rsa: secret"});
  CHECK(seen_in(gzip(line), "x.log.gz") == Places{"x.log.gz!x.log: secret"});
  CHECK(seen_in("x = \"" + base64(line + line) + "\"", "lib/a.js") == Places{"lib/a.js!base64@5: secret"});
  CHECK(seen_in("x = '" + to_hex(as_bytes(line)) + "'", "a.js") == Places{"a.js!hex@5: secret"});
  CHECK(seen_in("x = '\\x67hp_" + token().substr(4) + "'", "a.js") == Places{"a.js!escaped@0: secret"});
  CHECK(seen_in("x = \"" + base64(map_text) + "\"", "a.js") == Places{"a.js!base64@5: map"});
  CHECK(seen_in("x = \"" + base64(gzip(line)) + "\"", "a.js") == Places{"a.js!base64@5!base64@5: secret"});
}

TEST_CASE("what is packed is opened behind whatever stands before it") {
  const std::string line = "token = \"" + token() + "\"\n";
  const std::string script = "#!/bin/sh\nunzip -q $0\nexit\n", program = "MZ" + std::string(200'000, '\1');
  for (const std::string& before : {script, program, std::string("x")}) {
    const std::string at = std::to_string(before.size());
    CHECK(seen_in(before + zip("inner/.env", line), "run") == Places{"run!inner/.env: secret"});
    CHECK(seen_in(before + gzip(line), "run") == Places{"run!gzip@" + at + ": secret"});
    CHECK(seen_in(before + gzip(line) + "and more", "run") == Places{"run!gzip@" + at + ": secret"});
    CHECK(seen_in(before + gzip(tar("inner/id_rsa", line)), "run") ==
          Places{"run!gzip@" + at + "!inner/id_rsa: secret"});
    CHECK(seen_in(gzip(before + gzip(line)), "x.gz") == Places{"x.gz!x!gzip@" + at + ": secret"});
  }
  CHECK(seen_in(script + gzip("nothing") + gzip(line), "run").ends_with(": secret"));
}

TEST_CASE("a program that reads archives is none, and too many that look like one hold") {
  using namespace std::string_literals;
  const std::string marks = "code \x1f\x8b\x08\0 more \x1f\x8b\x08\x08 and PK\3\4 PK\1\2 PK\5\6\0\0 end"s;
  CHECK(seen_in(marks + std::string(100, '\2') + marks, "a.node").empty());
  std::string many = "code ";
  for (int i = 0; i < 1'002; ++i) many += "\x1f\x8b\x08\0 "s;
  CHECK(seen_in(many, "a.node") == Places{"a.node: more in it that looks packed than is opened"});
  ScanLimits limits;
  limits.view_bytes = 1u << 20;
  CHECK(seen_in("x" + gzip(std::string(8u << 20, '\0')), "x.bin", limits) ==
        Places{"x.bin: gzip that unpacks to more than is looked at"});
}

TEST_CASE("base64 in lines of forty, and between the lines of a PEM file") {
  const std::string code =
      base64(std::string("nothing to see here, ") + "token = \"" + token() + "\"\n" + std::string(90, 'z'));
  std::string lines;
  for (std::size_t at = 0; at < code.size(); at += 40) lines += code.substr(at, 40) + "\n";
  CHECK(seen_in(lines, "a.txt") == Places{"a.txt!base64@0: secret"});
  const std::string head = "-----BEGIN DATA-----\n";
  CHECK(seen_in(head + lines + "-----END DATA-----\n", "a.pem") == Places{"a.pem!base64@21: secret"});
}

TEST_CASE("a secret in a string of JSON is one of the file") {
  const auto rules = ContentRules::build(
      {"[[rules]]\nid = 'own'\nregex = '''key = \"([a-z0-9]{20})\"'''\nkeywords = ['key = ']\n"}, "");
  REQUIRE(rules.has_value());
  ContentScan scan(*rules);
  const std::string source = "let key = \"a1b2c3d4e5f6g7h8i9j0\";";
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
    return out;
  };
  const FileContent plain = scan_text(scan, source);
  REQUIRE(plain.secrets.size() == 1);
  std::string text = source;
  for (int level = 1; level <= 3; ++level) {
    text = "[\"" + escaped(text) + "\"]";
    CAPTURE(text);
    const FileContent content = scan_text(scan, text, "a.json");
    REQUIRE(content.secrets.size() == 1);
    CHECK(content.secrets[0].offset == text.find("a1b2"));
    CHECK(content.secrets[0].fingerprint == plain.secrets[0].fingerprint);
    CHECK(content.nested.empty());
  }
}

TEST_CASE("what is found in the file itself is not told again of an escaped part of it") {
  CHECK(seen_in("'\\x67' " + token(), "a.js") == Places{"a.js: secret"});
}

TEST_CASE("an inline map is told once, and a secret in it all the same") {
  const std::string map = R"({"version":3,"sources":["a.ts"],"sourcesContent":["let t = ')" + token() +
                          R"(';\n"],"mappings":"AA"})";
  const FileContent content =
      scan_text("x\n//# sourceMappingURL=data:application/json;base64," + base64(map) + "\n");
  CHECK(content.inline_maps.size() == 1);
  REQUIRE(content.nested.size() == 1);
  CHECK_FALSE(content.nested[0].content.map);
  CHECK(content.nested[0].content.secrets.size() == 1);
}

TEST_CASE("two, four and five deep") {
  std::string text = token() + "\n";
  std::string path;
  for (int depth = 1; depth <= 5; ++depth) {
    text = depth % 2 == 1 ? gzip(tar("d/x.zip", text)) : zip("d/x.tgz", text);
    const Places places = seen_in(text, depth % 2 == 1 ? "x.tgz" : "x.zip");
    CAPTURE(depth);
    CHECK(std::count(places.begin(), places.end(), '\n') == 0);
    if (depth < 5)
      CHECK(places.find(": secret") != std::string::npos);
    else
      CHECK(places.find("deeper than 4") != std::string::npos);
  }
  std::string code = "token = \"" + token() + "\" // and some more text\n";
  for (int depth = 1; depth <= 5; ++depth) {
    code = base64(code);
    const Places places = seen_in(code, "a.txt");
    CAPTURE(depth);
    CHECK(std::count(places.begin(), places.end(), '\n') == 0);
    if (depth < 5)
      CHECK(places.find(": secret") != std::string::npos);
    else
      CHECK(places.find("base64 in something packed, deeper than 4") != std::string::npos);
  }
}

TEST_CASE("text in UTF-32 is read as text") {
  for (const bool big : {false, true})
    for (const bool mark : {false, true}) {
      std::string text;
      if (mark) text = big ? std::string("\0\0\xfe\xff", 4) : std::string("\xff\xfe\0\0", 4);
      for (const char c : token() + "\n" + token(1))
        text += big ? std::string("\0\0\0", 3) + c : c + std::string("\0\0\0", 3);
      const FileContent content = scan_text(text, "a.txt");
      CHECK(content.magic == Magic::utf32);
      CHECK(content.secrets.size() == 2);
    }
}

TEST_CASE("a zip whose lists differ holds, and is looked into all the same") {
  const std::string line = token() + "\n";
  const auto why = [&](const std::string& bytes) { return compare_zip_lists(bytes_of(bytes)).why; };
  CHECK(why(zip("a", line)).empty());
  CHECK(why(ZipBuilder().zip()).empty());
  const auto rename = [](ZipFields& local, ZipFields&) { local.name = "b"; };
  const std::string renamed = ZipBuilder().file("a", line, true, rename).zip();
  CHECK(why(renamed) == "its two lists differ");
  CHECK(seen_in(renamed, "x.zip") ==
        Places{"x.zip: a zip that tools may unpack otherwise: its two lists differ\nx.zip!b: secret"});
  CHECK(why(ZipBuilder().hidden("a", line).file("b", "b").zip()) ==
        "it holds bytes that its list does not name");
  CHECK(why(ZipBuilder().file("a", "a").hidden("b", line).zip()) ==
        "it holds bytes that its list does not name");
  CHECK(why(ZipBuilder().file("a", "a").raw(std::string(25, 'x')).file("b", "b").zip()) ==
        "it holds bytes that its list does not name");
  const auto inflated = [](ZipFields&, ZipFields& central) { central.packed_bytes += 1; };
  CHECK(why(ZipBuilder().file("a", line, true, inflated).zip()) == "its two lists differ");
  const auto far = [](ZipFields&, ZipFields& central) { central.offset = 1 << 30; };
  CHECK(why(ZipBuilder().file("a", line, true, far).zip()) == "its list names a file that is not there");
  const auto back = [](ZipFields&, ZipFields& central) { central.offset = 0; };
  CHECK(why(ZipBuilder().file("a", line).file("a", line, true, back).zip()) == "files in it overlap");
  CHECK(why(zip("a", line) + "trailing") == "something follows its end");
  CHECK(why(ZipBuilder().file("a", line).zip("PK\x05\x06" + std::string(18, '\0'))) == "it has two ends");
  CHECK(why("PK\x03\x04 and no more") == "it has no list of its files");
}

TEST_CASE("a zip that lies of a size holds") {
  const auto lies = [](ZipFields& local, ZipFields& central) { local.bytes = central.bytes = 3; };
  const Places places =
      seen_in(ZipBuilder().file("a", token() + std::string(5000, ' '), true, lies).zip(), "x.zip");
  CHECK_FALSE(places.empty());
  CHECK(places.find("zip that does not unpack") != std::string::npos);
}

TEST_CASE("what is encrypted or damaged in an archive holds") {
  const auto locked = [](ZipFields& local, ZipFields& central) { local.flags = central.flags = 1; };
  CHECK(seen_in(ZipBuilder().file("a", "abc", true, locked).zip(), "x.zip") ==
        Places{"x.zip: zip that does not unpack: encrypted"});
  const std::string whole = tar("a/b", std::string(3000, 'a'));
  const Places cut = seen_in(gzip(whole.substr(0, 1000)), "x.tgz");

  CHECK(cut.find("tar that does not unpack") != std::string::npos);
  std::string broken = whole + whole;
  broken[whole.size() + 300] = 'x';
  CHECK(seen_in(broken, "x.tar").empty());  // behind the end of an archive: scanned as bytes of the file
}

TEST_CASE("what hides in a tar beside its files is seen as the archive's own") {
  CHECK(seen_in(tar("a", "x") + token(), "x.tar") == Places{"x.tar: secret"});
}

TEST_CASE("bombs hold") {
  const std::string zeros(8u << 20, '\0');
  ScanLimits limits;
  limits.view_bytes = 1u << 20;
  CHECK(seen_in(gzip(zeros), "x.gz", limits) == Places{"x.gz: gzip that unpacks to more than is looked at"});
  CHECK(seen_in(zip("a", zeros), "x.zip", limits) ==
        Places{"x.zip: zip that unpacks to more than is looked at"});
  CHECK(seen_in(tar("a", zeros), "x.tar", limits) ==
        Places{"x.tar: tar that unpacks to more than is looked at"});
  const Places twice = seen_in(gzip(gzip(zeros)), "x.gz", limits);
  CHECK(twice == Places{"x.gz!x: gzip that unpacks to more than is looked at"});
  std::string bomb = "base64 of base64, " + std::string(3u << 20, 'A') + std::string(1u << 20, 'b');
  CHECK(seen_in(base64(base64(bomb)), "a.txt", limits) ==
        Places{"a.txt: base64 that unpacks to more than is looked at"});
}

TEST_CASE("an inspection spends no more than it may, over all its files") {
  ScanLimits limits;
  limits.nested_bytes = 100'000;
  ContentScan scan(shipped_rules(), {}, limits);
  const std::string packed = gzip(std::string(60'000, 'a'));
  CHECK(scan_text(scan, packed, "a.gz").incomplete.empty());
  CHECK(scan_text(scan, packed, "b.gz").incomplete ==
        std::vector<std::string>{"gzip that unpacks to more than is looked at"});
  CHECK(scan_text(scan, token(), "c.js").secrets.size() == 1);

  limits = {};
  limits.views = 3;
  const std::string runs = base64(token() + " and more text") + "\n\n;" + base64(token(1) + " and more text");
  ContentScan few(shipped_rules(), {}, limits);
  CHECK(scan_text(few, runs, "a").nested.size() == 2);
  CHECK(scan_text(few, runs, "b").nested.size() == 1);
  const FileContent none = scan_text(few, runs, "c");
  CHECK(none.nested.empty());
  CHECK(none.incomplete ==
        std::vector<std::string>{"more packed or encoded in the package than is looked at"});

  limits = {};
  limits.packed_files = 2;
  TarBuilder files;
  for (int i = 0; i < 3; ++i) files.file("f" + std::to_string(i), "x");
  CHECK(seen_in(files.tar(), "x.tar", limits) ==
        Places{"x.tar: more files packed in the package than are looked at"});
}

TEST_CASE("a hundred thousand tiny files in an archive hold") {
  TarBuilder files;
  const std::string folder = "d/";
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += TarBuilder().file(folder + std::to_string(i), "").unfinished();
  const Places places = seen_in(text + std::string(1024, '\0'), "x.tar");
  CHECK(places == Places{"x.tar: more files packed in the package than are looked at"});
}

TEST_CASE("how the bytes come in pieces changes nothing of what is nested") {
  const std::string line = "token = \"" + token() + "\"\n";
  const std::string text = line + base64("token " + token(5) + "\n") + "\n;" + std::string(120'000, ' ') +
                           "\"" + base64(gzip(tar("a/.env", token(6) + "\n")) + std::string(200, '\0')) +
                           "\" '\\x67hp_" + token(3).substr(4) + "' " + to_hex(as_bytes(token(4) + line));
  const Places whole = seen_in(text, "a.js");
  CHECK(std::count(whole.begin(), whole.end(), '\n') == 4);
  for (const std::size_t piece : {1u, 7u, 4096u, 65536u, 98304u, 114688u}) {
    ContentScan scan(shipped_rules());
    CHECK(places_of(scan_text(scan, text, "a.js", piece), "a.js") == whole);
  }
}

TEST_CASE("secrets beyond those that are described are counted") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += token(i) + "\n";
  const FileContent content = scan_text(text);
  CHECK(content.secrets.size() == 100);
  CHECK(content.secrets_more == 200);
}

// Archives with any byte changed, cut or doubled: whatever comes of it, it ends, and nothing is read beyond.
TEST_CASE("damaged archives end") {
  SeededRandom random(22);
  const std::string line = token() + "\n";
  const std::vector<std::string> archives = {
      zip("a/b", line), ZipBuilder().file("a", line, false).file("c/d", std::string(3000, 'a')).zip("c"),
      TarBuilder().pax({{"path", "a/long"}}).file("a", line).file("b", std::string(600, 'b')).tar(),
      gzip(tar("a", line)), gzip(zip("a", line))};
  ContentScan scan(shipped_rules());
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = archives[static_cast<std::size_t>(random.below(archives.size()))];
    for (auto n = random.below(4) + 1; n-- > 0;) {
      const auto at = static_cast<std::size_t>(random.below(bytes.size()));
      switch (random.below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes.resize(std::max<std::size_t>(at, 4));
          break;
        case 2:
          bytes.insert(at, bytes.substr(at, 64));
          break;
        default:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
      }
    }
    const FileContent content = scan_text(scan, bytes, "x");
    CHECK(content.nested.size() < 10);
  }
}

}  // namespace
}  // namespace sallyport
