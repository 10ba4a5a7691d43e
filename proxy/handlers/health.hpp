#pragma once
// Whether the process lives, and whether it should be sent requests.

#include <atomic>
#include <vector>

#include "gate/executors.hpp"
#include "proxy/http/route.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

// Ready: `ready` is set and the metadata store answers.
std::vector<Route> health_routes(const std::atomic<bool>& ready, MetaStore& store, WorkPool& disk);

}  // namespace sallyport
