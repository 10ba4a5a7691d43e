#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB;

bool outlier(std::uint64_t now, const std::vector<std::uint64_t>& line) {
  ReleaseBuilder builder;
  Release& release = builder.release();
  release.unpacked_bytes = now;
  for (const std::uint64_t bytes : line) release.history.line.emplace_back().unpacked_bytes = bytes;
  return !ask("size/outlier", builder).empty();
}

}  // namespace

TEST_CASE("a size far from the last releases of the line stands out") {
  // MAD 0, floored at 2 % of the median: six of them are reached at 1 + 6 * 0.02 / 0.6745 times the median.
  const std::vector<std::uint64_t> steady(5, kMiB);
  CHECK(outlier(kMiB * 118 / 100, steady));
  CHECK_FALSE(outlier(kMiB * 117 / 100, steady));
  CHECK_FALSE(outlier(kMiB / 10, steady));  // what is missing is size/shrink's
  // Four releases are no history.
  CHECK_FALSE(outlier(100 * kMiB, {kMiB, kMiB, kMiB, kMiB}));
  // A line that always varied may vary.
  CHECK_FALSE(outlier(190, {100, 120, 80, 140, 60, 110}));
  CHECK(outlier(390, {100, 120, 80, 140, 60, 110}));
  // Only the last ten count: a small past does not make today's size stand out, nor a large one hide it.
  std::vector<std::uint64_t> grown(10, 10 * kMiB);
  grown.insert(grown.end(), 20, kMiB);
  CHECK_FALSE(outlier(11 * kMiB, grown));
  CHECK(outlier(13 * kMiB, grown));
  CHECK_FALSE(outlier(5, {0, 0, 0, 0, 0}));
}

TEST_CASE("less than half of the last release is noted") {
  const auto fires = [](std::uint64_t before, std::uint64_t now) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    builder.after(previous);
    builder.release().history.baseline->unpacked_bytes = before;
    builder.release().unpacked_bytes = now;
    return !ask("size/shrink", builder).empty();
  };
  CHECK(fires(100, 49));
  CHECK_FALSE(fires(100, 50));
  CHECK_FALSE(fires(0, 0));
  CHECK_FALSE(fires(100, 200));
}

TEST_CASE("three times more beside the code is seen, whatever the package's size") {
  const auto fires = [](std::uint64_t code_before, std::uint64_t other_before, std::uint64_t code,
                        std::uint64_t other) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    previous.big_file("a.js", code_before).big_file("b.bin", other_before);
    builder.big_file("a.js", code).big_file("b.bin", other).after(previous);
    return !ask("size/ratio", builder).empty();
  };
  CHECK(fires(5 * kMiB, 100 * kKiB, 5 * kMiB, 60 * kMiB));
  CHECK(fires(5 * kMiB, 5 * kMiB, 5 * kMiB, 16 * kMiB));
  CHECK_FALSE(fires(5 * kMiB, 5 * kMiB, 5 * kMiB, 14 * kMiB));
  CHECK_FALSE(fires(5 * kMiB, 5 * kMiB, 15 * kMiB, 15 * kMiB));
  CHECK(fires(kMiB, 4 * kMiB, 16 * kMiB, 4 * kMiB));
  // A longer README in a package of one small file changes nothing that matters.
  CHECK_FALSE(fires(2 * kKiB, 2 * kKiB, 2 * kKiB, 20 * kKiB));
  ReleaseBuilder first;
  CHECK(ask("size/ratio", first).empty());
}

TEST_CASE("a map is not code, machine code and styles are") {
  ReleaseBuilder previous("{}", "1.0.0"), map, native;
  previous.big_file("a.js", kMiB);
  map.big_file("a.js", kMiB).big_file("a.js.map", 12 * kMiB).after(previous);
  native.big_file("a.js", kMiB).big_file("a.css", 12 * kMiB).after(previous);
  CHECK(ask("size/ratio", map).size() == 1);
  CHECK(ask("size/ratio", map).at(0).tier == 0);
  CHECK(ask("size/ratio", native).size() == 1);  // much less beside the code than before
  CHECK(ask("size/ratio", native).at(0).tier == 1);
}

TEST_CASE("a new top-level folder or dotfile is noted once") {
  ReleaseBuilder previous("{}", "1.0.0"), builder;
  previous.file("lib/a.js", "").file("lib/.keep", "");
  builder.file("lib/b.js", "").file("lib/deep/c.js", "").file("hooks/start.js", "").file("hooks/b.js", "");
  builder.file(".env", "")
      .file("lib/.hidden/x", "")
      .file("lib/.keep", "")
      .file("plain.js", "")
      .after(previous);
  std::vector<std::string> said;
  for (const Said& s : ask("size/new-path", builder)) said.push_back(s.message);
  CHECK(said == std::vector<std::string>{".env is new since 1.0.0",
                                         "hooks/ is new since 1.0.0, 2 files of it",
                                         "lib/.hidden/ is new since 1.0.0"});
  ReleaseBuilder first;
  first.file("a/b", "");
  CHECK(ask("size/new-path", first).empty());
}

}  // namespace sallyport
