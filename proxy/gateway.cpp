#include "proxy/gateway.hpp"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <thread>

#include "gate/executors.hpp"
#include "gate/gate.hpp"
#include "gate/own_signatures.hpp"
#include "gate/package_search.hpp"
#include "gate/policy_record.hpp"
#include "gate/pulls.hpp"
#include "gate/restrictions.hpp"
#include "gate/stage_store.hpp"
#include "proxy/cache/package_cache.hpp"
#include "proxy/cache/service_answers.hpp"
#include "proxy/data_folder.hpp"
#include "proxy/descriptors.hpp"
#include "proxy/environment.hpp"
#include "proxy/handlers/access.hpp"
#include "proxy/handlers/account.hpp"
#include "proxy/handlers/audit.hpp"
#include "proxy/handlers/authorize.hpp"
#include "proxy/handlers/health.hpp"
#include "proxy/handlers/otp_challenge.hpp"
#include "proxy/handlers/package.hpp"
#include "proxy/handlers/publish.hpp"
#include "proxy/handlers/refused.hpp"
#include "proxy/handlers/search.hpp"
#include "proxy/handlers/signatures.hpp"
#include "proxy/handlers/stage.hpp"
#include "proxy/handlers/version_status.hpp"
#include "proxy/handlers/web_login.hpp"
#include "proxy/hops.hpp"
#include "proxy/http/error_map.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/http/rate_limit.hpp"
#include "proxy/http/server.hpp"
#include "proxy/http/tls.hpp"
#include "proxy/inspection_rules.hpp"
#include "proxy/metrics.hpp"
#include "proxy/upstream/feed_download.hpp"
#include "proxy/upstream/registry_upstream.hpp"
#include "storage/base/log.hpp"
#include "storage/base/text.hpp"
#include "storage/file_blob_store.hpp"

namespace sallyport {
namespace {

constexpr unsigned disk_threads = 4, desk_threads = 8;
constexpr std::size_t queue_max = 4096;
constexpr std::string_view metrics_path = "/-/metrics";
constexpr int scan_niceness = 5;
constexpr std::chrono::hours pulls_drop_every{6};
constexpr int feed_stale_after = 3;             // intervals without a confirmation
constexpr std::chrono::seconds round_every{5};  // of what is due by the clock or owed upstream

unsigned cores() {
  return std::max(1u, std::thread::hardware_concurrency());
}

// What stands in these is trusted as it is read again: nobody else may write there, or read.
Result<void> make_folder(const std::filesystem::path& path) {
  std::error_code ec;
  std::filesystem::create_directories(path, ec);
  if (!ec) std::filesystem::permissions(path, std::filesystem::perms::owner_all, ec);
  if (ec)
    return fail(ErrorKind::unavailable,
                "The folder " + path.string() + " cannot be made: " + ec.message() + ".");
  return {};
}

}  // namespace

// Advisories, and where they come from if that is a URL.
struct Feed {
  std::string name;  // as the configuration has it
  std::unique_ptr<MalwareFeed> known;
  std::unique_ptr<BlobStore> copies;
  std::unique_ptr<FeedDownload> download;
  bool fetches = true;

  void refresh() {
    known->refresh();
    if (download && fetches) download->fetch_if_due();
  }
};

// Members are made from top to bottom and destroyed from bottom to top: each uses only what stands above it.
struct Gateway::State {
  Config config;
  SystemClock clock;
  SystemRandom random;
  DataFolder data;
  std::shared_ptr<const InspectionRules> rules;
  WorkPool disk{"disk", disk_threads, queue_max};
  WorkPool scan;
  WorkPool desk{"desk", desk_threads, queue_max};
  WorkPool search{"search", 1, queue_max};
  std::vector<std::unique_ptr<HttpClient>> clients;  // one an upstream: none waits for another's connections
  const std::string own_hop = hop_id(random);
  std::map<std::string, std::unique_ptr<RegistryUpstream>, std::less<>> upstreams;
  Feed malware, advisories;
  std::optional<TrustRoot> trust_root;
  std::unique_ptr<Gate> gate;
  std::unique_ptr<Restrictions> restrictions;
  std::unique_ptr<Pulls> pulls;
  std::unique_ptr<OwnSignatures> signatures;
  std::unique_ptr<PackageSearch> own_search;
  std::unique_ptr<PackageCache> cache;
  std::unique_ptr<ServiceAnswers> answers;
  std::unique_ptr<HandlerContext> context;
  std::unique_ptr<FirstAdmin> first_admin;
  std::unique_ptr<AccountContext> accounts;
  WebLogins web_logins{clock, random};
  std::vector<AddressRange> trusted_proxies, metrics_readers;
  RateLimit token_limit, address_limit;
  std::unique_ptr<Metrics> metrics;
  std::atomic<bool> ready{false};
  HttpService service;
  std::unique_ptr<TlsIdentity> tls;
  std::unique_ptr<HttpServer> server;

