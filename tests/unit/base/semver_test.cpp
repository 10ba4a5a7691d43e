#include "storage/base/semver.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_CASE("versions are read and written back") {
  for (const std::string text :
       {"0.0.0", "1.2.3", "1.2.3-beta.1", "1.2.3-0.3.7", "1.2.3-x.7.z.92", "1.2.3-alpha-a.b-c", "1.2.3--",
        "1.2.3-0a", "9007199254740991.0.0", "1.0.0-20230215193056123456789", "1.0.0-18446744073709551615"}) {
    CAPTURE(text);
    CHECK(Version::parse(text).value().text() == text);
  }
  const auto built = Version::parse("1.2.3-rc.1+build.5-x.007").value();
  CHECK(built.text() == "1.2.3-rc.1");
  CHECK(built.build == "build.5-x.007");
  CHECK(built.text_with_build() == "1.2.3-rc.1+build.5-x.007");
  CHECK(built.is_prerelease());
  CHECK_FALSE(Version::parse("1.2.3+build").value().is_prerelease());
  CHECK(Version::parse("1.2.3+a-b").value().build == "a-b");
}

TEST_CASE("what node-semver refuses is refused, and so are a v and blanks") {
  for (const std::string& text : {std::string(),
                                  std::string("1"),
                                  std::string("1.2"),
                                  std::string("1.2.3.4"),
                                  std::string("v1.2.3"),
                                  std::string(" 1.2.3"),
                                  std::string("1.2.3 "),
                                  std::string("01.2.3"),
                                  std::string("1.02.3"),
                                  std::string("1.2.03"),
                                  std::string("1.2.3-"),
                                  std::string("1.2.3+"),
                                  std::string("1.2.3-a..b"),
                                  std::string("1.2.3-01"),
                                  std::string("1.2.3-a.01"),
                                  std::string("1.2.3+a..b"),
                                  std::string("1.2.3+a+b"),
                                  std::string("1.2.3-a_b"),
                                  std::string("1.2.3-\xC3\xA4"),
                                  std::string("-1.2.3"),
                                  std::string("1.-2.3"),
                                  std::string("9007199254740992.0.0"),
                                  std::string("99999999999999999999.0.0"),
                                  std::string("1.2.x"),
                                  std::string("latest"),
                                  std::string("1.2.3\n"),
                                  std::string("=1.2.3"),
                                  std::string("1..3"),
                                  std::string("1.2.3-a."),
                                  std::string("1.2.3+."),
                                  std::string("../1.2.3"),
                                  "1.2.3-" + std::string(251, 'a')}) {
    CAPTURE(text);
    CHECK(Version::parse(text).has_error());
  }
  CHECK(Version::parse("1.2.3-" + std::string(250, 'a')).has_value());
}

TEST_CASE("precedence is that of semver.org's section 11") {
  const char* const rising[] = {"0.9.9",
                                "1.0.0-0",
                                "1.0.0-1",
                                "1.0.0-2",
                                "1.0.0-10",
                                "1.0.0-9007199254740993",
                                "1.0.0-99999999999999999999",
                                "1.0.0-100000000000000000000",
                                "1.0.0--",
                                "1.0.0-alpha",
                                "1.0.0-alpha.1",
                                "1.0.0-alpha.beta",
                                "1.0.0-beta",
                                "1.0.0-beta.2",
                                "1.0.0-beta.11",
                                "1.0.0-rc.1",
                                "1.0.0",
                                "1.0.1",
                                "1.2.0",
                                "1.10.0",
                                "2.0.0"};
  for (std::size_t i = 0; i < std::size(rising); ++i) {
    for (std::size_t j = 0; j < std::size(rising); ++j) {
      CAPTURE(rising[i]);
      CAPTURE(rising[j]);
      CHECK(compare(Version::parse(rising[i]).value(), Version::parse(rising[j]).value()) == (i <=> j));
    }
  }
  CHECK(compare(Version::parse("1.0.0+a").value(), Version::parse("1.0.0+b").value()) == 0);
}
