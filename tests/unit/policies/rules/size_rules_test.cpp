#include <doctest/doctest.h>

#include "tests/support/release_builder.hpp"

namespace sallyport {

namespace {

constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB;

}  // namespace

TEST_CASE("one file above the limit is named, whatever it is called") {
  ReleaseBuilder builder;
  builder.big_file("a.js", 5 * kMiB).big_file("b.txt", 5 * kMiB + 1);
  const auto said = ask("size/file", builder);
  REQUIRE(said.size() == 1);
  CHECK(said[0].file == "b.txt");

  builder.release().thresholds.file_bytes_max = 6 * kMiB;
  CHECK(ask("size/file", builder).empty());
  builder.release().thresholds.file_bytes_max_for = {{"*.js", kMiB}, {"lib/*.js", kMiB / 2}};
  CHECK(ask("size/file", builder).size() == 1);
}

TEST_CASE("one file far above the largest of earlier releases is named") {
  ReleaseBuilder builder;
  builder.big_file("a.js", 2 * kMiB + 20);
  Release& release = builder.release();
  release.history.largest_file_bytes = {100 * kKiB, 90 * kMiB, 90 * kKiB};
  CHECK(ask("size/file", release).size() == 1);
  release.history.largest_file_bytes = {200 * kKiB, 90 * kMiB, 90 * kKiB};
  CHECK(ask("size/file", release).empty());
  // A glob with a limit of its own says that such a file is expected.
  release.history.largest_file_bytes = {100 * kKiB};
  release.thresholds.file_bytes_max_for = {{"a.js", 3 * kMiB}};
  CHECK(ask("size/file", release).empty());

  ReleaseBuilder tiny;
  tiny.big_file("README.md", 63 * kKiB).release().history.largest_file_bytes = {10};
  CHECK(ask("size/file", tiny).empty());
}

TEST_CASE("a jump in unpacked size is seen at each of its limits") {
  const auto tier = [](std::uint64_t before, std::uint64_t now) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    builder.after(previous);
    builder.release().history.baseline->unpacked_bytes = before;
    builder.release().unpacked_bytes = now;
    const auto said = ask("size/jump", builder);
    return said.empty() ? -1 : said.at(0).tier;
  };
  CHECK(tier(kMiB, kMiB + kMiB / 2) == -1);
  CHECK(tier(kMiB, kMiB + kMiB / 2 + 1) == 0);
  CHECK(tier(100 * kKiB, 100 * kKiB + 256 * kKiB) == -1);
  CHECK(tier(100 * kKiB, 100 * kKiB + 256 * kKiB + 1) == 0);
  CHECK(tier(100 * kMiB, 110 * kMiB) == -1);
  CHECK(tier(100 * kMiB, 110 * kMiB + 1) == 0);
  CHECK(tier(kMiB, 4 * kMiB) == 1);
  CHECK(tier(5 * kMiB, 65 * kMiB) == 1);
  CHECK(tier(0, 2 * kMiB) == 1);
  CHECK(tier(10 * kMiB, kMiB) == -1);
  ReleaseBuilder first;
  first.big_file("a", 900 * kMiB);
  CHECK(ask("size/jump", first).empty());
}

TEST_CASE("the numbers of the policy count") {
  ReleaseBuilder previous("{}", "1.0.0"), builder;
  for (int i = 0; i < 10; ++i) builder.file(std::to_string(i), "");
  builder.file("big", "").after(previous);
  Release& release = builder.release();
  release.history.baseline->unpacked_bytes = 4 * kMiB;
  release.unpacked_bytes = 20 * kMiB;
  Thresholds& t = release.thresholds;
  const auto tier = [&] {
    const auto said = ask("size/jump", release);
    return said.empty() ? -1 : said.at(0).tier;
  };
  CHECK(tier() == 1);
  t.jump_factor_high = 5;
  CHECK(tier() == 0);
  t.jump_factor = 5;
  CHECK(tier() == 0);
  t.jump_bytes_alone = 16 * kMiB;
  CHECK(tier() == -1);
  t.jump_factor = 4.9;
  CHECK(tier() == 0);
  t.jump_bytes = 16 * kMiB;
  CHECK(tier() == -1);
  t.jump_factor_high = 1;
  CHECK(tier() == 1);
  t.jump_bytes_high = 16 * kMiB;
  CHECK(tier() == -1);

  CHECK(ask("size/count", release).size() == 1);
  t.count_factor = 100;
  CHECK(ask("size/count", release).empty());
  t.count_files = 3;
  CHECK(ask("size/count", release).size() == 1);

  ReleaseBuilder large;
  large.big_file("a.js", 2 * kMiB);
  large.release().history.largest_file_bytes = {kMiB};
  CHECK(ask("size/file", large).empty());
  large.release().thresholds.file_factor_max = 1.5;
  CHECK(ask("size/file", large).size() == 1);
}

TEST_CASE("a jump in the number of files is seen") {
  const auto fires = [](int before, int now) {
    ReleaseBuilder previous("{}", "1.0.0"), builder;
    for (int i = 1; i < before; ++i) previous.file(std::to_string(i), "");
    for (int i = 1; i < now; ++i) builder.file(std::to_string(i), "");
    return !ask("size/count", builder.after(previous)).empty();
  };
  CHECK_FALSE(fires(10, 20));
  CHECK(fires(10, 21));
  CHECK_FALSE(fires(5, 15));
  CHECK(fires(5, 16));
  CHECK_FALSE(fires(600, 1100));
  CHECK(fires(600, 1101));
  CHECK_FALSE(fires(10, 5));
}

TEST_CASE("a kind of file that never shipped is noted, and one that carries source or code escalates") {
  ReleaseBuilder previous("{}", "1.0.0"), builder;
  previous.file("a.js", "");
  builder.file("b.js", "")
      .file("a.js.MAP", "")
      .file("logo.svg", "")
      .file("setup.sh", "")
      .file("more.map", "");
  builder.file("renamed.txt", "ELF", Magic::elf).after(previous);
  std::map<std::string, int> tiers;
  for (const Said& said : ask("size/new-type", builder)) tiers[said.file] = said.tier;
  CHECK(tiers ==
        std::map<std::string, int>{{"a.js.MAP", 2}, {"logo.svg", 0}, {"setup.sh", 1}, {"renamed.txt", 1}});

  builder.release().history.types_seen = {".svg", ".map", ".sh"};
  CHECK(ask("size/new-type", builder).size() == 1);
  ReleaseBuilder first;
  first.file("a.map", "");
  CHECK(ask("size/new-type", first).empty());
}

TEST_CASE("a flood of made-up extensions does not hide the map among them") {
  ReleaseBuilder previous("{}", "1.0.0"), builder;
  for (int i = 0; i < 500; ++i) builder.file("f.x" + std::to_string(i), "");
  builder.file("cli.js.map", "").after(previous);
  const auto said = ask("size/new-type", builder);
  CHECK(said.size() == 21);
  CHECK(said.back().file == "cli.js.map");
  CHECK(said.back().tier == 2);
}

}  // namespace sallyport
