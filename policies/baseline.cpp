#include <optional>

#include "policies/facts.hpp"
#include "storage/base/semver.hpp"

namespace sallyport {

std::optional<std::string> choose_baseline(std::span<const std::string> versions, std::string_view version) {
  const auto own = Version::parse(version);
  if (own.has_error()) return std::nullopt;
  struct Candidate {
    Version parsed;
    const std::string* text;
  };
  std::optional<Candidate> lower, lower_prerelease, higher;
  const auto keep = [](std::optional<Candidate>& best, const Candidate& other, bool highest) {
    if (!best || (highest ? best->parsed < other.parsed : other.parsed < best->parsed)) best = other;
  };
  for (const std::string& text : versions) {
    auto parsed = Version::parse(text);
    if (parsed.has_error()) continue;
    const auto order = compare(*parsed, *own);
    if (order == std::strong_ordering::equal) continue;
    const bool same_target =
        parsed->major == own->major && parsed->minor == own->minor && parsed->patch == own->patch;
    const bool on_line = !parsed->is_prerelease() || (own->is_prerelease() && same_target);
    const bool is_lower = order == std::strong_ordering::less;
    const Candidate candidate{std::move(*parsed), &text};
    keep(!is_lower ? higher : on_line ? lower : lower_prerelease, candidate, is_lower);
  }
  for (const auto* best : {&lower, &lower_prerelease, &higher}) {
    if (*best) return *(*best)->text;
  }
  return std::nullopt;
}

}  // namespace sallyport
