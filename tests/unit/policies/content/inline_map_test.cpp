#include "policies/content/inline_map.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "storage/base/base64.hpp"

namespace sallyport {
namespace {

using Kind = MapComment::Kind;

MapComment comment(std::string_view text) {
  const std::size_t at = text.find("sourceMappingURL");
  return read_map_comment(text.substr(0, at), text.substr(at + 16));
}

TEST_CASE("references that a browser would follow") {
  const std::pair<const char*, const char*> cases[] = {
      {"//# sourceMappingURL=cli.js.map", "cli.js.map"},
      {"//@ sourceMappingURL=cli.js.map\nmore", "cli.js.map"},
      {"x;//#\tsourceMappingURL=a/b.map  \r\n", "a/b.map"},
      {"/*# sourceMappingURL=style.css.map */", "style.css.map"},
      {"/*@ sourceMappingURL=style.css.map*/ a{}", "style.css.map"},
      {"//# sourceMappingURL=https://x.example.invalid/a.map?t=(1)", "https://x.example.invalid/a.map?t=(1)"},
  };
  for (const auto& [text, target] : cases) {
    const MapComment found = comment(text);
    CHECK_MESSAGE(found.kind == Kind::reference, text);
    CHECK(found.target == target);
  }
}

TEST_CASE("code that writes or searches such comments is no reference") {
  for (const char* text : {"\"//# sourceMappingURL=\" + url", "'//# sourceMappingURL=a.map'",
                           "`//# sourceMappingURL=${name}`", "/\\/\\/[#@] sourceMappingURL=([^\\s'\"]*)/",
                           "\"//# sourceMappingURL=a.map\";", "// sourceMappingURL=a.map",
                           "//# sourceMappingURL", "//# sourceMappingURL=", "sourceMappingURL=a.map",
                           "//# sourceMappingURL=a.map and more", "//# sourceMappingURL=[url]"})
    CHECK_MESSAGE(comment(text).kind == Kind::none, text);
}

std::string percent(std::string_view text) {
  std::string out;
  for (const char c : text) out += "%" + to_hex(as_bytes(std::string_view(&c, 1)));
  return out;
}

std::optional<SourceMapSummary> decode(const std::string& text) {
  const MapComment found = comment(text);
  if (found.kind != Kind::data) return std::nullopt;
  const FileBytes file{text.size(),
                       [&](std::uint64_t offset, std::span<std::uint8_t> out) -> Result<std::size_t> {
                         const std::size_t count = std::min<std::size_t>(out.size(), text.size() - offset);
                         std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
                         return count;
                       }};
  std::uint64_t spent = 0;
  const auto map =
      read_data_map(file, text.find("sourceMappingURL") + 16 + found.payload, found.base64, spent);
  REQUIRE(map.has_value());
  return *map;
}

TEST_CASE("data: URLs are decoded, whatever their form") {
  const std::string json =
      R"({"version":3,"sources":["a.ts"],"sourcesContent":["let a = 1;\n"],"mappings":"AA"})";
  const std::string base64 = base64_encode(as_bytes(json));
  std::string escaped = base64;
  escaped.replace(10, 1, percent(base64.substr(10, 1)));
  for (const std::string& text :
       {"//# sourceMappingURL=data:application/json;base64," + base64,
        "//@ sourceMappingURL=data:application/json;charset=utf-8;base64," + base64 + "\n//# x",
        "/*# sourceMappingURL=data:application/json;charset=utf8;base64," + base64 + " */",
        "eval(\"x\\n//# sourceMappingURL=DATA:application/json;BASE64," + base64 + "\\n//# sourceURL=y\");",
        "//# sourceMappingURL = data:;base64," + base64,
        "<style>/*# sourceMappingURL=data:;base64," + base64 + "*/",
        "//# sourceMappingURL=data:application/json;base64," +
            base64.substr(0, base64.find_last_not_of('=') + 1),
        "//# sourceMappingURL=data:application/json," + percent(json),
        "//# sourceMappingURL=data:application/json;charset=utf-8," + json,
        "//# sourceMappingURL=data:text/plain;a=b; base64 ," + base64,
        "//# sourceMappingURL=data:;base64," + escaped,
        "no comment at all: sourceMappingURL=data:;base64," + base64}) {
    const auto map = decode(text);
    REQUIRE_MESSAGE(map.has_value(), text);
    CHECK(map->embedded_own == 1);
  }
}

TEST_CASE("data: URLs of anything else are no map") {
  const auto encode = [](std::string_view text) { return base64_encode(as_bytes(text)); };
  for (const std::string& text :
       {"//# sourceMappingURL=data:application/json;base64," + encode(R"({"name":"x","version":"3.0.0"})"),
        "//# sourceMappingURL=data:application/json;base64," + encode("hello"),
        std::string("//# sourceMappingURL=data:application/json;base64,"),
        std::string("//# sourceMappingURL=data:application/json;base64,\" + btoa(map)"),
        std::string("//# sourceMappingURL=data:application/json,%zz"),
        std::string("\"//# sourceMappingURL=data:\" + x"), std::string("//# sourceMappingURL=data:\n,{}")})
    CHECK_MESSAGE(!decode(text), text);
}

TEST_CASE("a payload of many blocks") {
  const std::string json = R"({"version":3,"mappings":"","sources":["a"],"sourcesContent":[")" +
                           std::string(300'000, 'x') + R"(\n"]})";
  const auto map = decode("//# sourceMappingURL=data:;base64," + base64_encode(as_bytes(json)));
  REQUIRE(map.has_value());
  CHECK(map->embedded_bytes == 300'001);
}

}  // namespace
}  // namespace sallyport
