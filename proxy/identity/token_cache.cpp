#include "proxy/identity/token_cache.hpp"

namespace sallyport {

std::optional<CheckedToken> TokenCache::find(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(digest);
  if (found == index_.end()) return {};
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

void TokenCache::keep(std::uint64_t generation, const std::string& digest, CheckedToken token) {
  const std::lock_guard lock(mutex_);
  if (generation != generation_ || index_.contains(digest)) return;
  recent_.emplace_front(digest, std::move(token));
  index_.emplace(digest, recent_.begin());
  if (recent_.size() <= entries_max_) return;
  index_.erase(recent_.back().first);
  recent_.pop_back();
}

std::uint64_t TokenCache::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

void TokenCache::forget() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  index_.clear();
  recent_.clear();
}

}  // namespace sallyport
