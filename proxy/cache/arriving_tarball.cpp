#include "proxy/cache/arriving_tarball.hpp"

#include <algorithm>

namespace sallyport {

asio::awaitable<Result<std::uint64_t>> ArrivingTarball::readable_beyond(std::uint64_t offset) {
  std::optional<Result<std::uint64_t>> answer;
  auto look = [this, offset, &answer] {
    std::lock_guard lock(mutex_);
    if (whole_) {
      if (*whole_)
        answer = length_bytes_;
      else
        answer = whole_->error();
      return true;
    }
    const std::uint64_t last = length_bytes_ - std::min(length_bytes_, held_back_bytes);
    const std::uint64_t readable = std::min(received_bytes_, last);
    if (readable <= offset) return false;
    answer = readable;
    return true;
  };
  co_await bell_.wait_until(look);
  co_return std::move(*answer);
}

Result<std::size_t> ArrivingTarball::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  std::shared_ptr<const Blob> blob;
  {
    std::lock_guard lock(mutex_);
    if (whole_ && *whole_) blob = **whole_;
  }
  if (blob) return blob->read(offset, out);
  std::lock_guard lock(disk_mutex_);
  return staged_->read(offset, out);
}

Result<void> ArrivingTarball::append(Bytes bytes) {
  {
    std::lock_guard lock(disk_mutex_);
    if (auto kept = staged_->append(bytes); !kept) return kept;
  }
  {
    std::lock_guard lock(mutex_);
    received_bytes_ += bytes.size();
  }
  bell_.ring();
  return {};
}

std::uint64_t ArrivingTarball::received_bytes() const {
  std::lock_guard lock(mutex_);
  return received_bytes_;
}

void ArrivingTarball::finish(Result<std::shared_ptr<const Blob>> whole) {
  {
    std::lock_guard lock(mutex_);
    whole_ = std::move(whole);
  }
  bell_.ring();
}

}  // namespace sallyport
