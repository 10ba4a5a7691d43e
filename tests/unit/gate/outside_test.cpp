// What the gate learns from outside of a release, and that its verdicts can be given again.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "policies/context_record.hpp"
#include "policies/report.hpp"
#include "tests/support/gate_house.hpp"
#include "tests/support/temp_folder.hpp"

namespace sallyport {

namespace {

// The verdict of whoever has the tarball and what was recorded, as `scan --outside` has.
Report judged_again(const std::string& tarball, const ReleaseContext& recorded,
                    std::shared_ptr<const InspectionRules> rules = gate_rules()) {
  auto context = context_from_json(json::parse(json::serialize(to_json(recorded)))).value();
  Inspection inspection(std::move(rules));
  inspection.feed(as_bytes(tarball));
  context.digests = {sha1(as_bytes(tarball)), sha512(as_bytes(tarball))};
  return inspection.finish(std::move(context));
}

json::array findings_of(const std::vector<Finding>& findings) {
  json::array out;
  for (const Finding& finding : findings) out.push_back(to_json(finding));
  return out;
}

// As in life: every rule at its default.
std::shared_ptr<const InspectionRules> all_rules_on() {
  auto made = std::make_shared<InspectionRules>(*gate_rules());
  made->policy = Policy();
  return made;
}

// The packument of a dependency: its versions with the time at which each was published.
std::string packument(const std::string& name, const std::vector<std::pair<std::string, Instant>>& versions) {
  json::object all, times;
  for (const auto& [version, at] : versions) {
    all[version] = json::object{{"name", name}, {"version", version}};
    times[version] = to_iso8601(at);
  }
  return json::serialize(json::object{{"name", name},
                                      {"dist-tags", {{"latest", versions.back().first}}},
                                      {"versions", std::move(all)},
                                      {"time", std::move(times)}});
}

// A collector with everything it asks under the test's hand.
struct Asking {
  ManualClock clock;
  MemoryMetaStore store;
  Catalog catalog{store};
  ScriptedGateUpstream upstream;
  std::unique_ptr<MalwareFeed> feed;
  PackageRules rules;
  OutsideLimits limits;

  explicit Asking(std::vector<PackageRule> packages = {rule_to("main")}) : rules(std::move(packages)) {
    limits.at_once = 1;
  }
  OutsideFacts collect(const json::object& dependencies, const Facts* baseline = nullptr) {
    OutsideCollector collector(
        clock, catalog, rules, [this](std::string_view name) { return name == "main" ? &upstream : nullptr; },
        feed.get(), limits);
    return collector.collect(manifest(dependencies), baseline);
  }
  static Manifest manifest(const json::object& dependencies) {
    return Manifest::from({{"name", "lib"}, {"version", "1.0.0"}, {"dependencies", dependencies}}).value();
  }
  Instant ago(Millis by) const { return clock.now() - by; }
};

constexpr std::chrono::days day{1};
using State = DependencyKnowledge::State;

void write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary) << text;
}

