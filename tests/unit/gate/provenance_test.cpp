// What the gate makes of the attestation that comes with a publish, and of the one before.

#include <doctest/doctest.h>

#include <algorithm>

#include "policies/provenance/trust_root.hpp"
#include "tests/support/gate_house.hpp"
#include "tests/support/sigstore_lab.hpp"

namespace sallyport {

namespace {

const Principal alice = person("alice"), rita = person("rita");

const SigstoreLab& lab() {
  static const SigstoreLab one;
  return one;
}
const TrustRoot& root() {
  static const TrustRoot one = TrustRoot::parse(json::serialize(lab().trusted_root())).value();
  return one;
}

PublishBody attested(std::string version, const SigstoreLab& by = lab()) {
  PublishBody body = clean_body("lib", std::move(version));
  body.manifest["repository"] = "git+https://git.example/acme/lib.git";
  body.provenance = by.bundle_text(SigstoreLab::plan(body.tarball(), body.name, body.version));
  return body;
}

std::optional<Finding> finding(const Stage& stage, std::string_view rule) {
  const auto found = std::find_if(stage.findings.begin(), stage.findings.end(),
                                  [&](const Finding& f) { return f.rule == rule; });
  return found == stage.findings.end() ? std::nullopt : std::optional(*found);
}

PublishBody built_elsewhere(std::string version, const SigstoreLab& by = lab()) {
  PublishBody moved = attested(std::move(version));
  moved.manifest["repository"] = "https://git.example/mallory/lib";
  AttestationPlan plan = SigstoreLab::plan(moved.tarball(), moved.name, moved.version);
  plan.claims["12"] = "https://git.example/mallory/lib";
  plan.claims["18"] = "https://git.example/mallory/lib/.ci/release.yml@refs/heads/main";
  plan.identity = "URI:" + plan.claims["18"];
  json::value* at = &plan.statement["predicate"];
  for (const char* key : {"buildDefinition", "externalParameters", "workflow"}) at = &at->as_object()[key];
  at->as_object()["repository"] = "https://git.example/mallory/lib";
  moved.provenance = by.bundle_text(plan);
  return moved;
}

// What a registry answers who asks for a version's attestations.
std::string answer(const std::string& bundle) {
  json::array all;
  all.push_back(json::object{{"bundle", json::parse(bundle)}});
  return json::serialize(json::object{{"attestations", all}});
}

struct House : GateHouse {
  explicit House(std::string target = "local") : GateHouse(rule_to(std::move(target))) {
    trust_root = &root();
    auto rules = std::make_shared<InspectionRules>(*gate_rules());
    for (const char* rule : {"origin/provenance", "origin/provenance-invalid"})
      rules->policy.overrides.erase(rule);
    inspection = std::move(rules);
    restart();
  }
  // The upstream has that release, and says where its attestation is.
  std::string promise_upstream(const PublishBody& body) {
    upstream.add(body.name, body.version, body.tarball());
    json::object packument =
        json::parse(upstream.packument(PackageName::parse(body.name).value()).value()).as_object();
    const std::string url =
        "https://registry.example/-/npm/v1/attestations/" + body.name + "@" + body.version;
    packument["versions"].as_object()[body.version].as_object()["dist"].as_object()["attestations"] = {
        {"url", url}};
    upstream.packument_texts[body.name] = json::serialize(packument);
    return url;
  }
  Stage judged(const PublishBody& body) { return publish(alice, body).value().stage; }
  void release(const PublishBody& body) {
    const Stage stage = judged(body);
    REQUIRE(stage.state == StageState::held);
    REQUIRE(gate->approve(rita, stage.id).value().state == StageState::published);
  }
};

}  // namespace

TEST_CASE(
    "an attestation of the published bytes by somebody trusted passes, and is recorded with the verdict") {
  House house;
  const Stage stage = house.judged(attested("1.0.0"));
  CHECK(stage.state == StageState::held);
  CHECK_FALSE(finding(stage, "origin/provenance-invalid"));
  const ReleaseContext context = house.gate->context(alice, stage.id).value();
  REQUIRE(context.outside.provenance.has_value());
  CHECK(context.outside.provenance->state == Provenance::State::verified);
  CHECK(context.outside.provenance->repository == "https://git.example/acme/lib");
}

TEST_CASE("an attestation that does not hold is refused") {
  House house;
  PublishBody body = attested("1.0.0");
  std::string expected;
  SUBCASE("of other bytes") {
    body.code += "\n";
    expected = "other bytes";
  }
  SUBCASE("of another version") {
    body.provenance = lab().bundle_text(SigstoreLab::plan(body.tarball(), body.name, "0.9.0"));
    expected = "it is about";
  }
  SUBCASE("of a repository that package.json does not name") {
    body.manifest["repository"] = "https://git.example/acme/other";
    body.provenance = lab().bundle_text(SigstoreLab::plan(body.tarball(), body.name, body.version));
    expected = "package.json names";
  }
  SUBCASE("by somebody who is not trusted") {
    body = attested("1.0.0", SigstoreLab());
    expected = "trust root does not name";
  }
  SUBCASE("that is no attestation") {
    body.provenance = "{}";
    expected = "bundle is refused";
  }
  const auto submission = house.publish(alice, body).value();
  CHECK(submission.stage.state == StageState::blocked);
  const auto found = finding(submission.stage, "origin/provenance-invalid");
  REQUIRE(found.has_value());
  CHECK(found->action == Action::block);
  CHECK(found->message.find(expected) != std::string::npos);
  CHECK(submission.refusal.find("origin/provenance-invalid") != std::string::npos);
}

TEST_CASE("without a trust root an attestation is a claim, and said to be one") {
  House house;
  house.trust_root = nullptr;
  house.restart();
  const Stage stage = house.judged(attested("1.0.0"));
  CHECK(stage.state == StageState::held);
  const auto found = finding(stage, "origin/provenance-invalid");
  REQUIRE(found.has_value());
  CHECK(found->action == Action::note);
  CHECK(house.judged(attested("1.0.1", SigstoreLab())).state == StageState::held);
}

TEST_CASE("a release without the attestation that the one before had needs more than one approval") {
  House house;
  house.release(attested("1.0.0"));
  CHECK_FALSE(finding(house.judged(attested("1.0.1")), "origin/provenance"));
  PublishBody bare = attested("1.0.2");
  bare.provenance.clear();
  const auto found = finding(house.judged(bare), "origin/provenance");
  REQUIRE(found.has_value());
  CHECK(found->action == Action::escalate);
  CHECK(found->message.find("1.0.0") != std::string::npos);
}

TEST_CASE("a release built elsewhere than the one before is escalated, though its attestation holds") {
  House house;
  house.release(attested("1.0.0"));
  const Stage stage = house.judged(built_elsewhere("1.0.1"));
  CHECK_FALSE(finding(stage, "origin/provenance-invalid"));
  const auto found = finding(stage, "origin/provenance");
  REQUIRE(found.has_value());
  CHECK(found->action == Action::escalate);
  CHECK(found->message.find("mallory") != std::string::npos);
}

TEST_CASE("the attestation that the upstream has of the release before is asked for and checked") {
  House house("main");
  const PublishBody before = attested("1.0.0");
  const std::string url = house.promise_upstream(before);
  PublishBody bare = attested("1.0.1");
  bare.provenance.clear();

  house.upstream.attestation_texts[url] = answer(before.provenance);
  const Stage known = house.judged(bare);
  REQUIRE(finding(known, "origin/provenance"));
  CHECK(finding(known, "origin/provenance")->action == Action::escalate);
  const ReleaseContext context = house.gate->context(alice, known.id).value();
  REQUIRE(context.outside.previous_provenance.has_value());
  CHECK(context.outside.previous_provenance->state == Provenance::State::verified);

  // That of another release, and none where one is promised: told, and its absence here counts all the same.
  house.upstream.attestation_texts[url] = answer(attested("0.9.0").provenance);
  bare.manifest["version"] = bare.version = "1.0.2";
  const Stage wrong = house.judged(bare);
  CHECK(finding(wrong, "origin/provenance")->action == Action::escalate);
  REQUIRE(finding(wrong, "origin/provenance-invalid"));
  CHECK(finding(wrong, "origin/provenance-invalid")->action == Action::note);
  house.upstream.attestation_texts.clear();
  bare.manifest["version"] = bare.version = "1.0.3";
  CHECK(finding(house.judged(bare), "origin/provenance")->action == Action::escalate);
  CHECK(finding(house.judged(attested("1.0.4")), "origin/provenance")->action == Action::note);
}

TEST_CASE(
    "the release before is held against the operator's trust root and its identity against this one's") {
  House house("main");
  const PublishBody before = attested("1.0.0");
  const std::string url = house.promise_upstream(before);

  // Built elsewhere: both attestations hold, and are of different repositories.
  house.upstream.attestation_texts[url] = answer(before.provenance);
  const Stage moved = house.judged(built_elsewhere("1.0.1"));
  CHECK_FALSE(finding(moved, "origin/provenance-invalid"));
  REQUIRE(finding(moved, "origin/provenance"));
  CHECK(finding(moved, "origin/provenance")->action == Action::escalate);
  CHECK(finding(moved, "origin/provenance")->message.find("mallory") != std::string::npos);

  // By whom the operator does not trust: never taken for verified, and told.
  house.upstream.attestation_texts[url] = answer(attested("1.0.0", SigstoreLab()).provenance);
  const Stage forged = house.judged(attested("1.0.2"));
  const ReleaseContext context = house.gate->context(alice, forged.id).value();
  REQUIRE(context.outside.previous_provenance.has_value());
  CHECK(context.outside.previous_provenance->state == Provenance::State::invalid);
  REQUIRE(finding(forged, "origin/provenance-invalid"));
  CHECK(finding(forged, "origin/provenance-invalid")->action == Action::note);
  CHECK(finding(forged, "origin/provenance-invalid")->message.find("release before") != std::string::npos);
}

TEST_CASE("a forged attestation of the release before does not make a move look like none") {
  House house("main");
  const PublishBody before = attested("1.0.0");
  house.release(before);
  const std::string url = house.promise_upstream(before);
  house.upstream.attestation_texts[url] = answer(built_elsewhere("1.0.0", SigstoreLab()).provenance);
  const Stage moved = house.judged(built_elsewhere("1.0.1"));
  REQUIRE(finding(moved, "origin/provenance"));
  CHECK(finding(moved, "origin/provenance")->action == Action::escalate);
  CHECK(finding(moved, "origin/provenance")->message.find("before https://git.example/acme/lib") !=
        std::string::npos);
}

}  // namespace sallyport
