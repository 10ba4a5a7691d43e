#pragma once
// The read side: what installs get, from our own store or from the upstream that owns the name, kept here
// once fetched: prepared documents and small tarballs in memory, the upstream's on disk.

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>

#include "gate/catalog.hpp"
#include "gate/executors.hpp"
#include "gate/name_origins.hpp"
#include "gate/package_rules.hpp"
#include "gate/restrictions.hpp"
#include "proxy/cache/arriving_tarball.hpp"
#include "proxy/cache/bell.hpp"
#include "proxy/cache/cache_limits.hpp"
#include "proxy/cache/lru.hpp"
#include "proxy/cache/packument.hpp"
#include "proxy/cache/packument_store.hpp"
#include "proxy/cache/single_flight.hpp"
#include "proxy/cache/tarball_store.hpp"
#include "proxy/upstream/registry_upstream.hpp"
#include "storage/blob_store.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct PackageCacheParts {
  Catalog& catalog;
  MetaStore& store;
  BlobStore& blobs;   // own tarballs
  BlobStore& cached;  // those of upstreams
  const Clock& clock;
  const PackageRules& packages;
  const Restrictions& restrictions;
  WorkPool& disk;
  WorkPool& scan;
  std::function<RegistryUpstream*(std::string_view name)> upstream;
  std::string base_url;
  std::function<Result<void>(LocalPackage&)> sign = {};  // puts our signatures into an own package; blocks
  CacheLimits limits;
};

// Any thread; awaitables resume on the caller's executor. Stop the HttpClient before this.
class PackageCache {
 public:
  explicit PackageCache(PackageCacheParts parts);
  ~PackageCache();

  struct Found {
    std::shared_ptr<const PreparedPackument> packument;
    bool stale = false;  // the upstream does not answer, or is being asked; this is what it said last
  };
  // not_found: neither here nor upstream. unavailable: the upstream does not answer and nothing is kept.
  // forbidden: the name belongs to another origin than the rules say.
  // `hops`: the gateways that the question has passed (proxy/hops).
  asio::awaitable<Result<Found>> packument(PackageName name, std::string hops = {});
  // A document of such a packument before it was gzipped.
  using Plain = std::shared_ptr<const std::string>;
  asio::awaitable<Result<Plain>> plain(Document document);

  // Every byte of the first two matches the packument; of the last all but the end may leave before that.
  using TarballBytes = std::variant<std::shared_ptr<const std::string>, std::shared_ptr<const Blob>,
                                    std::shared_ptr<ArrivingTarball>>;
  struct Tarball {
    TarballBytes bytes;
    std::string etag;
    std::string version = {};
    bool fetched = false;  // from its upstream, just now
  };
  // forbidden: denied. upstream: not what its packument promises, or its integrity has changed since it was
  // first seen.
  asio::awaitable<Result<Tarball>> tarball(PackageName name, std::string file, std::string hops = {});

  // Something was released: what is kept of it is asked for again, and served only where the upstream does
  // not answer.
  void forget(const PackageName& name);

  struct Counters {
    std::uint64_t packument_hits, packument_misses, tarball_hits, tarball_misses, stale_answers, evicted;
    std::uint64_t memory_bytes;
  };
  Counters counters() const;

 private:
  struct Kept {  // in memory
    Result<Found> found = Found{};
    Instant fresh_until;  // then its upstream is asked again
    Instant asked;        // when it was last heard of
    bool forgotten = false;
  };
  struct Hot {
    std::shared_ptr<const std::string> bytes;
    std::string promised, etag;
  };

  // What is in memory.
  std::optional<Result<Found>> fresh(const std::string& name);
  std::optional<Found> usable_while_asking(const std::string& name);
  std::optional<Found> of_any_age(const PackageName& name, const std::string& hops);
  void remember(const std::string& name, std::uint64_t releases, Result<Found> found, Instant asked,
                Instant fresh_until);

  // Documents. fill() runs as a flight, on `fills_`.
  asio::awaitable<Result<Found>> fly(std::string key,
                                     std::function<asio::awaitable<Result<Found>>()> fill_it);
  asio::awaitable<Result<Found>> ask(PackageName name, std::string hops);
  void ask_behind(const PackageName& name, const std::string& hops);
  asio::awaitable<Result<Found>> known(PackageName name, std::string hops);
  asio::awaitable<Result<Found>> fill(PackageName name, bool any_age, std::string hops);
  asio::awaitable<Result<Found>> fill_from(PackageName name, RegistryUpstream& upstream,
                                           std::uint64_t releases, bool any_age, std::string hops);
  Result<std::optional<StoredPackument>> load(const PackageName& name, const std::string& origin);
  asio::awaitable<bool> is_behind(const std::string& theirs, const std::string& kept);
  void keep_behind(const PackageName& name, const PackumentHead& head,
                   std::shared_ptr<const std::string> body);
  asio::awaitable<Result<PreparedPackument>> prepare(PackageName name, std::string body);
  asio::awaitable<Result<Plain>> unpack(Document document);
  PackumentView view_of(const PackageName& name) const;
  bool is_fresh(const PackageName& name, const PackumentHead& stored, Instant now);
  std::uint64_t releases();

  // Tarballs.
  std::optional<Tarball> hot(const std::string& key, const PreparedVersion& version);
  asio::awaitable<Result<Tarball>> tarball_of(PackageName name, PreparedVersion version, std::string hops);
  asio::awaitable<Result<void>> if_allowed(PackageName name, PreparedVersion version, std::string etag);
  asio::awaitable<Result<Tarball>> from_disk(PackageName name, PreparedVersion version);
  asio::awaitable<Result<Tarball>> fetch(PackageName name, PreparedVersion version, std::string hops);
  asio::awaitable<Result<Tarball>> fetch_small(PackageName name, PreparedVersion version,
                                               ExpectedDigest expected, std::string hops,
                                               std::unique_ptr<TarballStream> stream);
  asio::awaitable<Result<KeptTarball>> fetch_large(PackageName name, PreparedVersion version,
                                                   ExpectedDigest expected, std::string hops,
                                                   std::unique_ptr<TarballStream> stream,
                                                   std::shared_ptr<ArrivingTarball> arriving);
  RegistryUpstream* upstream_of(const PackageName& name);

  PackageCacheParts parts_;
  NameOrigins origins_;
  PackumentStore packument_store_;
  TarballStore tarball_store_;
  asio::io_context fills_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  SingleFlight<Found> packuments_;
  SingleFlight<Tarball> tarballs_;
  SingleFlight<Plain> unpackings_;
  std::set<std::string> being_kept_;  // touched on `fills_` alone
  Bell kept_;
  Lru<Kept> memory_;
  Lru<Plain> plain_;  // by ETag
  Lru<Hot> hot_;

  std::mutex mutex_;
  std::uint64_t released_ = 0;  // grows with every forget(): a fill that began before one is not remembered
  const Instant started_;       // what was fetched before may miss what was released just before the end
  std::unordered_map<std::string, Instant> forgotten_;  // what was fetched until then is not fresh
  std::set<std::string> asked_behind_;
  std::map<std::string, Tarball> arriving_;
  std::atomic<std::uint64_t> packument_hits_ = 0, packument_misses_ = 0, tarball_hits_ = 0,
                             tarball_misses_ = 0, stale_answers_ = 0;
  std::thread thread_;
};

}  // namespace sallyport
