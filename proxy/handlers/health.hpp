#pragma once
// Whether the process lives, and whether it should be sent requests.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "gate/executors.hpp"
#include "gate/malware_feed.hpp"
#include "proxy/http/route.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

// A feed of advisories, as who runs the server sees it.
struct FeedFigures {
  std::string name;
  FeedStatus status;
  Instant now;
  std::uint64_t failures = 0;
};

// Ready: `ready` is set and the metadata store answers. How the feeds stand is told beside it: what they
// lack holds releases and refuses installs by itself, and nobody is better off without the rest.
std::vector<Route> health_routes(const std::atomic<bool>& ready, MetaStore& store, WorkPool& disk,
                                 std::function<std::vector<FeedFigures>()> feeds);

}  // namespace sallyport
