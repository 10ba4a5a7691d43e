// When a package is published, and with what tools.

#include "policies/rules/origin.hpp"
#include "policies/toolchain.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

enum DormantTier { dormant, age_unknown };
enum ToolchainTier { built, packed };

std::string title_of(std::string_view kind) {
  if (kind == "gzip") return "gzip header";
  if (kind == "order") return "order of entries";
  if (kind == "build") return "build tools";
  return std::string(kind);
}

std::string named(const std::string& value) {
  return value.empty() ? "none" : printable(value, 80);
}

}  // namespace

void check_dormant(const Release& release, FindingSink& sink) {
  if (!release.history.baseline || !release.outside.collected) return;
  if (!release.history.last_release) {
    sink.add({.message = "when the last release was is not known", .content_digest = "unknown"}, age_unknown);
    return;
  }
  const auto idle = std::chrono::floor<std::chrono::days>(release.now - *release.history.last_release);
  if (release.now - *release.history.last_release <= std::chrono::days(release.thresholds.dormant_days))
    return;
  sink.add({.message = "the last release was " + thousands(static_cast<unsigned long long>(idle.count())) +
                       " days ago",
            .content_digest = to_iso8601(*release.history.last_release)});
}

void check_velocity(const Release& release, FindingSink& sink) {
  if (!release.history.last_release || !release.outside.collected) return;
  const Millis since = std::max(Millis(0), release.now - *release.history.last_release);
  if (since > std::chrono::minutes(release.thresholds.velocity_minutes)) return;
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(since).count();
  sink.add({.message = "the last release was only " + std::to_string(minutes) +
                       (minutes == 1 ? " minute" : " minutes") + " ago",
            .content_digest = to_iso8601(*release.history.last_release)});
}

void check_toolchain(const Release& release, FindingSink& sink) {
  if (!release.history.baseline) return;
  const Toolchain &before = release.history.baseline->toolchain, &now = release.facts.toolchain;
  std::string changes, digest;
  bool other_build = false;
  for (const auto& [kind, tool] : now) {
    const auto was = before.find(kind);
    if (was == before.end() || !tools_differ(kind, was->second, tool)) continue;
    changes += (changes.empty() ? "" : "; ") + title_of(kind) + ": " + named(was->second) + " before, " +
               named(tool) + " now";
    other_build = other_build || kind == "bundler" || kind == "build";
    digest += kind + " " + was->second + " " + tool + "\n";
  }
  if (changes.empty()) return;
  sink.add({.message = (other_build ? "built with other tools than " : "packed with other tools than ") +
                       printable(release.history.baseline->version),
            .evidence = changes,
            .content_digest = digest},
           other_build ? built : packed);
}

}  // namespace sallyport
