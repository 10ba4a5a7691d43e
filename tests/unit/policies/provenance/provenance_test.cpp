#include "policies/provenance/provenance.hpp"

#include <doctest/doctest.h>
#include <openssl/err.h>

#include "policies/provenance/statement.hpp"
#include "policies/provenance/trust_root.hpp"
#include "storage/base/clock.hpp"
#include "tests/support/attestation_cases.hpp"

namespace sallyport {

namespace {

const SigstoreLab& lab() {
  static const SigstoreLab one;
  return one;
}

const TrustRoot& root() {
  static const TrustRoot one = TrustRoot::parse(json::serialize(lab().trusted_root())).value();
  return one;
}

AttestedRelease release() {
  return {"@acme/lib", "1.2.3", sha512(as_bytes(attested_tarball)), "https://git.example/acme/lib"};
}

}  // namespace

TEST_CASE("an attestation verifies against the trust root, and no attack on it does") {
  for (const AttestationCase& one : attestation_cases(lab())) {
    CAPTURE(one.name);
    const Provenance read = check_provenance(one.bundle, release(), &root());
    CAPTURE(read.fault);
    if (one.fault.empty()) {
      CHECK(read.state == Provenance::State::verified);
      CHECK(read.fault.empty());
      CHECK(read.repository == "https://git.example/acme/lib");
    } else {
      CHECK(read.state == Provenance::State::invalid);
      CHECK(read.fault.find(one.fault) != std::string::npos);
    }
  }
}

TEST_CASE("without a trust root nothing is verified, and what is wrong in itself is refused all the same") {
  for (const AttestationCase& one : attestation_cases(lab())) {
    CAPTURE(one.name);
    const Provenance read = check_provenance(one.bundle, release(), nullptr);
    CAPTURE(read.fault);
    const bool refused = !one.fault.empty() && one.needs_no_root;
    CHECK(read.state == (refused ? Provenance::State::invalid : Provenance::State::unverified));
  }
}

TEST_CASE("what an attestation says of the build is read, whoever vouches for it") {
  AttestationPlan plan = SigstoreLab::plan(attested_tarball);
  SUBCASE("of SLSA v1") {
    const Provenance read = check_provenance(lab().bundle_text(plan), release(), nullptr);
    CHECK(read.state == Provenance::State::unverified);
    CHECK(read.issuer == "https://token.git.example");
    CHECK(read.identity == "https://git.example/acme/lib/.ci/release.yml@refs/heads/main");
    CHECK(read.repository == "https://git.example/acme/lib");
    CHECK(read.workflow == ".ci/release.yml");
    CHECK(read.ref == "refs/heads/main");
    CHECK(read.commit == "0123456789abcdef0123456789abcdef01234567");
    CHECK(read.builder == "https://git.example/runner/hosted");
    CHECK(read.build_type == "https://git.example/buildtypes/workflow/v1");
  }
  SUBCASE("of SLSA v0.2, with a runner's number that changes every time") {
    plan.statement = SigstoreLab::statement_v02(plan);
    const Provenance read = check_provenance(lab().bundle_text(plan), release(), &root());
    CHECK(read.state == Provenance::State::verified);
    CHECK(read.workflow == ".ci/release.yml");
    CHECK(read.ref == "refs/heads/main");
    CHECK(read.builder == "https://git.example/acme/lib/-/runners");
  }
  SUBCASE("of a forge that names a job in the statement and its file in the certificate") {
    plan.statement = SigstoreLab::statement_v02(plan);
    json::object& invocation = plan.statement["predicate"].as_object()["invocation"].as_object();
    invocation["configSource"].as_object()["uri"] = "git+https://git.example/acme/lib";
    invocation["configSource"].as_object()["entryPoint"] = "publish-job";
    invocation["environment"] = {{"pipeline", {{"id", 7}, {"ref", ".ci.yml"}}}};
    plan.claims["18"] = "https://git.example/acme/lib//.ci.yml@refs/heads/main";
    const Provenance read = check_provenance(lab().bundle_text(plan), release(), &root());
    CAPTURE(read.fault);
    CHECK(read.state == Provenance::State::verified);
    CHECK(read.workflow == ".ci.yml");
    CHECK(read.ref == "refs/heads/main");  // of the certificate
  }
  SUBCASE("of a certificate from before Fulcio's present claims") {
    plan.claims = {{"1", "https://token.git.example"},
                   {"3", "0123456789abcdef0123456789abcdef01234567"},
                   {"5", "acme/lib"},
                   {"6", "refs/heads/main"}};
    const Provenance read = check_provenance(lab().bundle_text(plan), release(), &root());
    CAPTURE(read.fault);
    CHECK(read.state == Provenance::State::verified);
    CHECK(read.issuer == "https://token.git.example");
    plan.claims["5"] = "mallory/lib";
    CHECK(check_provenance(lab().bundle_text(plan), release(), &root()).state == Provenance::State::invalid);
  }
}

TEST_CASE("an attestation has to be of the repository that package.json names") {
  const std::string bundle = lab().bundle_text(SigstoreLab::plan(attested_tarball));
  const auto state = [&](std::optional<std::string> repository) {
    AttestedRelease about = release();
    about.repository = std::move(repository);
    return check_provenance(bundle, about, &root()).state;
  };
  for (const char* same : {"https://git.example/acme/lib", "git+https://git.example/acme/lib.git",
                           "git@git.example:acme/lib.git", "git+ssh://git@GIT.example/acme/lib.git#main"}) {
    CAPTURE(same);
    CHECK(state(same) == Provenance::State::verified);
  }
  CHECK(state(std::nullopt) == Provenance::State::verified);
  for (const char* other :
       {"", "https://git.example/acme/lib2", "https://git.example/acme", "https://git.example.evil/acme/lib",
        "acme/lib", "https://git.example/ACME/lib"}) {
    CAPTURE(other);
    CHECK(state(other) == Provenance::State::invalid);
  }
}

TEST_CASE("logs may sign with any of the keys that can be checked") {
  for (const KeyKind kind : {KeyKind::p384, KeyKind::ed25519}) {
    const SigstoreLab other(kind);
    const TrustRoot trust = TrustRoot::parse(json::serialize(other.trusted_root())).value();
    AttestationPlan plan = SigstoreLab::plan(attested_tarball);
    plan.leaf_kind = kind;
    const std::string bundle = other.bundle_text(plan);
    CHECK(check_provenance(bundle, release(), &trust).state == Provenance::State::verified);
    CHECK(check_provenance(bundle, release(), &root()).state == Provenance::State::invalid);
  }
}

TEST_CASE("nobody is trusted outside the time that the trust root gives them") {
  const std::string bundle = lab().bundle_text(SigstoreLab::plan(attested_tarball));
  AttestationPlan stamped_plan = SigstoreLab::plan(attested_tarball);
  stamped_plan.entry_version = "0.0.2";
  stamped_plan.promise = false;
  stamped_plan.time_stamp = true;
  const std::string stamped = lab().bundle_text(stamped_plan);
  const std::string last = to_iso8601(Instant(std::chrono::seconds(SigstoreLab::now)));
  const std::string before = to_iso8601(Instant(std::chrono::seconds(SigstoreLab::now - 120)));
  for (const char* who : {"tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"}) {
    CAPTURE(who);
    json::object changed = lab().trusted_root();
    json::object& one = changed[who].as_array()[0].as_object();
    const bool is_log = one.contains("publicKey");
    json::value& valid = (is_log ? one["publicKey"].as_object() : one)["validFor"];
    // A certificate is listed when it is made, a minute before it is used.
    valid = {{"start", "2020-01-01T00:00:00Z"}, {"end", last}};
    auto trust = TrustRoot::parse(json::serialize(changed));
    REQUIRE(trust.has_value());
    CHECK(check_provenance(bundle, release(), &*trust).state == Provenance::State::verified);
    CHECK(check_provenance(stamped, release(), &*trust).state == Provenance::State::verified);
    valid = {{"start", "2020-01-01T00:00:00Z"}, {"end", before}};
    trust = TrustRoot::parse(json::serialize(changed));
    REQUIRE(trust.has_value());
    const bool of_stamps = std::string_view(who) == "timestampAuthorities";
    if (!of_stamps) CHECK(check_provenance(bundle, release(), &*trust).state == Provenance::State::invalid);
    // A checkpoint alone bears no time: the log's is that of the stamp.
    CHECK(check_provenance(stamped, release(), &*trust).state == Provenance::State::invalid);
  }
}

TEST_CASE("a trust root without certificate logs asks for no listing") {
  json::object changed = lab().trusted_root();
  changed["ctlogs"] = json::array();
  const TrustRoot trust = TrustRoot::parse(json::serialize(changed)).value();
  AttestationPlan plan = SigstoreLab::plan(attested_tarball);
  plan.has_sct = false;
  CHECK(check_provenance(lab().bundle_text(plan), release(), &trust).state == Provenance::State::verified);
}

TEST_CASE("a registry's answer gives the provenance among its attestations") {
  AttestationPlan published = SigstoreLab::plan(attested_tarball);
  published.statement["predicateType"] = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
  published.statement["predicate"] = {{"name", "@acme/lib"}, {"version", "1.2.3"}};
  json::object by_registry = lab().bundle(published);
  json::object& material = by_registry["verificationMaterial"].as_object();
  material.erase("certificate");
  material["publicKey"] = {{"hint", "SHA256:registry"}};
  const json::object provenance = lab().bundle(SigstoreLab::plan(attested_tarball));
  const auto answer = [](std::initializer_list<json::object> bundles) {
    json::array all;
    for (const json::object& bundle : bundles)
      all.push_back(json::object{{"predicateType", "as the registry calls it"}, {"bundle", bundle}});
    return json::serialize(json::object{{"attestations", all}});
  };
  const auto check = [](const std::string& text) { return check_attestations(text, release(), &root()); };

  auto found = check(answer({by_registry, provenance}));
  REQUIRE(found.has_value());
  CHECK(found->state == Provenance::State::verified);
  CHECK(found->repository == "https://git.example/acme/lib");
  CHECK_FALSE(check(answer({by_registry})).has_value());
  CHECK_FALSE(check(answer({})).has_value());

  SUBCASE("not of another release") {
    AttestationPlan other = SigstoreLab::plan("other bytes");
    found = check(answer({by_registry, lab().bundle(other)}));
    REQUIRE(found.has_value());
    CHECK(found->state == Provenance::State::invalid);
    found = check_attestations(answer({by_registry}), {"@acme/lib", "1.2.4", release().sha512, {}}, &root());
    REQUIRE(found.has_value());
    CHECK(found->state == Provenance::State::invalid);
  }
  SUBCASE("one that does not hold beside one that does") {
    const json::object bad = SigstoreLab().bundle(SigstoreLab::plan(attested_tarball));
    for (const auto& text : {answer({provenance, bad}), answer({bad, provenance})}) {
      found = check(text);
      REQUIRE(found.has_value());
      CHECK(found->state == Provenance::State::invalid);
    }
  }
  SUBCASE("and is invalid where it cannot be read") {
    for (const char* text :
         {"", "[]", "{}", "{\"attestations\":{}}", "{\"attestations\":[{}]}",
          "{\"attestations\":[{\"bundle\":{}}]}", "{\"attestations\":[],\"attestations\":[]}"}) {
      CAPTURE(text);
      found = check(text);
      REQUIRE(found.has_value());
      CHECK(found->state == Provenance::State::invalid);
      CHECK_FALSE(found->fault.empty());
    }
  }
}

TEST_CASE("a check leaves nothing in OpenSSL's list of errors") {
  ERR_clear_error();
  for (const AttestationCase& one : attestation_cases(lab()))
    check_provenance(one.bundle, release(), &root());
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("a purl is written as npm writes it") {
  CHECK(npm_purl("lib", "1.0.0") == "pkg:npm/lib@1.0.0");
  CHECK(npm_purl("@acme/lib", "1.0.0-rc.1+b.5") == "pkg:npm/%40acme/lib@1.0.0-rc.1+b.5");
}

}  // namespace sallyport
