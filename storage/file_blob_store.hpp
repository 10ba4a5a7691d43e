#pragma once
#include <memory>
#include <string>

#include "storage/blob_store.hpp"

namespace sallyport {

// Files under `folder`:
//   tmp/<random>                     being written; removed at start
//   sha512/ab/<128 hex digits>       complete blobs; "ab" are the first two digits
Result<std::unique_ptr<BlobStore>> open_file_blob_store(const std::string& folder);

}  // namespace sallyport
