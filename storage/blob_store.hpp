#pragma once
// Blobs: immutable bytes named by their sha512. Knows nothing of npm.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// An open blob, for reading; positional, any thread.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual std::uint64_t size() const = 0;
  // Fills as much of `out` as the blob has from `offset` on; 0 at its end.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
  // The open file that it is, from its first byte, for the kernel to send; -1: none. The blob keeps it.
  virtual int file() const { return -1; }
};

// A blob being written. Destroyed without commit(), it leaves nothing behind. One thread at a time.
class StagedBlob {
 public:
  virtual ~StagedBlob() = default;
  virtual Result<void> append(Bytes bytes) = 0;
  virtual std::uint64_t size() const = 0;
  // What was appended so far can be read back before commit.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
  // The sha512 of what was appended, which ends it: nothing is appended after.
  virtual Sha512 digest() = 0;
  // Bytes on disk, linked under `digest`, the folder synced; at most once. `digest` must be the sha512 of
  // what was appended: the writer hashes what it appends and refuses another (corrupt).
  virtual Result<void> commit(const Sha512& digest) = 0;
};

struct BlobInfo {
  Sha512 digest;
  std::uint64_t size;
  Instant modified;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::unique_ptr<StagedBlob>> begin() = 0;
  virtual Result<std::shared_ptr<const Blob>> open(const Sha512& digest) = 0;  // not_found
  virtual Result<void> remove(const Sha512& digest) = 0;                       // absent is fine
  virtual Result<void> touch(const Sha512& digest) = 0;  // `modified` is now; absent is fine
  // Removes what was neither committed nor touched since `before`; false: it stayed, or is absent. A commit
  // of bytes that are there already dates them now, and nothing removes them in between.
  virtual Result<bool> remove_older(const Sha512& digest, Instant before) = 0;
  virtual Result<void> walk(const std::function<bool(const BlobInfo&)>& visit) = 0;
};

}  // namespace sallyport
