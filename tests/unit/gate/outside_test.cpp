// What the gate learns from outside of a release, and that its verdicts can be given again.

#include <doctest/doctest.h>

#include "policies/context_record.hpp"
#include "policies/report.hpp"
#include "tests/support/gate_house.hpp"

namespace sallyport {

namespace {

// The verdict of whoever has the tarball and what was recorded, as `scan --outside` has.
Report judged_again(const std::string& tarball, const ReleaseContext& recorded) {
  auto context = context_from_json(json::parse(json::serialize(to_json(recorded)))).value();
  Inspection inspection(gate_rules());
  inspection.feed(as_bytes(tarball));
  context.digests = {sha1(as_bytes(tarball)), sha512(as_bytes(tarball))};
  return inspection.finish(std::move(context));
}

json::array findings_of(const std::vector<Finding>& findings) {
  json::array out;
  for (const Finding& finding : findings) out.push_back(to_json(finding));
  return out;
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

}  // namespace sallyport
