#pragma once
// A rule looks at a release and adds findings. Rules are pure: no network, no clock, no store.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/finding.hpp"
#include "policies/release.hpp"

namespace sallyport {

// The action a rule takes in each profile: proprietary, open, internal.
using Defaults = std::array<Action, 3>;
constexpr Defaults everywhere(Action action) {
  return {action, action, action};
}

struct RuleInfo {
  std::string_view id;     // "leak/source-map"; public API, never changes meaning
  std::string_view title;  // one line: what it looks for
  std::string_view why;    // one or two sentences: what goes wrong without it, and where it did
  std::string_view fix;    // one sentence: what to do
  // Most rules have one tier; "warn; escalate above 3 x" has two. A finding names its tier.
  std::vector<Defaults> tiers;
};

// Collects the findings of one rule: fills in id, action, fix, fingerprint and cleans the text.
class FindingSink {
 public:
  struct Detail {
    std::string_view file = {};  // inner path; empty: the release as a whole
    std::string message;
    std::string evidence = {};
    std::string_view fix = {};  // overrides RuleInfo::fix
    std::optional<std::uint32_t> line = {};
    std::optional<std::uint64_t> offset = {};
    // Of what was found; empty: the file's digest, or for the release as a whole the evidence and message.
    std::string_view content_digest = {};
    std::string_view archive_path = {};  // in place of `file` where no inner path names the entry
  };
  virtual ~FindingSink() = default;
  virtual void add(Detail detail, int tier = 0) = 0;
};

struct Rule {
  RuleInfo info;
  void (*check)(const Release& release, FindingSink& sink);  // may throw: the engine makes that a hold
};

// One function a family, each in the file of policies/rules/ with its name.
std::span<const Rule> tar_rules();
std::span<const Rule> manifest_rules();
std::span<const Rule> leak_rules();
std::span<const Rule> pack_rules();
std::span<const Rule> size_rules();
std::span<const Rule> deps_rules();
std::span<const Rule> run_rules();
std::span<const Rule> code_rules();
std::span<const Rule> origin_rules();

// All of them, in catalogue order.
std::vector<const Rule*> all_rules();
const Rule* find_rule(std::string_view id);

}  // namespace sallyport
