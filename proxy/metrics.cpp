#include "proxy/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

namespace sallyport {
namespace {

// What the routes answer; anything else is counted as 0.
constexpr std::array<int, 33> statuses{0,   200, 201, 202, 204, 206, 302, 303, 304, 307, 400,
                                       401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 413,
                                       415, 416, 417, 422, 429, 500, 501, 502, 503, 504, 505};

std::size_t index_of(int status) {
  const auto found = std::lower_bound(statuses.begin(), statuses.end(), status);
  return found != statuses.end() && *found == status ? static_cast<std::size_t>(found - statuses.begin()) : 0;
}

constexpr std::array<double, 15> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                        0.25,   0.5,   1,      2.5,   5,    10,    30};

std::string_view class_of(const Route& route) {
  const std::string_view pattern = route.pattern;
  const bool read = route.method == Method::get;
  if (pattern == "/:pkg") return read ? "packument" : "publish";
  if (pattern == "/:pkg/-/:file") return "tarball";
  if (pattern == "/:pkg/:version" && read) return "manifest";
  if (pattern.starts_with("/-/stage/package")) return "publish";
  if (pattern.starts_with("/-/stage")) return "stage";
  if (pattern.starts_with("/-/v1/search")) return "search";
  if (pattern.starts_with("/-/npm/v1/security")) return "audit";
  return "other";
}

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Families in the order in which they were begun.
class Page {
 public:
  void begin(std::string name, std::string help, MetricType type) {
    families_.push_back({std::move(name), std::move(help), type, {}});
  }
  void value(double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (families_.back().type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }
  void histogram(ClientMetric metric) { families_.back().metric.push_back(std::move(metric)); }
  void one(std::string name, std::string help, MetricType type, double number) {
    begin(std::move(name), std::move(help), type);
    value(number);
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

double as_number(std::uint64_t value) {
  return static_cast<double>(value);
}

void add_process(Page& page) {
  std::uint64_t all_pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> all_pages >> resident_pages;
  page.one("process_resident_memory_bytes", "Memory that the process holds.", MetricType::Gauge,
           as_number(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  std::error_code ec;
  std::size_t descriptors = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", ec), end; !ec && it != end; it.increment(ec))
    ++descriptors;
  page.one("process_open_fds", "Open file descriptors.", MetricType::Gauge, as_number(descriptors));
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  page.one("process_max_fds", "File descriptors that may be open.", MetricType::Gauge,
           as_number(limit.rlim_cur));
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  page.one("process_cpu_seconds_total", "Time on a processor, of all threads.", MetricType::Counter,
           seconds(used.ru_utime) + seconds(used.ru_stime));
}

void add_cache(Page& page, const PackageCache::Counters& cache) {
  page.begin("sallyport_cache_answers_total", "Reads, by what was asked and whether it was kept here.",
             MetricType::Counter);
  page.value(as_number(cache.packument_hits), {{"what", "packument"}, {"result", "hit"}});
  page.value(as_number(cache.packument_misses), {{"what", "packument"}, {"result", "miss"}});
  page.value(as_number(cache.tarball_hits), {{"what", "tarball"}, {"result", "hit"}});
  page.value(as_number(cache.tarball_misses), {{"what", "tarball"}, {"result", "miss"}});
  page.one("sallyport_cache_stale_total", "Answers older than they should be: an upstream did not answer.",
           MetricType::Counter, as_number(cache.stale_answers));
  page.one("sallyport_cache_evicted_total", "Things that made room in the cache.", MetricType::Counter,
           as_number(cache.evicted));
  page.one("sallyport_cache_memory_bytes", "Memory of prepared documents and hot tarballs.",
           MetricType::Gauge, as_number(cache.memory_bytes));
}

void add_upstreams(Page& page, const std::vector<Metrics::Now::Upstream>& upstreams) {
  using Figures = UpstreamHealth::Figures;
  auto counter = [&](const char* name, const char* help, std::uint64_t Figures::* figure) {
    page.begin(name, help, MetricType::Counter);
    for (const auto& one : upstreams) page.value(as_number(one.figures.*figure), {{"upstream", one.name}});
  };
  counter("sallyport_upstream_requests_total", "Requests to an upstream.", &Figures::requests);
  counter("sallyport_upstream_failures_total", "Those without an answer of use: none, or 5xx.",
          &Figures::failures);
  counter("sallyport_upstream_left_alone_total", "Requests that were not made, since it does not answer.",
          &Figures::left_alone);
  counter("sallyport_upstream_opened_total", "How often it was given up for a while.", &Figures::opened);
  page.begin("sallyport_upstream_down", "1 while it is left alone, since it does not answer.",
             MetricType::Gauge);
  for (const auto& one : upstreams) page.value(one.figures.down ? 1 : 0, {{"upstream", one.name}});
}

void add_feeds(Page& page, const std::vector<FeedFigures>& feeds) {
  using Standing = FeedStatus::Standing;
  page.begin("sallyport_feed_advisories", "Advisories that a feed has about packages of npm.",
             MetricType::Gauge);
  for (const auto& one : feeds) page.value(as_number(one.status.advisories), {{"feed", one.name}});
  page.begin("sallyport_feed_damaged", "Documents of a feed that are no advisories.", MetricType::Gauge);
  for (const auto& one : feeds) page.value(as_number(one.status.damaged), {{"feed", one.name}});
  page.begin("sallyport_feed_age_seconds", "Since a feed was last seen to be what is known of it.",
             MetricType::Gauge);
  for (const auto& one : feeds)
    if (one.status.as_of != Instant())
      page.value(std::chrono::duration<double>(one.now - one.status.as_of).count(), {{"feed", one.name}});
  page.begin("sallyport_feed_outdated", "1 while a feed is stale or unavailable.", MetricType::Gauge);
  for (const auto& one : feeds)
    page.value(one.status.standing == Standing::current ? 0 : 1, {{"feed", one.name}});
  page.begin("sallyport_feed_failures_total", "Times that a feed could not be fetched.", MetricType::Counter);
  for (const auto& one : feeds) page.value(as_number(one.failures), {{"feed", one.name}});
}

}  // namespace

Metrics::Metrics(const RouteTable& routes) {
  static_assert(statuses.size() <= statuses_max && bounds.size() == buckets);
  auto add = [this](std::string method, const Route* route) {
    auto series = std::make_unique<Series>();
    series->method = std::move(method);
    series->pattern = route ? route->pattern : "";
    series->latency = latency_of(route ? class_of(*route) : "other");
    of_route_[route] = series.get();
    series_.push_back(std::move(series));
  };
  add("any", nullptr);
  for (const Route* route : routes.list()) add(std::string(to_text(route->method)), route);
}

Metrics::Latency* Metrics::latency_of(std::string_view name) {
  for (auto& known : latencies_)
    if (known->name == name) return known.get();
  latencies_.push_back(std::make_unique<Latency>());
  latencies_.back()->name = name;
  return latencies_.back().get();
}

void Metrics::observe(const Exchange& exchange, int status, std::uint64_t bytes,
                      std::chrono::microseconds took) {
  const auto found = of_route_.find(exchange.route);  // of the fallback: counted with what has no route
  Series& series = found == of_route_.end() ? *series_.front() : *found->second;
  const bool head = exchange.request.method == Method::head;
  (head ? series.head : series.plain)[index_of(status)].fetch_add(1, relaxed);
  const double seconds = static_cast<double>(took.count()) / 1e6;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  Latency& latency = *series.latency;
  latency.counts[static_cast<std::size_t>(bucket)].fetch_add(1, relaxed);
  latency.microseconds.fetch_add(static_cast<std::uint64_t>(took.count()), relaxed);
  latency.bytes.fetch_add(bytes, relaxed);
}

std::string Metrics::text(const Now& now) const {
  Page page;
  page.begin("sallyport_requests_total", "Requests answered, by route, method and status.",
             MetricType::Counter);
  for (const auto& series : series_)
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      auto add = [&](const Count& count, const std::string& method) {
        if (const std::uint64_t n = count.load(relaxed); n > 0)
          page.value(as_number(n), {{"route", series->pattern},
                                    {"method", method},
                                    {"status", statuses[i] ? std::to_string(statuses[i]) : "other"}});
      };
      add(series->plain[i], series->method);
      add(series->head[i], "HEAD");
    }
  page.begin("sallyport_request_duration_seconds", "From a request's first byte to its answer's last.",
             MetricType::Histogram);
  for (const auto& latency : latencies_) {
    ClientMetric metric;
    metric.label = {{"class", latency->name}};
    for (std::size_t i = 0; i <= buckets; ++i) {
      metric.histogram.sample_count += latency->counts[i].load(relaxed);
      metric.histogram.bucket.push_back(
          {metric.histogram.sample_count, i < buckets ? bounds[i] : std::numeric_limits<double>::infinity()});
    }
    metric.histogram.sample_sum = as_number(latency->microseconds.load(relaxed)) / 1e6;
    page.histogram(std::move(metric));
  }
  page.begin("sallyport_response_bytes_total", "Bytes sent, heads included.", MetricType::Counter);
  for (const auto& latency : latencies_)
    page.value(as_number(latency->bytes.load(relaxed)), {{"class", latency->name}});
  page.begin("sallyport_requests_limited_total", "Requests refused with 429.", MetricType::Counter);
  page.value(as_number(limited_tokens_.load(relaxed)), {{"by", "token"}});
  page.value(as_number(limited_addresses_.load(relaxed)), {{"by", "address"}});

  page.one("sallyport_connections", "Open connections.", MetricType::Gauge, as_number(now.connections));
  page.one("sallyport_requests_in_flight", "Requests that are being answered.", MetricType::Gauge,
           as_number(now.in_flight));
  page.begin("sallyport_pool_jobs", "Jobs that wait or run, by pool.", MetricType::Gauge);
  for (const auto& pool : now.pools) page.value(as_number(pool.queued), {{"pool", pool.name}});
  add_cache(page, now.cache);
  add_upstreams(page, now.upstreams);
  add_feeds(page, now.feeds);

  page.begin("sallyport_releases", "Releases that are held, approved and not yet published, or failed.",
             MetricType::Gauge);
  for (StageState state : {StageState::held, StageState::approved, StageState::failed})
    page.value(as_number(now.releases[static_cast<std::size_t>(state)]),
               {{"state", std::string(to_text(state))}});
  page.begin("sallyport_submissions_total", "Releases that arrived, by what became of them at once.",
             MetricType::Counter);
  for (StageState state : {StageState::blocked, StageState::held, StageState::approved, StageState::published,
                           StageState::failed})
    page.value(as_number(submitted_[static_cast<std::size_t>(state)].load(relaxed)),
               {{"state", std::string(to_text(state))}});
  add_process(page);
  return page.text();
}

}  // namespace sallyport
