#pragma once
// A stage: one release on its way through the gate, and the table of what may become of it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/finding.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

enum class StageState : std::uint8_t { blocked, held, approved, published, failed, rejected };
enum class StageEvent : std::uint8_t {
  block,
  hold,
  approve,
  publish,
  fail,
  retry,
  reject,
  withdraw,
  expire,
  supersede
};

std::string_view to_text(StageState state);
std::string_view to_text(StageEvent event);

// The state that `event` leads to, or nothing where it may not happen. No state: a release just received.
std::optional<StageState> next_state(std::optional<StageState> state, StageEvent event);

enum class DecisionKind : std::uint8_t { approve, reject, withdraw, acknowledge, comment };
std::string_view to_text(DecisionKind kind);

struct Decision {
  DecisionKind kind = DecisionKind::comment;
  std::string user;
  Instant at;
  std::string reason;                     // printable; of a rejection or comment
  std::vector<std::string> fingerprints;  // acknowledged findings
  std::string binding;                    // Stage::binding at that moment: another one voids the decision
};

struct Stage {
  std::string id;    // UUID, as npm validates it
  std::string code;  // "R-K7Q2", for texts: npm blanks out UUIDs in errors
  StageState state = StageState::held;
  std::string why;  // of blocked, rejected and failed: a sentence

  std::string name, version, tag;
  std::string access;  // as sent: "public", "restricted", or empty
  std::string target;  // "local" or the upstream's name
  Sha512 sha512;
  Sha1 sha1;
  std::uint64_t size_bytes = 0, unpacked_bytes = 0;
  std::uint32_t file_count = 0;
  std::string manifest_digest;  // of the publish document without its attachments

  std::string publisher;
  bool publisher_is_service = false;
  bool shadows = false;  // an upstream has the name, and an administrator published it here all the same
  Instant created, expires, updated;

  Verdict verdict = Verdict::hold;
  std::vector<Finding> findings;
  std::string policy_digest, findings_digest;
  std::string baseline;  // the version it was compared with, or empty
  std::uint32_t approvals_needed = 1;
  std::vector<Decision> decisions;  // oldest first

  // What a decision is about: name, version, tag, tarball, manifest, policy and findings.
  std::string binding() const;
  std::string subject() const { return name + "@" + version; }
  bool open() const { return state == StageState::held || state == StageState::approved; }
  // Users whose approval of exactly this counts.
  std::vector<std::string> approvers() const;
  // Findings that `user` has still to acknowledge before an approval counts: not those already known.
  std::vector<const Finding*> to_acknowledge(std::string_view user) const;
};

json::object to_json(const Stage& stage);                 // the record, "v": 1
Result<Stage> stage_from_json(const json::value& value);  // corrupt

// How many people must approve: the package's own number, one more if a finding escalates, and at least one
// if anything must be acknowledged.
std::uint32_t approvals_needed(std::uint32_t normally, const std::vector<Finding>& findings);

}  // namespace sallyport
