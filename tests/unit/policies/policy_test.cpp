#include "policies/policy.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <set>

namespace sallyport {

namespace {

using namespace std::chrono_literals;

const Instant now = std::chrono::sys_days(2026y / 4 / 1);
const std::string print(64, 'a');

Result<Policy> parse(std::string_view toml) {
  return Policy::parse(toml, "policy.toml", now, [](const std::string& name) -> Result<std::string> {
    if (name == "own.toml") return std::string("# rules");
    if (name == "own.txt") return std::string("# names\n\n  blue bird\r\n\tkestrel\nosprey");
    return fail(ErrorKind::invalid, "there is no such file.");
  });
}

std::string fault(std::string_view toml) {
  const auto policy = parse(toml);
  return policy.has_error() ? policy.error().message : "accepted";
}

bool faults(std::string_view toml, std::string_view words) {
  return fault(toml).find(words) != std::string::npos;
}

// A [[waivers]] entry with everything it needs, one member replaced ("" takes it out).
std::string waiver(std::string_view member = {}, std::string_view value = {}) {
  const std::pair<std::string_view, std::string> members[] = {
      {"rule", "\"leak/source-map\""}, {"fingerprint", "\"sha256-" + print + "\""},
      {"package", "\"@acme/lib\""},    {"owner", "\"ada\""},
      {"reason", "\"an example\""},    {"expires", "2026-12-31"}};
  std::string text = "[[waivers]]\n";
  for (const auto& [name, usual] : members) {
    const std::string said = name == member ? std::string(value) : usual;
    if (!said.empty()) text += std::string(name) + " = " + said + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("a rule takes its profile's default unless the operator says otherwise") {
  const Rule& phantom = *find_rule("deps/phantom");
  const Policy shipped = parse("").value();
  CHECK(shipped.action(phantom, 0, Profile::proprietary) == Action::block);
  CHECK(shipped.action(phantom, 0, Profile::open) == Action::escalate);
  CHECK(shipped.action(phantom, 0, Profile::internal) == Action::warn);
  const Rule& outside = *find_rule("pack/outside-files");
  CHECK(shipped.action(outside, 0, Profile::proprietary) == Action::warn);
  CHECK(shipped.action(outside, 1, Profile::proprietary) == Action::block);
  CHECK(shipped.action(outside, 2, Profile::open) == Action::note);
  CHECK_THROWS(shipped.action(outside, 3, Profile::proprietary));

  const Policy own = parse("[rules]\n\"pack/outside-files\" = \"note\"\n").value();
  CHECK(own.action(outside, 0, Profile::proprietary) == Action::note);
  CHECK(own.action(outside, 1, Profile::open) == Action::note);
}

TEST_CASE("a profile counts before every profile, and a path before both") {
  const Policy policy = parse(R"(
[rules]
"leak/source-map" = "off"
[profiles.open.rules]
"leak/source-map" = "warn"
[[paths]]
match = ["test/**", "*.example.map"]
rules = { "leak/source-map" = "note" }
[[paths]]
match = "test/deep/**"
packages = ["@acme/*"]
rules = { "leak/source-map" = "block", "deps/new" = "off" }
[[paths]]
match = "lib/**"
packages = ["@acme/*"]
rules = { "leak/source-map" = "block" }
)")
                            .value();
  const Rule& map = *find_rule("leak/source-map");
  const auto action = [&](Profile profile, std::string_view package, std::string_view path) {
    return policy.action(map, 0, profile, package, path);
  };
  CHECK(action(Profile::proprietary, "@acme/lib", "") == Action::off);
  CHECK(action(Profile::open, "@acme/lib", "") == Action::warn);
  CHECK(action(Profile::open, "@acme/lib", "dist/a.map") == Action::warn);
  CHECK(action(Profile::open, "@acme/lib", "test/a.map") == Action::note);
  CHECK(action(Profile::open, "@acme/lib", "test/deep/a.map") == Action::note);  // the first that matches
  CHECK(action(Profile::open, "@acme/lib", "docs/x.example.map") == Action::note);
  CHECK(action(Profile::proprietary, "@acme/lib", "lib/a.map") == Action::block);
  CHECK(action(Profile::proprietary, "other", "lib/a.map") == Action::off);
  CHECK_FALSE(policy.is_off(map, Profile::proprietary));  // somewhere it is not
  CHECK(parse("[rules]\n\"leak/source-map\" = \"off\"")->is_off(map, Profile::proprietary));
}

TEST_CASE("where a path takes too long to match, the stricter action stands") {
  std::string pattern, path;
  for (int i = 0; i < 40; ++i) pattern += "**/a/";
  for (int i = 0; i < 60; ++i) path += "a/";
  const Rule& map = *find_rule("leak/source-map");
  const auto with = [&](const std::string& action) {
    const auto policy = parse("[[paths]]\nmatch = \"" + pattern + "x\"\nrules = { \"leak/source-map\" = \"" +
                              action + "\" }");
    return policy.value().action(map, 0, Profile::open, "lib", path + "b");
  };
  CHECK(with("off") == Action::warn);
  CHECK(with("block") == Action::block);
}

TEST_CASE("everything in a policy is read, and its digest changes with each of it") {
  const std::string texts[] = {
      "",
      "[rules]\n\"deps/new\" = \"off\"",
      "[profiles.open.rules]\n\"deps/new\" = \"off\"",
      "[profiles.internal.rules]\n\"deps/new\" = \"off\"",
      "[[paths]]\nmatch = \"a\"\nrules = { \"deps/new\" = \"off\" }",
      "[[paths]]\nmatch = \"b\"\nrules = { \"deps/new\" = \"off\" }",
      "[[paths]]\nmatch = \"a\"\npackages = [\"b\"]\nrules = { \"deps/new\" = \"off\" }",
      "[limits]\nunpacked_bytes_max = 1000",
      "[limits]\nratio_max = 50",
      "[limits]\nratio_from_bytes = 5",
      "[limits]\nentries_max = 5",
      "[limits]\ndepth_max = 5",
      "[limits]\npath_bytes_max = 5",
      "[thresholds.file_bytes_max_for]\n\"*.wasm\" = 5",
      "secret_rules = [\"own.toml\"]",
      "[[words]]\nlabel = \"a\"\nliterals = [\"x\"]",
      "[[words]]\nlabel = \"b\"\nliterals = [\"x\"]",
      "[[words]]\nlabel = \"a\"\npatterns = [\"x\"]",
      "[[words]]\nlabel = \"a\"\nliterals = [\"x\"]\npackages = [\"@acme/*\"]",
      "[[words]]\nlabel = \"a\"\nfile = \"own.txt\"",
      waiver(),
      waiver("rule", "\"leak/secret\""),
      waiver("fingerprint", "\"sha256-" + std::string(64, 'b') + "\""),
      waiver("package", "\"other\""),
      waiver("owner", "\"bob\""),
      waiver("reason", "\"because\""),
      waiver("expires", "2026-12-30"),
      waiver() + "version = \"1.0.0\"",
  };
  std::set<std::string> digests;
  for (const std::string& text : texts) {
    CAPTURE(text);
    const auto policy = parse(text);
    REQUIRE(policy.has_value());
    digests.insert(policy->digest());
    CHECK(policy->digest() == parse(text + "\n# a comment")->digest());
  }
  CHECK(digests.size() == std::size(texts));
  const auto other_text = Policy::parse("secret_rules = [\"own.toml\"]", "policy.toml", now,
                                        [](auto&) -> Result<std::string> { return std::string("# others"); });
  CHECK_FALSE(digests.contains(other_text->digest()));
  const Policy policy =
      parse("[limits]\nentries_max = 7\n[thresholds.file_bytes_max_for]\n\"*.wasm\" = 5").value();
  CHECK(policy.limits.entries_max == 7);
  CHECK(policy.thresholds.file_bytes_max_for.at("*.wasm") == 5);
}

TEST_CASE("every threshold can be set, and changes the digest") {
  std::set<std::string> digests = {parse("")->digest()};
  for (const ThresholdInfo& info : threshold_table()) {
    CAPTURE(info.key);
    CHECK_FALSE(info.meaning.empty());
    const std::string key(info.key);
    const Policy policy = parse("[thresholds]\n" + key + " = 77").value();
    CHECK(threshold_text(policy.thresholds, info) == "77");
    CHECK(threshold_text(Thresholds(), info) != "77");
    CHECK(digests.insert(policy.digest()).second);
    for (const char* value : {"0", "-1", "\"9\"", "true", "nan", "2026-01-01"}) {
      CHECK(fault("[thresholds]\n" + key + " = " + value)
                .starts_with("policy.toml:2: \"" + key + "\" must be a "));
    }
  }
  // Spans that no instant could hold would turn over.
  CHECK(faults("[thresholds]\nyoung_days = 36501", "from 1 to 36500"));
  CHECK(faults("[thresholds]\ndormant_days = 9223372036854775807", "from 1 to 36500"));
  CHECK(faults("[thresholds]\nyoung_block_hours = 9223372036854775807", "from 1 to 876000"));
  CHECK(faults("[thresholds]\nvelocity_minutes = 9223372036854775807", "from 1 to 52560000"));
  CHECK(parse("[thresholds]\njump_factor = 2.25")->thresholds.jump_factor == 2.25);
}

TEST_CASE("a policy with a fault is refused with file, line and the nearest name") {
  CHECK(fault("\n[rules]\n\"deps/phantm\" = \"off\"") ==
        "policy.toml:3: unknown rule \"deps/phantm\"; did you mean \"deps/phantom\"?");
  CHECK(fault("[rules]\n\"deps/new\" = \"blok\"") ==
        "policy.toml:2: unknown action \"blok\"; did you mean \"block\"?");
  CHECK(fault("[limit]\n") == "policy.toml:1: unknown key \"limit\"; did you mean \"limits\"?");
  CHECK(fault("[limits]\n\n depth = 3").starts_with("policy.toml:3: unknown key \"depth\""));
  CHECK(fault("[thresholds]\nblank_run_min = 63")
            .starts_with("policy.toml:2: \"blank_run_min\" must be a whole number from 64 to"));
  CHECK(fault("[limits]\ndepth_max = 0").starts_with("policy.toml:2: \"depth_max\" must be a whole number"));
  CHECK(fault("[limits]\ndepth_max = \"9\"").starts_with("policy.toml:2:"));
  CHECK(fault("[limits]\ndepth_max = 4294967296").starts_with("policy.toml:2:"));
  CHECK(fault("[thresholds]\njump_fctor = 2") ==
        "policy.toml:2: unknown key \"jump_fctor\"; did you mean \"jump_factor\"?");
  CHECK(fault("[profiles.opn.rules]") == "policy.toml:1: unknown profile \"opn\"; did you mean \"open\"?");
  CHECK(fault("[profiles.open]\nrule = 1").starts_with("policy.toml:2: unknown key \"rule\"; did you mean"));
  CHECK(fault("profiles = 1").starts_with("policy.toml:1: \"profiles\" must be a table"));
  CHECK(fault("rules = 3").starts_with("policy.toml:1: \"rules\" must be a table"));
  CHECK(fault("[rules]\n\"deps/new\" = true").starts_with("policy.toml:2:"));
  CHECK(fault("secret_rules = [3]").starts_with("policy.toml:1:"));
  CHECK(fault("secret_rules = [\"absent\"]") ==
        "policy.toml:1: the file \"absent\" cannot be read: there is no such file.");
  CHECK(fault("[rules\n").starts_with("policy.toml:1:"));
  CHECK(fault("a = 1\na = 2").starts_with("policy.toml:"));
  CHECK(fault("paths = 1").starts_with("policy.toml:1: write each of \"paths\" as [[paths]]"));
  CHECK(fault("paths = [1, {}]").starts_with("policy.toml:1: write each of"));
  CHECK(faults("[[paths]]\n", "has no \"match\""));
  CHECK(faults("[[paths]]\n", "has no \"rules\""));
  CHECK(fault("[[paths]]\nmatch = [\"a\", 1]\nrules = {}").starts_with("policy.toml:2: \"match\" must be"));
  for (const char* never : {"/etc/**", "../x", "./a", "#a"}) {
    CHECK(faults("[[paths]]\nmatch = \"" + std::string(never) + "\"\nrules = {}",
                 "can match no file of a package"));
  }
  CHECK(faults("[[paths]]\nmatch = \"a\"\nrules = { \"tar/link\" = \"off\" }",
               "no path of the package meets it"));
}

TEST_CASE("one look at a policy shows every mistake, in order, and not more than can be read") {
  CHECK(fault("[rules]\n\"deps/nw\" = \"off\"\n[limits]\ndepth_mx = 1\n[zzzz]\n") ==
        "policy.toml:2: unknown rule \"deps/nw\"; did you mean \"deps/new\"?\n"
        "policy.toml:4: unknown key \"depth_mx\"; did you mean \"depth_max\"?\n"
        "policy.toml:5: unknown key \"zzzz\".");
  std::string many = "[limits]\n";
  for (int i = 0; i < 500; ++i) many += "k" + std::to_string(i) + " = 1\n";
  CHECK(fault(many).ends_with("policy.toml: and 480 more mistakes."));
}

TEST_CASE("a waiver needs all of its members, each of its kind") {
  const Policy policy = parse(waiver() + "version = \"1.2.3\"").value();
  const Waiver* found = policy.waiver("leak/source-map", "sha256-" + print, "@acme/lib", "1.2.3");
  REQUIRE(found != nullptr);
  CHECK(found->owner == "ada");
  CHECK(found->reason == "an example");
  CHECK(found->expires == std::chrono::sys_days(2026y / 12 / 31));

  for (const char* member : {"rule", "fingerprint", "package", "owner", "reason", "expires"}) {
    CAPTURE(member);
    CHECK(faults(waiver(member), "a waiver has no \"" + std::string(member) + "\""));
    for (const char* value : {"7", "\"\"", "\"  \"", "[]"})
      CHECK(fault(waiver(member, value)).starts_with("policy.toml:"));
  }
  CHECK(fault(waiver("rule", "\"leak/sorce-map\"")).ends_with("did you mean \"leak/source-map\"?"));
  CHECK(faults(waiver("rule", "\"tar/link\""), "cannot be waived"));
  CHECK(faults(waiver("rule", "\"inspection/incomplete\""), "unknown rule"));
  for (const std::string& bad : {std::string("abc"), "sha256-" + std::string(63, 'a'), "sha512-" + print,
                                 "sha256-" + std::string(64, 'A'), "sha256-" + print + "\\n"})
    CHECK(faults(waiver("fingerprint", "\"" + bad + "\""), "\"fingerprint\" must be"));
  CHECK(faults(waiver("package", "\"@acme/*\""), "name of one package"));
  CHECK(faults(waiver() + "version = \"^1\"", "must be one version"));
  CHECK(faults(waiver() + "until = 1", "unknown key \"until\""));
}

TEST_CASE("a waiver's expiry is a date, at most a year ahead; one that is past is no mistake") {
  for (const char* odd :
       {"2026-12-31T00:00:00Z", "2026-12-31T00:00:00", "07:32:00", "\"2026-12-31\"", "20261231"})
    CHECK(faults(waiver("expires", odd), "must be a date, like 2026-12-31"));
  CHECK(fault(waiver("expires", "2026-02-30")).starts_with("policy.toml:7:"));
  CHECK(fault(waiver("expires", "2027-04-02")) == "accepted");
  CHECK(fault(waiver("expires", "2027-04-03")) ==
        "policy.toml:7: a waiver lasts a year at most: this one would last until 2027-04-03.");
  CHECK(faults(waiver("expires", "9999-12-31"), "a year at most"));
  CHECK(fault(waiver("expires", "1999-01-01")) == "accepted");
}

TEST_CASE("a waiver counts for nothing but its own rule, fingerprint, package and version") {
  const Policy policy = parse(waiver() + "version = \"1.2.3\"\n" + waiver("rule", "\"leak/secret\"") +
                              waiver("expires", "2026-05-01"))
                            .value();
  const std::string fingerprint = "sha256-" + print, other = "sha256-" + std::string(64, 'b');
  CHECK(policy.waiver("leak/source-map", fingerprint, "@acme/lib", "1.2.3")->expires ==
        std::chrono::sys_days(2026y / 12 / 31));  // the one that lasts longest
  CHECK(policy.waiver("leak/source-map", fingerprint, "@acme/lib", "1.2.4")->expires ==
        std::chrono::sys_days(2026y / 5 / 1));
  CHECK(policy.waiver("leak/secret", fingerprint, "@acme/lib", "9.9.9") != nullptr);
  CHECK(policy.waiver("leak/source-map-sources", fingerprint, "@acme/lib", "1.2.3") == nullptr);
  CHECK(policy.waiver("leak/source-map", other, "@acme/lib", "1.2.3") == nullptr);
  CHECK(policy.waiver("leak/source-map", fingerprint, "@acme/lib2", "1.2.3") == nullptr);
  CHECK(policy.waiver("leak/source-map", fingerprint, "lib", "1.2.3") == nullptr);
}

TEST_CASE("a policy out of all proportion is refused, at once and in one sentence") {
  CHECK(faults(std::string(10u << 20, '#'), "a policy has 4.2 MB at most"));
  std::string many = "waivers = [";
  for (std::size_t i = 0; i < 100'000; ++i) many += "{},";
  CHECK(faults(many + "]", "more than 10,000 waivers"));
  CHECK(fault("a = " + std::string(100'000, '[')).starts_with("policy.toml:1:"));

  std::string bomb, list, sizes;
  for (int i = 0; i < 60; ++i) bomb += "{a,b}";
  for (int i = 0; i < 1100; ++i) list += "\"a" + std::to_string(i) + "\",";
  for (int i = 0; i < 300; ++i) sizes += "\"a" + std::to_string(i) + "\" = 1\n";
  CHECK(faults("[[paths]]\nmatch = \"" + bomb + "\"\nrules = {}", "expand to more than 1,000"));
  CHECK(faults("[[paths]]\nmatch = [" + list + "]\nrules = {}", "expand to more than 1,000"));
  CHECK(faults("[[paths]]\nmatch = \"" + std::string(600, '*') + "\"\nrules = {}", "can match no file"));
  CHECK(faults("[thresholds.file_bytes_max_for]\n" + sizes, "more than 200 patterns"));
}

TEST_CASE("lists of words are read from the policy and from files of their own") {
  const Policy policy =
      parse(
          "[[words]]\nlabel = \"birds\"\nliterals = [\"eagle\"]\npatterns = [\"ACME-[0-9]+\"]\nfile = "
          "\"own.txt\"\npackages = [\"@acme/*\"]")
          .value();
  REQUIRE(policy.words.size() == 1);
  CHECK(policy.words[0].label == "birds");
  CHECK(policy.words[0].literals == std::vector<std::string>{"eagle", "blue bird", "kestrel", "osprey"});
  CHECK(policy.words[0].patterns == std::vector<std::string>{"ACME-[0-9]+"});
  CHECK(policy.words[0].scopes == std::vector<std::string>{"@acme/*"});
  const std::string birds = "[[words]]\nlabel = \"birds\"\n", eagle = "literals = [\"eagle\"]\n";
  CHECK(faults(birds, "has no words"));
  CHECK(faults("[[words]]\n" + eagle, "a list of words has no \"label\""));
  CHECK(faults(birds + "literals = [\"\"]", "\"literals\" must be a list of texts"));
  CHECK(faults(birds + "literals = [1]", "\"literals\" must be a list of texts"));
  CHECK(faults(birds + "file = 1", "must be the name of a file"));
  CHECK(faults(birds + "file = \"absent\"", "cannot be read"));
  CHECK(faults(birds + eagle + "litterals = []", "did you mean \"literals\"?"));
  CHECK(faults(birds + eagle + birds + eagle, "two lists of words with the label"));
  std::string many;
  for (int i = 0; i < 20'001; ++i) many += "\"w" + std::to_string(i) + "\",";
  CHECK(faults(birds + "literals = [" + many + "]", "more than 20,000 words"));
}

TEST_CASE("TOML's less usual forms are read as TOML or refused") {
  CHECK(parse("rules.\"deps/new\" = \"off\"")->overrides.at("deps/new") == Action::off);
  CHECK(parse("rules = { 'deps/new' = '''off''' }")->overrides.at("deps/new") == Action::off);
  CHECK(parse("\xef\xbb\xbf[rules]\r\n\"deps/new\" = \"off\"\r\n")->overrides.at("deps/new") == Action::off);
  CHECK(parse("[limits]\nentries_max = 0x10")->limits.entries_max == 16);
  CHECK(parse("[limits]\nentries_max = 1_000")->limits.entries_max == 1000);
  CHECK(fault("[limits]\nentries_max = 1e3").starts_with("policy.toml:2:"));
  CHECK(fault("\"\\u202erules\" = 1").starts_with("policy.toml:1: unknown key \"?rules\""));
  CHECK(
      fault("[rules]\n\"d\\u0435ps/new\" = \"off\"").starts_with("policy.toml:2: unknown rule"));  // Cyrillic
  CHECK(fault("[rules]\n\"deps/new\" = \"of\\u0066\"") == "accepted");
  CHECK(fault("\"\" = 1").starts_with("policy.toml:1: unknown key"));
  CHECK(fault("[rules]\n\"deps/new\" = \"off\xff\"").starts_with("policy.toml:"));
  CHECK(fault(std::string("a\0b = 1", 7)).starts_with("policy.toml:1:"));
  CHECK(fault("rules = 2026-01-01").starts_with("policy.toml:1: \"rules\" must be a table"));
  CHECK(fault("[[rules]]\n").starts_with("policy.toml:1: \"rules\" must be a table"));
  CHECK(fault("[rules]\n\"deps/new\" = \"off\"\n[rules]\n\"deps/new\" = \"block\"")
            .starts_with("policy.toml:3"));
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