  std::mutex round_mutex;
  std::condition_variable round_wake;
  bool stopping = false;
  bool stopped = false;
  std::thread rounds, feed_rounds;  // feeds take as long as they take
  Instant pulls_dropped;

  explicit State(Config c)
      : config(std::move(c)),
        scan("scan",
             config.scan_threads ? static_cast<unsigned>(config.scan_threads) : std::max(1u, cores() - 1),
             queue_max, scan_niceness),
        trusted_proxies(Config::ranges(config.trusted_proxies)),
        metrics_readers(Config::ranges(config.metrics_readers)),
        token_limit(config.requests_per_second_per_token, config.requests_burst, random_seed()),
        address_limit(config.requests_per_second_per_address, config.requests_burst, random_seed()) {}

  std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    for (const char c : random_bytes(random, 8)) seed = seed << 8 | static_cast<unsigned char>(c);
    return seed;
  }

  RegistryUpstream* upstream(std::string_view name) {
    auto it = upstreams.find(name);
    return it == upstreams.end() ? nullptr : it->second.get();
  }

  Result<void> open();
  void released(const PackageName& name);
  Result<void> open_upstreams();
  Result<void> load_known();
  Result<Feed> open_feed(std::string name, const std::string& place, std::vector<Denied> denied);
  void refresh_feeds();
  bool is_this_registry(const std::string& origin) const;
  void make_routes(const std::string& base_url);
  asio::awaitable<std::optional<Response>> may_call(Exchange& exchange);
  std::optional<Response> too_many(RateLimit& limit, const std::string& key, bool by_token);
  bool may_measure(const Request& request) const;
  Route metrics_route();
  Metrics::Now measured();
  std::vector<FeedFigures> feed_figures() const;
  void go_rounds();
};

Result<void> Gateway::State::open() {
  auto folder = open_data_folder(config.data, clock, random);
  if (!folder) return folder.error();
  data = std::move(*folder);
  for (const char* inner : {"cache", "scratch"})
    if (auto made = make_folder(std::filesystem::path(config.data) / inner); !made) return made;
  first_admin = std::make_unique<FirstAdmin>(*data.identity, clock, random);
  auto policy = load_policy(config.policy_file, clock.now());
  if (!policy) return policy.error();
  const std::filesystem::path folder_path(config.data);
  auto compiled =
      compile_rules(std::move(*policy), (folder_path / "cache").string(), (folder_path / "scratch").string());
  if (!compiled) return compiled.error();
  rules = std::move(*compiled);
  if (auto told = record_policy(*data.ledger, *rules, config.policy_file); !told) return told;
  if (!config.tls_certificate.empty()) {
    auto shown = TlsIdentity::open(config.tls_certificate, config.tls_key);
    if (!shown) return shown.error();
    tls = std::move(*shown);
  }
  if (auto reached = open_upstreams(); !reached) return reached;

  if (auto known = load_known(); !known) return known;

  auto find_upstream = [this](std::string_view name) -> Upstream* { return upstream(name); };
  auto released = [this](const PackageName& name) { this->released(name); };
  GateParts parts{
      *data.meta,    *data.ledger, *data.blobs, clock, random, rules, PackageRules(config.packages),
      find_upstream, released};
  parts.public_url = config.public_url;
  parts.malware = malware.known.get();
  parts.trust_root = trust_root ? &*trust_root : nullptr;
  gate = std::make_unique<Gate>(std::move(parts));
  auto restricted = Restrictions::open(
      {*data.ledger, *data.meta, gate->packages(), malware.known.get(), advisories.known.get()});
  if (!restricted) return restricted.error();
  restrictions = std::move(*restricted);
  pulls = std::make_unique<Pulls>(*data.meta, clock);
  auto signing = OwnSignatures::open(*data.meta);
  if (!signing) return signing.error();
  signatures = std::move(*signing);
  own_search = std::make_unique<PackageSearch>(gate->catalog());
  return {};
}

