#include "storage/base/semver_range.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sallyport;

namespace {

Range range(std::string_view text) {
  return Range::parse(text).value();
}
Version version(std::string_view text) {
  return Version::parse(text).value();
}
std::string least(std::string_view text) {
  const auto min = range(text).min();
  return min ? min->text() : "";
}

struct Expected {
  std::string_view range, inside, outside;  // versions apart by blanks
};

void check(const Expected& expected, std::string_view versions, bool matches,
           bool include_prerelease = false) {
  while (!versions.empty()) {
    const auto end = std::min(versions.find(' '), versions.size());
    const auto one = versions.substr(0, end);
    versions.remove_prefix(std::min(end + 1, versions.size()));
    CAPTURE(expected.range);
    CAPTURE(one);
    CHECK(range(expected.range).matches(version(one), include_prerelease) == matches);
  }
}

}  // namespace

TEST_CASE("a range admits what npm installs for it") {
  for (const Expected& expected : std::initializer_list<Expected>{
           {"^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 2.0.0-rc.1 1.3.0-beta 1.2.3-beta"},
           {"^0.2.3", "0.2.3 0.2.9", "0.3.0 1.0.0"},
           {"^0.0.3", "0.0.3", "0.0.4 0.0.2"},
           {"^0.0", "0.0.0 0.0.9", "0.1.0"},
           {"^0", "0.9.9", "1.0.0"},
           {"^x", "0.0.0 9.9.9", "1.0.0-a"},
           {"^1.2.3-beta.2", "1.2.3-beta.2 1.2.3-rc 1.2.3 1.3.0", "1.2.3-beta.1 1.2.4-beta.3 2.0.0"},
           {"~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"},
           {"~1.2", "1.2.0 1.2.9", "1.3.0"},
           {"~1", "1.0.0 1.9.0", "2.0.0"},
           {"~> 1.2.3", "1.2.4", "1.3.0"},
           {"~0.2.3", "0.2.4", "0.3.0"},
           {"1.x", "1.0.0 1.9.9", "2.0.0 0.9.0"},
           {"1.2.*", "1.2.0", "1.3.0"},
           {"1", "1.5.0", "2.0.0"},
           {"", "0.0.0 99.0.0", "1.0.0-a"},
           {" * ", "0.0.0 99.0.0", "1.0.0-a"},
           {">1.2", "1.3.0", "1.2.9 1.3.0-a"},
           {">1", "2.0.0", "1.9.9"},
           {"<=1.2", "1.2.9 0.0.1", "1.3.0"},
           {"<1.2", "1.1.9", "1.2.0 1.2.0-0"},
           {">=1.2.3 <2", "1.2.3 1.9.0", "2.0.0 1.2.2"},
           {"> 1.2.3", "1.2.4", "1.2.3"},
           {">1.2.3-alpha.3", "1.2.3-alpha.7 3.4.5", "1.2.3-alpha.3 3.4.5-alpha.9"},
           {"1.2.3 - 2.3.4", "1.2.3 2.3.4", "1.2.2 2.3.5"},
           {"1.2 - 2.3", "1.2.0 2.3.9", "1.1.9 2.4.0"},
           {"1.2.3 - 2", "2.9.9", "3.0.0"},
           {"x - 2", "0.0.1 2.9.9", "3.0.0"},
           {"=1.2.3", "1.2.3 1.2.3+b", "1.2.4"},
           {"v1.2.3", "1.2.3", "1.2.4"},
           {"1.2.3+build", "1.2.3 1.2.3+other", "1.2.4"},
           {"1.2.3 || ^2.1", "1.2.3 2.5.0", "1.2.4 2.0.9"},
           {"1.2.3||", "1.2.3 9.9.9", ""},
           {"* || 1.0.0-beta", "1.0.0", "1.0.0-beta"},
           {">*", "", "0.0.0 1.0.0"},
           {"<0.0.0-0", "", "0.0.0 1.0.0"},
           {"\t>=1.0.0\n <\r1.5.0", "1.4.9", "1.5.0"},
           {"9007199254740991.0.0", "9007199254740991.0.0", "0.0.0"},
       }) {
    check(expected, expected.inside, true);
    check(expected, expected.outside, false);
  }
}

TEST_CASE("prereleases count where they are included") {
  for (const Expected& expected : std::initializer_list<Expected>{
           {"*", "1.0.0-a 0.0.0-0", ""},
           {"^1.2.3", "1.3.0-beta", "1.2.3-beta 2.0.0-rc.1"},
           {"^1.2", "1.2.0-beta", "2.0.0-0"},
           {"1.x", "1.0.0-0", "2.0.0-0"},
           {">1.2", "1.3.0-a", "1.2.9"},
           {">=0.0.0", "0.0.0 1.0.0-a", "0.0.0-a"},
           {"1.2.3 - 2", "1.2.3-a 2.9.9-a", "3.0.0-a"},
       }) {
    check(expected, expected.inside, true, true);
    check(expected, expected.outside, false, true);
  }
}

