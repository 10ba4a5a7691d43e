#pragma once
// Per package pattern: where it is read from and published to, who may, and how strictly. From the
// configuration's [[packages]]; the first match wins, and what nothing matches is closed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/principal.hpp"
#include "policies/finding.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/semver_range.hpp"

namespace sallyport {

enum class HeldAnswer : std::uint8_t { accept, refuse, wait };
// What becomes of an upstream's version that has a property which was asked about.
enum class Admission : std::uint8_t { show, hide, deny };

// "lodash", "@types/*", "lodash@4.17.x": a name or pattern of names, and of its versions those of a range.
struct Exemption {
  std::string text;
  static Result<Exemption> parse(std::string_view text);
  bool covers(std::string_view name, std::string_view version) const;

 private:
  std::string names_;
  std::optional<Range> range_;
};

struct PackageRule {
  std::string match = "**";
  std::string read = "local";     // "local" or the name of an upstream
  std::string publish = "local";  // "local", "deny" or the name of an upstream
  Profile profile = Profile::proprietary;
  std::vector<std::string> publishers = {"*"};  // user, "group:NAME", or "*" for every account
  std::vector<std::string> reviewers = {"*"};
  std::uint32_t approvals = 1;  // people other than the publisher
  HeldAnswer held_answer = HeldAnswer::accept;
  Millis hold_max{std::chrono::days(14)};     // an undecided hold is then refused
  std::optional<Millis> minimum_release_age;  // of the upstream's versions, as the rest below
  std::vector<Exemption> release_age_exempt;
  Admission provenance_lost = Admission::show;  // without it, where the version before had it
  Admission install_scripts = Admission::show;  // runs a program when it is installed
};

class PackageRules {
 public:
  explicit PackageRules(std::vector<PackageRule> rules) : rules_(std::move(rules)) {}
  const PackageRule& rule_for(const PackageName& name) const;
  const std::vector<PackageRule>& all() const { return rules_; }

 private:
  std::vector<PackageRule> rules_;
};

// Roles, per package. An administrator is neither a publisher nor a reviewer by that alone.
bool is_publisher(const Principal& who, const PackageRule& rule);
bool is_reviewer(const Principal& who, const PackageRule& rule);  // never for a service identity
// The scopes this rule's pattern is about ("@acme/*" -> "@acme"), or empty for any.
std::vector<std::string> scopes_of(const PackageRule& rule);

}  // namespace sallyport
