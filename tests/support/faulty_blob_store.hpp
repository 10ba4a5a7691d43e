#pragma once
// A BlobStore that fails when it is told to, over one that does not.

#include "storage/blob_store.hpp"
#include "tests/support/faults.hpp"

namespace sallyport {

class FaultyBlobStore final : public BlobStore {
 public:
  explicit FaultyBlobStore(BlobStore& inner) : inner_(inner), faults_(std::make_shared<Points>()) {}

  Faults& begins() { return faults_->begins; }
  Faults& appends() { return faults_->appends; }
  Faults& commits() { return faults_->commits; }
  Faults& reads() { return faults_->reads; }  // of open blobs and of those being written
  Faults& opens() { return faults_->opens; }

  Result<std::unique_ptr<StagedBlob>> begin() override {
    return faults_->begins.run([&]() -> Result<std::unique_ptr<StagedBlob>> {
      auto inner = inner_.begin();
      if (inner.has_error()) return inner.error();
      return std::unique_ptr<StagedBlob>(std::make_unique<Staged>(std::move(*inner), faults_));
    });
  }
  Result<std::shared_ptr<const Blob>> open(const Sha512& digest) override {
    return faults_->opens.run([&]() -> Result<std::shared_ptr<const Blob>> {
      auto inner = inner_.open(digest);
      if (inner.has_error()) return inner.error();
      return std::shared_ptr<const Blob>(std::make_shared<Opened>(std::move(*inner), faults_));
    });
  }
  Result<void> remove(const Sha512& digest) override { return inner_.remove(digest); }
  Result<void> touch(const Sha512& digest) override { return inner_.touch(digest); }
  Result<bool> remove_older(const Sha512& digest, Instant before) override {
    return inner_.remove_older(digest, before);
  }
  Result<void> walk(const std::function<bool(const BlobInfo&)>& visit) override { return inner_.walk(visit); }

 private:
  struct Points {
    Faults begins, appends, commits, reads, opens;
  };

  class Staged final : public StagedBlob {
   public:
    Staged(std::unique_ptr<StagedBlob> inner, std::shared_ptr<Points> faults)
        : inner_(std::move(inner)), faults_(std::move(faults)) {}
    Result<void> append(Bytes bytes) override {
      return faults_->appends.run([&] { return inner_->append(bytes); });
    }
    std::uint64_t size() const override { return inner_->size(); }
    Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
      return faults_->reads.run([&] { return inner_->read(offset, out); });
    }
    Sha512 digest() override { return inner_->digest(); }
    Result<void> commit(const Sha512& digest) override {
      return faults_->commits.run([&] { return inner_->commit(digest); });
    }

   private:
    std::unique_ptr<StagedBlob> inner_;
    std::shared_ptr<Points> faults_;
  };

  class Opened final : public Blob {
   public:
    Opened(std::shared_ptr<const Blob> inner, std::shared_ptr<Points> faults)
        : inner_(std::move(inner)), faults_(std::move(faults)) {}
    std::uint64_t size() const override { return inner_->size(); }
    Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
      return faults_->reads.run([&] { return inner_->read(offset, out); });
    }

   private:
    std::shared_ptr<const Blob> inner_;
    std::shared_ptr<Points> faults_;
  };

  BlobStore& inner_;
  std::shared_ptr<Points> faults_;
};

}  // namespace sallyport