// A new version is visible.
void Gateway::State::released(const PackageName& name) {
  if (cache) cache->forget(name);
  if (own_search) own_search->changed(name);
}

// What the operator knows of others: malware, denied packages, and whom provenance is verified against.
Result<void> Gateway::State::load_known() {
  std::vector<Denied> denied;
  for (const std::string& entry : config.deny) {
    auto parsed = Denied::parse(entry);
    if (!parsed) return parsed.error();
    denied.push_back(std::move(*parsed));
  }
  auto of_malware = open_feed("malware_feed", config.malware_feed, std::move(denied));
  if (!of_malware) return of_malware.error();
  malware = std::move(*of_malware);
  auto of_faults = open_feed("advisories", config.advisories, {});
  if (!of_faults) return of_faults.error();
  advisories = std::move(*of_faults);
  if (config.trust_root.empty()) return {};
  auto text = read_file(config.trust_root);
  if (!text) return text.error();
  auto parsed = TrustRoot::parse(*text);
  if (!parsed) return parsed.error();
  trust_root = std::move(*parsed);
  return {};
}

// What a folder has now, or what was kept of a URL: nobody waits here for the network.
Result<Feed> Gateway::State::open_feed(std::string name, const std::string& place,
                                       std::vector<Denied> denied) {
  Feed feed;
  feed.name = std::move(name);
  if (place.find("://") == std::string::npos) {
    feed.known = std::make_unique<MalwareFeed>(place, std::move(denied), clock);
    feed.known->refresh();
    return feed;
  }
  feed.known = MalwareFeed::handed_in(std::move(denied), feed_stale_after * config.feed_interval, clock);
  auto copies = open_file_blob_store(config.data + "/feeds/" + feed.name);
  if (!copies) return copies.error();
  feed.copies = std::move(*copies);
  clients.push_back(std::make_unique<HttpClient>());
  FeedOptions options;
  options.name = feed.name;
  options.url = place;
  options.ca_file = config.feed_ca_file;
  options.every = config.feed_interval;
  feed.download = std::make_unique<FeedDownload>(*clients.back(), std::move(options), *feed.known, *data.meta,
                                                 *feed.copies, clock, random);
  feed.download->load();
  feed.fetches = !config.cache.offline;
  return feed;
}

void Gateway::State::refresh_feeds() {
  const Millis wait = std::min<Millis>(round_every, config.feed_interval / 2);
  for (;;) {
    for (Feed* feed : {&malware, &advisories}) feed->refresh();
    std::unique_lock lock(round_mutex);
    if (round_wake.wait_for(lock, wait, [this] { return stopping; })) return;
  }
}

// npm on this machine may be configured with Sallyport already; asking itself would never end.
bool Gateway::State::is_this_registry(const std::string& origin) const {
  const ListenAddress own = config.listen_address();
  const std::string scheme = config.tls_certificate.empty() ? "http://" : "https://";
  const std::string port = ":" + std::to_string(own.port);
  if (!config.public_url.empty() && (config.public_url + "/").starts_with(origin + "/")) return true;
  if (origin == scheme + own.host + port) return true;
  const bool local_name = origin == scheme + "localhost" + port || origin == scheme + "127.0.0.1" + port ||
                          origin == scheme + "[::1]" + port;
  return local_name && (own.every_address() || own.host == "127.0.0.1" || own.host == "::1");
}

