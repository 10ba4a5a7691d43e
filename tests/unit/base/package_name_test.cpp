#include "storage/base/package_name.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_CASE("names that npm takes are taken, with their parts") {
  const auto plain = PackageName::parse("lib").value();
  CHECK(plain.scope().empty());
  CHECK(plain.base() == "lib");
  CHECK(plain.escaped() == "lib");
  CHECK(plain.tarball_path("1.0.0") == "/lib/-/lib-1.0.0.tgz");

  const auto scoped = PackageName::parse("@acme/lib").value();
  CHECK(scoped.full() == "@acme/lib");
  CHECK(scoped.scope() == "@acme");
  CHECK(scoped.base() == "lib");
  CHECK(scoped.escaped() == "@acme%2flib");
  CHECK(scoped.tarball_file("2.0.0-rc.1") == "lib-2.0.0-rc.1.tgz");
  CHECK(scoped.tarball_path("1.0.0") == "/@acme/lib/-/lib-1.0.0.tgz");

  for (const std::string& name :
       {std::string("JSONStream"), std::string("a"), std::string("some.dots-and_more"), std::string("crazy!"),
        std::string("http"), std::string("@npm-zors/money!time.js"), std::string("@user/_x"),
        std::string("a..b"), std::string(214, 'a')}) {
    CAPTURE(name);
    CHECK(PackageName::parse(name).has_value());
  }
}

TEST_CASE("what is no name, or would be a path, is refused") {
  for (const std::string& name : {std::string(),
                                  std::string("."),
                                  std::string(".."),
                                  std::string(".hidden"),
                                  std::string("_x"),
                                  std::string("-x"),
                                  std::string("@"),
                                  std::string("@acme"),
                                  std::string("@acme/"),
                                  std::string("@/lib"),
                                  std::string("@acme/.."),
                                  std::string("@../lib"),
                                  std::string("@./lib"),
                                  std::string("@acme/.x"),
                                  std::string("@acme/a/b"),
                                  std::string("a/b"),
                                  std::string("a\\b"),
                                  std::string("a\0b", 3),
                                  std::string("a\nb"),
                                  std::string("a%2fb"),
                                  std::string("a b"),
                                  std::string(" a"),
                                  std::string("a?b"),
                                  std::string("a#b"),
                                  std::string("a@b"),
                                  std::string("a:b"),
                                  std::string("\xC3\xA4"),
                                  std::string("node_modules"),
                                  std::string("NODE_MODULES"),
                                  std::string("favicon.ico"),
                                  std::string(215, 'a'),
                                  std::string("@a@b/c"),
                                  std::string("/lib"),
                                  std::string("lib/")}) {
    CAPTURE(name);
    CHECK(PackageName::parse(name).has_error());
  }
}

TEST_CASE("a segment of a URL is decoded exactly once") {
  for (const char* segment :
       {"@acme%2flib", "@acme%2Flib", "@acme/lib", "%40acme%2flib", "%40acme/lib", "@acme%2fl%69b"}) {
    CAPTURE(segment);
    CHECK(PackageName::parse_escaped(segment).value().full() == "@acme/lib");
  }
  for (const char* segment : {"@acme%252flib", "lib%00", "lib%2", "lib%", "lib%zz", "%2e%2e",
                              "@acme%2f%2e%2e", "@acme%2flib%2fx", "lib%5cx", "lib%2fx", "lib%0a"}) {
    CAPTURE(segment);
    CHECK(PackageName::parse_escaped(segment).has_error());
  }
}

TEST_CASE("a new package is named as npm demands today") {
  CHECK(check_new_package_name("lib").has_value());
  CHECK(check_new_package_name("@acme/lib.core").has_value());
  CHECK(check_new_package_name("@acme/http").has_value());
  for (const char* name :
       {"Lib", "@Acme/lib", "http", "fs", "worker_threads", "lib!", "@acme/it's", ".x", "_x", "a b", ""}) {
    CAPTURE(name);
    CHECK(check_new_package_name(name).has_error());
  }
}

TEST_CASE("a pattern's star stays within a part, two go across") {
  CHECK(name_matches("@acme/*", "@acme/lib"));
  CHECK_FALSE(name_matches("@acme/*", "@acme-evil/lib"));
  CHECK_FALSE(name_matches("@acme/*", "@acme/a/b"));
  CHECK(name_matches("lib-*", "lib-core"));
  CHECK(name_matches("lib-*", "lib-"));
  CHECK_FALSE(name_matches("lib-*", "lib"));
  CHECK(name_matches("*", "lib"));
  CHECK_FALSE(name_matches("*", "@acme/lib"));
  CHECK(name_matches("**", "@acme/lib"));
  CHECK(name_matches("**", "lib"));
  CHECK(name_matches("@*/lib", "@acme/lib"));
  CHECK(name_matches("*-x-*", "a-x-b-x-c"));
  CHECK(name_matches("exact", "exact"));
  CHECK_FALSE(name_matches("exact", "exactly"));
  CHECK_FALSE(name_matches("", "x"));
  // Linear in pattern and name, whatever the stars.
  std::string stars;
  for (int i = 0; i < 100; ++i) stars += "*a";
  CHECK_FALSE(name_matches(stars + "b", std::string(214, 'a')));
}
