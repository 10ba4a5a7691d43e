#include "policies/glob.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

namespace sallyport {

TEST_CASE("patterns match as minimatch's do") {
  const auto matches = [](std::string_view pattern, std::string_view path) {
    return Glob(pattern).matches(path);
  };
  CHECK(matches("*.js", "a/b/c.js"));  // one part: the last of any path
  CHECK_FALSE(matches("lib/*.js", "x/lib/a.js"));
  CHECK(matches("lib/*.js", "lib/a.JS"));
  CHECK(matches("**/*.js", "a.js"));
  CHECK(matches("a/**/b", "a/b"));
  CHECK(matches("a/**/b", "a/x/y/b"));
  CHECK(matches("dist/**", "dist/x"));
  CHECK_FALSE(matches("dist/**", "dist"));
  CHECK(matches("{a,b}/c", "b/c"));
  CHECK(matches("readme{,.*[^~$]}", "README.md"));
  CHECK_FALSE(matches("readme{,.*[^~$]}", "readme.md~"));
  CHECK(matches("a?c", "abc"));
  CHECK(matches("[a-c]x", "bx"));
  CHECK_FALSE(matches("[!a-c]x", "bx"));
  CHECK(matches("*.+(js|ts)", "x.ts"));
  CHECK_FALSE(matches("*.@(js|ts)", "x.css"));
  CHECK(matches("a.b", "a.b"));
  CHECK_FALSE(matches("a.b", "axb"));
  CHECK(matches("\\*", "*"));
  CHECK(matches("/a", "/a"));
  CHECK_FALSE(matches("/a/x", "a/x"));
  CHECK_FALSE(matches("#a", "#a"));
  CHECK_FALSE(matches("", "a"));
  CHECK(matches(".*", ".env"));
  CHECK(matches("*", ".env"));
}

TEST_CASE("a folder above something that matches is met in part") {
  CHECK(Glob("a/b/*.js").matches("a", true));
  CHECK(Glob("a/b/*.js").matches("a/b", true));
  CHECK_FALSE(Glob("a/b/*.js").matches("a/c", true));
  CHECK(Glob("!a").negated());
  CHECK_FALSE(Glob("!!a").negated());
}

TEST_CASE("a group that nothing closes is text, and reading it comes to an end") {
  CHECK(Glob("test/*(*").matches("test/a(b"));
  CHECK(Glob("*(").matches("a("));
  CHECK(Glob("***(").matches("a("));
  CHECK_FALSE(Glob("*(").matches("a"));
  CHECK(Glob("+(").matches("+("));
  CHECK(Glob("?(").matches("a("));
  CHECK(Glob("@(").matches("@("));
}

TEST_CASE("a hostile pattern ends in an error, not in hours") {
  CHECK_THROWS_AS(Glob("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"), std::length_error);
  CHECK_THROWS_AS(Glob(std::string(5000, '[')), std::length_error);
  CHECK_THROWS_AS(Glob("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}" + std::string(1000, 'x')), std::length_error);
  CHECK(Glob(std::string(1000, '?')).matches(std::string(1000, 'x')));
  std::string stars, path;
  for (int i = 0; i < 30; ++i) stars += "**/x/";
  for (int i = 0; i < 60; ++i) path += "x/";
  CHECK_THROWS_AS(Glob(stars + "y").matches(path + "z"), std::length_error);
  CHECK_FALSE(Glob("*a*a*a*a*a*a*a*a*a*a*a*a*b").matches(std::string(5000, 'a')));
}

}  // namespace sallyport