std::string osv(std::string_view id, std::string_view name, std::string_view rest = "") {
  return R"({"id":")" + std::string(id) +
         R"(","summary":"steals","affected":[{"package":{"ecosystem":"npm","name":")" + std::string(name) +
         "\"}" + std::string(rest) + "}]}";
}

bool has_rule(const Stage& stage, std::string_view rule) {
  return std::any_of(stage.findings.begin(), stage.findings.end(),
                     [rule](const Finding& finding) { return finding.rule == rule; });
}

}  // namespace

TEST_CASE("a verdict can be given again from the tarball and what was recorded with it") {
  GateHouse house(rule_to("local"));
  const Principal ann = person("ann"), ben = person("ben");
  const Stage first = house.hold(ann, warned_body("lib", "1.0.0"));
  REQUIRE(house.gate->approve(ben, first.id).has_error());  // to be acknowledged
  REQUIRE(house.gate->acknowledge(ben, first.id, {"pack/files-allowlist"}).has_value());
  REQUIRE(house.gate->approve(ben, first.id).has_value());
  house.clock.advance(std::chrono::hours(1));

  PublishBody second = escalated_body();
  second.version = "1.0.1";
  const Stage held = house.hold(ann, second);
  const ReleaseContext recorded = house.gate->context(ann, held.id).value();
  CHECK(recorded.history.baseline->version == "1.0.0");
  CHECK(recorded.history.baseline_origin == "gate");
  CHECK(recorded.published->version == "1.0.1");
  house.clock.advance(std::chrono::days(400));
  const Report again = judged_again(second.tarball(), recorded);
  CHECK(again.verdict == held.verdict);
  CHECK(findings_of(again.findings) == findings_of(held.findings));
  CHECK(again.policy_digest == held.policy_digest);
  CHECK(again.baseline == "1.0.0");

  // It is the record that matters: without the earlier release the verdict is another.
  ReleaseContext without = recorded;
  without.history = {};
  CHECK(judged_again(second.tarball(), without).baseline.empty());
  CHECK(house.gate->context(person("eve", {}), held.id).error().kind == ErrorKind::forbidden);
}

TEST_CASE("a new dependency is asked for where it is read from: age, and the version that is installed") {
  Asking asking;
  asking.upstream.packument_texts["young"] = packument(
      "young", {{"1.0.0", asking.ago(day * 2)}, {"1.1.0", asking.ago(day)}, {"2.0.0", asking.ago(day)}});
  asking.upstream.packument_texts["tagged"] = packument("tagged", {{"3.0.0", asking.ago(day * 90)}});
  Facts baseline;
  baseline.dependencies = {{"same", "^1.0.0"}, {"changed", "^1.0.0"}};
  const OutsideFacts facts = asking.collect({{"young", "^1.0.0"},
                                             {"alias", "npm:young@2.x"},
                                             {"tagged", "latest"},
                                             {"same", "^1.0.0"},
                                             {"changed", "^2.0.0"},
                                             {"nobody", "1"},
                                             {"git", "git+https://git.example/a/b.git"},
                                             {"file", "file:../x"}},
                                            &baseline);
  CHECK(facts.collected);
  const DependencyKnowledge& young = facts.dependencies.at("young");
  CHECK(young.state == State::known);
  CHECK(young.first_published == asking.ago(day * 2));
  CHECK(young.resolved == "1.1.0");
  CHECK(young.resolved_published == asking.ago(day));
  CHECK(facts.dependencies.at("alias").resolved == "2.0.0");
  CHECK(facts.dependencies.at("tagged").resolved == "3.0.0");
  CHECK(facts.dependencies.at("nobody").state == State::absent);
  CHECK(facts.dependencies.at("changed").state == State::absent);
  CHECK(facts.dependencies.size() == 5);  // what did not change and what no registry has is not asked for
  CHECK(std::count(asking.upstream.asked.begin(), asking.upstream.asked.end(), "young") ==
        1);  // once, for both
  CHECK(std::count(asking.upstream.asked.begin(), asking.upstream.asked.end(), "same") == 0);
}

TEST_CASE("what an upstream says of a dependency is taken with care") {
  Asking asking;
  asking.limits.packument_bytes_max = 1000;
  asking.upstream.packument_texts["silent"] = "";
  asking.upstream.packument_texts["broken"] = "{\"versions\":";
  asking.upstream.packument_texts["liar"] = R"([1,2])";
  asking.upstream.packument_texts["huge"] = "{\"readme\":\"" + std::string(2000, 'x') + "\"}";
  asking.upstream.packument_texts["empty"] = R"({"versions":{}})";
  asking.upstream.packument_texts["timeless"] = R"({"versions":{"1.0.0":{}},"time":{"1.0.0":"long ago"}})";
  asking.upstream.packument_texts["unranged"] = packument("unranged", {{"1.0.0", asking.ago(day)}});
  const OutsideFacts facts = asking.collect({{"silent", "1"},
                                             {"broken", "1"},
                                             {"liar", "1"},
                                             {"huge", "1"},
                                             {"empty", "1"},
                                             {"timeless", "1"},
                                             {"unranged", ">>> 1"},
                                             {"b\u00fccher", "1"},
                                             {"../up", "1"},
                                             {"a/b", "1"}});
  for (const auto name : {"silent", "broken", "liar", "huge", "b\u00fccher", "../up"}) {
    CAPTURE(name);
    CHECK(facts.dependencies.at(name).state == State::unavailable);
    CHECK_FALSE(facts.dependencies.at(name).why.empty());
  }
  CHECK(facts.dependencies.at("empty").state == State::absent);
  CHECK(facts.dependencies.at("timeless").state == State::known);
  CHECK_FALSE(facts.dependencies.at("timeless").first_published);
  CHECK(facts.dependencies.at("unranged").resolved.empty());
}

TEST_CASE("five hundred new dependencies cost as much as fifty, and the rest is not said to be known") {
  Asking asking;
  asking.limits.at_once = 4;
  json::object dependencies;
  for (int i = 100; i < 600; ++i) {
    const std::string name = "dep-" + std::to_string(i);
    asking.upstream.packument_texts[name] = packument(name, {{"1.0.0", asking.ago(day * 900)}});
    dependencies[name] = "1";
  }
  const OutsideFacts facts = asking.collect(dependencies);
  CHECK(asking.upstream.asked.size() == 50);
  CHECK(facts.dependencies.size() == 500);
  CHECK(std::count_if(facts.dependencies.begin(), facts.dependencies.end(),
                      [](const auto& d) { return d.second.state == State::known; }) == 50);
  CHECK(facts.dependencies.at("dep-599").why.find("50") != std::string::npos);
}

TEST_CASE("an upstream that stalls takes no more time than there is") {
  Asking asking;
  std::vector<Millis> allowed;
  asking.upstream.on_packument = [&](const std::string&, const PackumentLimits& limits) {
    allowed.push_back(limits.deadline);
    asking.clock.advance(limits.deadline);  // as long as it may
  };
  json::object dependencies;
  for (int i = 0; i < 40; ++i) {
    dependencies["dep-" + std::to_string(i)] = "1";
    asking.upstream.packument_texts["dep-" + std::to_string(i)] = "";
  }
  const Instant before = asking.clock.now();
  const OutsideFacts facts = asking.collect(dependencies);
  CHECK(asking.clock.now() - before <= asking.limits.deadline);
  CHECK(allowed == std::vector<Millis>{Millis(5000), Millis(3000)});
  for (const auto& [name, known] : facts.dependencies) CHECK(known.state == State::unavailable);
}

TEST_CASE("an answer is remembered for minutes, a failure is not") {
  Asking asking;
  asking.upstream.packument_texts["dep"] = packument("dep", {{"1.0.0", asking.ago(day)}});
  asking.upstream.packument_texts["down"] = "";
  OutsideCollector collector(
      asking.clock, asking.catalog, asking.rules, [&](std::string_view) { return &asking.upstream; },
      nullptr);
  const Manifest manifest = Asking::manifest({{"dep", "1"}, {"down", "1"}});
  const auto asked = [&] {
    asking.upstream.asked.clear();
    collector.collect(manifest, nullptr);
    auto names = asking.upstream.asked;
    std::sort(names.begin(), names.end());
    return names;
  };
  CHECK(asked() == std::vector<std::string>{"dep", "down"});
  CHECK(asked() == std::vector<std::string>{"down"});
  asking.clock.advance(std::chrono::minutes(5));
  CHECK(asked() == std::vector<std::string>{"dep", "down"});
}

TEST_CASE("a name of the organisation's is asked of nobody else") {
  PackageRule acme = rule_to("local"), others = rule_to("main");
  acme.match = "@acme/*";
  Asking asking({acme, others});
  asking.upstream.packument_texts["@acme/util"] =
      packument("@acme/util", {{"99.0.0", asking.ago(day * 900)}});
  const OutsideFacts facts = asking.collect({{"@acme/util", "^1.0.0"}, {"lodash", "1"}});
  CHECK(asking.upstream.asked == std::vector<std::string>{"lodash"});
  CHECK(facts.dependencies.at("@acme/util").organisation);
  CHECK(facts.dependencies.at("@acme/util").state == State::absent);
  CHECK_FALSE(facts.dependencies.at("lodash").organisation);

  // Read from an upstream, but published here: that it is there is what deps/confusion speaks of.
  acme.read = "main";
  Asking mixed({acme, others});
  mixed.upstream.packument_texts["@acme/util"] = packument("@acme/util", {{"99.0.0", mixed.ago(day)}});
  const DependencyKnowledge known = mixed.collect({{"@acme/util", "*"}}).dependencies.at("@acme/util");
  CHECK(known.organisation);
  CHECK_FALSE(known.own);
  CHECK(known.state == State::known);
}

TEST_CASE("our own package is known without asking anybody") {
  GateHouse house(rule_to("local"));
  const Principal ann = person("ann"), ben = person("ben");
  const Stage util = house.hold(ann, clean_body("util", "1.2.0"));
  REQUIRE(house.gate->approve(ben, util.id).has_value());
  PublishBody user = clean_body("lib", "1.0.0");
  user.manifest["dependencies"] = {{"util", "^1.0.0"}, {"other", "1"}};
  const Stage held = house.hold(ann, user);
  const OutsideFacts outside = house.gate->context(ann, held.id).value().outside;
  CHECK(outside.dependencies.at("util").own);
  CHECK(outside.dependencies.at("util").resolved == "1.2.0");
  CHECK(outside.dependencies.at("other").state == State::unavailable);
  CHECK(house.upstream.asked.empty());
}

TEST_CASE("the axios of March 2026: its new dependency is young, unused, and on record") {
  GateHouse house(rule_to("main"));
  house.inspection = all_rules_on();
  house.restart();
  PublishBody before = clean_body("axios", "1.14.0");
  json::object times{{"1.14.0", to_iso8601(house.clock.now() - day * 20)}};
  house.upstream.add("axios", "1.14.0", before.tarball());
  json::object document =
      json::parse(house.upstream.packument(PackageName::parse("axios").value()).value()).as_object();
  document["time"] = std::move(times);
  json::object& manifest = document["versions"].as_object()["1.14.0"].as_object();
  manifest["_npmUser"] = {{"name", "GitHub Actions"}, {"trustedPublisher", {{"id", "github"}}}};
  manifest["_npmVersion"] = "11.6.0";
  house.upstream.packument_texts["axios"] = json::serialize(document);
  house.upstream.packument_texts["plain-crypto-js"] =
      packument("plain-crypto-js", {{"4.2.0", house.clock.now() - std::chrono::hours(18)},
                                    {"4.2.1", house.clock.now() - std::chrono::hours(1)}});

  PublishBody after = clean_body("axios", "1.14.1");
  after.manifest["dependencies"] = {{"plain-crypto-js", "^4.2.1"}};
  const Principal ann = person("ann");
  const Gate::Submission refused = house.publish(ann, after).value();
  CHECK(refused.stage.state == StageState::blocked);
  for (const auto rule : {"deps/young", "deps/phantom", "origin/path", "deps/new", "run/manifest-only"})
    CHECK_MESSAGE(has_rule(refused.stage, rule), rule);
  CHECK(refused.refusal.find("18 hours ago") != std::string::npos);

  const ReleaseContext recorded = house.gate->context(ann, refused.stage.id).value();
  CHECK(recorded.outside.dependencies.at("plain-crypto-js").resolved == "4.2.1");
  CHECK(recorded.outside.origin->publisher == "ann");
  CHECK(recorded.outside.origin->path == "token");
  CHECK(recorded.history.baseline->origin->path == "trusted");
  CHECK(recorded.history.baseline->toolchain.at("npm") == "11");
  house.clock.advance(day * 60);  // when the dependency is no longer young
  const Report again = judged_again(after.tarball(), recorded, house.inspection);
  CHECK(findings_of(again.findings) == findings_of(refused.stage.findings));

  // Its twin takes a dependency of some age that its code does import.
  house.upstream.packument_texts["plain-crypto-js"] =
      packument("plain-crypto-js", {{"4.2.1", house.clock.now() - day * 400}});
  PublishBody twin = after;
  twin.version = "1.14.2";
  twin.code = "module.exports = require('plain-crypto-js')\n";
  const Stage held = house.hold(ann, twin);
  CHECK(held.state == StageState::held);
  CHECK_FALSE(has_rule(held, "deps/young"));
}

TEST_CASE("who published, and how, is history for the next release") {
  GateHouse house(rule_to("local"));
  Principal bot = person("bot");
  bot.service = true;
  bot.client = "npm/11.19.1";
  const Stage first = house.hold(bot, clean_body("lib", "1.0.0"));
  REQUIRE(house.gate->approve(person("ben"), first.id).has_value());
  house.clock.advance(day * 400);
  const Stage second = house.hold(person("ann"), clean_body("lib", "1.0.1"));
  const ReleaseContext recorded = house.gate->context(person("ann"), second.id).value();
  const ReleaseOrigin& before = *recorded.history.baseline->origin;
  CHECK(before.publisher == "bot");
  CHECK(before.path == "ci");
  CHECK(before.client == "npm/11.19.1");
  CHECK(before.credential == "token-of-bot");
  CHECK_FALSE(before.attested);
  REQUIRE(recorded.history.line.size() == 1);
  CHECK(recorded.history.line[0].origin->publisher == "bot");
  CHECK(recorded.history.line[0].files.empty());
  CHECK(recorded.history.last_release == recorded.history.baseline->released);
}

TEST_CASE(
    "the line of a release is its major version's, newest first, from the packument where we saw none") {
  GateHouse house(rule_to("main"));
  json::object versions, times;
  for (int minor = 0; minor < 30; ++minor) {
    const std::string version = "0." + std::to_string(minor) + ".0";
    times[version] = to_iso8601(house.clock.now() - day * (100 - minor));
  }
  const std::string tarball = clean_body("lib", "0.29.0").tarball();
  for (int minor = 0; minor < 30; ++minor)
    house.upstream.add("lib", "0." + std::to_string(minor) + ".0", tarball);
  house.upstream.add("lib", "1.0.0", tarball);
  times["1.0.0"] = to_iso8601(house.clock.now() - day);
  json::object document =
      json::parse(house.upstream.packument(PackageName::parse("lib").value()).value()).as_object();
  document["time"] = std::move(times);
  auto& manifest = document["versions"].as_object()["0.28.0"].as_object();
  manifest["dist"].as_object()["unpackedSize"] = 4321;
  manifest["_npmUser"] = {{"name", "eve"}};
  house.upstream.packument_texts["lib"] = json::serialize(document);
  const Stage backport = house.hold(person("ann"), clean_body("lib", "0.30.0"));
  const History history = house.gate->context(person("ann"), backport.id).value().history;
  CHECK(history.baseline->version == "0.29.0");
  REQUIRE(history.line.size() == 20);
  CHECK(history.line[0].version == "0.29.0");
  CHECK(history.line[1].version == "0.28.0");
  CHECK(history.line[1].unpacked_bytes == 4321);
  CHECK(history.line[1].origin->publisher == "eve");
  CHECK(history.line[1].origin->path == "token");
  CHECK(history.line[19].version == "0.10.0");
  CHECK(history.last_release == house.clock.now() - day);
}

TEST_CASE("advisories in OSV's form say which versions of a package are bad") {
  const auto covers = [](std::string_view rest, std::string_view version) {
    return parse_osv(osv("MAL-1", "x", rest)).value().at(0).second.covers(version);
  };
  CHECK(covers("", "1.0.0"));
  CHECK(covers(R"(,"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}])", "1.0.0-rc.1"));
  CHECK(covers(R"(,"versions":["1.14.1","0.30.4"])", "0.30.4"));
  CHECK_FALSE(covers(R"(,"versions":["1.14.1","0.30.4"])", "1.14.0"));
  constexpr std::string_view stretch =
      R"(,"ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"fixed":"1.2.0"},{"introduced":"2.0.0"},{"last_affected":"2.1.0"}]}])";
  for (const auto version : {"1.0.0", "1.1.9", "1.2.0-rc.1", "2.0.0", "2.1.0"})
    CHECK_MESSAGE(covers(stretch, version), version);
  for (const auto version : {"0.9.0", "1.2.0", "1.9.0", "2.1.1"})
    CHECK_MESSAGE(!covers(stretch, version), version);

  CHECK(parse_osv(R"({"id":"MAL-1","withdrawn":"2026-01-01T00:00:00Z"})").value().empty());
  CHECK(parse_osv(R"({"id":"M","affected":[{"package":{"ecosystem":"PyPI","name":"x"}}]})").value().empty());
  for (const std::string_view bad :
       {"", "[]", "{", R"({"id":"M"})", R"({"affected":[]})", R"({"id":"M","affected":[{}]})",
        R"({"id":"M","id":"N","affected":[]})", R"({"id":"M","affected":[{"package":{"ecosystem":"npm"}}]})"})
    CHECK_MESSAGE(parse_osv(bad).has_error(), bad);
  for (const std::string_view bad :
       {R"(,"versions":"1.0.0")", R"(,"versions":[1])", R"(,"ranges":{})", R"(,"ranges":[{"type":"SEMVER"}])",
        R"(,"ranges":[{"type":"SEMVER","events":[{"fixed":"1.0.0"}]}])",
        R"(,"ranges":[{"type":"SEMVER","events":[{"introduced":"not a version"}]}])"})
    CHECK_MESSAGE(parse_osv(osv("M", "x", bad)).has_error(), bad);
}

