#include "policies/content/source_map.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sallyport {
namespace {

std::optional<SourceMapSummary> read(std::string_view text, std::size_t piece = SIZE_MAX) {
  SourceMapReader reader;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at))
    reader.data(as_bytes(text.substr(at, piece)));
  return reader.finish();
}

void same(const SourceMapSummary& a, const SourceMapSummary& b) {
  CHECK(a.sections == b.sections);
  CHECK(a.bytes == b.bytes);
  CHECK(a.sources_own == b.sources_own);
  CHECK(a.sources_third_party == b.sources_third_party);
  CHECK(a.embedded_own == b.embedded_own);
  CHECK(a.embedded_third_party == b.embedded_third_party);
  CHECK(a.embedded_bytes == b.embedded_bytes);
  CHECK(a.embedded_lines == b.embedded_lines);
  CHECK(a.embedded_own_lines == b.embedded_own_lines);
  CHECK(a.sample_sources == b.sample_sources);
  CHECK(a.source_root == b.source_root);
  CHECK(a.remote_sources == b.remote_sources);
}

// Long enough strings that whole blocks of 64 bytes lie inside, with escapes at every position of them.
std::string content_text() {
  std::string out;
  for (int i = 0; i < 70; ++i) out += std::string(static_cast<std::size_t>(i), 'n') + R"(\n\"\\\\n\\)";
  return out + R"(é\u000a\u00e9\u20ac\ud83d\ude00\t)";
}

const std::string full =
    R"({"version":3,"file":"cli.js","sourceRoot":"","sources":["../src/a.ts",)"
    R"("../node_modules/x/i.js","webpack/bootstrap","../src/b.ts"],"sourcesContent":[")" +
    content_text() +
    R"(","module.exports = 1\n",null,""],"names":["a\"b","]}"],"mappings":"AAAA;","x_y":{"a":[{}]}})";

TEST_CASE("a map is counted") {
  const auto map = read(full);
  REQUIRE(map.has_value());
  CHECK(map->bytes == full.size());
  CHECK(map->sources_own == 2);
  CHECK(map->sources_third_party == 2);
  CHECK(map->embedded_own == 2);
  CHECK(map->embedded_third_party == 1);
  // 70 runs of 0..69 letters with six decoded characters each, then é, newline, é, €, 😀, tab.
  CHECK(map->embedded_bytes == 69 * 70 / 2 + 70 * 6 + (2 + 1 + 2 + 3 + 4 + 1) + 19);
  CHECK(map->embedded_own_lines == 70 + 1 + 1);
  CHECK(map->embedded_lines == 70 + 1 + 1 + 1);
  CHECK(map->sample_sources == std::vector<std::string>{"../src/a.ts", "../src/b.ts"});
  CHECK(map->remote_sources.empty());
  CHECK_FALSE(map->sections);
}

TEST_CASE("pieces of any size give the same") {
  const auto whole = read(full);
  REQUIRE(whole.has_value());
  for (const std::size_t piece : {1u, 2u, 3u, 5u, 7u, 63u, 64u, 65u, 100u}) {
    const auto map = read(full, piece);
    REQUIRE(map.has_value());
    same(*map, *whole);
  }
  for (std::size_t cut = 1; cut < full.size(); ++cut) {
    SourceMapReader reader;
    reader.data(as_bytes(std::string_view(full).substr(0, cut)));
    reader.data(as_bytes(std::string_view(full).substr(cut)));
    const auto map = reader.finish();
    REQUIRE(map.has_value());
    same(*map, *whole);
  }
}

