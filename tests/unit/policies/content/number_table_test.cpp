#include "policies/content/number_table.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sallyport {
namespace {

std::string table(int characters = 600) {
  std::string out;
  for (int i = 0; i < characters; ++i) out += i % 5 == 0 ? "acute;" : "\u3b72\\0";
  return out;
}

bool is_table(const std::string& before, const std::string& behind) {
  return is_number_table(before + "\u202e" + behind, before.size());
}

}  // namespace

TEST_CASE("numbers that are written as a string are told as parsers of HTML write them") {
  const std::string start = "const tree = /* @__PURE__ */ new Uint16Array(\"" + table();
  for (const char* end :
       {"\".split(\"\").map((c) => c.charCodeAt(0)));", "\".split('').map(c=>c.charCodeAt(0))),",
        "\".split(\"\").map(function(c){return c.charCodeAt(0)}));\r", "\"", "\",", "\\\"cd\""})
    CHECK_MESSAGE(is_table(start, "\u803b\u00bd\u4f3d;" + std::string(end)), end);
}

TEST_CASE("code behind the sign is never a table, however it is hidden") {
  const std::string start = "const tree = new Uint16Array(\"" + table();
  for (const char* behind : {
           "\".split(\"\").map((c) => c.charCodeAt(0))); evil();",  // more on the line
           "\".split(\"\").map((c) => c.charCodeAt(0)));x=1",
           "\".split(\"\").map((c) => evil(c)));",  // other code
           "\".split(\"evil\").map((c) => c.charCodeAt(0)));",
           "\";evil\"",
           "\";x=\"",
           "} if (admin) begin \"",  // what looks like code within the string
           "if(admin)return\"",
           "*/admin=1;//\"",  // out of a comment, into a comment
           "`;admin=1;x=\"",
           "${admin}\"",
           "\u4f3d",  // a string that goes on
           "\u4f3d\\",
           "",
       })
    CHECK_MESSAGE(!is_table(start, behind), behind);
  // Trojan Source as it was published, and beside a table that is none.
  CHECK_FALSE(is_table("if (access !== \"user", " \u2066// Check if admin\u2069 \u2066\") {"));
  CHECK_FALSE(is_table("if (access !== \"user", "admin\""));
  CHECK_FALSE(is_table("x = \"" + table(100) + "user", "admin\""));
}

}  // namespace sallyport