Result<void> Gateway::State::open_upstreams() {
  const auto env = process_environment();
  for (const UpstreamConfig& c : config.upstreams) {
    UpstreamOptions options;
    options.name = c.name;
    options.hop_id = own_hop;
    options.url = c.url;
    options.ca_file = c.ca_file;
    options.proxy = c.proxy;
    options.connect_max = c.connect_timeout;
    options.idle_max = c.timeout;
    auto credential = read_credential(c, env);
    if (!credential) return credential.error();
    options.token = std::move(credential->token);
    options.basic_auth = std::move(credential->basic_auth);
    HttpClientOptions limits;
    limits.connections_max = limits.connections_per_host_max = static_cast<std::size_t>(c.connections_max);
    clients.push_back(std::make_unique<HttpClient>(std::move(limits)));
    auto made = RegistryUpstream::make(*clients.back(), std::move(options));
    if (!made) return made.error();
    if (is_this_registry((*made)->origin()))
      return fail(ErrorKind::invalid, "The upstream " + c.url +
                                          " is this registry itself: name the one behind it with " +
                                          "--upstream URL, or as [upstreams.main] in the configuration.");
    upstreams.emplace(c.name, std::move(*made));
  }
  for (const UpstreamConfig& c : config.upstreams) {
    std::vector<RegistryUpstream*> mirrors;
    for (const std::string& mirror : c.mirrors) mirrors.push_back(upstream(mirror));
    upstream(c.name)->set_mirrors(std::move(mirrors));
  }
  return {};
}

void Gateway::State::make_routes(const std::string& base_url) {
  auto find = [this](std::string_view name) { return upstream(name); };
  auto sign = [this](LocalPackage& package) { return signatures->sign(package); };
  cache = std::make_unique<PackageCache>(PackageCacheParts{.catalog = gate->catalog(),
                                                           .store = *data.meta,
                                                           .blobs = *data.blobs,
                                                           .cached = *data.cached,
                                                           .clock = clock,
                                                           .packages = gate->packages(),
                                                           .restrictions = *restrictions,
                                                           .disk = disk,
                                                           .scan = scan,
                                                           .upstream = find,
                                                           .base_url = base_url,
                                                           .sign = sign,
                                                           .limits = config.cache});
  answers = std::make_unique<ServiceAnswers>(clock);
  accounts = std::make_unique<AccountContext>(
      AccountContext{*data.identity, *first_admin, clock, desk, config.readers == Readers::anybody,
                     config.otp_to_approve == OtpToApprove::required});
  auto require_otp = [this](Exchange& exchange) {
    return sallyport::require_otp(*accounts, exchange, OtpUse::decision);
  };
  context = std::make_unique<HandlerContext>(
      HandlerContext{*gate, disk, scan, desk, base_url, config.publish_body_bytes_max, require_otp,
                     [this](StageState state) { metrics->submitted(state); }});
  auto feeds = [this] { return feed_figures(); };
  for (auto& routes :
       {publish_routes(*context), stage_routes(*context), package_routes(*cache, *pulls, disk),
        audit_routes({gate->catalog(), NameOrigins(*data.meta), gate->packages(), disk, find, *malware.known,
                      *advisories.known}),
        signature_routes({*signatures, gate->catalog(), gate->packages(), *cache, *answers, disk, find}),
        search_routes(
            {*own_search, gate->catalog(), gate->packages(), *cache, *answers, clock, search, find}),
        version_status_routes(*gate, *cache, disk), access_routes(*accounts, *gate, *cache, disk),
        account_routes(*accounts), web_login_routes(*accounts, web_logins, base_url),
        health_routes(ready, *data.meta, disk, feeds), refused_routes()})
    for (const Route& route : routes) service.routes.add(route);
  service.routes.add(metrics_route());
  service.routes.set_fallback(unknown_route());
  metrics = std::make_unique<Metrics>(service.routes);
  service.observe = [this](const Exchange& exchange, int status, std::uint64_t bytes, auto took) {
    metrics->observe(exchange, status, bytes, took);
  };
  service.authorize = [this](Exchange& exchange) { return may_call(exchange); };
}

std::optional<Response> Gateway::State::too_many(RateLimit& limit, const std::string& key, bool by_token) {
  const auto wait = limit.admit(key, std::chrono::steady_clock::now());
  if (!wait) return std::nullopt;
  metrics->limited(by_token);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait).count();
  Response response = refusal(429, std::string("Too many requests with this ") +
                                       (by_token ? "token" : "address") + ": try again in " +
                                       std::to_string(seconds) + (seconds == 1 ? " second." : " seconds."));
  response.header("retry-after", std::to_string(seconds));
  return response;
}

