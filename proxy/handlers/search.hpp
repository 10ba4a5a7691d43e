#pragma once
// `npm search`: our own packages and what the upstreams find, each result at the version that installs would
// get.

#include <functional>
#include <string_view>
#include <vector>

#include "gate/executors.hpp"
#include "gate/package_rules.hpp"
#include "gate/package_search.hpp"
#include "proxy/cache/package_cache.hpp"
#include "proxy/cache/service_answers.hpp"
#include "proxy/http/route.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

struct SearchParts {
  PackageSearch& own;
  Catalog& catalog;
  const PackageRules& packages;
  PackageCache& cache;
  ServiceAnswers& answers;
  const Clock& clock;
  WorkPool& pool;  // of its own: the first search of a large store reads all of it
  std::function<RegistryUpstream*(std::string_view name)> upstream;
};

std::vector<Route> search_routes(SearchParts parts);

}  // namespace sallyport
