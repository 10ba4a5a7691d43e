#include <doctest/doctest.h>

#include "policies/rule_run.hpp"
#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

Provenance built(Provenance::State state = Provenance::State::verified) {
  Provenance p;
  p.state = state;
  p.repository = "https://git.example/acme/lib";
  p.workflow = ".ci/release.yml";
  p.builder = "https://git.example/runner/hosted";
  return p;
}

// A release after 1.2.2, as the gate knows it.
struct Published {
  ReleaseBuilder previous{"{}", "1.2.2"}, builder{"{}"};
  Release& release;
  Published() : release(builder.after(previous).release()) { release.outside.collected = true; }
};

}  // namespace

TEST_CASE("an attestation that the release before had and this one lacks is escalated") {
  Published p;
  OutsideFacts& outside = p.release.outside;
  CHECK(ask("origin/provenance", p.release).empty());  // neither has one

  outside.previous_provenance = built();
  auto said = ask("origin/provenance", p.release);
  REQUIRE(said.size() == 1);
  CHECK(said[0].tier == 0);
  CHECK(said[0].message.find("this release with none") != std::string::npos);
  CHECK(said[0].message.find("1.2.2") != std::string::npos);

  outside.provenance = built();
  CHECK(ask("origin/provenance", p.release).empty());

  SUBCASE("also where the earlier one is known from our own records alone") {
    outside.provenance.reset();
    outside.previous_provenance.reset();
    ReleaseOrigin& origin = p.release.history.baseline->origin.emplace();
    CHECK(ask("origin/provenance", p.release).empty());
    origin.attested = true;
    CHECK(ask("origin/provenance", p.release).size() == 1);
  }
  SUBCASE("also where the upstream has one and does not give it") {
    outside.provenance.reset();
    outside.previous_provenance.reset();
    outside.previous_unavailable = "the registry did not answer";
    said = ask("origin/provenance", p.release);
    REQUIRE(said.size() == 1);
    CHECK(said[0].tier == 0);
  }
  SUBCASE("not in a scan, which knows nothing of the publish") {
    outside.provenance.reset();
    outside.collected = false;
    CHECK(ask("origin/provenance", p.release).empty());
  }
  SUBCASE("not for a first release") {
    outside.provenance.reset();
    p.release.history.baseline.reset();
    CHECK(ask("origin/provenance", p.release).empty());
  }
}

TEST_CASE("another repository, workflow or builder than before is escalated, each told") {
  Published p;
  p.release.outside.previous_provenance = built();
  Provenance& now = p.release.outside.provenance.emplace(built());
  std::string* changed = nullptr;
  SUBCASE("repository") {
    changed = &now.repository;
  }
  SUBCASE("workflow") {
    changed = &now.workflow;
  }
  SUBCASE("builder") {
    changed = &now.builder;
  }
  REQUIRE(changed != nullptr);
  const std::string was = *changed;
  for (const char* other : {"https://git.example/mallory/lib", ""}) {
    *changed = other;
    const auto said = ask("origin/provenance", p.release);
    REQUIRE(said.size() == 1);
    CHECK(said[0].tier == 0);
    CHECK(said[0].message.find(was) != std::string::npos);
  }
  // That it is verified helps it not.
  now.state = Provenance::State::verified;
  CHECK(ask("origin/provenance", p.release).size() == 1);
}

TEST_CASE("what is recorded of the release before is compared where its attestation is not at hand") {
  Published p;
  ReleaseOrigin& origin = p.release.history.baseline->origin.emplace();
  origin.attested = true;
  origin.repository = "https://git.example/acme/lib";
  p.release.outside.provenance = built();
  CHECK(ask("origin/provenance", p.release).empty());
  p.release.outside.provenance->repository = "https://git.example/mallory/lib";
  CHECK(ask("origin/provenance", p.release).size() == 1);
}

TEST_CASE("an earlier attestation that cannot be had is a note beside one that is there") {
  Published p;
  p.release.outside.provenance = built();
  p.release.outside.previous_unavailable = "the registry did not answer";
  const auto said = ask("origin/provenance", p.release);
  REQUIRE(said.size() == 1);
  CHECK(said[0].tier == 1);
  CHECK(said[0].message.find("did not answer") != std::string::npos);
}

TEST_CASE("an attestation that does not hold is refused; one of the release before is told") {
  Published p;
  p.release.outside.provenance = built();
  p.release.outside.previous_provenance = built();
  CHECK(ask("origin/provenance-invalid", p.release).empty());
  p.release.outside.provenance->state = Provenance::State::unverified;
  auto said = ask("origin/provenance-invalid", p.release);
  REQUIRE(said.size() == 1);
  CHECK(said[0].tier == 1);
  CHECK(said[0].message.find("no trust root") != std::string::npos);
  p.release.outside.provenance->state = Provenance::State::invalid;
  p.release.outside.provenance->fault = "it is about other bytes than this tarball";
  said = ask("origin/provenance-invalid", p.release);
  REQUIRE(said.size() == 1);
  CHECK(said[0].tier == 0);
  CHECK(said[0].message.find("other bytes") != std::string::npos);
  p.release.outside.provenance.reset();
  p.release.outside.previous_provenance->state = Provenance::State::invalid;
  said = ask("origin/provenance-invalid", p.release);
  REQUIRE(said.size() == 1);
  CHECK(said[0].tier == 1);
  for (const Profile profile : {Profile::proprietary, Profile::open, Profile::internal}) {
    const Rule* rule = find_rule("origin/provenance-invalid");
    REQUIRE(rule != nullptr);
    CHECK(rule->info.tiers[0][static_cast<std::size_t>(profile)] == Action::block);
  }
}

TEST_CASE("a valid attestation lowers no other finding") {
  const auto findings = [](bool attested) {
    ReleaseBuilder previous(R"({"dependencies":{"a":"^1"}})", "1.2.2"),
        builder(R"({"dependencies":{"a":"^1","evil":"^1"},"scripts":{"postinstall":"node x.js"}})");
    previous.file("index.js", "code");
    builder.file("index.js", "code").file(".env", "KEY=1").after(previous);
    Release& release = builder.release();
    const std::vector<TarFault> none;
    release.faults = &none;
    release.outside.collected = true;
    if (attested) {
      release.outside.provenance = built();
      release.outside.previous_provenance = built();
    }
    return run_rules(all_rules(), release, Policy(), Profile::proprietary);
  };
  const auto plain = findings(false), attested = findings(true);
  REQUIRE(plain.size() >= 3);  // the script, the dependency, the secret file
  CHECK(verdict_of(plain) == Verdict::block);
  REQUIRE(attested.size() == plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(attested[i].rule == plain[i].rule);
    CHECK(attested[i].action == plain[i].action);
    CHECK(attested[i].fingerprint == plain[i].fingerprint);
  }
}

}  // namespace sallyport
