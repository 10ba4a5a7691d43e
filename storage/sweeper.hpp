#pragma once
// Removes blobs that nothing refers to. What may be referred to is said by the rooms that own the records;
// here is only what makes a removal safe beside a writer: a blob goes when it has been neither committed nor
// touched since a moment long past, so that one whose record is still on its way stays.

#include <cstdint>
#include <functional>
#include <vector>

#include "storage/blob_store.hpp"

namespace sallyport {

struct Sweep {
  std::vector<Sha512> used;  // in any order, as of a moment after `before`
  Instant before;
  bool dry_run = false;
  // Called for each blob that goes, or with dry_run would go.
  std::function<void(const BlobInfo&)> found = [](const BlobInfo&) {};
  // `all` is a guess. False: stop, which is no error.
  std::function<bool(std::size_t done, std::size_t all)> progress = [](std::size_t, std::size_t) {
    return true;
  };
};

struct Swept {
  std::uint64_t blobs = 0, bytes = 0;  // removed, or with dry_run to be removed
  std::vector<Sha512> missing;         // used, and not there
  bool stopped = false;
};

// Blocking; beside any writer. Killed at any moment it leaves whole blobs only.
Result<Swept> sweep(BlobStore& blobs, Sweep sweep);

}  // namespace sallyport