// This machine, and whom the configuration names. What a proxy passes on comes from elsewhere even where the
// proxy stands here and is not among the trusted ones.
bool Gateway::State::may_measure(const Request& request) const {
  if (within(metrics_readers, request.remote)) return true;
  static const std::vector<AddressRange> here = Config::ranges({"127.0.0.0/8", "::1"});
  const bool passed_on = request.headers.count("x-forwarded-for") + request.headers.count("forwarded") +
                             request.headers.count("x-real-ip") + request.headers.count("via") >
                         0;
  return request.local || (!passed_on && within(here, request.remote));
}

Route Gateway::State::metrics_route() {
  Handler handler = [this](Exchange&) -> asio::awaitable<Response> {
    Metrics::Now now = co_await async_run_on(disk, [this] { return measured(); });
    co_return text_response(200, metrics->text(now), "text/plain; version=0.0.4; charset=utf-8");
  };
  return {
      Method::get,        std::string(metrics_path),
      BodyMode::none,     Access::administrator,
      std::move(handler), "figures for Prometheus; from this machine and `metrics.readers` without a token"};
}

std::vector<FeedFigures> Gateway::State::feed_figures() const {
  std::vector<FeedFigures> out;
  for (const Feed* feed : {&malware, &advisories}) {
    const FeedStatus status = feed->known->status();
    if (status.standing == FeedStatus::Standing::none) continue;
    out.push_back({feed->name, status, clock.now(), feed->download ? feed->download->failures() : 0});
  }
  return out;
}

Metrics::Now Gateway::State::measured() {
  Metrics::Now now;
  if (server) {
    now.connections = server->connections();
    now.in_flight = server->in_flight();
  }
  for (const WorkPool* pool : {&disk, &scan, &desk, &search})
    now.pools.push_back({pool->name(), pool->queued()});
  for (const auto& [name, upstream] : upstreams) {
    now.upstreams.push_back({name, upstream->figures()});
  }
  now.feeds = feed_figures();
  now.cache = cache->counters();
  auto read = StageStore(*data.meta).each_open([&](const Stage& stage) {
    ++now.releases[static_cast<std::size_t>(stage.state)];
    return true;
  });
  if (!read) log::warn("metrics.releases", {{"error", read.error().message}});
  return now;
}

// Before a byte of the body is read: who is it, not too often, and may they publish this at all?
asio::awaitable<std::optional<Response>> Gateway::State::may_call(Exchange& exchange) {
  const Request& request = exchange.request;
  const bool measures = exchange.route && exchange.route->pattern == metrics_path;
  if (measures && may_measure(request)) co_return std::nullopt;
  if (const std::string hops = hops_in(request.headers); goes_in_circles(hops, own_hop)) {
    log::warn("upstream.loop",
              {{"target", request.target}, {"from", request.remote}, {"hops", printable(hops)}});
    co_return refusal(
        loop_status,
        "This registry is asked for what it asks others for itself: an administrator has to give "
        "the name one origin (\"read\" in [[packages]]), which does not lead back here.");
  }
  // Behind a trusted proxy that does not say for whom it asks stands everybody.
  if (address_limit.on() && !request.local && !within(trusted_proxies, request.remote))
    if (auto told = too_many(address_limit, address_key(request.remote), false)) co_return told;
  auto refused = co_await authorize(*accounts, exchange);
  if (!refused && token_limit.on() && exchange.principal)
    if (auto told = too_many(token_limit, exchange.principal->credential, true)) co_return told;
  if (refused || !exchange.route || exchange.route->access != Access::publisher) co_return refused;
  auto name = PackageName::parse(exchange.param("pkg"));
  if (!name) co_return error_response(name.error());
  if (auto allowed = gate->may_publish(*exchange.principal, *name); !allowed)
    co_return error_response(allowed.error());
  if (exchange.request.method != Method::put) co_return std::nullopt;  // npm never asks for a code to stage
  auto challenge = co_await sallyport::require_otp(*accounts, exchange, OtpUse::write);
  co_return challenge;
}