TEST_CASE("a dependency in the feed is found, in the version that is installed") {
  TempFolder folder;
  write(folder / "1.json", osv("MAL-2026-1", "evil"));
  write(folder / "2.json", osv("MAL-2026-2", "half", R"(,"versions":["1.1.0"])"));
  write(folder / "notes.txt", "not an advisory");
  Asking asking;
  asking.feed = std::make_unique<MalwareFeed>(
      folder.path(),
      std::vector<Denied>{Denied::parse("@acme/old@<2").value(), Denied::parse("left-pad").value()},
      asking.clock);
  CHECK(asking.feed->state().starts_with("unavailable"));
  asking.feed->refresh();
  const auto hits = [&](const json::object& dependencies, const Facts* baseline = nullptr) {
    std::vector<std::string> out;
    const OutsideFacts facts = asking.collect(dependencies, baseline);
    CHECK(facts.feed.starts_with("sha256-"));
    for (const KnownBad& bad : facts.known_bad)
      out.push_back(bad.name + "@" + bad.version + " " + bad.id + (bad.certain ? "" : "?"));
    return out;
  };
  using Hits = std::vector<std::string>;
  CHECK(hits({{"fine", "1"}}).empty());
  CHECK(hits({{"evil", "1"}}) == Hits{"evil@ MAL-2026-1"});
  CHECK(hits({{"EVIL", "1"}}) == Hits{"EVIL@ MAL-2026-1"});
  CHECK(hits({{"nice", "npm:evil@1"}}) == Hits{"evil@ MAL-2026-1"});
  CHECK(hits({{"left-pad", "1"}}) == Hits{"left-pad@ deny"});
  CHECK(hits({{"@acme/old", "1.0.0"}}) == Hits{"@acme/old@1.0.0 deny"});
  CHECK(hits({{"@acme/old", "2.0.0"}}).empty());
  Facts unchanged;
  unchanged.dependencies = {{"evil", "1"}, {"half", "^1.0.0"}};
  CHECK(hits({{"evil", "1"}}, &unchanged) == Hits{"evil@ MAL-2026-1"});

  // Which version of it is installed decides, also of a dependency that did not change.
  asking.upstream.packument_texts["half"] =
      packument("half", {{"1.1.0", asking.ago(day * 9)}, {"1.2.0", asking.ago(day * 8)}});
  CHECK(hits({{"half", "^1.0.0"}}, &unchanged).empty());
  asking.upstream.packument_texts["half"] = packument("half", {{"1.1.0", asking.ago(day * 9)}});
  CHECK(hits({{"half", "^1.0.0"}}, &unchanged) == Hits{"half@1.1.0 MAL-2026-2"});
  asking.upstream.packument_texts["half"] = "";
  CHECK(hits({{"half", "^1.0.0"}}, &unchanged) == Hits{"half@ MAL-2026-2?"});
  CHECK(hits({{"half", "^2.0.0"}}).empty());
  for (const auto bad : {"", "a b", "x@", "x@not a range", "@acme/*", "*", "@acme", "../x"})
    CHECK_MESSAGE(Denied::parse(bad).has_error(), bad);
}

