#include "policies/finding.hpp"

#include <algorithm>
#include <array>

namespace sallyport {

namespace {

constexpr std::array<std::string_view, 5> kActions = {"off", "note", "warn", "escalate", "block"};
constexpr std::array<std::string_view, 3> kProfiles = {"proprietary", "open", "internal"};
constexpr std::array<std::string_view, 3> kVerdicts = {"clean", "hold", "block"};

template <class E, std::size_t N>
std::optional<E> parse(const std::array<std::string_view, N>& names, std::string_view text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return std::nullopt;
  return static_cast<E>(found - names.begin());
}

}  // namespace

std::string_view to_text(Action action) {
  return kActions.at(static_cast<std::size_t>(action));
}
std::string_view to_text(Profile profile) {
  return kProfiles.at(static_cast<std::size_t>(profile));
}
std::string_view to_text(Verdict verdict) {
  return kVerdicts.at(static_cast<std::size_t>(verdict));
}
std::optional<Action> parse_action(std::string_view text) {
  return parse<Action>(kActions, text);
}
std::optional<Profile> parse_profile(std::string_view text) {
  return parse<Profile>(kProfiles, text);
}
std::optional<Verdict> parse_verdict(std::string_view text) {
  return parse<Verdict>(kVerdicts, text);
}

std::string to_text(const FindingWaiver& waiver) {
  return "waived by " + waiver.owner + " until " + waiver.until + ": " + waiver.reason;
}

Verdict verdict_of(const std::vector<Finding>& findings) {
  Action worst = Action::off;
  for (const Finding& finding : findings) worst = std::max(worst, finding.action);
  if (worst == Action::block) return Verdict::block;
  return worst > Action::note ? Verdict::hold : Verdict::clean;
}

}  // namespace sallyport
