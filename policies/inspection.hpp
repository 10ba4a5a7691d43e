#pragma once
// One release under inspection: takes the tarball block by block as it arrives, and gives a verdict.
//
//   gzip bytes -> inflate -> strict tar walk -> content scan        (feed, one block at a time)
//                       \-> scratch file -> libarchive, rules       (finish)

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policies/content/content_scan.hpp"
#include "policies/facts.hpp"
#include "policies/finding.hpp"
#include "policies/manifest.hpp"
#include "policies/policy.hpp"
#include "policies/tarball/listing.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

// Who reads the tarball hashes it; an inspection only reports them.
struct TarballDigests {
  Sha1 sha1;
  Sha512 sha512;
};

// What is known of a release beside its tarball, by the time the verdict is asked for.
struct ReleaseContext {
  TarballDigests digests;
  Profile profile = Profile::proprietary;
  std::string tag = "latest";
  std::optional<Manifest> published;  // absent in a scan
  bool public_upstream = false;
  std::vector<std::string> publisher_scopes;
  std::vector<std::string> registries;  // see Release
  History history;
  OutsideFacts outside;
  Instant now;
};

struct Report {
  std::string name, version;
  std::string integrity, shasum;  // of the tarball
  std::uint64_t packed_bytes = 0, unpacked_bytes = 0;
  std::uint32_t file_count = 0;
  Verdict verdict = Verdict::block;
  std::vector<Finding> findings;  // worst first, then by rule and file; actions `off` left out
  Facts facts;
  std::string baseline;       // version compared with, or empty
  std::string policy_digest;  // of policy, profile and content rules
};

// Built once at start; immutable; shared by every inspection.
struct InspectionRules {
  Policy policy;
  std::shared_ptr<const ContentRules> content;
  std::string scratch_folder;  // where the inflated archive is kept, unlinked, while it is inspected
};

class Inspection {
 public:
  explicit Inspection(std::shared_ptr<const InspectionRules> rules);
  ~Inspection();
  // The next bytes of the tarball. CPU work of some milliseconds a block; calls one after another, any
  // thread. Never fails: what is wrong with the archive becomes a finding.
  void feed(Bytes gzip);
  // After the last byte, once. Runs the rules; a rule that throws becomes a finding that holds.
  Report finish(ReleaseContext context);
  // The entries seen so far, once finish() was called.
  const Listing& listing() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
