#include "policies/content/spool.hpp"

#include <algorithm>

namespace sallyport {

Result<void> Spool::append(Bytes bytes) {
  if (!file_ && memory_.size() + bytes.size() > memory_bytes) {
    auto file = Scratch::create(folder_);
    if (!file) return file.error();
    file_.emplace(std::move(*file));
    if (const auto kept = file_->append(memory_); !kept) return kept.error();
    memory_ = {};
  }
  if (!file_)
    memory_.insert(memory_.end(), bytes.begin(), bytes.end());
  else if (const auto kept = file_->append(bytes); !kept)
    return kept.error();
  size_ += bytes.size();
  return {};
}

FileBytes Spool::bytes() const {
  return {size_, [this](std::uint64_t offset, std::span<std::uint8_t> out) -> Result<std::size_t> {
            if (file_) return file_->read(offset, out);
            if (offset >= memory_.size()) return std::size_t{0};
            const std::size_t count = std::min(out.size(), memory_.size() - static_cast<std::size_t>(offset));
            std::copy_n(memory_.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
            return count;
          }};
}

}  // namespace sallyport
