#pragma once
// A MetaStore without a disk: what was written last is what the next open would find.

#include <array>
#include <map>
#include <mutex>

#include "storage/meta_store.hpp"

namespace sallyport {

class MemoryMetaStore final : public MetaStore {
 public:
  Result<std::optional<std::string>> get(Family family, std::string_view key) override;
  Result<void> scan(Family family, std::string_view prefix, std::string_view from, bool reverse,
                    const std::function<bool(std::string_view, std::string_view)>& visit) override;
  Result<void> write(const MetaBatch& batch, Durability durability) override;
  Result<void> checkpoint(const std::string& to) override;  // unavailable: there is no folder to copy

 private:
  std::mutex mutex_;
  std::array<std::map<std::string, std::string, std::less<>>, family_count> families_;
};

}  // namespace sallyport
