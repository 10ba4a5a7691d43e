#pragma once
// The gate: takes a publish, holds it, takes decisions, sends it on. The one place where a release changes
// state; every change is a fact in the ledger.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gate/catalog.hpp"
#include "gate/history.hpp"
#include "gate/intake.hpp"
#include "gate/name_origins.hpp"
#include "gate/outbox.hpp"
#include "gate/outside.hpp"
#include "gate/package_rules.hpp"
#include "gate/principal.hpp"
#include "gate/stage_store.hpp"
#include "policies/provenance/trust_root.hpp"
#include "storage/base/ids.hpp"

namespace sallyport {

struct GateParts {
  MetaStore& store;
  Ledger& ledger;
  BlobStore& blobs;
  const Clock& clock;
  Random& random;
  std::shared_ptr<const InspectionRules> inspection;
  PackageRules packages;
  std::function<Upstream*(std::string_view name)> upstream;         // null: none of that name
  std::function<void(const PackageName&)> released = [](auto&) {};  // a new version is visible; any thread
  Millis forward_max{20'000};             // how long an approval waits for the upstream
  std::string public_url = {};            // where clients reach this gateway; empty: not known for certain
  const MalwareFeed* malware = nullptr;   // null: none
  const TrustRoot* trust_root = nullptr;  // null: no provenance is verified
};

// Whether a version exists, and how far it has come.
enum class VersionStatus : std::uint8_t { absent, staged, blocked, published, failed };
std::string_view to_text(VersionStatus status);

// All calls block (fsync; submit and approve may wait for the upstream): on a pool, any thread. A stage is
// named by its UUID or its review code.
class Gate {
 public:
  explicit Gate(GateParts parts);

  const PackageRules& packages() const { return parts_.packages; }
  Catalog& catalog() { return catalog_; }

  // From the headers alone: may this principal publish this name at all? forbidden, with the reason.
  Result<void> may_publish(const Principal& who, const PackageName& name) const;
  Result<std::unique_ptr<Intake>> begin(const PackageName& name);

  struct Submission {
    Stage stage;          // held, blocked, or (a repeat, or no approval needed) further on
    std::string refusal;  // of a blocked one: what npm prints
  };
  // conflict: the version exists upstream or here, or is staged by somebody else; or the name is an
  // upstream's and would be published here, which takes an administrator. forbidden: it belongs to another
  // origin than the rules say. unavailable: the upstream cannot be asked. The same bytes again give the same
  // stage. What is not kept of `publish` stays with the caller, since dropping a large one takes time.
  Result<Submission> submit(const Principal& who, ReceivedPublish&& publish);

  struct Page {
    std::vector<Stage> items;
    std::size_t total = 0;
  };
  // Held (and approved or failed) releases that `who` may see, oldest first. Pages start at 0.
  Result<Page> list(const Principal& who, std::string_view package, std::size_t page, std::size_t per_page);
  Result<Stage> view(const Principal& who, std::string_view id);
  Result<std::shared_ptr<const Blob>> tarball(const Principal& who, std::string_view id);
  Result<Facts> facts(const Principal& who, std::string_view id);
  // What the verdict was given on; not_found where that was not recorded.
  Result<ReleaseContext> context(const Principal& who, std::string_view id);

  // Counts one approval and, with the last one, sends the release on. Returns the stage as it then is:
  // held (approvals are missing), published, failed, or approved (the upstream has not answered clearly; the
  // outbox goes on). Of a failed one: tries again. conflict: findings must be acknowledged first, or the
  // release is past deciding. forbidden: own release, service identity, no reviewer, read-only token.
  Result<Stage> approve(const Principal& who, std::string_view id);
  // By a reviewer: refused. By the publisher: withdrawn. Again: the same answer.
  Result<Stage> reject(const Principal& who, std::string_view id, std::string_view reason);
  // `names` are fingerprints or rule names of findings to be acknowledged.
  Result<Stage> acknowledge(const Principal& who, std::string_view id, const std::vector<std::string>& names);
  Result<Stage> comment(const Principal& who, std::string_view id, std::string_view text);

  Result<VersionStatus> status(const PackageName& name, std::string_view version);

  // Refuses what was held too long. Called on a timer.
  Result<void> expire_due();
  // Sends what is still owed, after a start and on a timer. Stops between two when `stop` says so.
  Result<void> forward_pending(const std::function<bool()>& stop);

 private:
  void add_provenance(ReleaseContext& context, const Principal& who, const ReceivedPublish& publish,
                      const UpstreamReleases* there, Upstream* upstream) const;
  Result<std::string> against_local(const Stage& stage);
  bool may_view(const Principal& who, const Stage& stage) const;
  Result<void> may_review(const Principal& who, const Stage& stage) const;
  Result<Stage> change(std::string_view id, const std::function<Result<void>(Fact&, Stage&)>& change);
  Result<Stage> forwarded(const std::string& stage_id);
  Result<std::string> free_code(Fact& fact) const;
  Result<void> check_free(const Principal& who, const ReceivedPublish& publish,
                          const std::optional<Stage>& latest) const;

  GateParts parts_;
  Catalog catalog_;
  StageStore stages_;
  ReleaseHistory history_;
  NameOrigins origins_;
  Outbox outbox_;
  OutsideCollector outside_;
};

}  // namespace sallyport