// What is due by the clock: holds that ran out, releases still owed to an upstream.
void Gateway::State::go_rounds() {
  for (;;) {
    auto stop = [this] {
      std::lock_guard lock(round_mutex);
      return stopping;
    };
    if (auto done = gate->expire_due(); !done)
      log::error("round.expire", {{"error", done.error().message}, {"detail", done.error().detail}});
    if (auto done = gate->forward_pending(stop); !done)
      log::error("round.forward", {{"error", done.error().message}, {"detail", done.error().detail}});
    if (auto done = pulls->flush(); !done)
      log::error("round.pulls", {{"error", done.error().message}, {"detail", done.error().detail}});
    if (const Instant now = clock.now(); now - pulls_dropped > pulls_drop_every) {
      pulls_dropped = now;
      if (auto done = pulls->drop_before(now - config.pulls_kept_for); !done)
        log::error("round.pulls", {{"error", done.error().message}, {"detail", done.error().detail}});
    }
    if (tls) tls->refresh();
    std::unique_lock lock(round_mutex);
    if (round_wake.wait_for(lock, round_every, [this] { return stopping; })) return;
  }
}

Gateway::Gateway(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gateway::~Gateway() {
  stop();
}

Result<std::unique_ptr<Gateway>> Gateway::open(Config config) {
  auto state = std::make_unique<State>(std::move(config));
  if (auto opened = state->open(); !opened) return opened.error();
  return std::unique_ptr<Gateway>(new Gateway(std::move(state)));
}

Result<std::uint16_t> Gateway::start() {
  State& s = *state_;
  HttpOptions options;
  options.io_threads = s.config.io_threads ? static_cast<unsigned>(s.config.io_threads) : cores();
  options.connections_max = connections_with_room(s.config.connections_max);
  options.stop_deadline = s.config.stop_deadline;
  options.tls = s.tls.get();
  options.trusted_proxies = s.trusted_proxies;
  s.server = std::make_unique<HttpServer>(options, s.service, s.disk, s.clock, s.random);
  const ListenAddress address = s.config.listen_address();
  auto port = s.server->listen(address.host, address.port);
  if (!port) return port;
  s.make_routes(s.config.base_url(*port));
  s.rounds = std::thread([&s] { s.go_rounds(); });
  s.feed_rounds = std::thread([&s] { s.refresh_feeds(); });
  s.server->start();
  s.ready = true;
  return port;
}

void Gateway::stop_serving() {
  State& s = *state_;
  s.ready = false;
  {
    std::lock_guard lock(s.round_mutex);
    s.stopping = true;
  }
  s.round_wake.notify_all();
  if (s.server) s.server->stop();
}

void Gateway::stop() {
  State& s = *state_;
  if (std::exchange(s.stopped, true)) return;
  stop_serving();
  for (auto& client : s.clients) client->stop();  // whoever still waits for an upstream is told so now
  for (std::thread* thread : {&s.rounds, &s.feed_rounds})
    if (thread->joinable()) thread->join();
  if (s.pulls)
    if (auto done = s.pulls->flush(); !done) log::error("stop.pulls", {{"error", done.error().message}});
  s.desk.stop();  // before the cache, which releases tell of
  s.search.stop();
  s.answers.reset();
  s.cache.reset();
  s.scan.stop();
  s.disk.stop();
}

void Gateway::reload_certificate() {
  if (state_->tls) state_->tls->refresh(true);
}

std::optional<std::string> Gateway::offer_first_admin() {
  return state_->first_admin->offer();
}
ConsoleContext Gateway::console() {
  State& s = *state_;
  auto rules = [&s]() -> Result<std::shared_ptr<const InspectionRules>> { return s.rules; };
  auto released = [&s](const PackageName& name) { s.released(name); };
  return {*s.data.identity,
          *s.data.ledger,
          *s.data.meta,
          *s.data.blobs,
          *s.data.cached,
          *s.restrictions,
          *s.pulls,
          s.clock,
          s.data.path,
          s.config.turned_down_kept_for,
          rules,
          released,
          s.config.origins()};
}
void Gateway::make_routes(const std::string& base_url) {
  state_->make_routes(base_url);
}
std::vector<const Route*> Gateway::routes() const {
  return state_->service.routes.list();
}

}  // namespace sallyport
