#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "policies/inspection.hpp"
#include "policies/rule_run.hpp"
#include "policies/tarball/second_reader.hpp"
#include "tests/support/hostile_archives.hpp"
#include "tests/support/tar_builder.hpp"

using namespace sallyport;

namespace {

std::shared_ptr<const InspectionRules> rules_with(Policy policy = {}, std::string scratch_folder = "/tmp") {
  prepare_text_locale();
  static const auto content = ContentRules::build({}, "");
  REQUIRE(content.has_value());
  return std::make_shared<InspectionRules>(
      InspectionRules{std::move(policy), *content, std::move(scratch_folder)});
}

Report inspect(std::string_view tgz, const std::shared_ptr<const InspectionRules>& rules = rules_with(),
               std::size_t piece_bytes = 256u << 10, ReleaseContext context = {}) {
  Inspection inspection(rules);
  for (std::size_t at = 0; at < tgz.size(); at += piece_bytes) {
    inspection.feed(as_bytes(tgz.substr(at, piece_bytes)));
  }
  context.digests = {sha1(as_bytes(tgz)), sha512(as_bytes(tgz))};
  return inspection.finish(std::move(context));
}

bool blocked_by(const Report& report, std::string_view rule) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const Finding& f) { return f.rule == rule && f.action == Action::block; });
}

std::set<std::string> rules_of(const Report& report) {
  std::set<std::string> names;
  for (const Finding& f : report.findings) names.insert(f.rule);
  return names;
}

std::string package_of(std::string_view manifest) {
  return gzip(TarBuilder().file("package/package.json", manifest).file("package/index.js", "x").tar());
}

}  // namespace

TEST_CASE("a report says what the tarball is") {
  const std::string tgz = package_of(R"({"name":"@acme/lib","version":"1.2.3","main":"index.js"})");
  for (const std::size_t n : {std::size_t{1}, std::size_t{100}, tgz.size()}) {
    const Report report = inspect(tgz, rules_with(), n);
    CHECK(report.name == "@acme/lib");
    CHECK(report.version == "1.2.3");
    CHECK(report.integrity == to_integrity(sha512(as_bytes(tgz))));
    CHECK(report.shasum == to_hex(sha1(as_bytes(tgz))));
    CHECK(report.packed_bytes == tgz.size());
    CHECK(report.file_count == 2);
    CHECK(report.unpacked_bytes == 57);
    CHECK(report.facts.files.size() == 2);
    CHECK(report.policy_digest.starts_with("sha256-"));
    CHECK(std::none_of(report.findings.begin(), report.findings.end(), [](const Finding& f) {
      return f.rule.starts_with("tar/") || f.rule == rule_incomplete;
    }));
  }
}

TEST_CASE("the entries are there after the verdict") {
  const std::string tgz = package_of(R"({"name":"a","version":"1.0.0"})");
  Inspection inspection(rules_with());
  inspection.feed(as_bytes(tgz));
  inspection.finish({});
  CHECK(inspection.listing().size() == 2);
}

TEST_CASE("every hostile archive is blocked by its rule, in every profile") {
  const auto rules = rules_with();
  for (const HostileArchive& archive : hostile_archives()) {
    CAPTURE(archive.name);
    for (const Profile profile : {Profile::proprietary, Profile::open, Profile::internal}) {
      ReleaseContext context;
      context.profile = profile;
      const Report report = inspect(archive.tgz, rules, 256u << 10, std::move(context));
      CHECK(report.verdict == Verdict::block);
      CHECK(blocked_by(report, archive.rule));
    }
  }
}

TEST_CASE("what was not read to its end is blocked, whatever the policy says of the rule") {
  Policy lenient;
  for (const Rule& rule : tar_rules()) lenient.overrides[std::string(rule.info.id)] = Action::off;
  TarHeader link;
  link.name = "package/link";
  link.type = '2';
  for (const std::string& tgz : {gzip(clean_package().entry(link).tar()), std::string("no gzip")}) {
    const Report report = inspect(tgz, rules_with(lenient));
    CHECK(report.verdict == Verdict::block);
    CHECK(rules_of(report) == std::set<std::string>{std::string(rule_incomplete)});
  }
}

TEST_CASE("a path beyond ASCII holds; unusual modes and tops are noted") {
  const Report accent = inspect(gzip(clean_package().file("package/caf\xc3\xa9.js", "x").tar()));
  CHECK(rules_of(accent).contains("tar/path"));
  CHECK_FALSE(blocked_by(accent, "tar/path"));
  const Report top =
      inspect(gzip(TarBuilder().file("lib/package.json", R"({"name":"a","version":"1.0.0"})").tar()));
  CHECK(rules_of(top).contains("tar/prefix"));
  CHECK_FALSE(blocked_by(top, "tar/prefix"));
  CHECK(top.name == "a");
}

TEST_CASE("a package.json that is larger than any of sense is refused before it is read") {
  const auto manifest = [](std::size_t bytes) {
    std::string text = R"({"name":"a","version":"1.0.0","keywords":[)";
    for (std::size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i * i) + ",";
    return package_of(text + "0]}");
  };
  CHECK(blocked_by(inspect(manifest(1'100'000)), "tar/manifest"));
  CHECK_FALSE(blocked_by(inspect(manifest(900'000)), "tar/manifest"));
}

TEST_CASE("no room for the scratch file refuses, and says so") {
  const Report report =
      inspect(package_of(R"({"name":"a","version":"1.0.0"})"), rules_with({}, "/nowhere/at/all"));
  CHECK(report.verdict == Verdict::block);
  CHECK(blocked_by(report, rule_incomplete));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].message.find("no room") != std::string::npos);
}

TEST_CASE("the policy digest follows policy and profile") {
  const std::string tgz = package_of(R"({"name":"a","version":"1.0.0"})");
  const auto digest = [&](Policy policy, Profile profile) {
    ReleaseContext context;
    context.profile = profile;
    return inspect(tgz, rules_with(std::move(policy)), tgz.size(), std::move(context)).policy_digest;
  };
  Policy other;
  other.overrides["tar/mode"] = Action::warn;
  CHECK(digest({}, Profile::open) == digest({}, Profile::open));
  CHECK(digest({}, Profile::open) != digest({}, Profile::internal));
  CHECK(digest({}, Profile::open) != digest(other, Profile::open));
}
