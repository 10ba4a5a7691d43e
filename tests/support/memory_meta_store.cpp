#include "tests/support/memory_meta_store.hpp"

#include <algorithm>

namespace sallyport {

Result<std::optional<std::string>> MemoryMetaStore::get(Family family, std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto& values = families_.at(static_cast<std::size_t>(family));
  const auto it = values.find(key);
  return it == values.end() ? std::optional<std::string>() : std::optional(it->second);
}

// Visits a copy, so that the visitor may call the store, as it may with the real one.
Result<void> MemoryMetaStore::scan(Family family, std::string_view prefix, std::string_view from,
                                   bool reverse,
                                   const std::function<bool(std::string_view, std::string_view)>& visit) {
  std::vector<std::pair<std::string, std::string>> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, value] : families_.at(static_cast<std::size_t>(family))) {
      const bool in_range = reverse ? from.empty() || key < from : key >= from;
      if (in_range && key.starts_with(prefix)) found.emplace_back(key, value);
    }
  }
  if (reverse) std::reverse(found.begin(), found.end());
  for (const auto& [key, value] : found) {
    if (!visit(key, value)) break;
  }
  return {};
}

Result<void> MemoryMetaStore::write(const MetaBatch& batch, Durability) {
  const std::lock_guard lock(mutex_);
  for (const auto& entry : batch.entries()) {
    auto& values = families_.at(static_cast<std::size_t>(entry.family));
    if (entry.value) {
      values[entry.key] = *entry.value;
    } else {
      values.erase(entry.key);
    }
  }
  return {};
}

Result<void> MemoryMetaStore::checkpoint(const std::string& to) {
  return fail(ErrorKind::unavailable, "metadata in memory cannot be copied to a folder", to);
}

}  // namespace sallyport