TEST_CASE("a feed is read again when it changes, and a damaged one says so and keeps what it can") {
  TempFolder folder;
  ManualClock clock;
  write(folder / "1.json", osv("MAL-1", "evil"));
  MalwareFeed feed(folder.path(), {}, clock);
  feed.refresh();
  const std::string first = feed.state();
  CHECK(first.starts_with("sha256-"));
  clock.advance(std::chrono::minutes(5));
  feed.refresh();
  CHECK(feed.state() == first);

  write(folder / "2.json", "{\"id\":");
  clock.advance(std::chrono::minutes(5));
  feed.refresh();
  CHECK(feed.state().starts_with("unavailable: 1 of its files"));
  CHECK(feed.state().find("2.json") != std::string::npos);
  CHECK(feed.about("evil").size() == 1);

  write(folder / "2.json", osv("MAL-2", "worse"));
  clock.advance(std::chrono::minutes(5));
  feed.refresh();
  CHECK(feed.state().starts_with("sha256-"));
  CHECK(feed.state() != first);
  CHECK(feed.about("worse").size() == 1);

  std::filesystem::remove_all(folder.path());
  clock.advance(std::chrono::minutes(5));
  feed.refresh();
  CHECK(feed.state().starts_with("unavailable"));
  CHECK(feed.about("evil").size() == 1);  // known as before, while nobody can say whether that changed
  CHECK(feed.about("worse").size() == 1);
  MalwareFeed none("", {}, clock);
  none.refresh();
  CHECK(none.state() == "none");
}

