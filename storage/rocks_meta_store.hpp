#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "storage/meta_store.hpp"

namespace sallyport {

// Of everything in the database. Data of a newer one is refused.
inline constexpr std::uint64_t meta_store_format = 1;

// RocksDB in `folder`, created where absent. Errors say what to do: the folder is locked by another process
// (kind busy), its data is of a newer format, the disk is full or read-only.
Result<std::unique_ptr<MetaStore>> open_rocks_meta_store(const std::string& folder);

}  // namespace sallyport
