#pragma once
// The audits of clients: each name is asked about at its own origin and nowhere else, so that no upstream
// learns the name of a package that is not its own. What the own feeds know is told with the answers, or
// without them where an upstream has none.

#include <functional>
#include <string_view>
#include <vector>

#include "gate/catalog.hpp"
#include "gate/executors.hpp"
#include "gate/malware_feed.hpp"
#include "gate/name_origins.hpp"
#include "gate/package_rules.hpp"
#include "proxy/http/route.hpp"
#include "proxy/upstream/registry_upstream.hpp"

namespace sallyport {

struct AuditParts {
  Catalog& catalog;
  NameOrigins origins;
  const PackageRules& packages;
  WorkPool& disk;
  std::function<RegistryUpstream*(std::string_view name)> upstream;
  const MalwareFeed& malware;
  const MalwareFeed& faults;
};

std::vector<Route> audit_routes(AuditParts parts);

}  // namespace sallyport
