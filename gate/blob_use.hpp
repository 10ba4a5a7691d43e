#pragma once
// Which own tarballs are still wanted, as the gate's records say: those of every version published here, and
// those of every release but the ones that were turned down long ago. A release's record is kept for good;
// its bytes go.

#include <map>
#include <string>
#include <vector>

#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct BlobUse {
  std::vector<Sha512> used;
  std::map<Sha512, std::string> past;  // of those not used: "@acme/lib@1.0.0 (R-K7Q2), rejected by rita"
};

// A release that was rejected, withdrawn, superseded or has expired counts until `turned_down_before`.
// corrupt where a record cannot be read: then nothing may be removed.
Result<BlobUse> blob_use(MetaStore& store, Instant turned_down_before);

}  // namespace sallyport
