#pragma once
// Metadata: ordered keys and values in named families, written in atomic batches. Knows nothing of npm.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.hpp"

namespace sallyport {

// What lives where; each family's key and value layout is drawn at the top of the file that owns it.
enum class Family : std::uint8_t {
  system,    // format number, instance identity
  users,     // proxy/identity
  tokens,    // proxy/identity
  packages,  // gate/catalog: local packages, one record a package
  versions,  // gate/catalog: local versions, one record a version
  stages,    // gate/stage_store
  outbox,    // gate/outbox
  facts,     // gate/history
  ledger,    // storage/ledger
  upstream,  // proxy/cache: what can be fetched again
  pulls,     // gate/pulls: who has downloaded what
  count_
};
inline constexpr std::size_t family_count = static_cast<std::size_t>(Family::count_);
std::string_view family_name(Family family);

class MetaBatch {
 public:
  struct Entry {
    Family family;
    std::string key;
    std::optional<std::string> value;  // absent: remove
  };
  void put(Family family, std::string key, std::string value) {
    entries_.push_back({family, std::move(key), std::move(value)});
  }
  void remove(Family family, std::string key) { entries_.push_back({family, std::move(key), std::nullopt}); }
  const std::vector<Entry>& entries() const { return entries_; }  // later entries win
  bool empty() const { return entries_.empty(); }

 private:
  std::vector<Entry> entries_;
};

enum class Durability {
  synced,   // on disk when write() returns
  relaxed,  // may be lost in a crash, never half of it: for what can be fetched again
};

// All calls block and may be made from any thread.
class MetaStore {
 public:
  virtual ~MetaStore() = default;
  virtual Result<std::optional<std::string>> get(Family family, std::string_view key) = 0;
  // Visits the keys that begin with `prefix` and are not below `from`, in byte order (`reverse`: downwards
  // from the last one, `from` then an upper bound, exclusive, if not empty), until the visitor says false.
  virtual Result<void> scan(
      Family family, std::string_view prefix, std::string_view from, bool reverse,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
  // All or nothing.
  virtual Result<void> write(const MetaBatch& batch, Durability durability) = 0;
  // A consistent copy into the folder `to`, which must not exist.
  virtual Result<void> checkpoint(const std::string& to) = 0;
};

}  // namespace sallyport
