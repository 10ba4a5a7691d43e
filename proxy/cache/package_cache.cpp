#include "proxy/cache/package_cache.hpp"

#include <charconv>

#include "gate/upstream_releases.hpp"
#include "proxy/cache/gzip.hpp"
#include "proxy/hops.hpp"
#include "storage/base/log.hpp"

namespace sallyport {
namespace {

constexpr std::size_t negative_bytes = 256;  // what an entry without documents counts as
constexpr std::uint64_t plain_share = 4;     // a fourth of the documents' room is for plain ones
constexpr int tries_max = 3;                 // of a tarball whose transfer is cut

// What could not be kept is fetched again: no reason to fail.
void note_unkept(const PackageName& name, const Error& error) {
  log::warn("cache.store", {{"package", name.full()}, {"error", error.message}, {"detail", error.detail}});
}
Error no_package(const PackageName& name) {
  return fail(ErrorKind::not_found, "There is no package " + name.full() + " in this registry.");
}
Error offline_and_unknown(const PackageName& name) {
  return fail(ErrorKind::unavailable,
              "This registry is offline and has not kept " + name.full() + ": try again when it is not.");
}
const std::string& promised_by(const PreparedVersion& version) {
  return version.integrity.empty() ? version.shasum : version.integrity;
}
std::string etag_of(const Sha512& digest) {
  return "\"" + to_integrity(digest) + "\"";
}
Sha512 as_sha512(const ExpectedDigest& expected) {
  Sha512 digest;
  std::copy_n(expected.bytes.begin(), std::min(expected.bytes.size(), digest.bytes.size()),
              digest.bytes.begin());
  return digest;
}
std::optional<std::uint64_t> length_of(const TarballStream& stream) {
  const std::string* text = stream.headers().find("Content-Length");
  std::uint64_t length = 0;
  if (text == nullptr) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return length;
}

}  // namespace

PackageCache::PackageCache(PackageCacheParts parts)
    : parts_(std::move(parts)),
      origins_(parts_.store),
      packument_store_(parts_.store),
      tarball_store_({parts_.store, parts_.blobs, parts_.cached, parts_.clock, parts_.limits.disk_bytes_max}),
      fills_(1),
      work_(asio::make_work_guard(fills_)),
      packuments_(fills_.get_executor()),
      tarballs_(fills_.get_executor()),
      unpackings_(fills_.get_executor()),
      memory_(parts_.limits.packument_memory_bytes_max / plain_share * (plain_share - 1)),
      plain_(parts_.limits.packument_memory_bytes_max / plain_share),
      hot_(parts_.limits.tarball_memory_bytes_max),
      started_(parts_.clock.now()),
      thread_([this] { fills_.run(); }) {}

PackageCache::~PackageCache() {
  work_.reset();  // fills end by themselves: the upstream client is stopped already
  thread_.join();
}

// --- what is in memory

std::optional<Result<PackageCache::Found>> PackageCache::fresh(const std::string& name) {
  auto kept = memory_.find(name);
  if (!kept || kept->fresh_until <= parts_.clock.now()) return std::nullopt;
  if (kept->found && kept->found->packument->generation != parts_.restrictions.generation())
    return std::nullopt;
  return std::move(kept->found);
}

std::optional<PackageCache::Found> PackageCache::usable_while_asking(const std::string& name) {
  auto kept = memory_.find(name);
  if (!kept || !kept->found || kept->forgotten || parts_.limits.stale_for == Millis(0)) return std::nullopt;
  const Instant now = parts_.clock.now();
  const PreparedPackument& packument = *kept->found->packument;
  if (packument.generation != parts_.restrictions.generation() || packument.good_until <= now)
    return std::nullopt;
  if (kept->asked <= now - parts_.limits.fresh_for - parts_.limits.stale_for) return std::nullopt;
  return Found{kept->found->packument, true};
}

// Good enough for what a lock file names: of a tarball only its digest and whether it is denied matter.
std::optional<PackageCache::Found> PackageCache::of_any_age(const PackageName& name,
                                                            const std::string& hops) {
  auto kept = memory_.find(name.full());
  if (!kept || !kept->found) return std::nullopt;
  if (kept->found->packument->generation != parts_.restrictions.generation()) return std::nullopt;
  if (kept->asked <= parts_.clock.now() - parts_.limits.tarball_recheck) ask_behind(name, hops);
  return std::move(*kept->found);
}

void PackageCache::remember(const std::string& name, std::uint64_t releases_then, Result<Found> found,
                            Instant asked, Instant fresh_until) {
  const std::uint64_t bytes = found ? found->packument->bytes() : negative_bytes;
  std::lock_guard lock(mutex_);  // with forget()
  if (releases_then != released_) return;
  memory_.put(name, Kept{std::move(found), fresh_until, asked, false}, bytes);
}

std::uint64_t PackageCache::releases() {
  std::lock_guard lock(mutex_);
  return released_;
}

void PackageCache::forget(const PackageName& name) {
  std::lock_guard lock(mutex_);
  ++released_;
  memory_.change(name.full(), [](Kept& kept) {
    kept.fresh_until = Instant::min();
    kept.forgotten = true;
  });
  forgotten_[name.full()] = parts_.clock.now();
}

bool PackageCache::is_fresh(const PackageName& name, const PackumentHead& stored, Instant now) {
  if (stored.fetched <= started_ || stored.fetched + parts_.limits.fresh_for <= now) return false;
  std::lock_guard lock(mutex_);
  const auto since = forgotten_.find(name.full());
  return since == forgotten_.end() || stored.fetched > since->second;
}

PackageCache::Counters PackageCache::counters() const {
  return {packument_hits_,
          packument_misses_,
          tarball_hits_,
          tarball_misses_,
          stale_answers_,
          tarball_store_.evicted(),
          memory_.bytes() + plain_.bytes() + hot_.bytes()};
}

// --- documents

asio::awaitable<Result<PackageCache::Found>> PackageCache::packument(PackageName name, std::string hops) {
  if (auto found = fresh(name.full())) {
    ++packument_hits_;
    if (*found && (*found)->stale) ++stale_answers_;
    co_return std::move(*found);
  }
  if (auto found = usable_while_asking(name.full())) {
    ++packument_hits_;
    ++stale_answers_;
    ask_behind(name, hops);
    co_return std::move(*found);
  }
  ++packument_misses_;
  auto found = co_await ask(name, std::move(hops));
  if (found && found->stale) ++stale_answers_;
  co_return found;
}

asio::awaitable<Result<PackageCache::Plain>> PackageCache::plain(Document document) {
  if (auto kept = plain_.find(document.etag)) co_return std::move(*kept);
  std::string key = document.etag;
  auto text = co_await unpackings_.run(std::move(key), [this, document] { return unpack(document); });
  co_return text;
}

asio::awaitable<Result<PackageCache::Plain>> PackageCache::unpack(Document document) {
  if (auto kept = plain_.find(document.etag)) co_return std::move(*kept);  // unpacked while we queued
  auto work = [&document] { return unpacked(document); };
  auto text = co_await async_run_on(parts_.scan, std::move(work));
  if (!text) co_return text.error();
  auto plain = std::make_shared<const std::string>(std::move(*text));
  plain_.put(document.etag, plain, plain->size());
  co_return plain;
}

// A flight that began before a change of policy is no answer to who asks after it.
asio::awaitable<Result<PackageCache::Found>> PackageCache::fly(
    std::string key, std::function<asio::awaitable<Result<Found>>()> fill_it) {
  const std::uint64_t asked_under = parts_.restrictions.generation();
  for (;;) {
    auto found = co_await packuments_.run(key, fill_it);
    if (!found || found->packument->generation >= asked_under) co_return found;
  }
}

asio::awaitable<Result<PackageCache::Found>> PackageCache::ask(PackageName name, std::string hops) {
  auto found =
      co_await fly(flight_key(name.full(), hops), [this, name, hops] { return fill(name, false, hops); });
  co_return found;
}

void PackageCache::ask_behind(const PackageName& name, const std::string& hops) {
  {
    std::lock_guard lock(mutex_);
    if (!asked_behind_.insert(name.full()).second) return;
  }
  auto work = [this, name, hops]() -> asio::awaitable<void> {
    auto found = co_await ask(name, hops);
    if (!found) log::warn("cache.refresh", {{"package", name.full()}, {"error", found.error().message}});
  };
  asio::co_spawn(fills_, std::move(work), [this, name](const std::exception_ptr&) {
    std::lock_guard lock(mutex_);
    asked_behind_.erase(name.full());
  });
}

asio::awaitable<Result<PackageCache::Found>> PackageCache::known(PackageName name, std::string hops) {
  auto found = co_await fly(flight_key("of any age " + name.full(), hops),
                            [this, name, hops] { return fill(name, true, hops); });
  co_return found;
}

PackumentView PackageCache::view_of(const PackageName& name) const {
  return {parts_.base_url, parts_.clock.now(), parts_.restrictions.of(name)};
}

RegistryUpstream* PackageCache::upstream_of(const PackageName& name) {
  const PackageRule& rule = parts_.packages.rule_for(name);
  return rule.read == "local" ? nullptr : parts_.upstream(rule.read);
}

// Whether what a mirror has of a package was true before what is kept of it.
asio::awaitable<bool> PackageCache::is_behind(const std::string& theirs, const std::string& kept) {
  auto compare = [&] {
    const auto mirror = UpstreamReleases::parse(theirs), here = UpstreamReleases::parse(kept);
    const auto then = mirror ? mirror->time_of("modified") : std::nullopt;
    const auto now = here ? here->time_of("modified") : std::nullopt;
    return now && (!then || *then < *now);
  };
  co_return co_await async_run_on(parts_.scan, std::move(compare));
}

// While what was prepared of it is on its way already. The next fill of that name waits for it.
void PackageCache::keep_behind(const PackageName& name, const PackumentHead& head,
                               std::shared_ptr<const std::string> body) {
  auto work = [this, name, head, body]() -> asio::awaitable<void> {
    auto pack = [&body] { return gzip(*body); };
    std::string packed = co_await async_run_on(parts_.scan, std::move(pack));
    auto keep = [this, &name, &head, &packed] {
      return packument_store_.keep(name, head, std::move(packed));
    };
    auto kept = co_await async_run_on(parts_.disk, std::move(keep));
    if (!kept) note_unkept(name, kept.error());
  };
  being_kept_.insert(name.full());
  asio::co_spawn(fills_, std::move(work), [this, name](const std::exception_ptr&) {
    being_kept_.erase(name.full());
    kept_.ring();
  });
}

asio::awaitable<Result<PreparedPackument>> PackageCache::prepare(PackageName name, std::string body) {
  PackumentView seen = view_of(name);
  if (!seen.conditions.bad_digests->empty()) {
    auto read = [this, &name] { return tarball_store_.known_digests(name); };
    auto known = co_await async_run_on(parts_.disk, std::move(read));
    if (!known) co_return known.error();
    seen.known_digests = std::move(*known);
  }
  auto work = [&name, body = std::move(body), view = std::move(seen)]() mutable {
    return prepare_upstream(name, std::move(body), view);
  };
  auto prepared = co_await async_run_on(parts_.scan, std::move(work));
  co_return prepared;
}

asio::awaitable<Result<PackageCache::Found>> PackageCache::fill(PackageName name, bool any_age,
                                                                std::string hops) {
  // Filled while we queued. That its origin has it no more takes nothing from whose lock file names it.
  if (auto found = fresh(name.full()); found && (*found || !any_age)) co_return std::move(*found);
  const std::uint64_t releases_then = releases();
  // What is local is answered locally and never asked upstream.
  auto read = [this, name]() -> Result<LocalPackage> {
    auto package = parts_.catalog.package(name);
    if (package && parts_.sign)
      if (auto done = parts_.sign(*package); !done) return done.error();
    return package;
  };
  auto local = co_await async_run_on(parts_.disk, std::move(read));
  if (local) {
    auto work = [package = std::move(*local), view = view_of(name)] { return prepare_local(package, view); };
    auto prepared = co_await async_run_on(parts_.scan, std::move(work));
    if (!prepared) co_return prepared.error();
    Found found{std::make_shared<const PreparedPackument>(std::move(*prepared)), false};
    remember(name.full(), releases_then, found, Instant::max(), found.packument->good_until);
    co_return found;
  }
  if (local.error().kind != ErrorKind::not_found) co_return local.error();
  RegistryUpstream* upstream = upstream_of(name);
  if (!upstream) co_return no_package(name);
  auto found = co_await fill_from(name, *upstream, releases_then, any_age, std::move(hops));
  co_return found;
}

// What is kept of a name, which must be that origin's.
Result<std::optional<StoredPackument>> PackageCache::load(const PackageName& name,
                                                          const std::string& origin) {
  auto owner = origins_.of(name);
  if (!owner) return owner.error();
  if (*owner && (*owner)->origin != origin) {
    log::warn("origin.contradiction",
              {{"package", name.full()}, {"belongs_to", (*owner)->origin}, {"read_from", origin}});
    return belongs_elsewhere(name, **owner, origin);
  }
  auto stored = packument_store_.load(name);
  if (!stored || !*stored || !*owner || (*stored)->head.fetched >= (*owner)->since) return stored;
  // Of the origin that it had before: neither its documents nor its digests count here.
  if (auto gone = tarball_store_.forget(name); !gone) return gone.error();
  if (auto gone = packument_store_.remove(name); !gone) return gone.error();
  return std::optional<StoredPackument>();
}

asio::awaitable<Result<PackageCache::Found>> PackageCache::fill_from(PackageName name,
                                                                     RegistryUpstream& upstream,
                                                                     std::uint64_t releases_then,
                                                                     bool any_age, std::string hops) {
  auto is_kept = [this, &name] { return !being_kept_.contains(name.full()); };
  if (!is_kept()) co_await kept_.wait_until(std::move(is_kept));
  auto read = [this, name, origin = upstream.name()] { return load(name, origin); };
  auto stored = co_await async_run_on(parts_.disk, std::move(read));
  if (!stored) co_return stored.error();
  if (any_age && !*stored) {
    auto asked = co_await ask(name, std::move(hops));
    co_return asked;
  }
  const CacheLimits& limits = parts_.limits;
  const Instant now = parts_.clock.now();
  const bool for_another_gateway = !hops.empty();  // whose troubles may be its own: of no concern to others
  std::optional<Error> trouble;                    // why what is stored has to do
  if (!any_age && (!*stored || !is_fresh(name, (*stored)->head, now))) {
    std::string etag = *stored ? (*stored)->head.etag : std::string();
    Result<UpstreamPackument> answer = offline_and_unknown(name);
    std::string from = *stored ? (*stored)->head.from : std::string();
    if (!limits.offline)
      answer = co_await upstream.packument_async(name, std::move(etag), std::move(from), std::move(hops));
    bool behind = false;
    if (answer && answer->status == 200 && answer->from != upstream.name() && *stored)
      behind = co_await is_behind(answer->body, (*stored)->body);
    if (answer && answer->status == 304 && *stored) {
      (*stored)->head.fetched = now;
      auto confirm = [this, name, head = (*stored)->head, origin = upstream.name()]() -> Result<void> {
        if (auto claimed = origins_.claim(name, origin, head.fetched); !claimed) return claimed;
        return packument_store_.confirm(name, head);
      };
      auto kept = co_await async_run_on(parts_.disk, std::move(confirm));
      if (!kept) note_unkept(name, kept.error());
      // The very documents, if they are still in memory and made under what holds now.
      if (auto same = memory_.find(name.full());
          same && same->found && !same->forgotten && same->found->packument->good_until > now &&
          same->found->packument->generation == parts_.restrictions.generation()) {
        Found found{same->found->packument, false};
        remember(name.full(), releases_then, found, now,
                 std::min(found.packument->good_until, now + limits.fresh_for));
        co_return found;
      }
    } else if (behind) {
      trouble = fail(ErrorKind::unavailable, "The mirror " + answer->from + " is behind what is kept here.");
    } else if (answer && answer->status == 200) {
      const PackumentHead head{answer->etag, now, answer->from};
      auto body = std::make_shared<const std::string>(std::move(answer->body));
      auto prepared = co_await prepare(name, *body);
      if (prepared) {
        auto claim = [this, name, now, origin = upstream.name()] {
          return origins_.claim(name, origin, now);
        };
        auto claimed = co_await async_run_on(parts_.disk, std::move(claim));
        if (!claimed) note_unkept(name, claimed.error());
        if (claimed) keep_behind(name, head, std::move(body));
        Found found{std::make_shared<const PreparedPackument>(std::move(*prepared)), false};
        remember(name.full(), releases_then, found, now,
                 std::min(found.packument->good_until, now + limits.fresh_for));
        co_return found;
      }
      trouble = prepared.error();
    } else {
      trouble = answer ? no_package(name) : answer.error();
    }
    // That there is no such package, or no longer, is an answer; everything else leaves what is stored.
    if (trouble && (!*stored || trouble->kind == ErrorKind::not_found)) {
      if (!for_another_gateway) remember(name.full(), releases_then, *trouble, now, now + limits.retry_after);
      co_return *trouble;
    }
    if (trouble && !limits.offline)
      log::warn("cache.stale",
                {{"package", name.full()}, {"error", trouble->message}, {"detail", trouble->detail}});
  }
  const Instant fetched = (*stored)->head.fetched;
  auto prepared = co_await prepare(name, std::move((*stored)->body));
  if (!prepared) co_return prepared.error();
  Found found{std::make_shared<const PreparedPackument>(std::move(*prepared)), trouble.has_value()};
  if (trouble && for_another_gateway) co_return found;
  const Instant fresh_until =
      found.stale ? now + limits.retry_after
                  : (is_fresh(name, {{}, fetched, {}}, now) ? fetched + limits.fresh_for : Instant::min());
  remember(name.full(), releases_then, found, found.stale ? now : fetched,
           std::min(found.packument->good_until, fresh_until));
  co_return found;
}

// --- tarballs

std::optional<PackageCache::Tarball> PackageCache::hot(const std::string& key,
                                                       const PreparedVersion& version) {
  auto kept = hot_.find(key);
  if (!kept || kept->promised != promised_by(version)) return std::nullopt;
  return Tarball{std::move(kept->bytes), std::move(kept->etag)};
}

asio::awaitable<Result<PackageCache::Tarball>> PackageCache::tarball(PackageName name, std::string file,
                                                                     std::string hops) {
  // What is in memory is answered without the detours of what is not.
  auto found = Result<Found>(Found{});
  if (auto in_memory = of_any_age(name, hops)) {
    found = std::move(*in_memory);
  } else {
    found = co_await known(name, hops);
  }
  if (!found) co_return found.error();
  auto version = version_of_file(*found->packument, name, file);
  if (!version && version.error().kind == ErrorKind::not_found && !fresh(name.full())) {
    found = co_await ask(name, hops);
    if (!found) co_return found.error();
    version = version_of_file(*found->packument, name, file);
  }
  if (!version) co_return version.error();
  const std::string key = name.full() + "/" + name.tarball_file((*version)->version);
  auto tarball = Result<Tarball>(Tarball{});
  if (auto in_hand = hot(key, **version)) {
    ++tarball_hits_;
    tarball = std::move(*in_hand);
  } else {
    tarball = co_await tarball_of(name, **version, std::move(hops));
  }
  if (!tarball) co_return tarball;
  tarball->version = (*version)->version;
  if ((*version)->integrity.starts_with("sha512-")) co_return tarball;
  auto allowed = co_await if_allowed(name, **version, tarball->etag);
  if (!allowed) co_return allowed.error();
  co_return tarball;
}

// Of a packument that tells a sha1 alone the sha512 is known only now, and may be what was denied: then the
// documents are made again, with what is known.
asio::awaitable<Result<void>> PackageCache::if_allowed(PackageName name, PreparedVersion version,
                                                       std::string etag) {
  VersionFacts facts;
  facts.version = version.version;
  const std::string integrity = etag.substr(1, etag.size() - 2);
  facts.integrity = integrity;
  facts.own = true;  // all else was judged before
  Seen seen = judge(facts, parts_.restrictions.of(name), parts_.clock.now());
  if (seen.sight != Sight::denied) co_return Result<void>();
  auto digest = parse_integrity(integrity);
  Sha512 sha512;
  if (digest) std::copy_n(digest->digest.begin(), sha512.bytes.size(), sha512.bytes.begin());
  auto pin = [this, &name, &version, &sha512] { return tarball_store_.pin(name, version, sha512); };
  auto pinned = co_await async_run_on(parts_.disk, std::move(pin));
  if (!pinned) note_unkept(name, pinned.error());
  memory_.erase(name.full());
  co_return fail(ErrorKind::forbidden, std::move(seen.why));
}

asio::awaitable<Result<PackageCache::Tarball>> PackageCache::tarball_of(PackageName name,
                                                                        PreparedVersion version,
                                                                        std::string hops) {
  const std::string key = name.full() + "/" + name.tarball_file(version.version);
  auto kept = co_await from_disk(name, version);
  if (kept || kept.error().kind != ErrorKind::not_found || version.sha512) {
    ++tarball_hits_;
    co_return kept;
  }
  ++tarball_misses_;
  if (parts_.limits.offline) co_return offline_and_unknown(name);
  {
    std::lock_guard lock(mutex_);
    if (const auto it = arriving_.find(key); it != arriving_.end()) co_return it->second;
  }
  std::function<asio::awaitable<Result<Tarball>>()> fetch_it = [this, name, version, hops] {
    return fetch(name, version, hops);
  };
  auto fetched = co_await tarballs_.run(flight_key(key, hops), std::move(fetch_it));
  if (fetched) fetched->fetched = true;
  co_return fetched;
}

asio::awaitable<Result<PackageCache::Tarball>> PackageCache::from_disk(PackageName name,
                                                                       PreparedVersion version) {
  auto open = [this, name, version]() -> Result<Tarball> {
    auto kept = tarball_store_.open(name, version);
    if (!kept) return kept.error();
    std::string etag = etag_of(kept->digest);
    const std::uint64_t size = kept->blob->size();
    if (size > parts_.limits.small_tarball_bytes_max) return Tarball{std::move(kept->blob), std::move(etag)};
    auto bytes = std::make_shared<std::string>(size, '\0');
    auto n = kept->blob->read(0, {reinterpret_cast<std::uint8_t*>(bytes->data()), bytes->size()});
    if (!n) return n.error();
    if (*n != size) return fail(ErrorKind::corrupt, "A tarball was cut while it was read: try again.");
    hot_.put(name.full() + "/" + name.tarball_file(version.version), {bytes, promised_by(version), etag},
             size);
    return Tarball{std::shared_ptr<const std::string>(std::move(bytes)), std::move(etag)};
  };
  auto tarball = co_await async_run_on(parts_.disk, std::move(open));
  co_return tarball;
}

asio::awaitable<Result<PackageCache::Tarball>> PackageCache::fetch(PackageName name, PreparedVersion version,
                                                                   std::string hops) {
  RegistryUpstream* upstream = upstream_of(name);
  if (!upstream) co_return no_package(name);
  // Very old packages have a sha1 alone, in either place. What cannot be checked is not served.
  auto expected = expected_digest(version);
  if (!expected) co_return expected.error();
  auto kept_meanwhile = co_await from_disk(name, version);
  if (kept_meanwhile || kept_meanwhile.error().kind != ErrorKind::not_found) co_return kept_meanwhile;

  auto stream = co_await upstream->tarball_async(name, version.url, {}, hops);
  if (!stream) co_return stream.error();
  const auto length = length_of(**stream);
  const Error too_large =
      fail(ErrorKind::upstream, "The upstream's tarball " + name.tarball_file(version.version) +
                                    " is larger than this registry takes.");
  if (length && *length > parts_.limits.tarball_bytes_max) co_return too_large;
  if (length && *length <= parts_.limits.small_tarball_bytes_max) {
    auto small = co_await fetch_small(name, version, *expected, std::move(hops), std::move(*stream));
    co_return small;
  }
  auto begin = [this] { return tarball_store_.begin(); };
  auto staged = co_await async_run_on(parts_.disk, std::move(begin));
  if (!staged) co_return staged.error();
  const bool known_whole = length && expected->by_sha512;
  auto arriving = std::make_shared<ArrivingTarball>(std::move(*staged), known_whole ? *length : ~0ull);
  if (!known_whole) {
    auto whole =
        co_await fetch_large(name, version, *expected, std::move(hops), std::move(*stream), arriving);
    if (!whole) co_return whole.error();
    co_return Tarball{std::move(whole->blob), etag_of(whole->digest)};
  }
  const std::string key = name.full() + "/" + name.tarball_file(version.version);
  const Tarball tarball{arriving, etag_of(as_sha512(*expected))};
  {
    std::lock_guard lock(mutex_);
    arriving_[key] = tarball;
  }
  auto work = [this, name, version, expected = *expected, hops, stream = std::move(*stream), arriving,
               key]() mutable -> asio::awaitable<void> {
    auto whole = co_await fetch_large(name, version, expected, hops, std::move(stream), arriving);
    {
      std::lock_guard lock(mutex_);
      arriving_.erase(key);
    }
    if (whole)
      arriving->finish(std::move(whole->blob));
    else
      arriving->finish(whole.error());
  };
  asio::co_spawn(fills_, std::move(work), [](const std::exception_ptr&) {});
  co_return tarball;
}

asio::awaitable<Result<PackageCache::Tarball>> PackageCache::fetch_small(
    PackageName name, PreparedVersion version, ExpectedDigest expected, std::string hops,
    std::unique_ptr<TarballStream> stream) {
  auto bytes = std::make_shared<std::string>();
  for (int tries = 1;;) {
    auto piece = co_await stream->read_some();
    if (piece && piece->empty()) break;
    if (piece) {
      *bytes += *piece;
      continue;
    }
    if (piece.error().kind != ErrorKind::unavailable || ++tries > tries_max) co_return piece.error();
    bytes->clear();
    auto again = co_await upstream_of(name)->tarball_async(name, version.url, stream->from(), hops);
    if (!again) co_return again.error();
    stream = std::move(*again);
  }
  Sha512 digest{};
  auto check = [&] {
    digest = sha512(as_bytes(*bytes));
    return expected.is(digest, expected.by_sha512 ? Sha1{} : sha1(as_bytes(*bytes)));
  };
  const bool right = co_await async_run_on(parts_.disk, std::move(check));
  if (!right) {
    log::error("cache.wrong_bytes",
               {{"package", name.full()}, {"version", version.version}, {"got", to_integrity(digest)}});
    co_return wrong_bytes(name, version);
  }
  const std::string etag = etag_of(digest);
  std::shared_ptr<const std::string> whole = std::move(bytes);
  hot_.put(name.full() + "/" + name.tarball_file(version.version), {whole, promised_by(version), etag},
           whole->size());
  // Kept while it is already on its way to who waits.
  auto keep = [this, name, version, digest, whole]() -> Result<void> {
    auto staged = tarball_store_.begin();
    if (!staged) return staged.error();
    if (auto added = (*staged)->append(as_bytes(*whole)); !added) return added;
    auto kept = tarball_store_.keep(name, version, **staged, digest);
    if (!kept) return kept.error();
    return {};
  };
  auto work = [this, name, keep = std::move(keep)]() mutable -> asio::awaitable<void> {
    auto kept = co_await async_run_on(parts_.disk, std::move(keep));
    if (!kept) note_unkept(name, kept.error());
  };
  asio::co_spawn(fills_, std::move(work), [](const std::exception_ptr&) {});
  co_return Tarball{std::move(whole), etag};
}

// A transfer that is cut begins again, at a mirror where there is one, and what came already is passed over:
// the digest of the whole tells whether both were of the same bytes.
asio::awaitable<Result<KeptTarball>> PackageCache::fetch_large(PackageName name, PreparedVersion version,
                                                               ExpectedDigest expected, std::string hops,
                                                               std::unique_ptr<TarballStream> stream,
                                                               std::shared_ptr<ArrivingTarball> arriving) {
  Sha1Hasher sha1_hasher;  // the staged blob hashes with sha512 itself
  std::uint64_t passed_over = 0;
  for (int tries = 1;;) {
    auto piece = co_await stream->read_some();
    if (!piece) {
      if (piece.error().kind != ErrorKind::unavailable || ++tries > tries_max) co_return piece.error();
      auto again = co_await upstream_of(name)->tarball_async(name, version.url, stream->from(), hops);
      if (!again) co_return again.error();
      stream = std::move(*again);
      passed_over = 0;
      continue;
    }
    if (piece->empty()) break;
    std::string_view bytes = *piece;
    const std::uint64_t received = arriving->received_bytes();
    const auto skip = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), received - passed_over));
    bytes.remove_prefix(skip);
    passed_over += piece->size();
    if (bytes.empty()) continue;
    const std::uint64_t most = std::min(parts_.limits.tarball_bytes_max, arriving->length_bytes());
    if (received + bytes.size() > most)
      co_return fail(ErrorKind::upstream, "The upstream's tarball " + name.tarball_file(version.version) +
                                              " is larger than this registry takes.");
    auto append = [&] {
      if (!expected.by_sha512) sha1_hasher.update(bytes);
      return arriving->append(as_bytes(bytes));
    };
    auto kept = co_await async_run_on(parts_.disk, std::move(append));
    if (!kept) co_return kept.error();
  }
  auto commit = [&]() -> Result<KeptTarball> {
    const Sha512 digest = arriving->staged().digest();
    if (!expected.is(digest, sha1_hasher.finish())) {
      log::error("cache.wrong_bytes",
                 {{"package", name.full()}, {"version", version.version}, {"got", to_integrity(digest)}});
      return wrong_bytes(name, version);
    }
    return tarball_store_.keep(name, version, arriving->staged(), digest);
  };
  auto kept = co_await async_run_on(parts_.disk, std::move(commit));
  co_return kept;
}

}  // namespace sallyport
