#pragma once
// A gate with everything around it under the test's hand: clock, randomness, stores that fail when told to,
// an upstream that is scripted, and a policy in which a package says itself what is found in it.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gate/gate.hpp"
#include "policies/rule.hpp"
#include "tests/support/faulty_blob_store.hpp"
#include "tests/support/faulty_meta_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_blob_store.hpp"
#include "tests/support/memory_meta_store.hpp"
#include "tests/support/publish_body.hpp"
#include "tests/support/scripted_gate_upstream.hpp"
#include "tests/support/seeded_random.hpp"

namespace sallyport {

// Every rule but those of the archive is off, except three: no "files" in package.json is something to
// acknowledge, a postinstall script escalates, "private" blocks. Compiled once a program.
inline std::shared_ptr<const InspectionRules> gate_rules() {
  static const auto rules = [] {
    auto made = std::make_shared<InspectionRules>();
    for (const Rule* rule : all_rules())
      if (!rule->info.id.starts_with("tar/"))
        made->policy.overrides[std::string(rule->info.id)] = Action::off;
    made->policy.overrides["pack/files-allowlist"] = Action::warn;
    made->policy.overrides["run/install-script"] = Action::escalate;
    made->policy.overrides["pack/private"] = Action::block;
    made->content = ContentRules::build({}, "").value();
    made->scratch_folder = std::filesystem::temp_directory_path().string();
    return std::shared_ptr<const InspectionRules>(made);
  }();
  return rules;
}

inline PublishBody warned_body(std::string name = "lib", std::string version = "1.0.0") {
  PublishBody body;
  body.name = std::move(name);
  body.version = std::move(version);
  return body;
}
inline PublishBody clean_body(std::string name = "lib", std::string version = "1.0.0") {
  PublishBody body = warned_body(std::move(name), std::move(version));
  body.manifest["files"] = json::array{"index.js"};
  return body;
}
inline PublishBody escalated_body() {
  PublishBody body = clean_body();
  body.manifest["scripts"] = {{"postinstall", "node index.js"}};
  return body;
}
inline PublishBody blocked_body() {
  PublishBody body = clean_body();
  body.manifest["private"] = true;
  return body;
}

inline Principal person(std::string user, std::vector<std::string> groups = {"engineers", "release"}) {
  Principal who;
  who.user = std::move(user);
  who.groups = std::move(groups);
  who.credential = "token-of-" + who.user;
  who.address = "192.0.2.7";
  return who;
}

inline PackageRule rule_to(std::string target, std::uint32_t approvals = 1) {
  PackageRule rule;
  rule.read = target;
  rule.publish = std::move(target);
  rule.publishers = {"group:engineers"};
  rule.reviewers = {"group:release"};
  rule.approvals = approvals;
  return rule;
}

class GateHouse {
 public:
  explicit GateHouse(PackageRule rule, std::uint64_t seed = 1)
      : GateHouse(std::vector<PackageRule>{std::move(rule)}, seed) {}
  explicit GateHouse(std::vector<PackageRule> rules, std::uint64_t seed = 1)
      : random(seed), rules_(std::move(rules)) {
    restart();
  }

  ManualClock clock;
  SeededRandom random;
  MemoryMetaStore memory;
  FaultyMetaStore store{memory};
  MemoryBlobStore blob_memory{&clock};
  FaultyBlobStore blobs{blob_memory};
  ScriptedGateUpstream upstream;
  std::vector<std::string> released;
  // Take effect with restart().
  std::shared_ptr<const InspectionRules> inspection = gate_rules();
  const MalwareFeed* malware = nullptr;
  const TrustRoot* trust_root = nullptr;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Gate> gate;

  // As after a crash: a new process on what the stores hold.
  void restart() {
    gate.reset();
    ledger.reset();
    ledger = Ledger::open(store, clock).value();
    gate = std::make_unique<Gate>(
        GateParts{.store = store,
                  .ledger = *ledger,
                  .blobs = blobs,
                  .clock = clock,
                  .random = random,
                  .inspection = inspection,
                  .packages = PackageRules(rules_),
                  .upstream = [this](std::string_view name) { return name == "main" ? &upstream : nullptr; },
                  .released = [this](const PackageName& name) { released.push_back(name.full()); },
                  .forward_max = Millis(1000),
                  .malware = malware,
                  .trust_root = trust_root});
  }

  Result<Gate::Submission> publish(const Principal& who, const PublishBody& body) {
    auto name = PackageName::parse(body.name);
    if (!name) return name.error();
    auto intake = gate->begin(*name);
    if (!intake) return intake.error();
    if (auto fed = (*intake)->feed(body.text()); !fed) return fed.error();
    auto received = (*intake)->finish();
    if (!received) return received.error();
    return gate->submit(who, std::move(*received));
  }
  // A publish that must be held.
  Stage hold(const Principal& who, const PublishBody& body) { return publish(who, body).value().stage; }

  Result<void> resume() {
    return gate->forward_pending([] { return false; });
  }
  StageState state(const Stage& stage) { return StageStore(memory).find(stage.id).value().state; }
  VersionStatus status(const std::string& name, const std::string& version) {
    return gate->status(PackageName::parse(name).value(), version).value();
  }
  std::size_t blob_count() {
    std::size_t n = 0;
    (void)blob_memory.walk([&](const BlobInfo&) { return ++n, true; });
    return n;
  }
  std::vector<LedgerEntry> entries() {
    std::vector<LedgerEntry> all;
    (void)ledger->read(1, [&](const LedgerEntry& entry) { return all.push_back(entry), true; });
    return all;
  }
  std::vector<std::string> actions() {
    std::vector<std::string> all;
    for (const LedgerEntry& entry : entries()) all.push_back(entry.event.action);
    return all;
  }
  bool ledger_intact() { return !ledger->verify().value().broken_at; }

 private:
  std::vector<PackageRule> rules_;
};

}  // namespace sallyport
