#pragma once
// What `npm audit signatures` reads beside packuments: the keys that versions are signed with, and the
// attestations of how they were built.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/executors.hpp"
#include "gate/own_signatures.hpp"
#include "gate/package_rules.hpp"
#include "proxy/cache/package_cache.hpp"
#include "proxy/cache/service_answers.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

struct SignatureParts {
  const OwnSignatures& own;
  Catalog& catalog;
  const PackageRules& packages;
  PackageCache& cache;
  ServiceAnswers& answers;
  WorkPool& disk;
  std::function<RegistryUpstream*(std::string_view name)> upstream;
};

std::vector<Route> signature_routes(SignatureParts parts);

}  // namespace sallyport
