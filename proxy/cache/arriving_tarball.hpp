#pragma once
// A tarball on its way from its upstream to the disk and to everybody who waits for it. Who reads it as it
// arrives gets all but its end, and that once the digest of the whole has matched: no complete tarball that
// was not verified ever leaves.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "proxy/cache/bell.hpp"
#include "storage/base/result.hpp"
#include "storage/blob_store.hpp"

namespace sallyport {

// Written by one, read by many. Any thread.
class ArrivingTarball {
 public:
  static constexpr std::uint64_t held_back_bytes = 64u << 10;

  ArrivingTarball(std::unique_ptr<StagedBlob> staged, std::uint64_t length_bytes)
      : length_bytes_(length_bytes), staged_(std::move(staged)) {}

  std::uint64_t length_bytes() const { return length_bytes_; }

  // For readers. How far it may be read, more than `offset`; an error where the rest will never come.
  asio::awaitable<Result<std::uint64_t>> readable_beyond(std::uint64_t offset);
  // Blocks (the disk); within what is readable.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const;

  // For the writer. append() blocks.
  Result<void> append(Bytes bytes);
  std::uint64_t received_bytes() const;
  StagedBlob& staged() { return *staged_; }  // once nothing is appended any more
  void finish(Result<std::shared_ptr<const Blob>> whole);

 private:
  const std::uint64_t length_bytes_;
  mutable std::mutex disk_mutex_;  // of the staged blob
  mutable std::mutex mutex_;
  std::unique_ptr<StagedBlob> staged_;
  std::uint64_t received_bytes_ = 0;
  std::optional<Result<std::shared_ptr<const Blob>>> whole_;
  Bell bell_;
};

}  // namespace sallyport
