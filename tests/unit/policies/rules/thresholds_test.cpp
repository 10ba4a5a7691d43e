// The operator's numbers count, in the rules that are not tested with theirs elsewhere.

#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

constexpr std::chrono::days day{1};

struct Case {
  ReleaseBuilder before{"{}", "1.2.2"}, now;
  Release& release;
  Thresholds& thresholds;

  explicit Case(std::string_view package_json = "{}")
      : now(package_json), release(now.after(before).release()), thresholds(release.thresholds) {
    release.now = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
    release.outside.collected = true;
  }
  int tier(std::string_view rule) {
    const auto said = ask(rule, release);
    return said.empty() ? -1 : said.front().tier;
  }
};

}  // namespace

TEST_CASE("how young a dependency may be is the policy's to say") {
  Case c(R"({"dependencies":{"fresh":"^1.0.0"}})");
  DependencyKnowledge& known = c.release.outside.dependencies["fresh"];
  known.state = DependencyKnowledge::State::known;
  known.resolved = "1.0.0";
  known.first_published = known.resolved_published = c.release.now - day * 4;
  CHECK(c.tier("deps/young") == 0);
  c.thresholds.young_block_hours = 97;
  CHECK(c.tier("deps/young") == 1);
  c.thresholds.young_block_hours = 96;
  c.thresholds.young_days = 4;
  CHECK(c.tier("deps/young") == 0);  // the version is young all the same
  c.thresholds.young_version_days = 4;
  CHECK(c.tier("deps/young") == -1);
  c.thresholds.young_days = c.thresholds.young_version_days = 36'500;
  c.thresholds.young_block_hours = 36'500 * 24;
  CHECK(c.tier("deps/young") == 1);
}

TEST_CASE("how long a package sleeps, and how fast it releases, is the policy's to say") {
  Case c;
  c.release.history.last_release = c.release.now - day * 10;
  CHECK(c.tier("origin/dormant") == -1);
  c.thresholds.dormant_days = 9;
  CHECK(c.tier("origin/dormant") == 0);
  c.thresholds.dormant_days = 36'500;
  CHECK(c.tier("origin/dormant") == -1);
  CHECK(c.tier("origin/velocity") == -1);
  c.thresholds.velocity_minutes = 10 * 24 * 60;
  CHECK(c.tier("origin/velocity") == 0);
}

TEST_CASE("how far a release stands out is the policy's to say") {
  Case c;
  for (int i = 0; i < 5; ++i) c.release.history.line.emplace_back().unpacked_bytes = 1000;
  c.release.unpacked_bytes = 1100;
  CHECK(c.tier("size/outlier") == -1);
  c.thresholds.outlier_score = 3;
  CHECK(c.tier("size/outlier") == 0);

  const auto make_up = [](double factor) {
    ReleaseBuilder before("{}", "1.0.0"), now;
    before.big_file("a.js", 1u << 20).big_file("b.bin", 1u << 20);
    now.big_file("a.js", 1u << 20).big_file("b.bin", 5u << 20).after(before);
    now.release().thresholds.ratio_factor = factor;
    return ask("size/ratio", now).size();
  };
  CHECK(make_up(3) == 1);
  CHECK(make_up(6) == 0);
}

TEST_CASE("how much may go away, and how much may be maps, is the policy's to say") {
  ReleaseBuilder before("{}", "1.2.2"), now;
  before.big_file("a.bin", 3u << 20);
  Release& release = now.big_file("a.bin", 2u << 20).after(before).release();
  const auto shrinks = [&](double factor) {
    release.thresholds.shrink_factor = factor;
    return ask("size/shrink", release).size();
  };
  CHECK(shrinks(2) == 0);
  CHECK(shrinks(1.2) == 1);
  CHECK(shrinks(77) == 0);

  ReleaseBuilder maps;
  maps.big_file("a.js", 6000).big_file("a.js.map", 4000);
  Release& mapped = maps.release();
  const auto many = [&](std::uint64_t percent) {
    mapped.thresholds.source_map_percent = percent;
    return ask("leak/source-map-ratio", mapped).size();
  };
  CHECK(many(50) == 0);
  CHECK(many(20) == 1);
  CHECK(many(100) == 0);
}

}  // namespace sallyport
