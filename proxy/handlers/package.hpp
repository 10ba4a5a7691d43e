#pragma once
// What installs read: packuments, version manifests, dist-tags, tarballs.

#include <vector>

#include "gate/pulls.hpp"
#include "proxy/cache/package_cache.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

std::vector<Route> package_routes(PackageCache& cache, Pulls& pulls, WorkPool& disk);

}  // namespace sallyport