TEST_CASE("the order of members does not matter") {
  const std::string members[] = {R"("version":3)", R"("mappings":"A")",
                                 R"("sources":["a.ts","node_modules/b.js"])",
                                 R"("sourcesContent":["a\nb\n","c\n"])"};
  int order[] = {0, 1, 2, 3};
  do {
    const auto map = read("{" + members[order[0]] + "," + members[order[1]] + "," + members[order[2]] + "," +
                          members[order[3]] + "}");
    REQUIRE(map.has_value());
    CHECK(map->embedded_own == 1);
    CHECK(map->embedded_third_party == 1);
    CHECK(map->embedded_lines == 3);
    CHECK(map->embedded_own_lines == 2);
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_CASE("what readers of maps accept is a map") {
  for (const char* text :
       {R"({"version":3,"mappings":""})", "\xef\xbb\xbf {\n \"version\" : 3 ,\r\n\t\"mappings\" : \"\" }\n",
        ")]}'\n{\"version\":3,\"mappings\":\"\"}", ")]}',\n{\"version\":3,\"mappings\":\"\"}",
        ")]}'{\"version\":3,\"mappings\":\"\"}", ")]}' {not} this\n{\"version\":3,\"mappings\":\"\"}",
        R"({"\u0076ersion":3,"m\u0061ppings":""})", R"({"version":3.0,"mappings":""})",
        R"({"version":30e-1,"mappings":""})", R"({"version":"3","mappings":""})",
        R"({"version":2,"version":3,"mappings":""})",
        R"({"version":3,"version":2,"mappings":"","mappings":null})", R"({"version":3,"sections":[]})",
        R"({"a":{"b":[{"c":"}]\"{["}]},"version":3,"mappings":"x"})",
        R"({"version":3,"mappings":"AAAA","sourcesContent":["cut off he)",  // what is there is there
        R"({"version":3,"mappings":"AAAA",}; trailing)",
        R"({"mappings":[[[0,0,0,0]]],"sources":["a"],"version":3})",
        R"({"version":3,"names":["\\"],"mappings":"\"\\\\"})"})
    CHECK_MESSAGE(read(text).has_value(), std::string(text));
}

TEST_CASE("what only resembles a map is none") {
  for (const char* text : {"",
                           "   ",
                           "[]",
                           "null",
                           "\"version\"",
                           "{}",
                           R"({"name":"x","version":"3.0.0","mappings":{}})",
                           R"({"version":3})",
                           R"({"version":3,"mappings":{"a":1}})",
                           R"({"version":3,"mappings":null})",
                           R"({"version":2,"mappings":""})",
                           R"({"version":33,"mappings":""})",
                           R"({"version":-3,"mappings":""})",
                           R"({"Version":3,"mappings":""})",
                           R"({"map":{"version":3,"mappings":""}})",  // not the object itself
                           R"({"a":"\"version\":3,\"mappings\":\"\""})",
                           R"([{"version":3,"mappings":""}])",
                           "{ \"use strict\"; var version = 3, mappings = \"\" }",
                           "x{\"version\":3,\"mappings\":\"\"}",
                           "// {\n{\"version\":3,\"mappings\":\"\"}",
                           R"({"version":3,"lockfileVersion":3,"mappings":[]})"})
    CHECK_MESSAGE(!read(text).has_value(), std::string(text));
}

TEST_CASE("the texts of sources beside their names are a map, whatever is left out or renamed") {
  for (const char* text : {R"({"version":3,"sources":["a.ts"],"sourcesContent":["x"]})",
                           R"({"sources":["a.ts"],"sourcesContent":["x"],"mappings":"AAAA"})",
                           R"({"version":4,"sources":["a.ts"],"sourcesContent":["x"],"mappings":"AAAA"})"})
    CHECK_MESSAGE(read(text).has_value(), std::string(text));
  for (const char* text :
       {R"({"version":3,"sources":["a.ts"],"sourcesContent":[null]})",
        R"({"version":3,"sourcesContent":["x"]})", R"({"sources":["a.ts"],"sourcesContent":["x"]})"})
    CHECK_MESSAGE(!read(text).has_value(), std::string(text));
}

