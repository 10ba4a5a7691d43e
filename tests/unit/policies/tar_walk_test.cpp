#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "policies/tarball/header_walk.hpp"
#include "policies/tarball/inflate.hpp"
#include "policies/tarball/scratch.hpp"
#include "policies/tarball/second_reader.hpp"
#include "tests/support/hostile_archives.hpp"
#include "tests/support/tar_builder.hpp"

using namespace sallyport;

namespace {

struct Collected final : EntrySink {
  std::vector<std::string> contents;
  void begin(const TarEntry&) override { contents.emplace_back(); }
  void data(Bytes bytes) override { contents.back() += as_text(bytes); }
  void end(const TarEntry& entry) override {
    CHECK(entry.digest == sha256(contents.back()));
    CHECK(entry.size == contents.back().size());
  }
};

struct Walked {
  Listing listing;
  std::vector<TarFault> faults;
  std::vector<std::string> contents;
  bool stopped = false;

  bool has(std::string_view rule, int tier = 0) const {
    return std::any_of(faults.begin(), faults.end(),
                       [&](auto& f) { return f.rule == rule && f.tier == tier; });
  }
  std::string text() const {
    std::string out;
    for (const TarFault& f : faults) {
      out += f.rule + " " + std::to_string(f.tier) + " @" + std::to_string(f.offset) + " " + f.message + "; ";
    }
    return out;
  }
};

// Walks an inflated archive fed in pieces whose sizes `next_size` gives.
template <class NextSize>
Walked walk_tar(std::string_view tar, NextSize next_size, const TarballLimits& limits = {}) {
  Collected sink;
  HeaderWalk walk(limits, sink);
  for (std::size_t at = 0; at < tar.size();) {
    const std::string piece(tar.substr(at, next_size()));  // its own memory: a read past it is seen
    at += piece.size();
    if (!walk.feed(as_bytes(piece))) break;
  }
  walk.finish();
  return {walk.listing(), walk.faults(), std::move(sink.contents), walk.stopped()};
}

Walked walk_tar(std::string_view tar, const TarballLimits& limits = {}) {
  return walk_tar(tar, [&] { return tar.size(); }, limits);
}

// The whole reading: inflate, walk, and the second reader where the first was content.
Walked read_tgz(const std::string& tgz) {
  prepare_text_locale();
  auto scratch = Scratch::create("/tmp");
  REQUIRE(scratch.has_value());
  GzipInflater inflater;
  Collected sink;
  HeaderWalk walk({}, sink);
  inflater.feed(as_bytes(tgz), [&](Bytes tar) {
    REQUIRE(scratch->append(tar).has_value());
    return walk.feed(tar);
  });
  if (!walk.stopped() && inflater.finish()) walk.finish();
  Walked result{walk.listing(), walk.faults(), std::move(sink.contents), walk.stopped() || inflater.fault()};
  if (inflater.fault()) result.faults.push_back(*inflater.fault());
  if (!result.stopped) {
    if (auto fault = compare_second_reading(scratch->descriptor(), walk.listing()))
      result.faults.push_back(*fault);
  }
  return result;
}

std::string inflated(const std::string& tgz) {
  GzipInflater inflater;
  std::string tar;
  CHECK(inflater.feed(as_bytes(tgz), [&](Bytes b) {
    tar += as_text(b);
    return true;
  }));
  CHECK(inflater.finish());
  return tar;
}

}  // namespace

TEST_CASE("every hostile archive is refused by the rule it was made for") {
  const auto archives = hostile_archives();
  CHECK(archives.size() >= 200);
  std::set<std::string> names;
  for (const HostileArchive& archive : archives) {
    CAPTURE(archive.name);
    CHECK(names.insert(archive.name).second);
    const Walked got = read_tgz(archive.tgz);
    CAPTURE(got.text());
    if (archive.rule == "tar/manifest") {  // the inspection's own, see inspection_test.cpp
      CHECK_FALSE(got.stopped);
    } else {
      CHECK(got.has(archive.rule));
    }
  }
}

TEST_CASE("clean archives pass both readers without a word") {
  for (const HostileArchive& archive : clean_archives()) {
    CAPTURE(archive.name);
    const Walked got = read_tgz(archive.tgz);
    CAPTURE(got.text());
    CHECK(got.faults.empty());
    CHECK(got.listing.size() >= 1);
  }
}

