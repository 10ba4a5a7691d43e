#include "gate/blob_use.hpp"

#include "gate/catalog.hpp"
#include "gate/stage_store.hpp"

namespace sallyport {

Result<BlobUse> blob_use(MetaStore& store, Instant turned_down_before) {
  BlobUse use;
  auto published = Catalog(store).each_digest([&](const Sha512& digest) { use.used.push_back(digest); });
  if (!published) return published.error();
  auto staged = StageStore(store).each([&](const Stage& stage) {
    if (stage.state == StageState::blocked) return true;  // its bytes were never kept
    if (stage.state == StageState::rejected && stage.updated < turned_down_before)
      use.past.insert_or_assign(stage.sha512, stage.subject() + " (" + stage.code + "), " + stage.why);
    else
      use.used.push_back(stage.sha512);
    return true;
  });
  if (!staged) return staged.error();
  for (const Sha512& digest : use.used) use.past.erase(digest);
  return use;
}

}  // namespace sallyport
