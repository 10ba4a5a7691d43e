#include "tests/support/memory_blob_store.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace sallyport {

namespace {

using Shared = std::shared_ptr<const std::string>;

std::size_t copy_out(const std::string& bytes, std::uint64_t offset, std::span<std::uint8_t> out) {
  if (offset >= bytes.size()) return 0;
  const std::size_t n = std::min<std::size_t>(out.size(), bytes.size() - offset);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
  return n;
}

class MemoryBlob final : public Blob {
 public:
  explicit MemoryBlob(Shared bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_->size(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return copy_out(*bytes_, offset, out);
  }

 private:
  Shared bytes_;
};

}  // namespace

struct MemoryBlobStore::Contents {
  struct Stored {
    Shared bytes;
    Instant modified;
  };
  const Clock* clock = nullptr;
  std::mutex mutex;
  std::map<Sha512, Stored> blobs;
};

namespace {

class StagedMemory final : public StagedBlob {
 public:
  explicit StagedMemory(std::shared_ptr<MemoryBlobStore::Contents> contents)
      : contents_(std::move(contents)) {}
  Result<void> append(Bytes bytes) override {
    if (spent_ || digest_) return used_after_end();
    bytes_ += as_text(bytes);
    return {};
  }
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return copy_out(bytes_, offset, out);
  }
  Sha512 digest() override {
    if (!digest_) digest_ = sha512(as_bytes(bytes_));
    return *digest_;
  }
  Result<void> commit(const Sha512& named) override {
    if (spent_) return used_after_end();
    spent_ = true;
    if (digest() != named) return fail(ErrorKind::corrupt, "the bytes are not those of the digest");
    const std::lock_guard lock(contents_->mutex);
    const Instant now = contents_->clock != nullptr ? contents_->clock->now() : Instant();
    contents_->blobs.try_emplace(named, std::make_shared<const std::string>(bytes_), now)
        .first->second.modified = now;
    return {};
  }

 private:
  static Error used_after_end() { return fail(ErrorKind::internal, "a staged blob was used after its end"); }
  std::shared_ptr<MemoryBlobStore::Contents> contents_;
  std::string bytes_;
  std::optional<Sha512> digest_;
  bool spent_ = false;
};

}  // namespace

MemoryBlobStore::MemoryBlobStore(const Clock* clock) : contents_(std::make_shared<Contents>()) {
  contents_->clock = clock;
}

Result<std::unique_ptr<StagedBlob>> MemoryBlobStore::begin() {
  return std::unique_ptr<StagedBlob>(std::make_unique<StagedMemory>(contents_));
}

Result<std::shared_ptr<const Blob>> MemoryBlobStore::open(const Sha512& digest) {
  const std::lock_guard lock(contents_->mutex);
  const auto it = contents_->blobs.find(digest);
  if (it == contents_->blobs.end()) return fail(ErrorKind::not_found, "there are no such bytes here");
  return std::shared_ptr<const Blob>(std::make_shared<MemoryBlob>(it->second.bytes));
}

Result<void> MemoryBlobStore::remove(const Sha512& digest) {
  const std::lock_guard lock(contents_->mutex);
  contents_->blobs.erase(digest);
  return {};
}

Result<void> MemoryBlobStore::touch(const Sha512& digest) {
  const std::lock_guard lock(contents_->mutex);
  const auto it = contents_->blobs.find(digest);
  if (it != contents_->blobs.end() && contents_->clock != nullptr)
    it->second.modified = contents_->clock->now();
  return {};
}

Result<bool> MemoryBlobStore::remove_older(const Sha512& digest, Instant before) {
  const std::lock_guard lock(contents_->mutex);
  const auto it = contents_->blobs.find(digest);
  if (it == contents_->blobs.end() || it->second.modified >= before) return false;
  contents_->blobs.erase(it);
  return true;
}

void MemoryBlobStore::replace(const Sha512& digest, std::string bytes) {
  const std::lock_guard lock(contents_->mutex);
  contents_->blobs.at(digest).bytes = std::make_shared<const std::string>(std::move(bytes));
}

Result<void> MemoryBlobStore::walk(const std::function<bool(const BlobInfo&)>& visit) {
  std::vector<BlobInfo> found;
  {
    const std::lock_guard lock(contents_->mutex);
    for (const auto& [digest, stored] : contents_->blobs) {
      found.push_back({digest, stored.bytes->size(), stored.modified});
    }
  }
  for (const BlobInfo& info : found) {
    if (!visit(info)) break;
  }
  return {};
}

}  // namespace sallyport
