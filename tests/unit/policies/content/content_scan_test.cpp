#include "policies/content/content_scan.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "policies/code/capabilities.hpp"
#include "policies/content/magic.hpp"
#include "scan_text.hpp"
#include "storage/base/base64.hpp"

namespace sallyport {
namespace {

std::string token(int n = 0) {
  return "gh" + std::string("p_") + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3h" + std::to_string(10 + n % 90);
}

std::string utf16(const std::string& ascii, bool big, bool mark) {
  std::string out = !mark ? "" : big ? "\xfe\xff" : "\xff\xfe";
  for (const char c : ascii) {
    if (big) out += '\0';
    out += c;
    if (!big) out += '\0';
  }
  return out;
}

const std::string map_text =
    R"({"version":3,"sources":["a.ts"],"sourcesContent":["let a = 1;\n"],"mappings":"AA"})";

void same(const FileContent& a, const FileContent& b) {
  REQUIRE(a.secrets.size() == b.secrets.size());
  for (std::size_t i = 0; i < a.secrets.size(); ++i) {
    CHECK(a.secrets[i].offset == b.secrets[i].offset);
    CHECK(a.secrets[i].line == b.secrets[i].line);
    CHECK(a.secrets[i].fingerprint == b.secrets[i].fingerprint);
  }
  CHECK(a.map.has_value() == b.map.has_value());
  REQUIRE(a.inline_maps.size() == b.inline_maps.size());
  for (std::size_t i = 0; i < a.inline_maps.size(); ++i)
    CHECK(a.inline_maps[i].offset == b.inline_maps[i].offset);
  REQUIRE(a.map_references.size() == b.map_references.size());
  for (std::size_t i = 0; i < a.map_references.size(); ++i) {
    CHECK(a.map_references[i].offset == b.map_references[i].offset);
    CHECK(a.map_references[i].line == b.map_references[i].line);
    CHECK(a.map_references[i].target == b.map_references[i].target);
  }
}

TEST_CASE("lines are counted on from the last that was asked for") {
  std::string text;
  const std::string key = "const k = 'ghp_" + std::string("a8Kd93jfLq0ZmXn47VbT6yHs2RcWp1Qe5Uog") + "';";
  for (int i = 0; i < 60; ++i)
    text +=
        "//# sourceMappingURL=a" + std::to_string(i) + ".map\n" + std::string(9'000, 'x') + "\n" + key + "\n";
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{262'144}}) {
    const FileContent content = scan_text(text, "a.js", piece);
    REQUIRE(content.map_references.size() == 60);
    for (std::size_t i = 0; i < 60; ++i) CHECK(content.map_references[i].line == 3 * i + 1);
    REQUIRE_FALSE(content.secrets.empty());
    for (const SecretHit& hit : content.secrets) CHECK(hit.line % 3 == 0);
  }
}

TEST_CASE("hits have offset and line, and show little of the secret") {
  const std::string text = "one\ntwo\nconst t = \"" + token() + "\";\n//# sourceMappingURL=a.js.map\n";
  const FileContent content = scan_text(text);
  REQUIRE(content.secrets.size() == 1);
  const SecretHit& hit = content.secrets[0];
  CHECK(hit.rule_id == "github-pat");
  CHECK(hit.line == 3);
  CHECK(hit.redacted.find(token().substr(5)) == std::string::npos);
  CHECK(hit.redacted == "ghp_… (40 characters)");
  CHECK(hit.fingerprint.size() == 64);
  REQUIRE(content.map_references.size() == 1);
  CHECK(content.map_references[0].line == 4);
  CHECK(content.map_references[0].target == "a.js.map");
  CHECK(content.incomplete.empty());
  CHECK(content.magic == Magic::text);
}

TEST_CASE("how the bytes come in pieces changes nothing") {
  std::string text = "#!/usr/bin/env node\n";
  text += "const a = \"" + token(1) + "\";\n" + std::string(113'000, 'x') + "\n/* " + token(2) + " */" +
          std::string(98'250, '.') + "\n" + token(3) +
          "\n//# sourceMappingURL=data:application/json;base64," + base64_encode(as_bytes(map_text)) +
          "\n//# sourceMappingURL=other.map";
  const FileContent whole = scan_text(text);
  REQUIRE(whole.secrets.size() == 3);
  REQUIRE(whole.inline_maps.size() == 1);
  REQUIRE(whole.map_references.size() == 1);
  CHECK(whole.shebang);
  for (const std::size_t piece : {1u, 7u, 4096u, 65536u, 98304u, 114688u})
    same(scan_text(text, "a", piece), whole);
}

TEST_CASE("a hit is found wherever the scan's buffer ends") {
  // The buffer turns over at 112 KiB and 96 KiB later: the token and the comment lie across each place.
  ContentScan scan(shipped_rules());
  for (const std::size_t edge : {114'688u, 114'688u + 98'304u}) {
    for (std::size_t shift = 0; shift < 64; ++shift) {
      std::string text(edge - shift, ' ');
      text += token() + " ";
      CHECK(scan_text(scan, text + std::string(200, ' ')).secrets.size() == 1);
      CHECK(scan_text(scan, text).secrets.size() == 1);
      std::string comment(edge - shift, ' ');
      comment += "//# sourceMappingURL=cli.js.map\n";
      CHECK(scan_text(scan, comment).map_references.size() == 1);
      CHECK(scan_text(scan, comment + std::string(5000, 'a')).map_references.size() == 1);
    }
  }
}

TEST_CASE("many hits close together are all found, up to a limit") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += token(i) + "\n" + std::string(static_cast<std::size_t>(i) * 100, '-');
  CHECK(scan_text(text).secrets.size() == 60);
  std::string more;
  for (int i = 0; i < 5000; ++i) more += token(i) + "\n";
  const FileContent content = scan_text(more);
  CHECK(content.secrets.size() == 100);
  CHECK(content.incomplete.empty());
}

TEST_CASE("one scan serves file after file") {
  ContentScan scan(shipped_rules());
  CHECK(scan_text(scan, map_text).map);
  CHECK(scan_text(scan, "gh" + std::string("p_aB3dE5gH7")).secrets.empty());
  CHECK(scan_text(scan, "jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5kk").secrets.empty());  // not the end of the token before
  CHECK(scan_text(scan, token()).secrets.size() == 1);
  CHECK_FALSE(scan_text(scan, "").map);
}

TEST_CASE("gzip is opened, again and again") {
  std::string packed = "x\n" + token();
  std::string json = map_text;
  std::string path = "data.bin";
  for (int depth = 1; depth <= 4; ++depth) {
    packed = gzip(packed);
    json = gzip(json);
    const FileContent content = scan_text(packed, path);
    const FileContent* in = &content;
    for (int i = 0; i < depth; ++i) {
      REQUIRE(in->nested.size() == 1);
      in = &in->nested[0].content;
    }
    CHECK(in->secrets.size() == 1);
    CHECK(in->secrets[0].line == 2);
    const FileContent map = scan_text(json, path);
    in = &map;
    for (int i = 0; i < depth; ++i) in = &in->nested.at(0).content;
    CHECK(in->map);
  }
  const FileContent deeper = scan_text(gzip(packed));
  const FileContent* in = &deeper;
  while (!in->nested.empty()) in = &in->nested[0].content;
  REQUIRE(in->incomplete.size() == 1);
  CHECK(in->incomplete[0] == "gzip in something packed, deeper than 4");
}

TEST_CASE("the name inside gzip is the name without its ending") {
  CHECK(scan_text(gzip("x"), "a/cli.js.map.gz").nested.at(0).path == "a/cli.js.map.gz!cli.js.map");
  CHECK(scan_text(gzip("x"), "a/b.TGZ").nested.at(0).path == "a/b.TGZ!b.tar");
  CHECK(scan_text(gzip("x"), "logo.png").nested.at(0).path == "logo.png!logo.png");
}

TEST_CASE("an inline map within gzip is decoded from its offset") {
  const std::string text = std::string(400'000, ' ') + "//# sourceMappingURL=data:;base64," +
                           base64_encode(as_bytes(map_text)) + "\n";
  const FileContent content = scan_text(gzip(text + text));
  REQUIRE(content.nested.size() == 1);
  CHECK(content.nested[0].content.inline_maps.size() == 2);
}

TEST_CASE("gzip that is broken or too large holds") {
  std::string cut = gzip(std::string(100'000, 'a') + token());
  cut.resize(cut.size() - 9);
  CHECK(scan_text(cut).incomplete == std::vector<std::string>{"gzip that does not unpack"});
  const FileContent bomb = scan_text(gzip(std::string((64u << 20) + 1, 'a')));
  CHECK(bomb.incomplete == std::vector<std::string>{"gzip that unpacks to more than is looked at"});
}

TEST_CASE("a file that cannot be read again holds") {
  ContentScan scan(shipped_rules());
  const std::string text = "//# sourceMappingURL=data:;base64,eyJ2ZXJzaW9uIjozLCJtYXBwaW5ncyI6IiJ9\n";
  scan.begin_file("a.js", text.size());
  scan.data(as_bytes(text));
  const FileContent content =
      scan.end_file({text.size(), [](std::uint64_t, std::span<std::uint8_t>) -> Result<std::size_t> {
                       return fail(ErrorKind::internal, "gone");
                     }});
  CHECK(content.incomplete == std::vector<std::string>{"the file could not be read again"});
}

TEST_CASE("text in UTF-16 is read as text") {
  for (const bool big : {false, true})
    for (const bool mark : {false, true}) {
      const FileContent content = scan_text(utf16("SECRET=" + token() + "\r\nx = 1\r\n", big, mark), ".env");
      CHECK(content.magic == Magic::utf16);
      CHECK(content.secrets.size() == 1);
      CHECK(scan_text(utf16(map_text, big, mark)).map);
    }
}

TEST_CASE("magic tells what a rename hides") {
  using namespace std::string_literals;
  const std::pair<std::string, Magic> cases[] = {
      {"", Magic::none},
      {"text", Magic::text},
      {"\x1f\x8b\x08", Magic::gzip},
      {"PK\x03\x04", Magic::zip},
      {std::string(257, '\0') + "ustar\0"s + std::string(300, '\0'), Magic::tar},
      {"\0asm\1\0\0\0"s, Magic::wasm},
      {"\x7f"
       "ELF\2"s,
       Magic::elf},
      {"MZ"s + std::string(100, '\0'), Magic::pe},
      {"MZ is text", Magic::text},
      {"\xca\xfe\xba\xbe\0\0\0\2"s, Magic::mach_o},
      {"\xca\xfe\xba\xbe\0\0\0\x34"s, Magic::java_class},
      {"\x89PNG\r\n\x1a\n"s, Magic::png},
      {"RIFF\1\1\1\1WEBPVP8"s, Magic::webp},
      {"%PDF-1.7", Magic::pdf},
      {"wOF2", Magic::font},
      {"SQLite format 3\0"s, Magic::sqlite},
      {"a\0b\0\1\2\3"s, Magic::other_binary}};
  for (const auto& [bytes, magic] : cases) CHECK(to_text(magic_of(as_bytes(bytes))) == to_text(magic));
}

TEST_CASE("an operator's rules join the shipped ones") {
  const std::string own =
      "[[rules]]\nid = 'acme'\nregex = '''acme-[a-z]{8}'''\nkeywords = ['acme-']\n"
      "[[rules]]\nid = 'bare'\nregex = '''zz[0-9]{6}zz'''\n";
  const auto rules = ContentRules::build({own}, "");
  REQUIRE(rules.has_value());
  CHECK((*rules)->digest() != shipped_rules()->digest());
  ContentScan scan(*rules);
  const FileContent content = scan_text(scan, "x ACME-abcdefgh acme-abcdefgh zz123456zz " + token());
  REQUIRE(content.secrets.size() == 3);
  const auto twice = ContentRules::build({own, own}, "");
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().message.find("rule \"acme\" is there already") != std::string::npos);
}

TEST_CASE("the compiled database is kept, and made anew where it is damaged") {
  char folder[] = "/tmp/sallyport-cache-XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const auto files = [&] {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) out.push_back(entry.path());
    return out;
  };
  const auto works = [&] {
    const auto rules = ContentRules::build({}, folder);
    REQUIRE(rules.has_value());
    ContentScan scan(*rules);
    CHECK(scan_text(scan, token()).secrets.size() == 1);
  };
  works();
  REQUIRE(files().size() == 1);
  const auto path = files()[0];
  const auto size = std::filesystem::file_size(path);
  const auto time = std::filesystem::last_write_time(path);
  works();
  CHECK(std::filesystem::last_write_time(path) == time);  // read, not written
  for (const std::uintmax_t cut : {std::uintmax_t{0}, std::uintmax_t{20}, size / 2}) {
    std::filesystem::resize_file(path, cut);
    works();
    CHECK(std::filesystem::file_size(path) == size);
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file.write("damage", 6);
  }
  works();
  REQUIRE(ContentRules::build({"[[rules]]\nid='a'\nregex='abcdef'\nkeywords=['abc']\n"}, folder).has_value());
  CHECK(files().size() == 2);  // other rules, other file
  std::filesystem::remove_all(folder);
}

// Only what is read as code is found not to parse.
bool is_read(const std::string& text) {
  return scan_text(text + ";(").sign_counts.contains(sign_unparsable);
}

TEST_CASE("a sign of code that asks for a closer look counts only where that holds") {
  CHECK(is_read(R"(x["ev" + 'al'](y))"));
  CHECK(is_read(R"("~/.np"+"mrc")"));
  CHECK(is_read("'" + std::string(24, 'a') + "'\n+ 'b'"));
  CHECK(is_read(R"(a = "no name" + "b"; c = "d" + "e")"));
  CHECK_FALSE(is_read("'" + std::string(25, 'a') + "' + 'b'"));
  CHECK_FALSE(is_read("'b' + '" + std::string(25, 'a') + "'"));
  CHECK_FALSE(is_read(R"("a sentence" + "goes on")"));
  CHECK_FALSE(is_read(R"(a" + "b")"));
  CHECK_FALSE(is_read(R"("" + "b" + "")"));
  CHECK(is_read("Object.getPrototypeOf(async()=>{})"));
  CHECK(is_read("Object.getPrototypeOf( function*(){})"));
  CHECK_FALSE(is_read("Object.getPrototypeOf(a)"));
  CHECK_FALSE(is_read("Object.getPrototypeOf(fn)"));
}

TEST_CASE("a sign of code is seen over the edge of what is searched at once") {
  constexpr std::size_t edge = 112u << 10;
  const std::string code = R"(x["ev" + "al"](y))", function = "getPrototypeOf(async()=>{})";
  for (const std::string& text : {code, function})
    for (std::size_t before = 0; before <= text.size(); ++before)
      CHECK(is_read(std::string(edge - before, '\n') + text));
}

}  // namespace
}  // namespace sallyport
