#include "policies/dependency_spec.hpp"

#include <doctest/doctest.h>

namespace sallyport {

using Kind = DependencySpec::Kind;

TEST_CASE("where a dependency comes from is told apart as npm-package-arg does") {
  const auto kind = [](std::string_view spec) { return parse_dependency_spec(spec).kind; };
  for (const char* spec :
       {"^1.2.3", "1.x || >=2 <3", "*", "", "latest", " ~1.0 ", "1.0.0 - 2.0.0", "1.2.3+build"}) {
    CAPTURE(spec);
    CHECK(kind(spec) == Kind::registry);
  }
  for (const char* spec : {"file:../x", "link:./x", "workspace:^", "catalog:", "catalog:react", "portal:../x",
                           "../x", "./x", "~/x", "/abs", "C:\\x", "c:/x", "WORKSPACE:*", "x-1.0.0.tgz"}) {
    CAPTURE(spec);
    CHECK(kind(spec) == Kind::local);
  }
  for (const char* spec :
       {"git+ssh://git@github.com/a/b.git", "git://host/x", "git@github.com:a/b.git", "github:a/b", "a/b",
        "a/b#semver:^1", "https://x.example/y.tgz", "HTTP://x.example/y", "gist:123", "gitlab:a/b",
        "ssh://x/y", "exec:./run.js", "a/b/c", " https://x.example/y"}) {
    CAPTURE(spec);
    CHECK(kind(spec) == Kind::remote);
  }
  CHECK(parse_dependency_spec("npm:other@^1").target == "other");
  CHECK(parse_dependency_spec("npm:@acme/other@1").target == "@acme/other");
  CHECK(parse_dependency_spec("npm:@acme/other").target == "@acme/other");
}

TEST_CASE("the forms of one repository are one") {
  const auto target = [](std::string_view spec) { return parse_dependency_spec(spec).target; };
  for (const char* spec :
       {"a/b#v1", "github:a/b#v1", "git+https://github.com/a/b.git#v1", "https://github.com/a/b#v1",
        "git@github.com:a/b.git#v1", "git+ssh://git@github.com/a/b.git#v1"}) {
    CAPTURE(spec);
    CHECK(target(spec) == "github:a/b#v1");
  }
  CHECK(target("https://gitlab.com/a/b") == "gitlab:a/b");
  CHECK(target("https://github.com.evil.example/a/b").empty());
  CHECK(target("https://evil.example/github.com/a/b").empty());
  CHECK(target("https://user@evil.example/@github.com/a/b").empty());
  CHECK(target("github:a/b#v2") != target("github:a/b#v1"));
}

}  // namespace sallyport
