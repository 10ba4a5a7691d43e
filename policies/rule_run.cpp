#include "policies/rule_run.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <tuple>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t path_bytes_shown = 300, message_bytes_shown = 600, evidence_bytes_shown = 600;

std::string fingerprint_of(std::string_view rule, std::string_view path, std::string_view what) {
  Sha256Hasher hasher;
  for (const std::string_view part : {rule, path, what}) {
    hasher.update(part);
    hasher.update("\n");
  }
  return "sha256-" + to_hex(hasher.finish());
}

// The part of an archive's path that the client strips, for the paths of files that are not there.
std::string top_of(const Release& release) {
  if (release.files.empty()) return "package";
  const std::string& path = release.files.front().entry.path;
  return path.substr(0, path.find('/'));
}

class Collector final : public FindingSink {
 public:
  Collector(const Rule& rule, const Release& release, const Policy& policy, Profile profile,
            std::vector<Finding>& findings)
      : rule_(rule), release_(release), policy_(policy), profile_(profile), findings_(findings) {}

  void add(Detail detail, int tier = 0) override {
    // A tier that the rule does not have is a fault of ours: the strictest one stands in.
    if (tier < 0 || static_cast<std::size_t>(tier) >= rule_.info.tiers.size()) tier = 0;
    // "x.gz!x" is a file within the file before the '!'.
    const ReleaseFile* file = nullptr;
    if (!detail.file.empty()) {
      file = release_.file(detail.file);
      if (!file) file = release_.file(detail.file.substr(0, detail.file.find('!')));
    }
    const std::string_view inner = file ? std::string_view(file->entry.inner) : detail.file;
    const Action action = policy_.action(rule_, tier, profile_, release_.name, inner);
    if (action == Action::off) return;
    if (++count_ > findings_per_rule_max) {
      worst_dropped_ = std::max(worst_dropped_, action);
      return;
    }
    Finding f;
    f.rule = rule_.info.id;
    f.action = action;
    std::string path(detail.archive_path);
    std::string what(detail.content_digest);
    if (path.empty() && !detail.file.empty()) {
      if (file && what.empty()) what = to_hex(file->entry.digest);
      path = top_of(release_) + "/" + std::string(detail.file);
    }
    if (what.empty()) what = detail.evidence + "\n" + detail.message;
    f.fingerprint = fingerprint_of(f.rule, path, what);
    f.file = printable(path, path_bytes_shown);
    f.line = detail.line;
    f.offset = detail.offset;
    f.message = printable(detail.message, message_bytes_shown);
    f.fix = printable(detail.fix.empty() ? rule_.info.fix : detail.fix, message_bytes_shown);
    f.evidence = printable(detail.evidence, evidence_bytes_shown);
    const auto known = release_.history.known.find(f.fingerprint);
    f.known = known != release_.history.known.end() && known->second == action;
    waive(f);
    findings_.push_back(std::move(f));
  }

  void finish() {
    if (count_ <= findings_per_rule_max) return;
    own("the rule found " + thousands(count_ - findings_per_rule_max) + " more than are listed",
        std::max(worst_dropped_, Action::note));
  }

  void failed(std::string_view why) {
    own("the rule failed, so that nothing is known: " + std::string(why), Action::warn);
  }

 private:
  void waive(Finding& f) {
    if (f.action == Action::note || !may_be_waived(f.rule)) return;
    const Waiver* waiver = policy_.waiver(f.rule, f.fingerprint, release_.name, release_.version);
    if (waiver == nullptr) return;
    const std::string until = to_iso8601(waiver->expires).substr(0, 10);
    if (release_.now < waiver->expires) {
      f.waiver = {waiver->owner, waiver->reason, until, f.action};
      f.action = Action::note;
      return;
    }
    Finding expired;
    expired.rule = rule_expired_waiver;
    expired.action = Action::note;
    expired.file = f.file;
    expired.message = "the waiver of " + f.rule + " by " + waiver->owner + " expired on " + until +
                      " and has no effect (" + waiver->reason + ")";
    expired.fix = "take the waiver out of the policy, or have it renewed";
    expired.fingerprint = fingerprint_of(expired.rule, f.file, f.fingerprint);
    findings_.push_back(std::move(expired));
  }

  void own(std::string message, Action action) {
    Finding f;
    f.rule = rule_.info.id;
    f.action = action;
    f.message = printable(message, message_bytes_shown);
    f.fix = "look at this release by hand, and report it";
    f.fingerprint = fingerprint_of(f.rule, {}, message);
    findings_.push_back(std::move(f));
  }

  const Rule& rule_;
  const Release& release_;
  const Policy& policy_;
  const Profile profile_;
  std::vector<Finding>& findings_;
  std::size_t count_ = 0;
  Action worst_dropped_ = Action::off;
};

}  // namespace

std::vector<Finding> run_rules(std::span<const Rule* const> rules, const Release& release,
                               const Policy& policy, Profile profile) {
  std::vector<Finding> findings;
  for (const Rule* rule : rules) {
    if (policy.is_off(*rule, profile)) continue;
    Collector collector(*rule, release, policy, profile, findings);
    try {
      rule->check(release, collector);
    } catch (const std::exception& e) {
      collector.failed(e.what());
    }
    collector.finish();
  }
  return findings;
}

Finding incomplete(Action action, std::string_view file, std::string_view why) {
  Finding f;
  f.rule = rule_incomplete;
  f.action = action;
  f.file = printable(file, path_bytes_shown);
  f.message = printable(why, message_bytes_shown);
  f.fix = "look at it by hand, or publish it in a form that can be inspected";
  f.fingerprint = fingerprint_of(f.rule, file, why);
  return f;
}

void sort_findings(std::vector<Finding>& findings) {
  const auto key = [](const Finding& f) {
    return std::tuple(-static_cast<int>(f.action), std::string_view(f.rule), std::string_view(f.file),
                      f.offset, std::string_view(f.message));
  };
  std::sort(findings.begin(), findings.end(),
            [&](const Finding& a, const Finding& b) { return key(a) < key(b); });
}

}  // namespace sallyport
