// Times whole inspections with every rule on, as the gate runs them, without a process around each.
//
//   inspection_time CACHE_FOLDER ROUNDS TARBALL...
//
// Prints one JSON object a tarball: medians in milliseconds of wall and CPU time, in all and by step, and by
// how many bytes the process's memory rose at most.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "policies/inspection.hpp"
#include "policies/tarball/header_walk.hpp"
#include "policies/tarball/inflate.hpp"
#include "policies/tarball/second_reader.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/json.hpp"

using namespace sallyport;

namespace {

constexpr std::size_t block_bytes = 256u << 10;

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Step {
  std::vector<double> wall_ms, cpu_ms;
  void time(const std::function<void()>& work) {
    const double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    work();
    wall_ms.push_back((seconds_of(CLOCK_MONOTONIC) - wall) * 1e3);
    cpu_ms.push_back((seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e3);
  }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

struct NoSink final : EntrySink {
  void begin(const TarEntry&) override {}
  void data(Bytes) override {}
  void end(const TarEntry&) override {}
};

template <class Feed>
void in_blocks(const std::string& tarball, const Feed& feed) {
  Bytes rest = as_bytes(tarball);
  while (!rest.empty()) {
    const Bytes block = rest.first(std::min(rest.size(), block_bytes));
    feed(block);
    rest = rest.subspan(block.size());
  }
}

// Of /proc/self/status, in bytes. Writing 5 to clear_refs sets the peak back to what is held now.
std::uint64_t memory(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::stoull(line.substr(line.find(':') + 1)) * 1024;
  return 0;
}

json::object measure(const std::shared_ptr<const InspectionRules>& rules, const std::string& path,
                     int rounds) {
  std::ifstream file(path, std::ios::binary);
  const std::string tarball{std::istreambuf_iterator<char>(file), {}};
  Step digests, archive, feed, finish;
  std::uint64_t rose = 0;
  Report report;
  for (int round = 0; round < rounds; ++round) {
    TarballDigests sums;
    digests.time([&] {
      Sha1Hasher sha1;
      Sha512Hasher sha512;
      in_blocks(tarball, [&](Bytes block) {
        sha1.update(block);
        sha512.update(block);
      });
      sums = {sha1.finish(), sha512.finish()};
    });
    archive.time([&] {
      NoSink sink;
      GzipInflater inflater(rules->policy.limits);
      HeaderWalk walk(rules->policy.limits, sink);
      in_blocks(tarball,
                [&](Bytes block) { inflater.feed(block, [&](Bytes bytes) { return walk.feed(bytes); }); });
      walk.finish();
    });
    std::ofstream("/proc/self/clear_refs") << 5;
    const std::uint64_t before = memory("VmRSS");
    {
      auto inspection = std::make_unique<Inspection>(rules);
      feed.time([&] { in_blocks(tarball, [&](Bytes block) { inspection->feed(block); }); });
      ReleaseContext context;
      context.digests = sums;
      context.now = SystemClock().now();
      finish.time([&] { report = inspection->finish(std::move(context)); });
    }
    rose = std::max(rose, memory("VmHWM") - std::min(memory("VmHWM"), before));
  }
  const auto step = [](const Step& s) {
    return json::object{{"wall_ms", median(s.wall_ms)}, {"cpu_ms", median(s.cpu_ms)}};
  };
  return {{"file", path},
          {"unpacked", report.unpacked_bytes},
          {"verdict", to_text(report.verdict)},
          {"digests", step(digests)},
          {"archive", step(archive)},
          {"feed", step(feed)},
          {"finish", step(finish)},
          {"memory", rose}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: inspection_time CACHE_FOLDER ROUNDS TARBALL...\n");
    return 2;
  }
  prepare_text_locale();
  auto content = ContentRules::build({}, argv[1]);
  if (!content) {
    std::fprintf(stderr, "%s\n", content.error().message.c_str());
    return 1;
  }
  auto rules = std::make_shared<InspectionRules>();
  rules->content = *content;
  rules->scratch_folder = argv[1];
  for (int i = 3; i < argc; ++i)
    std::cout << json::serialize(measure(rules, argv[i], std::atoi(argv[2]))) << std::endl;
}
