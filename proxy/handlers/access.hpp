#pragma once
// What `npm access` reads: who may do what with a package, as the rules of the configuration say.

#include <vector>

#include "gate/gate.hpp"
#include "proxy/cache/package_cache.hpp"
#include "proxy/handlers/account_context.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

std::vector<Route> access_routes(AccountContext& accounts, Gate& gate, PackageCache& cache, WorkPool& disk);

}  // namespace sallyport
