// Source maps that are neither a file of their own nor behind a comment.
#include <string>
#include <vector>

#include "scan_text.hpp"
#include "storage/base/base64.hpp"

namespace sallyport {
namespace {

const std::string plain =
    R"({"version":3,"file":"a.js","sources":["a.ts"],"sourcesContent":["say(\"hi\\n\");\n// {}\n"],"mappings":"AA"})";

// As the text of a string between `quote`s.
std::string quoted(const std::string& text, char quote = '"') {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + quote;
}

TEST_CASE("a map is found in whatever it is wrapped in") {
  const std::string pretty =
      "{\n  \"version\" : 3,\n  \"sources\": [ \"a.ts\" ],\n  \"mappings\": \"AA\",\n"
      "  \"sourcesContent\": [ \"say(\\\"hi\\\\n\\\");\\n// {}\\n\" ]\n}\n";
  const std::string wide = "{" + std::string(1000, ' ') + "\n\t" + plain.substr(1);
  const std::string last = plain.substr(0, plain.size() - 1) + ",\"x\":{\"version\":3}}";
  for (const std::string& map : {plain, pretty, wide, last}) {
    const std::vector<std::string> files = {
        "cb(" + map + ");",
        "/* made by a tool */ " + map,
        "module.exports = " + map + ";\n",
        "export default " + map,
        "[" + map + "]",
        "(function () {\n  window.maps = window.maps || {};\n  window.maps['a.js'] = " + map + ";\n})();",
        R"({"map":)" + map + "}",
        R"({"permissions":{"allow":[)" + quoted(map) + "]}}",
        "const map = JSON.parse(" + quoted(map, '\'') + ");",
        "const map = JSON.parse(" + quoted(map, '`') + ");",
        "module.exports = " + quoted(quoted(map)),
        "module.exports = " + quoted(quoted(quoted(map))),
        std::string(200'000, ' ') + "cb(" + map + ")" + std::string(200'000, ' '),
    };
    for (const std::string& file : files) {
      const FileContent content = scan_text(file, "data.json");
      CHECK_FALSE(content.map);
      REQUIRE_MESSAGE(content.inline_maps.size() == 1, file);
      const InlineMap& found = content.inline_maps[0];
      CHECK(found.map.embedded_own == 1);
      CHECK_MESSAGE(found.map.embedded_own_lines == 2, file);
      CHECK(found.map.sample_sources == std::vector<std::string>{"a.ts"});
      CHECK(file[found.offset] == '{');
      CHECK(found.line ==
            std::count(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(found.offset), '\n') + 1);
      CHECK(content.incomplete.empty());
    }
  }
  CHECK(scan_text(")]}'\n" + plain).map);
  CHECK(scan_text(")]}'" + plain).map);
  CHECK(scan_text("\xef\xbb\xbf" + plain).map);
}

TEST_CASE("each map in a file is told once") {
  CHECK(scan_text("[" + plain + "," + plain + ",\n" + plain + "]").inline_maps.size() == 3);
  CHECK(scan_text("f(" + quoted(plain) + ")\n" + std::string(600, ';') + "f(" + quoted(plain) + ")")
            .inline_maps.size() == 2);
  const std::string index =
      R"({"version":3,"sections":[{"offset":{"line":0,"column":0},"map":)" + plain + "}]}";
  CHECK(scan_text("cb(" + index + ")").inline_maps.size() == 1);
  CHECK(scan_text(plain).inline_maps.empty());
  CHECK(scan_text("//# sourceMappingURL=data:application/json," + plain).inline_maps.size() == 1);
  CHECK(scan_text("//# sourceMappingURL=data:application/json;base64," + base64_encode(as_bytes(plain)))
            .inline_maps.size() == 1);
}

TEST_CASE("how a wrapped map comes in pieces changes nothing") {
  const std::string text = std::string(98'200, ' ') + "cb(" + plain + ");";
  for (const std::size_t piece : {1u, 97u, 98'304u}) {
    const FileContent content = scan_text(text, "a.js", piece);
    REQUIRE(content.inline_maps.size() == 1);
    CHECK(content.inline_maps[0].offset == 98'203);
  }
}

TEST_CASE("a wrapped map that points elsewhere is told, one that says nothing is not") {
  CHECK(scan_text(R"(f({"version":3,"sources":["a.ts"],"sourceRoot":"s3://maps/","mappings":"AA"}))")
            .inline_maps.size() == 1);
  for (const char* text : {
           R"(f({"version":3,"sources":["a.ts"],"names":[],"mappings":"AA"}))",
           R"(x = {"version":3,"sources":[],"sourcesContent":[],"mappings":""})",
           R"(x = {"version":3,"sources":[n],"sourcesContent":[s],"mappings":encode(m)})",
           R"(x = {"version":2,"sources":["a"],"sourcesContent":["b"],"mappings":"AA"})",
           R"({"sources":["a"],"sourcesContent":["b"],"mappings":"AA"}, {"version":3})",
           R"({"a":{"version":"3","name":"b"},"mappings":{}})",
       })
    CHECK_MESSAGE(scan_text(text).inline_maps.empty(), text);
}

TEST_CASE("a file of nothing but beginnings of maps holds, and costs little") {
  std::string many = R"({"mappings":"")";
  for (int i = 0; i < 10'002; ++i) many += R"(,{"version":3,)";
  const FileContent content = scan_text(many);
  CHECK(content.inline_maps.empty());
  CHECK(content.incomplete == std::vector<std::string>{"more text like source maps than is read"});

  std::string deep;
  for (int i = 0; i < 9'000; ++i) deep += R"({"sources":[)";
  deep += R"("mappings":)" + std::string(1u << 20, '[');
  ScanLimits limits;
  limits.decode_bytes = 64u << 20;
  ContentScan scan(shipped_rules(), {}, limits);
  CHECK(scan_text(scan, deep).incomplete ==
        std::vector<std::string>{"too much text like source maps to read all"});
}

}  // namespace
}  // namespace sallyport
