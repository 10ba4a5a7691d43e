#include "storage/sweeper.hpp"

#include <algorithm>
#include <utility>

#include "storage/base/fault.hpp"

namespace sallyport {

Result<Swept> sweep(BlobStore& blobs, Sweep sweep) {
  auto& used = sweep.used;
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());

  Swept swept;
  std::vector<bool> there(used.size());
  std::vector<BlobInfo> unused;
  std::size_t seen = 0;
  auto walked = blobs.walk([&](const BlobInfo& info) {
    const auto at = std::lower_bound(used.begin(), used.end(), info.digest);
    if (at != used.end() && *at == info.digest)
      there[static_cast<std::size_t>(at - used.begin())] = true;
    else if (info.modified < sweep.before)
      unused.push_back(info);
    ++seen;
    swept.stopped = !sweep.progress(seen, std::max(seen, used.size()));
    return !swept.stopped;
  });
  if (!walked) return walked.error();
  if (swept.stopped) return swept;

  std::size_t done = 0;
  for (const BlobInfo& info : unused) {
    bool goes = true;
    if (!sweep.dry_run) {
      fault_point("sweep.before_remove");
      auto removed = blobs.remove_older(info.digest, sweep.before);
      if (!removed) return removed.error();
      goes = *removed;
      fault_point("sweep.after_remove");
    }
    if (goes) {
      ++swept.blobs;
      swept.bytes += info.size;
      sweep.found(info);
    }
    swept.stopped = !sweep.progress(++done, unused.size());
    if (swept.stopped) return swept;
  }
  // A walk may have passed the place of a blob before it came: only one that cannot be opened is missing.
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (there[i]) continue;
    auto blob = blobs.open(used[i]);
    if (blob) continue;
    if (blob.error().kind != ErrorKind::not_found) return blob.error();
    swept.missing.push_back(used[i]);
  }
  return swept;
}

}  // namespace sallyport
