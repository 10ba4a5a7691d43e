#include "proxy/cache/tarball_store.hpp"

#include <algorithm>
#include <vector>

#include "gate/stage_store.hpp"
#include "proxy/cache/packument_store.hpp"
#include "storage/base/json.hpp"
#include "storage/base/log.hpp"

namespace sallyport {
namespace {

constexpr std::size_t read_bytes = 256u << 10;
constexpr std::size_t seen_max = 200'000;
constexpr std::chrono::hours touch_every{1};
constexpr std::uint64_t keep_percent = 90;  // of the room, once there is none left

std::string key_of(const PackageName& name, const PreparedVersion& version) {
  return "t " + name.full() + std::string(1, '\0') + name.tarball_file(version.version);
}
const std::string& promised_by(const PreparedVersion& version) {
  return version.integrity.empty() ? version.shasum : version.integrity;
}
Error not_kept() {
  return fail(ErrorKind::not_found, "This tarball is not kept here.");
}

Result<Sha512> digest_in(std::string_view pin) {
  auto record = parse_strict(pin);
  const json::object* o = record ? record->if_object() : nullptr;
  return o ? sha512_from_hex(string_at(*o, "sha512").value_or("")) : Result<Sha512>(not_kept());
}

Result<bool> is_whole(const Blob& blob, const Sha512& digest) {
  Sha512Hasher hasher;
  std::vector<std::uint8_t> buffer(read_bytes);
  for (std::uint64_t at = 0; at < blob.size();) {
    auto n = blob.read(at, buffer);
    if (!n) return n.error();
    if (*n == 0) return false;
    hasher.update(Bytes(buffer).first(*n));
    at += *n;
  }
  return hasher.finish() == digest;
}

}  // namespace

bool ExpectedDigest::is(const Sha512& sha512, const Sha1& sha1) const {
  return bytes == (by_sha512 ? as_text(sha512.bytes) : as_text(sha1.bytes));
}

Result<ExpectedDigest> expected_digest(const PreparedVersion& version) {
  const Error none = fail(ErrorKind::upstream, "The upstream names no digest for " + version.version +
                                                   " that it could be checked by: it is not served.");
  if (!version.integrity.empty()) {
    auto integrity = parse_integrity(version.integrity);
    if (!integrity || (integrity->algorithm != "sha512" && integrity->algorithm != "sha1")) return none;
    return ExpectedDigest{integrity->algorithm == "sha512", integrity->digest};
  }
  auto sha1 = from_hex(version.shasum);
  if (!sha1 || sha1->size() != Sha1().bytes.size()) return none;
  return ExpectedDigest{false, *sha1};
}

Error wrong_bytes(const PackageName& name, const PreparedVersion& version) {
  return fail(ErrorKind::upstream, "The upstream's tarball " + name.tarball_file(version.version) +
                                       " is not what its packument promises: it is not served.");
}

Result<KeptTarball> TarballStore::open(const PackageName& name, const PreparedVersion& version) {
  if (version.sha512) {
    auto blob = parts_.own.open(*version.sha512);
    if (!blob) return blob.error();
    return KeptTarball{std::move(*blob), *version.sha512};
  }
  auto text = parts_.store.get(Family::upstream, key_of(name, version));
  if (!text) return text.error();
  if (*text) {
    auto record = parse_strict(**text);
    const json::object* o = record ? record->if_object() : nullptr;
    auto digest = o ? sha512_from_hex(string_at(*o, "sha512").value_or("")) : Result<Sha512>(not_kept());
    if (digest) {
      const std::string pinned(string_at(*o, "integrity").value_or(""));
      if (pinned != promised_by(version)) {
        const std::string file = name.tarball_file(version.version);
        log::error(
            "cache.integrity_changed",
            {{"package", name.full()}, {"file", file}, {"pinned", pinned}, {"now", promised_by(version)}});
        return fail(ErrorKind::upstream,
                    "The upstream changed the digest of " + file +
                        " after it was first seen: it is not served. Ask an administrator.");
      }
      auto kept = open_cached(*digest);
      if (kept || kept.error().kind != ErrorKind::not_found) return kept;
    }
  }
  auto released = released_here(name, version);
  if (!released) return released.error();
  if (!*released) return not_kept();
  return std::move(**released);
}

Result<KeptTarball> TarballStore::open_cached(const Sha512& digest) {
  auto blob = parts_.cached.open(digest);
  if (!blob) return blob.error();
  const std::string key(as_text(digest.bytes));
  const Instant now = parts_.clock.now();
  bool seen = false, touch = true;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = seen_.find(key); it != seen_.end()) {
      seen = true;
      touch = now - it->second > touch_every;
    }
  }
  if (!seen) {
    auto whole = is_whole(**blob, digest);
    if (!whole) return whole.error();
    if (!*whole) {
      log::error("cache.corrupt", {{"digest", to_integrity(digest)}});
      if (auto removed = parts_.cached.remove(digest); !removed) return removed.error();
      return not_kept();
    }
  }
  if (touch) {
    if (auto touched = parts_.cached.touch(digest); !touched)
      log::warn("cache.touch", {{"detail", touched.error().detail}});
    std::lock_guard lock(mutex_);
    if (seen_.size() >= seen_max) seen_.clear();
    seen_[key] = now;
  }
  return KeptTarball{std::move(*blob), digest};
}

