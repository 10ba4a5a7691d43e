#pragma once
// What installs read: packuments, version manifests, dist-tags, tarballs.

#include <vector>

#include "proxy/cache/package_cache.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

std::vector<Route> package_routes(PackageCache& cache, WorkPool& disk);

}  // namespace sallyport
