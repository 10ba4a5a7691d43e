#pragma once
// The read side: what installs get, from our own store or from the upstream that owns the name, kept here
// once fetched.
//
// Records, in family `upstream` (all can be fetched again):
//   p <name>             one line of JSON {v, etag, fetched}, then the packument as the upstream sent it
//   t <name> NUL <file>  {v, sha512, integrity}: a tarball that was verified; its integrity is pinned

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "gate/catalog.hpp"
#include "gate/executors.hpp"
#include "gate/package_rules.hpp"
#include "gate/restrictions.hpp"
#include "proxy/cache/packument.hpp"
#include "proxy/cache/single_flight.hpp"
#include "proxy/upstream/registry_upstream.hpp"
#include "storage/blob_store.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct PackageCacheParts {
  Catalog& catalog;
  MetaStore& store;
  BlobStore& blobs;
  const Clock& clock;
  const PackageRules& packages;
  const Restrictions& restrictions;
  WorkPool& disk;
  WorkPool& scan;
  std::function<RegistryUpstream*(std::string_view name)> upstream;
  std::string base_url;
  std::function<Result<void>(LocalPackage&)> sign = {};  // puts our signatures into an own package; blocks
  Millis fresh_for{60'000};    // an upstream's packument is used without asking again
  Millis retry_after{10'000};  // an upstream that did not answer, or had no such package, is left alone
  std::uint64_t memory_bytes_max = 64u << 20;  // of prepared documents
  std::uint64_t tarball_bytes_max = 512u << 20;
};

// Any thread; awaitables resume on the caller's executor. Stop the HttpClient before this.
class PackageCache {
 public:
  explicit PackageCache(PackageCacheParts parts);
  ~PackageCache();

  struct Found {
    std::shared_ptr<const PreparedPackument> packument;
    bool stale = false;  // the upstream does not answer; this is what it said last
  };
  // not_found: neither here nor upstream. unavailable: the upstream does not answer and nothing is kept.
  asio::awaitable<Result<Found>> packument(PackageName name);
  struct Tarball {
    std::shared_ptr<const Blob> blob;
    Sha512 digest;
  };
  // A tarball whose every byte matches its packument. upstream: it does not, or its integrity has changed
  // since it was first seen.
  asio::awaitable<Result<Tarball>> tarball(PackageName name, std::string file);

  // Something was released: what is kept of it is asked for again, and served only where the upstream does
  // not answer.
  void forget(const PackageName& name);

 private:
  struct Kept {  // in memory
    Result<Found> found = Found{};
    Instant good_until;
  };
  struct Stored {  // on disk
    std::string etag;
    Instant fetched;
    std::string body;
  };
  std::optional<Result<Found>> remembered(const std::string& name);
  void remember(const std::string& name, std::uint64_t generation, Result<Found> found, Instant good_until);

  PackumentView view_of(const PackageName& name) const;
  bool is_fresh(const PackageName& name, const Stored& stored, Instant now);

  asio::awaitable<Result<Found>> fill(PackageName name);
  asio::awaitable<Result<Found>> fill_from(PackageName name, RegistryUpstream& upstream,
                                           std::uint64_t generation);
  asio::awaitable<Result<Tarball>> fetch(PackageName name, std::string file, PreparedVersion source);
  Result<std::optional<Stored>> load(const PackageName& name);
  Result<void> store(const PackageName& name, const Stored& packument);
  Result<Tarball> open_blob(const Sha512& digest);
  Result<void> pin(const PackageName& name, const std::string& file, const PreparedVersion& source,
                   const Sha512& digest);
  Result<Tarball> open_kept(const PackageName& name, const std::string& file, const PreparedVersion& source);

  PackageCacheParts parts_;
  asio::io_context fills_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  SingleFlight<Found> packuments_;
  SingleFlight<Tarball> tarballs_;

  std::mutex mutex_;
  using Order = std::list<std::pair<std::string, Kept>>;
  Order order_;  // most recently used first
  std::unordered_map<std::string, Order::iterator> memory_;
  std::uint64_t memory_bytes_ = 0;
  std::uint64_t released_ = 0;  // grows with every forget(): a fill that began before one is not remembered
  const Instant started_;       // what was fetched before may miss what was released just before the end
  std::unordered_map<std::string, Instant> forgotten_;  // what was fetched until then is not fresh
  std::thread thread_;
};

}  // namespace sallyport
