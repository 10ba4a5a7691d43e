#pragma once
// A BlobStore without a disk.

#include <map>
#include <mutex>
#include <string>

#include "storage/blob_store.hpp"

namespace sallyport {

class MemoryBlobStore final : public BlobStore {
 public:
  // `clock` dates the blobs; it must outlive the store. None: all are of 1970.
  explicit MemoryBlobStore(const Clock* clock = nullptr);

  Result<std::unique_ptr<StagedBlob>> begin() override;
  Result<std::shared_ptr<const Blob>> open(const Sha512& digest) override;
  Result<void> remove(const Sha512& digest) override;
  Result<void> touch(const Sha512& digest) override;
  Result<bool> remove_older(const Sha512& digest, Instant before) override;
  Result<void> walk(const std::function<bool(const BlobInfo&)>& visit) override;

  // What a damaged disk does: other bytes under that digest.
  void replace(const Sha512& digest, std::string bytes);

  struct Contents;  // shared with the blobs that are open or being written

 private:
  std::shared_ptr<Contents> contents_;
};

}  // namespace sallyport
