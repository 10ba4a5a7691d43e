#include "gate/package_rules.hpp"

#include <doctest/doctest.h>

namespace sallyport {
namespace {

PackageName name(std::string_view text) {
  return PackageName::parse(text).value();
}

Principal person(std::string user, std::vector<std::string> groups = {}) {
  Principal who;
  who.user = std::move(user);
  who.groups = std::move(groups);
  return who;
}

PackageRule rule(std::string match) {
  PackageRule out;
  out.match = std::move(match);
  return out;
}

TEST_CASE("the first rule that matches counts") {
  const PackageRules rules({rule("@acme/secret"), rule("@acme/*"), rule("lib-*")});
  CHECK(rules.rule_for(name("@acme/secret")).match == "@acme/secret");
  CHECK(rules.rule_for(name("@acme/other")).match == "@acme/*");
  CHECK(rules.rule_for(name("lib-one")).match == "lib-*");
}

TEST_CASE("a name that no rule matches is closed") {
  const PackageRules rules({rule("@acme/*")});
  const PackageRule& closed = rules.rule_for(name("@acme-evil/lib"));
  CHECK(closed.read == "local");
  CHECK(closed.publish == "deny");
  CHECK_FALSE(is_publisher(person("alice"), closed));
  CHECK_FALSE(is_reviewer(person("alice"), closed));
}

TEST_CASE("roles are given to users, groups, or every account") {
  PackageRule r = rule("**");
  r.publishers = {"group:engineers", "carol"};
  r.reviewers = {"group:release"};
  CHECK(is_publisher(person("alice", {"engineers"}), r));
  CHECK(is_publisher(person("carol"), r));
  CHECK_FALSE(is_publisher(person("mallory"), r));
  CHECK_FALSE(is_publisher(person("engineers"), r));  // a user named like the group
  CHECK_FALSE(is_reviewer(person("alice", {"engineers"}), r));
  CHECK(is_reviewer(person("rita", {"engineers", "release"}), r));
  r.publishers = {"*"};
  CHECK(is_publisher(person("anybody"), r));
  CHECK_FALSE(is_publisher(person(""), r));  // nobody is not everybody
}

TEST_CASE("an administrator has no role by that alone") {
  PackageRule r = rule("**");
  r.publishers = r.reviewers = {"group:release"};
  Principal root = person("root");
  root.admin = true;
  CHECK_FALSE(is_publisher(root, r));
  CHECK_FALSE(is_reviewer(root, r));
}

TEST_CASE("a service identity never reviews, by name, group or star") {
  PackageRule r = rule("**");
  r.reviewers = {"*", "ci", "group:release"};
  Principal ci = person("ci", {"release"});
  CHECK(is_reviewer(ci, r));
  ci.service = true;
  CHECK_FALSE(is_reviewer(ci, r));
  CHECK(is_publisher(ci, r));
}

TEST_CASE("a rule is about the scope its pattern names") {
  CHECK(scopes_of(rule("@acme/*")) == std::vector<std::string>{"@acme"});
  CHECK(scopes_of(rule("@acme/lib")) == std::vector<std::string>{"@acme"});
  CHECK(scopes_of(rule("**")).empty());
  CHECK(scopes_of(rule("@*/x")).empty());
  CHECK(scopes_of(rule("lib")).empty());
}

}  // namespace
}  // namespace sallyport
