#include "proxy/cache/package_cache.hpp"

#include "gate/stage_store.hpp"
#include "storage/base/json.hpp"
#include "storage/base/log.hpp"

namespace sallyport {
namespace {

constexpr std::size_t negative_bytes = 256;  // what an entry without documents counts as

std::string tarball_key(const PackageName& name, const std::string& file) {
  return "t " + name.full() + std::string(1, '\0') + file;
}
// What could not be kept is fetched again: no reason to fail.
void note_unkept(const PackageName& name, const Result<void>& kept) {
  if (!kept)
    log::warn("cache.store",
              {{"package", name.full()}, {"error", kept.error().message}, {"detail", kept.error().detail}});
}
// What a tarball is pinned to.
const std::string& promised_digest(const PreparedVersion& source) {
  return source.integrity.empty() ? source.shasum : source.integrity;
}
Error no_package(const PackageName& name) {
  return fail(ErrorKind::not_found, "There is no package " + name.full() + " in this registry.");
}

}  // namespace

PackageCache::PackageCache(PackageCacheParts parts)
    : parts_(std::move(parts)),
      fills_(1),
      work_(asio::make_work_guard(fills_)),
      packuments_(fills_.get_executor()),
      tarballs_(fills_.get_executor()),
      started_(parts_.clock.now()),
      thread_([this] { fills_.run(); }) {}

PackageCache::~PackageCache() {
  work_.reset();  // fills end by themselves: the upstream client is stopped already
  thread_.join();
}

std::optional<Result<PackageCache::Found>> PackageCache::remembered(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto it = memory_.find(name);
  if (it == memory_.end() || it->second->second.good_until <= parts_.clock.now()) return std::nullopt;
  const Result<Found>& found = it->second->second.found;
  if (found && found->packument->generation != parts_.restrictions.generation()) return std::nullopt;
  order_.splice(order_.begin(), order_, it->second);
  return found;
}

void PackageCache::remember(const std::string& name, std::uint64_t generation, Result<Found> found,
                            Instant good_until) {
  std::lock_guard lock(mutex_);
  if (generation != released_) return;
  auto bytes = [](const Kept& kept) { return kept.found ? kept.found->packument->bytes() : negative_bytes; };
  auto drop = [&](Order::iterator it) {
    memory_bytes_ -= bytes(it->second);
    memory_.erase(it->first);
    order_.erase(it);
  };
  if (auto old = memory_.find(name); old != memory_.end()) drop(old->second);
  order_.emplace_front(name, Kept{std::move(found), good_until});
  memory_[name] = order_.begin();
  memory_bytes_ += bytes(order_.front().second);
  while (memory_bytes_ > parts_.memory_bytes_max && order_.size() > 1) drop(std::prev(order_.end()));
}

void PackageCache::forget(const PackageName& name) {
  std::lock_guard lock(mutex_);
  ++released_;
  auto it = memory_.find(name.full());
  if (it != memory_.end()) it->second->second.good_until = Instant::min();
  forgotten_[name.full()] = parts_.clock.now();
}

PackumentView PackageCache::view_of(const PackageName& name) const {
  return {parts_.base_url, parts_.clock.now(), parts_.restrictions.of(name)};
}

bool PackageCache::is_fresh(const PackageName& name, const Stored& stored, Instant now) {
  if (stored.fetched <= started_ || stored.fetched + parts_.fresh_for <= now) return false;
  std::lock_guard lock(mutex_);
  const auto since = forgotten_.find(name.full());
  return since == forgotten_.end() || stored.fetched > since->second;
}

asio::awaitable<Result<PackageCache::Found>> PackageCache::packument(PackageName name) {
  if (auto known = remembered(name.full())) co_return std::move(*known);
  std::function<asio::awaitable<Result<Found>>()> fill_it = [this, name] { return fill(name); };
  auto found = co_await packuments_.run(name.full(), std::move(fill_it));
  co_return found;
}

asio::awaitable<Result<PackageCache::Found>> PackageCache::fill(PackageName name) {
  if (auto known = remembered(name.full())) co_return std::move(*known);  // filled while we queued
  std::uint64_t generation;
  {
    std::lock_guard lock(mutex_);
    generation = released_;
  }
  // What is local is answered locally and never asked upstream.
  auto read = [this, name]() -> Result<LocalPackage> {
    auto package = parts_.catalog.package(name);
    if (package && parts_.sign)
      if (auto done = parts_.sign(*package); !done) return done.error();
    return package;
  };
  auto local = co_await async_run_on(parts_.disk, std::move(read));
  const PackumentView view = view_of(name);
  if (local) {
    auto prepare = [package = std::move(*local), view] { return prepare_local(package, view); };
    auto prepared = co_await async_run_on(parts_.scan, std::move(prepare));
    if (!prepared) co_return prepared.error();
    Found found{std::make_shared<const PreparedPackument>(std::move(*prepared)), false};
    remember(name.full(), generation, found, Instant::max());
    co_return found;
  }
  if (local.error().kind != ErrorKind::not_found) co_return local.error();
  const PackageRule& rule = parts_.packages.rule_for(name);
  if (rule.read == "local") co_return no_package(name);
  RegistryUpstream* upstream = parts_.upstream(rule.read);
  if (!upstream) co_return no_package(name);
  auto found = co_await fill_from(name, *upstream, generation);
  co_return found;
}

asio::awaitable<Result<PackageCache::Found>> PackageCache::fill_from(PackageName name,
                                                                     RegistryUpstream& upstream,
                                                                     std::uint64_t generation) {
  auto load_it = [this, name] { return load(name); };
  auto stored = co_await async_run_on(parts_.disk, std::move(load_it));
  if (!stored) co_return stored.error();
  const Instant now = parts_.clock.now();
  const PackumentView view = view_of(name);
  std::optional<Error> trouble;  // why what is stored has to do
  if (!*stored || !is_fresh(name, **stored, now)) {
    std::string etag = *stored ? (*stored)->etag : std::string();
    auto answer = co_await upstream.packument_async(name, std::move(etag));
    if (answer && answer->status == 304 && *stored) {
      (*stored)->fetched = now;
      auto keep = [this, name, &stored] { return store(name, **stored); };
      note_unkept(name, co_await async_run_on(parts_.disk, std::move(keep)));
    } else if (answer && answer->status == 200) {
      Stored fresh{answer->etag, now, std::move(answer->body)};
      auto prepare = [&name, &fresh, view] { return prepare_upstream(name, fresh.body, view); };
      auto prepared = co_await async_run_on(parts_.scan, std::move(prepare));
      if (prepared) {
        auto keep = [this, name, &fresh] { return store(name, fresh); };
        note_unkept(name, co_await async_run_on(parts_.disk, std::move(keep)));
        Found found{std::make_shared<const PreparedPackument>(std::move(*prepared)), false};
        remember(name.full(), generation, found,
                 std::min(found.packument->good_until, now + parts_.fresh_for));
        co_return found;
      }
      trouble = prepared.error();
    } else {
      trouble = answer ? no_package(name) : answer.error();
    }
    // That there is no such package, or no longer, is an answer; everything else leaves what is stored.
    if (trouble && (!*stored || trouble->kind == ErrorKind::not_found)) {
      remember(name.full(), generation, *trouble, now + parts_.retry_after);
      co_return *trouble;
    }
    if (trouble)
      log::warn("cache.stale",
                {{"package", name.full()}, {"error", trouble->message}, {"detail", trouble->detail}});
  }
  auto prepare = [&name, &stored, view] { return prepare_upstream(name, (*stored)->body, view); };
  auto prepared = co_await async_run_on(parts_.scan, std::move(prepare));
  if (!prepared) co_return prepared.error();
  Found found{std::make_shared<const PreparedPackument>(std::move(*prepared)), trouble.has_value()};
  const Instant fresh_until = found.stale ? now + parts_.retry_after : (*stored)->fetched + parts_.fresh_for;
  remember(name.full(), generation, found, std::min(found.packument->good_until, fresh_until));
  co_return found;
}

Result<std::optional<PackageCache::Stored>> PackageCache::load(const PackageName& name) {
  auto text = parts_.store.get(Family::upstream, "p " + name.full());
  if (!text) return text.error();
  if (!*text) return std::optional<Stored>();
  const std::size_t line = (*text)->find('\n');
  auto head = parse_strict(std::string_view(**text).substr(0, line));
  if (line == std::string::npos || !head || !head->is_object() || int_at(head->get_object(), "v") != 1)
    return std::optional<Stored>();  // fetched again
  auto fetched = parse_iso8601(string_at(head->get_object(), "fetched").value_or(""));
  Stored stored;
  stored.etag = std::string(string_at(head->get_object(), "etag").value_or(""));
  stored.fetched = fetched ? *fetched : Instant{};
  (*text)->erase(0, line + 1);
  stored.body = std::move(**text);
  return std::optional<Stored>(std::move(stored));
}

Result<void> PackageCache::store(const PackageName& name, const Stored& packument) {
  std::string value = json::serialize(
      json::object{{"v", 1}, {"etag", packument.etag}, {"fetched", to_iso8601(packument.fetched)}});
  value += '\n';
  value += packument.body;
  MetaBatch batch;
  batch.put(Family::upstream, "p " + name.full(), std::move(value));
  return parts_.store.write(batch, Durability::relaxed);
}

asio::awaitable<Result<PackageCache::Tarball>> PackageCache::tarball(PackageName name, std::string file) {
  auto found = co_await packument(name);
  if (!found) co_return found.error();
  auto version = version_of_file(*found->packument, name, file);
  if (!version) co_return version.error();
  const PreparedVersion source = **version;
  auto open = [this, name, file, source] { return open_kept(name, file, source); };
  auto kept = co_await async_run_on(parts_.disk, std::move(open));
  if (kept || kept.error().kind != ErrorKind::not_found || source.sha512) co_return kept;
  std::function<asio::awaitable<Result<Tarball>>()> fetch_it = [this, name, file, source] {
    return fetch(name, file, source);
  };
  auto fetched = co_await tarballs_.run(name.full() + "/" + file, std::move(fetch_it));
  co_return fetched;
}

Result<PackageCache::Tarball> PackageCache::open_blob(const Sha512& digest) {
  auto blob = parts_.blobs.open(digest);
  if (!blob) return blob.error();
  return Tarball{std::move(*blob), digest};
}

// not_found: to be fetched.
Result<PackageCache::Tarball> PackageCache::open_kept(const PackageName& name, const std::string& file,
                                                      const PreparedVersion& source) {
  if (source.sha512) return open_blob(*source.sha512);
  auto text = parts_.store.get(Family::upstream, tarball_key(name, file));
  if (!text) return text.error();
  const std::string& expected = promised_digest(source);
  if (*text) {
    auto record = parse_strict(**text);
    const json::object* o = record ? record->if_object() : nullptr;
    auto digest =
        o ? sha512_from_hex(string_at(*o, "sha512").value_or("")) : Result<Sha512>(no_package(name));
    if (digest) {
      if (string_at(*o, "integrity") != expected) {
        log::error("cache.integrity_changed", {{"package", name.full()},
                                               {"file", file},
                                               {"pinned", string_at(*o, "integrity").value_or("")},
                                               {"now", expected}});
        return fail(ErrorKind::upstream,
                    "The upstream changed the digest of " + file +
                        " after it was first seen: it is not served. Ask an administrator.");
      }
      return open_blob(*digest);
    }
  }
  // Released through the gate, perhaps: then the very bytes are here already. A digest alone proves nothing,
  // since an upstream may name that of a release which is still under review.
  auto stage = StageStore(parts_.store).latest_of(name.full(), source.version);
  if (!stage) return stage.error();
  if (!*stage || (*stage)->state != StageState::published) return no_package(name);
  const Sha512 digest = (*stage)->sha512;
  auto integrity = parse_integrity(source.integrity);
  if (!integrity || integrity->algorithm != "sha512" || integrity->digest != as_text(digest.bytes))
    return no_package(name);
  auto blob = open_blob(digest);
  if (!blob) return blob;
  if (auto pinned = pin(name, file, source, digest); !pinned) return pinned.error();
  return blob;
}

Result<void> PackageCache::pin(const PackageName& name, const std::string& file,
                               const PreparedVersion& source, const Sha512& digest) {
  MetaBatch batch;
  batch.put(Family::upstream, tarball_key(name, file),
            json::serialize(
                json::object{{"v", 1}, {"sha512", to_hex(digest)}, {"integrity", promised_digest(source)}}));
  return parts_.store.write(batch, Durability::relaxed);
}

asio::awaitable<Result<PackageCache::Tarball>> PackageCache::fetch(PackageName name, std::string file,
                                                                   PreparedVersion source) {
  const Error bad = fail(ErrorKind::upstream, "The upstream's tarball " + file +
                                                  " is not what its packument promises: it is not served.");
  const PackageRule& rule = parts_.packages.rule_for(name);
  RegistryUpstream* upstream = parts_.upstream(rule.read);
  if (!upstream) co_return no_package(name);
  // Very old packages have a sha1 alone, in either place. What cannot be checked is not served.
  auto integrity = parse_integrity(source.integrity);
  const bool by_sha512 = integrity && integrity->algorithm == "sha512";
  std::string shasum_expected = source.shasum;
  if (!source.integrity.empty()) {
    if (!integrity || (!by_sha512 && integrity->algorithm != "sha1")) co_return bad;
    shasum_expected = to_hex(as_bytes(integrity->digest));
  }
  if (shasum_expected.empty()) co_return bad;

  auto look = [this, name, file, source] { return open_kept(name, file, source); };
  auto kept_meanwhile = co_await async_run_on(parts_.disk, std::move(look));
  if (kept_meanwhile || kept_meanwhile.error().kind != ErrorKind::not_found) co_return kept_meanwhile;

  auto stream = co_await upstream->tarball_async(name, source.url);
  if (!stream) co_return stream.error();
  auto begin = [this] { return parts_.blobs.begin(); };
  auto staged = co_await async_run_on(parts_.disk, std::move(begin));
  if (!staged) co_return staged.error();
  Sha1Hasher sha1_hasher;  // the staged blob hashes with sha512 itself
  for (;;) {
    auto piece = co_await (*stream)->read_some();
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    if ((*staged)->size() + piece->size() > parts_.tarball_bytes_max)
      co_return fail(ErrorKind::upstream,
                     "The upstream's tarball " + file + " is larger than this registry takes.");
    auto append = [&] {
      if (!by_sha512) sha1_hasher.update(as_bytes(*piece));
      return (*staged)->append(as_bytes(*piece));
    };
    auto kept = co_await async_run_on(parts_.disk, std::move(append));
    if (!kept) co_return kept.error();
  }
  const Sha512 digest = (*staged)->digest();
  if (by_sha512 ? integrity->digest != as_text(digest.bytes)
                : to_hex(sha1_hasher.finish()) != shasum_expected) {
    log::error("cache.wrong_bytes",
               {{"package", name.full()}, {"file", file}, {"got", to_integrity(digest)}});
    co_return bad;
  }
  auto commit = [&]() -> Result<Tarball> {
    if (auto done = (*staged)->commit(digest); !done) return done.error();
    if (auto pinned = pin(name, file, source, digest); !pinned) return pinned.error();
    return open_blob(digest);
  };
  auto blob = co_await async_run_on(parts_.disk, std::move(commit));
  co_return blob;
}

}  // namespace sallyport
