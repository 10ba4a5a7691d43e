#include "storage/base/toml.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sallyport;

namespace {

std::string fault_of(std::string_view text) {
  const auto parsed = parse_toml(text, "own.toml");
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("a TOML text is read, and a fault names file and line") {
  CHECK(parse_toml("\xef\xbb\xbf"
                   "a = 1\r\n\tb = \"c\"\n[t]\n",
                   "own.toml")
            ->size() == 3);
  CHECK(fault_of("a = 1\nb = \n").starts_with("own.toml:2: "));
  CHECK(fault_of("a = 1\na = 2\n").starts_with("own.toml:2: "));
}

TEST_CASE("strings and comments may hold any character") {
  const auto table = parse_toml(
      "# µ\n"
      "a = 'µ\"\\'\n"
      "b = \"\\\"µ\\\\\"\n"
      "c = \"\"\"\nµ\\\n  \"x\"\n\"\"\"\n"
      "d = '''\nµ\\d\n\"'''\n"
      "'µ' = '\xf0\x9f\x98\x80'\n"
      "e = 'a\\d'\n",
      "own.toml");
  REQUIRE(table.has_value());
  CHECK((*table)["a"].value<std::string>() == "µ\"\\");
  CHECK((*table)["b"].value<std::string>() == "\"µ\\");
  CHECK((*table)["c"].value<std::string>() == "µ\"x\"\n");
  CHECK((*table)["d"].value<std::string>() == "µ\\d\n\"");
  CHECK((*table)["µ"].value<std::string>() == "\xf0\x9f\x98\x80");
  CHECK((*table)["e"].value<std::string>() == "a\\d");
}

TEST_CASE("a character that TOML does not allow in its place is a fault of its line") {
  for (const std::string_view bad : {std::string_view("a=1\n\0", 5), std::string_view("a=1\n\x1b[2J"),
                                     std::string_view("#\n\x7f"), std::string_view("#\nb='\x01'")}) {
    CHECK(fault_of(bad) == "own.toml:2: there is a control character.");
  }
  for (const std::string_view bad : {"#\nµ = 1", "#\na = \xef\xbb\xbb", "a = '''\nx'''µ", "a = 'x\nµ'"})
    CHECK(fault_of(bad) == "own.toml:2: outside of strings and comments all characters are ASCII.");
  CHECK(fault_of("\na = \"\\µ\"") == "own.toml:2: there is no such escape.");
  CHECK(fault_of("a = '\xff'") == "own.toml:1: the text is not UTF-8.");
}

TEST_CASE("what toml++ asserts of a text is a fault of the text") {
  for (const std::string_view bad : {"[?]", "[[?x]]", "[\\x]\n", "[ =", "[a.?]", "a.? = 1", "[[a]"})
    CHECK(fault_of(bad).starts_with("own.toml:1: "));
}
