// For tests that compare readers of tarballs, and measure ours:
//   tar_listing --write FOLDER     writes the hostile and clean archives and index.json ([{file, rule}])
//   tar_listing TARBALL...         one JSON line each: {"file", "accepted", "faults", "entries": [[path,
//   size, sha256]]} tar_listing --time TARBALL     milliseconds of each step, best of five

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>

#include "policies/tarball/header_walk.hpp"
#include "policies/tarball/inflate.hpp"
#include "policies/tarball/scratch.hpp"
#include "policies/tarball/second_reader.hpp"
#include "tests/support/hostile_archives.hpp"

using namespace sallyport;

namespace {

constexpr std::size_t piece_bytes = 256u << 10;  // as the gate feeds them

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_archives(const std::string& folder) {
  boost::json::array index;
  for (const auto& archives : {hostile_archives(), clean_archives()}) {
    for (const HostileArchive& archive : archives) {
      const std::string file = archive.name + ".tgz";
      std::ofstream(folder + "/" + file, std::ios::binary) << archive.tgz;
      index.push_back(boost::json::object{{"file", file}, {"rule", archive.rule}});
    }
  }
  std::ofstream(folder + "/index.json") << boost::json::serialize(index);
}

struct Discard final : EntrySink {
  void begin(const TarEntry&) override {}
  void data(Bytes) override {}
  void end(const TarEntry&) override {}
};

struct Reading {
  Listing listing;
  std::vector<TarFault> faults;
};

template <class Visit>
bool each_piece(GzipInflater& inflater, std::string_view tgz, Visit visit) {
  for (std::size_t at = 0; at < tgz.size(); at += piece_bytes) {
    if (!inflater.feed(as_bytes(tgz.substr(at, piece_bytes)), visit)) return false;
  }
  return inflater.finish();
}

Reading read(std::string_view tgz) {
  auto scratch = Scratch::create("/tmp");
  GzipInflater inflater;
  Discard sink;
  HeaderWalk walk({}, sink);
  const bool whole = each_piece(inflater, tgz, [&](Bytes tar) {
    return scratch.has_value() && scratch->append(tar).has_value() && walk.feed(tar);
  });
  if (whole) walk.finish();
  Reading result{walk.listing(), walk.faults()};
  if (inflater.fault()) result.faults.push_back(*inflater.fault());
  if (whole && !walk.stopped()) {
    if (auto fault = compare_second_reading(scratch->descriptor(), walk.listing()))
      result.faults.push_back(*fault);
  }
  return result;
}

boost::json::object described(const std::string& path) {
  const Reading reading = read(read_whole(path));
  boost::json::array faults, entries;
  bool refused = false;
  for (const TarFault& fault : reading.faults) {
    refused |= fault.tier == 0;
    faults.push_back(boost::json::array{fault.rule, fault.tier, fault.message});
  }
  for (const TarEntry& entry : reading.listing) {
    if (!entry.directory) entries.push_back(boost::json::array{entry.path, entry.size, to_hex(entry.digest)});
  }
  return {{"file", path}, {"accepted", !refused}, {"faults", faults}, {"entries", entries}};
}

double best_ms(const std::function<void()>& step) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    step();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return best;
}

void print_times(const std::string& path) {
  const std::string tgz = read_whole(path);
  std::string tar;
  const double inflate = best_ms([&] {
    GzipInflater inflater;
    each_piece(inflater, tgz, [](Bytes) { return true; });
  });
  GzipInflater keep;
  each_piece(keep, tgz, [&](Bytes b) {
    tar += as_text(b);
    return true;
  });
  const double walk = best_ms([&] {
    Discard sink;
    HeaderWalk w({}, sink);
    for (std::size_t at = 0; at < tar.size(); at += piece_bytes / 2) {
      w.feed(as_bytes(std::string_view(tar).substr(at, piece_bytes / 2)));
    }
    w.finish();
  });
  const double scratch = best_ms([&] {
    auto s = Scratch::create("/tmp");
    for (std::size_t at = 0; at < tar.size(); at += piece_bytes / 2) {
      (void)s->append(as_bytes(std::string_view(tar).substr(at, piece_bytes / 2)));
    }
  });
  auto s = Scratch::create("/tmp");
  (void)s->append(as_bytes(tar));
  const Listing listing = read(tgz).listing;
  const double second = best_ms([&] { compare_second_reading(s->descriptor(), listing); });
  const double digests = best_ms([&] {
    Sha1Hasher one;
    Sha512Hasher two;
    one.update(tgz);
    two.update(tgz);
    one.finish();
    two.finish();
  });
  const double all = best_ms([&] { read(tgz); });
  std::printf(
      "{\"tgz_bytes\": %zu, \"tar_bytes\": %zu, \"inflate_ms\": %.1f, \"walk_and_sha256_ms\": %.1f, "
      "\"scratch_ms\": %.1f, \"second_reader_ms\": %.1f, \"sha1_and_sha512_ms\": %.1f, "
      "\"all_but_digests_ms\": %.1f}\n",
      tgz.size(), tar.size(), inflate, walk, scratch, second, digests, all);
}

}  // namespace

int main(int argc, char** argv) {
  prepare_text_locale();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "--write") {
    write_archives(arguments[1]);
  } else if (arguments.size() == 2 && arguments[0] == "--time") {
    print_times(arguments[1]);
  } else {
    for (const std::string& path : arguments) std::cout << boost::json::serialize(described(path)) << "\n";
  }
}