TEST_CASE("sections are read, also inside each other") {
  const std::string inner = R"({"version":3,"sources":["a.ts","node_modules/b.js"],"mappings":"",)"
                            R"("sourcesContent":["x\n","y"]})";
  const std::string index =
      R"({"version":3,"sections":[{"offset":{"line":0,"column":0},"map":)" + inner + R"(},{"map":)" + inner +
      R"(,"offset":{"line":9,"column":0}},{"offset":{},"map":{"version":3,"sections":[{"map":)" + inner +
      R"(}]}}]})";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{64}, index.size()}) {
    const auto map = read(index, piece);
    REQUIRE(map.has_value());
    CHECK(map->sections);
    CHECK(map->embedded_own == 3);
    CHECK(map->embedded_third_party == 3);
    CHECK(map->embedded_own_lines == 3);
    CHECK(map->embedded_lines == 6);
  }
}

TEST_CASE("content without a source, or with a null one, is ours") {
  const auto map = read(R"({"version":3,"mappings":"","sources":[null],"sourcesContent":["a","b",null]})");
  REQUIRE(map.has_value());
  CHECK(map->sources_own == 2);
  CHECK(map->embedded_own == 2);
}

TEST_CASE("addresses of sources are kept") {
  const auto map = read(
      R"({"version":3,"mappings":"","sourceRoot":"https://maps.example.invalid/r/","sources":["C:\\Users\\me\\a.ts",)"
      R"("/home/me/b.ts","webpack://app/./c.ts","s3://bucket/d.ts","file:///e.ts","./f.ts","../g.ts"]})");
  REQUIRE(map.has_value());
  CHECK(map->source_root == "https://maps.example.invalid/r/");
  CHECK(map->remote_sources == std::vector<std::string>{"https://maps.example.invalid/r/",
                                                        "C:\\Users\\me\\a.ts", "/home/me/b.ts",
                                                        "s3://bucket/d.ts", "file:///e.ts"});
}

TEST_CASE("third-party sources are told apart") {
  for (const char* path : {"../node_modules/a/i.js", "C:\\a\\node_modules\\b.js", "webpack/bootstrap",
                           "webpack://x/(webpack)/buildin/global.js", "webpack://x/external commonjs \"fs\"",
                           "../../.yarn/__virtual__/a/0/b.js"})
    CHECK_MESSAGE(is_third_party_source(path), path);
  CHECK(is_third_party_source(std::string_view("\0commonjsHelpers.js", 19)));
  for (const char* path :
       {"../src/a.ts", "webpack://app/./src/a.ts", "src/node_modules.ts", "", "src/external.ts"})
    CHECK_MESSAGE(!is_third_party_source(path), path);
}

TEST_CASE("hostile input stays bounded") {
  SUBCASE("depth") {
    std::string deep = R"({"version":3,"mappings":"","x":)" + std::string(1'000'000, '[') +
                       std::string(1'000'000, ']') + R"(,"sourcesContent":["a"]})";
    const auto map = read(deep);
    REQUIRE(map.has_value());
    CHECK(map->embedded_own == 1);
  }
  SUBCASE("sections without end") {
    std::string deep = R"({"version":3,"mappings":"")";
    for (int i = 0; i < 10'000; ++i) deep += R"(,"sections":[{"map":{"version":3)";
    CHECK(read(deep).has_value());
  }
  SUBCASE("a key and a number of a megabyte") {
    CHECK(read("{\"" + std::string(1 << 20, 'k') + "\":" + std::string(1 << 20, '9') +
               R"(,"version":3,"mappings":""})"));
  }
  SUBCASE("more sources than are matched by index count as ours") {
    std::string text = R"({"version":3,"mappings":"","sources":[)";
    constexpr int count = 200'000;
    for (int i = 0; i < count; ++i) text += R"("node_modules/a",)";
    text += R"("node_modules/a"],"sourcesContent":[)";
    for (int i = 0; i < count; ++i) text += R"("x",)";
    text += R"("x"]})";
    const auto map = read(text);
    REQUIRE(map.has_value());
    CHECK(map->sources_third_party == count + 1);
    CHECK(map->embedded_third_party + map->embedded_own == count + 1);
    CHECK(map->embedded_own == count + 1 - (1 << 17));
  }
}

}  // namespace
}  // namespace sallyport
