#pragma once
#include <memory>
#include <string>

#include "storage/meta_store.hpp"

namespace sallyport {

// RocksDB in `folder`, created where absent. Errors say what to do: the folder is locked by another process
// (kind busy), its data is of a newer format, the disk is full or read-only.
Result<std::unique_ptr<MetaStore>> open_rocks_meta_store(const std::string& folder);

}  // namespace sallyport