TEST_CASE("what npm packed before 2017 for owners of large numbers is read alike by all") {
  TarBuilder old = clean_package();
  TarHeader h;
  h.name = "package/a.js";
  h.uid = h.gid = std::string("\x80\0\0\0\x82\x52\xa8\x84", 8);
  old.pax({{"NODETAR.depth", "1"},
           {"NODETAR.type", "File"},
           {"NODETAR.ignoreFiles.0", ".npmignore"},
           {"NODETAR.package.description", "ES2015 \u2013 ponyfill"},
           {"SCHILY.dev", "16777220"},
           {"uid", "1386775806"},
           {"path", "package/a.js"}})
      .entry(h, "x");
  const Walked walked = read_tgz(gzip(old.tar()));
  CAPTURE(walked.text());
  CHECK(walked.faults.empty());
  CHECK(walked.listing.back().path == "package/a.js");
}

TEST_CASE("the split of the bytes changes nothing") {
  std::vector<std::string> tars;
  for (const HostileArchive& a : clean_archives()) tars.push_back(inflated(a.tgz));
  const TarBuilder open = clean_package();
  tars.push_back(open.unfinished() + std::string(512, '\0') + open.unfinished());
  tars.push_back(open.tar() + std::string(700, '\0') + "late");
  tars.push_back(
      clean_package().directory("package/lib/").file("package/LIB", "x").file("other/x", "y").tar());
  std::mt19937 random(11);
  for (const std::string& tar : tars) {
    const Walked whole = walk_tar(tar);
    const auto same = [&](const Walked& got) {
      CHECK(got.text() == whole.text());
      CHECK(got.contents == whole.contents);
      CHECK(got.stopped == whole.stopped);
      REQUIRE(got.listing.size() == whole.listing.size());
      for (std::size_t i = 0; i < got.listing.size(); ++i) {
        CHECK(got.listing[i].path == whole.listing[i].path);
        CHECK(got.listing[i].offset == whole.listing[i].offset);
        CHECK(got.listing[i].digest == whole.listing[i].digest);
      }
    };
    for (const std::size_t n : {1u, 511u, 512u, 513u, 1024u, 4096u}) same(walk_tar(tar, [&] { return n; }));
    for (int round = 0; round < 20; ++round) same(walk_tar(tar, [&] { return 1 + random() % 1500; }));
  }
}

TEST_CASE("an entry says where its content lies and what it is") {
  const std::string tar = clean_package().directory("package/bin/").file("package/bin/cli.js", "#!x").tar();
  const Walked got = walk_tar(tar);
  REQUIRE(got.listing.size() == 3);
  CHECK(got.listing[1].directory);
  CHECK(got.listing[1].path == "package/bin");
  CHECK(got.listing[2].path == "package/bin/cli.js");
  CHECK(got.listing[2].inner == "bin/cli.js");
  CHECK(got.listing[2].mode == 0644);
  CHECK(tar.substr(got.listing[2].offset, 3) == "#!x");
  CHECK(got.contents[1] == "#!x");
}

TEST_CASE("the milder tiers") {
  const auto one = [](const std::string& path) { return walk_tar(clean_package().file(path, "x").tar()); };
  CHECK(one("package/caf\xc3\xa9.js").has("tar/path", 1));
  CHECK_FALSE(one("package/caf\xc3\xa9.js").has("tar/path", 0));
  for (const std::string path :
       {"package/con", "package/Aux.js", "package/lib/COM1.txt", "package/nul .js", "package/a?.js",
        "package/ab:c", "package/a<b", "package/trailing.", "package/trailing /x"}) {
    CAPTURE(path);
    CHECK(one(path).has("tar/path", 2));
    CHECK_FALSE(one(path).has("tar/path", 0));
  }
  for (const std::string path :
       {"package/console", "package/com10.js", "package/lpt.js", "package/.gitignore", "package/..a"}) {
    CAPTURE(path);
    CHECK(one(path).faults.empty());
  }
  const Walked other =
      walk_tar(TarBuilder().file("underscore/package.json", "{}").file("underscore/a", "").tar());
  CHECK(other.text().starts_with("tar/prefix 1 "));
  CHECK(other.faults.size() == 1);

  // "./" between says nothing, and the file is known by its path without it.
  const Walked dotted = one("package/./lib/./a.js");
  CHECK(dotted.text().starts_with("tar/path 3 "));
  CHECK(dotted.faults.size() == 1);
  CHECK(dotted.listing.back().inner == "lib/a.js");
  CHECK(dotted.listing.back().path == "package/./lib/./a.js");
  // Beside the same bytes under its plain path it is told twice, and refused never.
  const Walked twin = walk_tar(clean_package().file("package/./b.js", "x").file("package/b.js", "x").tar());
  CHECK(twin.has("tar/duplicate", 1));
  CHECK_FALSE(twin.has("tar/duplicate", 0));
  const Walked other_bytes =
      walk_tar(clean_package().file("package/./b.js", "x").file("package/b.js", "y").tar());
  CHECK(other_bytes.has("tar/duplicate", 0));

  TarBuilder odd = clean_package();
  for (int i = 0; i < 30; ++i) {
    TarHeader h;
    h.name = "package/f" + std::to_string(i);
    h.mode = "000600 ";
    odd.entry(h);
  }
  const Walked modes = walk_tar(odd.tar());
  REQUIRE(modes.faults.size() == 1);
  CHECK(modes.faults[0].tier == 1);
  CHECK(modes.faults[0].message == "the mode is not 0644 or 0755 (and 29 more)");
}