TEST_CASE("a file that changes in place is seen as soon as looking at all of them is cheap") {
  TempFolder folder;
  ManualClock clock;
  std::filesystem::create_directory(folder / "inner");
  write(folder / "inner/1.json", osv("MAL-1", "evil"));
  MalwareFeed feed(folder.path(), {}, clock);
  feed.refresh();
  CHECK(feed.about("worse").empty());
  write(folder / "inner/1.json", osv("MAL-12", "worse"));
  clock.advance(std::chrono::seconds(30));
  feed.refresh();
  CHECK(feed.about("worse").size() == 1);
  CHECK(feed.about("evil").empty());
}

TEST_CASE("a damaged feed holds every release until it is repaired") {
  TempFolder folder;
  ManualClock clock;
  write(folder / "1.json", "damaged");
  MalwareFeed feed(folder.path(), {}, clock);
  feed.refresh();
  GateHouse house(rule_to("local"));
  house.inspection = all_rules_on();
  house.malware = &feed;
  house.restart();
  const Stage held = house.hold(person("ann"), clean_body());
  CHECK(has_rule(held, "deps/known-bad"));
  CHECK(held.approvals_needed == 2);
  CHECK(house.gate->context(person("ann"), held.id).value().outside.feed.starts_with("unavailable"));
}

