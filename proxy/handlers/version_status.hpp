#pragma once
// How far a version has come, and whether installs may have it.

#include <vector>

#include "gate/executors.hpp"
#include "gate/gate.hpp"
#include "proxy/cache/package_cache.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

std::vector<Route> version_status_routes(Gate& gate, PackageCache& cache, WorkPool& disk);

}  // namespace sallyport
