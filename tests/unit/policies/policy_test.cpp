#include "policies/policy.hpp"

#include <doctest/doctest.h>

#include <set>

namespace sallyport {

namespace {

std::string fault(std::string_view toml) {
  const auto policy = Policy::parse(toml, "policy.toml");
  return policy.has_error() ? policy.error().message : "accepted";
}

}  // namespace

TEST_CASE("a rule takes its profile's default unless the operator says otherwise") {
  const Rule& phantom = *find_rule("deps/phantom");
  const Policy shipped = Policy::parse("", "policy.toml").value();
  CHECK(shipped.action(phantom, 0, Profile::proprietary) == Action::block);
  CHECK(shipped.action(phantom, 0, Profile::open) == Action::escalate);
  CHECK(shipped.action(phantom, 0, Profile::internal) == Action::warn);
  const Rule& outside = *find_rule("pack/outside-files");
  CHECK(shipped.action(outside, 0, Profile::proprietary) == Action::warn);
  CHECK(shipped.action(outside, 1, Profile::proprietary) == Action::block);
  CHECK_THROWS(shipped.action(outside, 2, Profile::proprietary));

  const Policy own = Policy::parse("[rules]\n\"pack/outside-files\" = \"note\"\n", "policy.toml").value();
  CHECK(own.action(outside, 0, Profile::proprietary) == Action::note);
  CHECK(own.action(outside, 1, Profile::open) == Action::note);
}

TEST_CASE("limits and thresholds are read, and a policy's digest changes with each of them") {
  const std::string_view texts[] = {
      "",
      "[rules]\n\"deps/new\" = \"off\"",
      "[limits]\nunpacked_bytes_max = 1000",
      "[limits]\nratio_max = 50",
      "[limits]\nratio_from_bytes = 5",
      "[limits]\nentries_max = 5",
      "[limits]\ndepth_max = 5",
      "[limits]\npath_bytes_max = 5",
      "[thresholds]\nfile_bytes_max = 5",
      "[thresholds.file_bytes_max_for]\n\"*.wasm\" = 5",
      "secret_rules = [\"own.toml\"]",
  };
  std::set<std::string> digests;
  for (const std::string_view text : texts) {
    const Policy policy = Policy::parse(text, "policy.toml").value();
    digests.insert(policy.digest());
    CHECK(policy.digest() == Policy::parse(std::string(text) + "\n# a comment", "other.toml")->digest());
  }
  CHECK(digests.size() == std::size(texts));
  const Policy policy =
      Policy::parse("[limits]\nentries_max = 7\n[thresholds.file_bytes_max_for]\n\"*.wasm\" = 5", "p")
          .value();
  CHECK(policy.limits.entries_max == 7);
  CHECK(policy.thresholds.file_bytes_max_for.at("*.wasm") == 5);
}

TEST_CASE("a policy with a fault is refused with file, line and the nearest name") {
  CHECK(fault("\n[rules]\n\"deps/phantm\" = \"off\"") ==
        "policy.toml:3: unknown rule \"deps/phantm\"; did you mean \"deps/phantom\"?");
  CHECK(fault("[rules]\n\"deps/new\" = \"blok\"") ==
        "policy.toml:2: unknown action \"blok\"; did you mean \"block\"?");
  CHECK(fault("[limit]\n") == "policy.toml:1: unknown key \"limit\"; did you mean \"limits\"?");
  CHECK(fault("[limits]\n\n depth = 3").starts_with("policy.toml:3: unknown key \"depth\""));
  CHECK(fault("[limits]\ndepth_max = 0").starts_with("policy.toml:2: \"depth_max\" must be a whole number"));
  CHECK(fault("[limits]\ndepth_max = \"9\"").starts_with("policy.toml:2:"));
  CHECK(fault("[limits]\ndepth_max = 4294967296").starts_with("policy.toml:2:"));
  CHECK(fault("rules = 3").starts_with("policy.toml:1: \"rules\" must be a table"));
  CHECK(fault("[rules]\n\"deps/new\" = true").starts_with("policy.toml:2:"));
  CHECK(fault("secret_rules = [3]").starts_with("policy.toml:1:"));
  CHECK(fault("[rules\n").starts_with("policy.toml:1:"));
  CHECK(fault("a = 1\na = 2").starts_with("policy.toml:"));
}

TEST_CASE("every rule of the catalogue can be found, has a title, a fix and an action in each profile") {
  std::set<std::string_view> ids;
  for (const Rule* rule : all_rules()) {
    CAPTURE(rule->info.id);
    CHECK(ids.insert(rule->info.id).second);
    CHECK(find_rule(rule->info.id) == rule);
    CHECK_FALSE(rule->info.title.empty());
    CHECK_FALSE(rule->info.fix.empty());
    CHECK_FALSE(rule->info.tiers.empty());
    for (const Defaults& tier : rule->info.tiers) {
      for (const Action action : tier) CHECK(action > Action::off);
    }
  }
  for (const std::string_view id :
       {"manifest/confusion", "manifest/name", "manifest/version", "pack/files-allowlist",
        "pack/outside-files", "pack/local-dependency", "pack/private", "size/file", "size/jump", "size/count",
        "size/new-type", "deps/new", "deps/phantom", "deps/exotic", "run/install-script",
        "run/manifest-only"}) {
    CAPTURE(id);
    CHECK(ids.contains(id));
  }
  CHECK(find_rule("leak/nothing") == nullptr);
}

}  // namespace sallyport
