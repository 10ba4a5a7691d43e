#pragma once
// What earlier releases looked like: recorded for every release that went through the gate and, where there
// is none, measured once from the upstream's own.
//
// Records:  facts  <name> NUL <version>   {v, origin: "gate" | "upstream", facts,
//                                          findings: {fingerprint: action}}

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gate/upstream.hpp"
#include "gate/upstream_releases.hpp"
#include "policies/facts.hpp"
#include "policies/inspection.hpp"
#include "storage/base/json.hpp"
#include "storage/base/package_name.hpp"
#include "storage/blob_store.hpp"
#include "storage/ledger.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct FactsRecord {
  Facts facts;
  bool from_gate = false;
  std::map<std::string, Action, std::less<>> findings;
};

class ReleaseHistory {
 public:
  ReleaseHistory(MetaStore& store, BlobStore& blobs, std::shared_ptr<const InspectionRules> rules)
      : store_(store), blobs_(blobs), rules_(std::move(rules)) {}

  // What `version` of `name` is to be compared with, with the last releases of its line: of what went through
  // this gate whole, of the others what the packument says. `there` is what the upstream has (null: the name
  // is new there, or local); where the baseline was not released here, its tarball is fetched through
  // `upstream` and measured, once. unavailable where that cannot be had just now.
  Result<History> before(const PackageName& name, std::string_view version, const UpstreamReleases* there,
                         Upstream* upstream);

  // Within a fact: this release becomes history.
  static void record(Fact& fact, const Facts& facts, const std::vector<Finding>& findings);

 private:
  static void add_line(History& history, const std::string& name,
                       const std::map<std::string, FactsRecord>& known,
                       const std::vector<std::string>& versions, const UpstreamReleases* there);
  Result<Facts> measure(const PackageName& name, const std::string& version, const UpstreamReleases& there,
                        Upstream& upstream);

  MetaStore& store_;
  BlobStore& blobs_;
  std::shared_ptr<const InspectionRules> rules_;
};

}  // namespace sallyport
