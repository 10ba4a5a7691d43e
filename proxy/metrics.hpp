#pragma once
// What the server tells of itself in Prometheus' text format. Counting is atomic additions, without a lock or
// an allocation; everything else is read when somebody asks.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gate/stage.hpp"
#include "proxy/cache/package_cache.hpp"
#include "proxy/handlers/health.hpp"
#include "proxy/http/route.hpp"
#include "proxy/upstream/upstream_health.hpp"

namespace sallyport {

class Metrics {
 public:
  // Knows the routes that stand in the table now.
  explicit Metrics(const RouteTable& routes);

  // Any thread.
  void observe(const Exchange& exchange, int status, std::uint64_t bytes, std::chrono::microseconds took);
  void limited(bool by_token) { (by_token ? limited_tokens_ : limited_addresses_).fetch_add(1, relaxed); }
  void submitted(StageState state) { submitted_[static_cast<std::size_t>(state)].fetch_add(1, relaxed); }

  // Read when asked.
  struct Now {
    std::size_t connections = 0, in_flight = 0;
    struct Pool {
      std::string name;
      std::size_t queued;
    };
    std::vector<Pool> pools;
    struct Upstream {
      std::string name;
      UpstreamHealth::Figures figures;
    };
    std::vector<Upstream> upstreams;
    std::vector<FeedFigures> feeds;
    PackageCache::Counters cache{};
    std::array<std::size_t, 6> releases{};  // by StageState: those that are open
  };
  std::string text(const Now& now) const;

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  static constexpr std::size_t states = 6;
  static constexpr std::size_t statuses_max = 40;
  static constexpr std::size_t buckets = 15;
  using Count = std::atomic<std::uint64_t>;

  struct Latency {
    std::string name;
    std::array<Count, buckets + 1> counts{};
    Count microseconds{0};
    Count bytes{0};
  };
  struct Series {
    std::string method, pattern;
    Latency* latency;
    std::array<Count, statuses_max> plain{}, head{};
  };

  Latency* latency_of(std::string_view name);

  std::vector<std::unique_ptr<Latency>> latencies_;
  std::vector<std::unique_ptr<Series>> series_;  // the first: of no route
  std::unordered_map<const Route*, Series*> of_route_;
  std::array<Count, states> submitted_{};
  Count limited_tokens_{0}, limited_addresses_{0};
};

}  // namespace sallyport
