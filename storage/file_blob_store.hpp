#pragma once
#include <memory>
#include <string>

#include "storage/blob_store.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

// Files under `folder`:
//   tmp/<random>                     being written; removed at start
//   sha512/ab/<128 hex digits>       complete blobs; "ab" are the first two digits
// `relaxed`: nothing is synced, for blobs that can be fetched again. A name may then stand for other bytes
// after the power went: who reads one for the first time checks it.
Result<std::unique_ptr<BlobStore>> open_file_blob_store(const std::string& folder,
                                                        Durability durability = Durability::synced);

}  // namespace sallyport
