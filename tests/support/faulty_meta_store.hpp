#pragma once
// A MetaStore that fails when it is told to, over one that does not.

#include "storage/meta_store.hpp"
#include "tests/support/faults.hpp"

namespace sallyport {

class FaultyMetaStore final : public MetaStore {
 public:
  explicit FaultyMetaStore(MetaStore& inner) : inner_(inner) {}

  Faults writes;
  Faults reads;  // get and scan

  Result<std::optional<std::string>> get(Family family, std::string_view key) override {
    return reads.run([&] { return inner_.get(family, key); });
  }
  Result<void> scan(Family family, std::string_view prefix, std::string_view from, bool reverse,
                    const std::function<bool(std::string_view, std::string_view)>& visit) override {
    return reads.run([&] { return inner_.scan(family, prefix, from, reverse, visit); });
  }
  Result<void> write(const MetaBatch& batch, Durability durability) override {
    return writes.run([&] { return inner_.write(batch, durability); });
  }
  Result<void> checkpoint(const std::string& to) override { return inner_.checkpoint(to); }

 private:
  MetaStore& inner_;
};

}  // namespace sallyport