// Released through the gate to its upstream, perhaps: then the very bytes are here already. A digest alone
// proves nothing, since an upstream may name that of a release which is still under review.
Result<std::optional<KeptTarball>> TarballStore::released_here(const PackageName& name,
                                                               const PreparedVersion& version) {
  auto stage = StageStore(parts_.store).latest_of(name.full(), version.version);
  if (!stage) return stage.error();
  if (!*stage || (*stage)->state != StageState::published) return std::optional<KeptTarball>();
  const Sha512 digest = (*stage)->sha512;
  auto integrity = parse_integrity(version.integrity);
  if (!integrity || integrity->algorithm != "sha512" || integrity->digest != as_text(digest.bytes))
    return std::optional<KeptTarball>();
  auto blob = parts_.own.open(digest);
  if (!blob) return blob.error();
  if (auto pinned = pin(name, version, digest); !pinned) return pinned.error();
  return std::optional<KeptTarball>({std::move(*blob), digest});
}

Result<void> TarballStore::pin(const PackageName& name, const PreparedVersion& version,
                               const Sha512& digest) {
  MetaBatch batch;
  batch.put(Family::upstream, key_of(name, version),
            json::serialize(
                json::object{{"v", 1}, {"sha512", to_hex(digest)}, {"integrity", promised_by(version)}}));
  return parts_.store.write(batch, Durability::relaxed);
}

Result<std::map<std::string, std::string, std::less<>>> TarballStore::known_digests(const PackageName& name) {
  std::map<std::string, std::string, std::less<>> known;
  const std::string all = "t " + name.full() + std::string(1, '\0');
  const std::string before = all + name.tarball_file("");  // "lib-.tgz"
  const std::string_view end = ".tgz";
  auto visit = [&](std::string_view key, std::string_view text) {
    const std::size_t at = before.size() - end.size();
    if (key.size() > before.size() && key.ends_with(end))
      if (auto digest = digest_in(text))
        known.emplace(key.substr(at, key.size() - at - end.size()), to_integrity(*digest));
    return true;
  };
  if (auto read = parts_.store.scan(Family::upstream, all, {}, false, visit); !read) return read.error();
  return known;
}

Result<KeptTarball> TarballStore::keep(const PackageName& name, const PreparedVersion& version,
                                       StagedBlob& staged, const Sha512& digest) {
  const std::uint64_t size = staged.size();
  if (auto done = staged.commit(digest); !done) return done.error();
  {
    std::lock_guard lock(mutex_);
    if (seen_.size() >= seen_max) seen_.clear();
    seen_[std::string(as_text(digest.bytes))] = parts_.clock.now();
  }
  if (auto pinned = pin(name, version, digest); !pinned) return pinned.error();
  auto blob = parts_.cached.open(digest);
  if (!blob) return blob.error();
  make_room(size);
  return KeptTarball{std::move(*blob), digest};
}

// Who reads a blob that goes here reads on to its end.
void TarballStore::make_room(std::uint64_t added) {
  {
    std::lock_guard lock(mutex_);
    if (bytes_) {
      *bytes_ += added;
      if (*bytes_ <= parts_.bytes_max) return;
    }
  }
  std::vector<BlobInfo> all;
  std::uint64_t total = 0;
  auto walked = parts_.cached.walk([&](const BlobInfo& info) {
    total += info.size;
    all.push_back(info);
    return true;
  });
  if (!walked) {
    log::warn("cache.walk", {{"error", walked.error().message}, {"detail", walked.error().detail}});
    return;
  }
  std::uint64_t removed = 0;
  if (total > parts_.bytes_max) {
    std::sort(all.begin(), all.end(),
              [](const BlobInfo& a, const BlobInfo& b) { return a.modified < b.modified; });
    const std::uint64_t until = parts_.bytes_max / 100 * keep_percent;
    for (const BlobInfo& info : all) {
      if (total <= until) break;
      if (auto gone = parts_.cached.remove(info.digest); !gone) {
        log::warn("cache.evict", {{"error", gone.error().message}, {"detail", gone.error().detail}});
        break;
      }
      total -= info.size;
      ++removed;
    }
    log::info("cache.evicted", {{"tarballs", removed}, {"bytes_left", total}});
  }
  std::lock_guard lock(mutex_);
  bytes_ = total;
  evicted_ += removed;
}

Result<std::vector<Sha512>> cached_tarballs_in_use(MetaStore& store) {
  std::vector<Sha512> used;
  std::string name;  // of the package whose tarballs are being visited
  bool wanted = false;
  std::optional<Error> broken;
  auto read = store.scan(Family::upstream, "t ", {}, false, [&](std::string_view key, std::string_view text) {
    const std::string_view of = key.substr(2, key.find('\0') - 2);
    if (of != name) {
      name = of;
      auto packument = PackumentStore(store).has(name);
      if (!packument) broken = packument.error();
      wanted = packument && *packument;
    }
    // A record that cannot be read names no tarball: it is fetched again.
    auto digest = wanted ? digest_in(text) : Result<Sha512>(not_kept());
    if (digest) used.push_back(*digest);
    return !broken;
  });
  if (!read) return read.error();
  if (broken) return *broken;
  return used;
}

Result<void> TarballStore::forget(const PackageName& name) {
  MetaBatch batch;
  auto visit = [&](std::string_view key, std::string_view) {
    batch.remove(Family::upstream, std::string(key));
    return true;
  };
  const std::string all = "t " + name.full() + std::string(1, '\0');
  if (auto read = parts_.store.scan(Family::upstream, all, {}, false, visit); !read) return read.error();
  return parts_.store.write(batch, Durability::relaxed);
}

std::uint64_t TarballStore::evicted() const {
  std::lock_guard lock(mutex_);
  return evicted_;
}

}  // namespace sallyport