TEST_CASE("what is no range is refused") {
  for (const std::string& text : {std::string("latest"),
                                  std::string("next"),
                                  std::string("1.2.3.4"),
                                  std::string("1.x.3"),
                                  std::string("x.1"),
                                  std::string("01.2.3"),
                                  std::string("1.2.3-"),
                                  std::string("1.2.3-01"),
                                  std::string("^"),
                                  std::string(">"),
                                  std::string("> = 1.2.3"),
                                  std::string("==1.2.3"),
                                  std::string("vv1.2.3"),
                                  std::string("=>1.2.3"),
                                  std::string("~~1"),
                                  std::string("^1.2.3 junk"),
                                  std::string("1 | 2"),
                                  std::string("1 - "),
                                  std::string("git://host/a"),
                                  std::string("1.2.3 - ^2"),
                                  std::string("**"),
                                  std::string("1.2.3+"),
                                  std::string("1.2.3 \xC2\xA0 2"),
                                  std::string("9007199254740992"),
                                  std::string("^9007199254740991.0.0"),
                                  std::string("~1.9007199254740991"),
                                  std::string("99999999999999999999.x"),
                                  "1.2.3-" + std::string(251, 'a'),
                                  "v1.2.3-" + std::string(250, 'a'),
                                  std::string(4097, ' ')}) {
    CAPTURE(text);
    const auto parsed = Range::parse(text);
    REQUIRE(parsed.has_error());
    CHECK(parsed.error().kind == ErrorKind::invalid);
  }
  CHECK(Range::parse("1.2.3-" + std::string(250, 'a')).has_value());
  CHECK(Range::parse(std::string(4096, ' ')).has_value());
}

TEST_CASE("the highest version admitted is chosen, the lowest is known") {
  const std::vector<Version> versions = {version("1.2.3"), version("2.0.0-rc.1"), version("1.10.0"),
                                         version("1.9.0"), version("2.0.0")};
  CHECK(max_satisfying(versions, range("^1.2"))->text() == "1.10.0");
  CHECK(max_satisfying(versions, range("<2.0.0"), true)->text() == "2.0.0-rc.1");
  CHECK(max_satisfying(versions, range("*"))->text() == "2.0.0");
  CHECK_FALSE(max_satisfying(versions, range("^3")).has_value());
  CHECK_FALSE(max_satisfying({}, range("*")).has_value());

  CHECK(least("^1.2") == "1.2.0");
  CHECK(least("*") == "0.0.0");
  CHECK(least(">1.2.3") == "1.2.4");
  CHECK(least(">1.2.3-beta") == "1.2.3-beta.0");
  CHECK(least("0.0.0-alpha") == "0.0.0-alpha");
  CHECK(least(">=2 || 1.5.x") == "1.5.0");
  CHECK(least(">=3 <2 || 4") == "4.0.0");
  CHECK(least("<2") == "0.0.0");
  CHECK(least(">*").empty());
}

TEST_CASE("a pin names exact versions, and any is any") {
  for (const char* text : {"1.2.3", "=1.2.3", "v1.2.3-rc.1", "1.2.3 || 2.0.0", "1.2.3+b"}) {
    CHECK_MESSAGE(range(text).is_pin(), text);
  }
  for (const char* text : {"^1.2.3", "1.2", "*", "", "1.2.3 || 2", ">=1.2.3"}) {
    CHECK_FALSE_MESSAGE(range(text).is_pin(), text);
  }
  for (const char* text : {"", "*", "x", ">=0", ">=0.0.0", "^*", "1 || *", ">=*"}) {
    CHECK_MESSAGE(range(text).is_any(), text);
  }
  for (const char* text : {"^1", ">0", ">=0.0.0-0", ">=0.0.1", "<*"})
    CHECK_FALSE_MESSAGE(range(text).is_any(), text);
}

TEST_CASE("majors are those of which something is admitted") {
  constexpr auto unbounded = Range::unbounded;
  using Spans = std::vector<Range::Majors>;
  CHECK(range("<0.0.0-j").majors() == Spans{{0, 0}});  // 0.0.0-0 and its like
  CHECK(range("<0.0.0-0").majors().empty());
  CHECK(range("^1.2").majors() == Spans{{1, 1}});
  CHECK(range("<2.0.0").majors() == Spans{{0, 1}});
  CHECK(range("<2.0.1").majors() == Spans{{0, 2}});
  CHECK(range("<2.0.0-0").majors() == Spans{{0, 1}});
  CHECK(range("<2.0.0-rc.1").majors() == Spans{{0, 2}});
  CHECK(range("<=2.0.0").majors() == Spans{{0, 2}});
  CHECK(range(">=1").majors() == Spans{{1, unbounded}});
  CHECK(range("*").majors() == Spans{{0, unbounded}});
  CHECK(range("^4 || ^1 || ^2 || 2.1.0").majors() == Spans{{1, 2}, {4, 4}});
  CHECK(range("^1 || >=3 || 9").majors() == Spans{{1, 1}, {3, unbounded}});
  CHECK(range(">=2 <1").majors().empty());
  CHECK(range("<0.0.0").majors().empty());
  CHECK(range("1 - 3").majors() == Spans{{1, 3}});
  CHECK(range(">=2.0.0-a <2.0.0").majors() == Spans{{2, 2}});
}

TEST_CASE("a widening reaches a new major and more of them") {
  const auto widened = [](std::string_view before, std::string_view after) {
    return widens(range(before), range(after));
  };
  CHECK(widened("^1.2", "^1.2 || ^2"));
  CHECK(widened("^1.2", ">=1.2"));
  CHECK(widened("^1.2", "*"));
  CHECK(widened("1.2.3", ">=2"));
  CHECK(widened("^1 || ^2", ">=2 <9"));
  CHECK(widened(">=5", ">=1"));
  CHECK_FALSE(widened("^1.2", "^2"));
  CHECK_FALSE(widened("^1 || ^2", "^2 || ^3"));
  CHECK_FALSE(widened("1.2.3", "^1"));
  CHECK_FALSE(widened("*", ">=1"));
  CHECK_FALSE(widened("^1 || ^2", "^1"));
}
