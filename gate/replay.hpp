#pragma once
// Another policy over the releases that are recorded: what would have become of each, judged again from the
// same bytes, document, history and outside facts.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gate/stage.hpp"
#include "policies/inspection.hpp"
#include "storage/blob_store.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct ReplayChoice {
  std::optional<Instant> since;  // received then or later
  std::string package;           // pattern of names; empty: every package
};

// One release, and what another policy makes of it.
struct Replayed {
  std::string id;      // of the stage
  Stage stage;         // as recorded; empty but for `id` where the record cannot be read
  std::string unread;  // why it could not be judged again, a sentence; else empty
  std::optional<Report> report;

  bool changed() const { return report && report->verdict != stage.verdict; }
};

// Blocking, and long: it inspects every tarball. `visit` has the releases in the order they were received;
// `progress` counts them. Either may say false: that is the end. A record or tarball
// that is damaged or gone is told of its own release, and the rest goes on.
Result<void> replay(MetaStore& store, BlobStore& blobs, std::shared_ptr<const InspectionRules> rules,
                    const ReplayChoice& choice, const std::function<bool(Replayed&&)>& visit,
                    const std::function<bool(std::size_t done, std::size_t all)>& progress);

}  // namespace sallyport
