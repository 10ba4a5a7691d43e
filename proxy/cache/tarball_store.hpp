#pragma once
// Tarballs of upstreams on disk, each verified, its integrity pinned when it was first seen; the least
// recently used go where there is no more room. Own tarballs lie elsewhere and are never removed here.
//
// Records, in family `upstream`:
//   t <name> NUL <file>  {v, sha512, integrity}: `integrity` is what the packument promised, for good

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "proxy/cache/packument.hpp"
#include "storage/base/clock.hpp"
#include "storage/blob_store.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct TarballStoreParts {
  MetaStore& store;
  BlobStore& own;     // what was released here
  BlobStore& cached;  // what can be fetched again
  const Clock& clock;
  std::uint64_t bytes_max;  // of cached tarballs on disk
};

struct KeptTarball {
  std::shared_ptr<const Blob> blob;
  Sha512 digest;
};

// All blocking; any thread.
class TarballStore {
 public:
  explicit TarballStore(TarballStoreParts parts) : parts_(parts) {}

  // The tarball that the packument's version names. not_found: to be fetched. upstream: its integrity is not
  // the one that was seen first.
  Result<KeptTarball> open(const PackageName& name, const PreparedVersion& version);

  Result<std::unique_ptr<StagedBlob>> begin() { return parts_.cached.begin(); }
  // Keeps what was verified to be that version's tarball.
  Result<KeptTarball> keep(const PackageName& name, const PreparedVersion& version, StagedBlob& staged,
                           const Sha512& digest);

  // What the bytes of a version turned out to be, whether they are kept or not.
  Result<void> pin(const PackageName& name, const PreparedVersion& version, const Sha512& digest);
  // "sha512-…" by version, of all that were ever fetched.
  Result<std::map<std::string, std::string, std::less<>>> known_digests(const PackageName& name);

  // The integrities that were pinned for a package, which has another origin now.
  Result<void> forget(const PackageName& name);

  std::uint64_t evicted() const;  // since the start

 private:
  Result<KeptTarball> open_cached(const Sha512& digest);
  Result<std::optional<KeptTarball>> released_here(const PackageName& name, const PreparedVersion& version);
  void make_room(std::uint64_t added);

  TarballStoreParts parts_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Instant> seen_;  // digest -> touched; these were read whole since the start
  std::optional<std::uint64_t> bytes_;             // on disk; nothing: not counted yet
  std::uint64_t evicted_ = 0;
};

// The cached tarballs of packages whose packument is kept; the others can never be asked for. Blocking.
Result<std::vector<Sha512>> cached_tarballs_in_use(MetaStore& store);

// What a tarball is held against: a sha512, or for very old packages a sha1. upstream: neither is there.
struct ExpectedDigest {
  bool by_sha512 = true;
  std::string bytes;  // raw
  bool is(const Sha512& sha512, const Sha1& sha1) const;
};
Result<ExpectedDigest> expected_digest(const PreparedVersion& version);
Error wrong_bytes(const PackageName& name, const PreparedVersion& version);

}  // namespace sallyport