TEST_CASE("a feed that is handed in is taken whole, grows stale without a confirmation, and says so") {
  ManualClock clock;
  const auto feed = MalwareFeed::handed_in({Denied::parse("left-pad").value()}, std::chrono::hours(3), clock);
  CHECK(feed->state().starts_with("unavailable"));
  CHECK_FALSE(feed->status().known);
  CHECK(feed->about("left-pad").size() == 1);
  const auto contents = [](const std::vector<std::string>& ids) {
    FeedContents out;
    for (const std::string& id : ids)
      for (auto& [name, advisory] : parse_osv(osv(id, "evil-" + id)).value()) {
        out.by_name[name].push_back(std::move(advisory));
        ++out.advisories;
      }
    return out;
  };
  const auto before = feed->generation();
  feed->take(contents({"1", "2", "3"}), "sha512-x", clock.now());
  CHECK(feed->generation() > before);
  CHECK(feed->state() == "sha512-x");
  CHECK(feed->status().known);
  CHECK(feed->status().advisories == 3);
  CHECK(feed->about("left-pad").size() == 1);

  // What is withdrawn is gone; what can only not be read stays.
  FeedContents fewer = contents({"1"});
  fewer.damaged = 1;
  fewer.damaged_ids = {"2"};
  feed->take(std::move(fewer), "sha512-y", clock.now());
  CHECK(feed->about("evil-1").size() == 1);
  CHECK(feed->about("evil-2").size() == 1);
  CHECK(feed->about("evil-3").empty());

  clock.advance(std::chrono::hours(3));
  CHECK(feed->state() == "sha512-y");
  clock.advance(Millis(1));
  CHECK(feed->status().standing == FeedStatus::Standing::stale);
  CHECK(feed->state().starts_with("stale: it could not be read again since 2026-03-31T04:23:06.123Z"));
  feed->confirm(clock.now());
  CHECK(feed->state() == "sha512-y");
}

TEST_CASE("a feed that was never read holds every release, one that is stale is a note") {
  ManualClock clock;
  const auto feed = MalwareFeed::handed_in({}, std::chrono::hours(3), clock);
  GateHouse house(rule_to("local"));
  house.inspection = all_rules_on();
  house.malware = feed.get();
  house.restart();
  const auto action = [&](const char* version) -> std::string {
    const Stage held = house.hold(person("ann"), clean_body("lib", version));
    for (const Finding& finding : held.findings)
      if (finding.rule == "deps/known-bad") return std::string(to_text(finding.action));
    return "";
  };
  CHECK(action("1.0.0") == "escalate");
  feed->take({}, "sha512-x", clock.now());
  CHECK(action("1.0.1").empty());
  clock.advance(std::chrono::hours(4));
  CHECK(action("1.0.2") == "note");
}

}  // namespace sallyport
