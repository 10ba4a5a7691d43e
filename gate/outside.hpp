#pragma once
// What the gate asks of others before it judges a release: how old its new dependencies are, whether they are
// known to be bad, and where the publish comes from.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/catalog.hpp"
#include "gate/malware_feed.hpp"
#include "gate/name_origins.hpp"
#include "gate/package_rules.hpp"
#include "gate/principal.hpp"
#include "gate/upstream.hpp"
#include "gate/upstream_releases.hpp"
#include "policies/manifest.hpp"
#include "policies/outside.hpp"
#include "policies/provenance/trust_root.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

struct OutsideLimits {
  std::size_t dependencies_max = 50;  // asked for one release; the others are unavailable
  std::size_t at_once = 4;
  Millis deadline{8'000};  // for all of them
  Millis each_deadline{5'000};
  std::uint64_t packument_bytes_max = 64u << 20;
  Millis kept_for{std::chrono::minutes(5)};
};

// Any thread; collect() blocks for up to `deadline`.
class OutsideCollector {
 public:
  // `feed` null: none. All must outlive the collector.
  OutsideCollector(const Clock& clock, Catalog& catalog, const PackageRules& packages,
                   std::function<Upstream*(std::string_view)> upstream, const MalwareFeed* feed,
                   OutsideLimits limits = {}, const NameOrigins* origins = nullptr);

  // Of the dependencies that `baseline` lacks or has in another range, and of every entry of the feed that a
  // dependency or the release meets. Never fails: what cannot be had is said to be unavailable.
  OutsideFacts collect(const Manifest& published, const Facts* baseline);

 private:
  // What the packument of a dependency says, in short.
  struct Published {
    std::vector<std::pair<Version, std::optional<Instant>>> versions;
    std::map<std::string, std::string, std::less<>> tags;
    std::optional<Instant> first;
    bool absent = false;
  };
  struct Question {
    std::string key;          // in package.json
    std::string name, range;  // what it asks for
    bool wanted = false;      // new or changed
  };
  struct Remembered {
    Instant at;
    std::shared_ptr<const Published> published;
  };

  std::vector<Question> questions(const Manifest& published, const Facts* baseline) const;
  void answer(const Question& question, Instant give_up, DependencyKnowledge& known);
  Result<std::shared_ptr<const Published>> ask(const PackageName& name, Upstream& upstream, Instant give_up);
  void judge_known_bad(const std::string& name, const std::string& range, const std::string& resolved,
                       OutsideFacts& facts) const;
  static void resolve(const Published& published, const std::string& range, DependencyKnowledge& known);

  const Clock& clock_;
  Catalog& catalog_;
  const PackageRules& packages_;
  const NameOrigins* origins_;
  std::function<Upstream*(std::string_view)> upstream_;
  const MalwareFeed* feed_;
  OutsideLimits limits_;
  std::mutex mutex_;
  std::map<std::string, Remembered> remembered_;  // by upstream and name
};

// The provenance of the release before, if its upstream has one: asked for there and checked. What cannot be
// had is said in `previous_unavailable`.
void add_previous_provenance(OutsideFacts& facts, const Facts& baseline, const UpstreamReleases* there,
                             Upstream* upstream, const TrustRoot* root);

// Who publishes this and how.
ReleaseOrigin origin_of(const Principal& who, bool attested);

}  // namespace sallyport