TEST_CASE("limits hold at their edge") {
  TarballLimits limits;
  limits.entries_max = 3;
  TarBuilder three = clean_package().file("package/a", "").file("package/b", "");
  CHECK(walk_tar(three.tar(), limits).faults.empty());
  CHECK(walk_tar(three.file("package/c", "").tar(), limits).has("tar/bomb"));

  limits = {};
  limits.depth_max = 4;
  CHECK(walk_tar(clean_package().file("package/a/b/c", "").tar(), limits).faults.empty());
  CHECK(walk_tar(clean_package().file("package/a/b/c/d", "").tar(), limits).has("tar/bomb"));

  limits = {};
  limits.path_bytes_max = 20;
  CHECK(walk_tar(clean_package().file("package/" + std::string(12, 'a'), "").tar(), limits).faults.empty());
  CHECK(walk_tar(clean_package().file("package/" + std::string(13, 'a'), "").tar(), limits).has("tar/bomb"));

  limits = {};
  limits.unpacked_bytes_max = 1000;
  CHECK(walk_tar(clean_package().file("package/a", std::string(1000, 'a')).tar(), limits).faults.empty());
  CHECK(walk_tar(clean_package().file("package/a", std::string(1001, 'a')).tar(), limits).has("tar/bomb"));
}

TEST_CASE("the list of faults is bounded and says how many there were") {
  TarBuilder t = clean_package();
  for (int i = 0; i < 500; ++i) t.file("package/a\\" + std::to_string(i), "");
  const Walked got = walk_tar(t.tar());
  CHECK(got.faults.size() == 20);
  CHECK(got.faults.back().message.ends_with("(and 480 more)"));
  CHECK_FALSE(got.stopped);
  CHECK(got.listing.size() == 501);
}

TEST_CASE("the second reader's list must be the first's") {
  prepare_text_locale();
  const std::string tar =
      clean_package().file("package/a.js", "abc").file("package/caf\xc3\xa9.js", "d").tar();
  const Listing listing = walk_tar(tar).listing;
  const auto compare = [&](const std::string& bytes, const Listing& claimed) {
    auto scratch = Scratch::create("/tmp");
    REQUIRE(scratch.has_value());
    REQUIRE(scratch->append(as_bytes(bytes)).has_value());
    return compare_second_reading(scratch->descriptor(), claimed);
  };
  CHECK_FALSE(compare(tar, listing));
  Listing wrong = listing;
  wrong[1].path = "package/b.js";
  CHECK(compare(tar, wrong)->rule == "tar/number");
  wrong = listing;
  wrong[1].size = 4;
  CHECK(compare(tar, wrong)->path == "package/a.js");
  wrong = listing;
  wrong[1].directory = true;
  CHECK(compare(tar, wrong)->fatal);
  wrong = listing;
  wrong.pop_back();
  CHECK(compare(tar, wrong));
  wrong = listing;
  wrong.push_back(listing.back());
  CHECK(compare(tar, wrong));
  wrong = listing;
  std::swap(wrong[0], wrong[1]);
  CHECK(compare(tar, wrong));
  CHECK(compare("this is no archive", listing));
  // What lies behind a zero block, a symbolic link, a name of GNU's: it sees them, whatever the first says.
  CHECK(compare(clean_package().unfinished() + std::string(512, '\0') + tar,
                walk_tar(clean_package().tar()).listing));
  TarHeader link;
  link.name = "package/a.js";
  link.type = '2';
  link.linkname = "package.json";
  CHECK(compare(clean_package().entry(link).tar(),
                walk_tar(clean_package().file("package/a.js", "").tar()).listing));
}

TEST_CASE("the scratch file has no name, reads anywhere, and says when its folder is no place") {
  auto scratch = Scratch::create("/tmp");
  REQUIRE(scratch.has_value());
  REQUIRE(scratch->append(as_bytes("hello ")).has_value());
  REQUIRE(scratch->append(as_bytes("world")).has_value());
  CHECK(scratch->size() == 11);
  std::string out(20, '\0');
  const std::span<std::uint8_t> to(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
  CHECK(*scratch->read(6, to) == 5);
  CHECK(out.starts_with("world"));
  CHECK(*scratch->read(100, to) == 0);
  CHECK(Scratch::create("/nowhere/at/all").has_error());
}
