// Rules over what the gate learnt of dependencies: their age, their origin, what is known of them.

#include "policies/dependency_spec.hpp"
#include "policies/rules/deps.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using State = DependencyKnowledge::State;

enum YoungTier { young, newborn, age_unknown, age_unknown_first };
enum ConfusionTier { confused, perhaps_confused };
enum KnownBadTier { bad, perhaps_bad, long_unconfirmed };

// "18 hours", "5 days"
std::string age_text(Millis age) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(age).count();
  if (hours < 1) return "less than an hour";
  if (hours < 72) return std::to_string(hours) + (hours == 1 ? " hour" : " hours");
  return std::to_string(hours / 24) + " days";
}

// What comes from a registry; the rest is deps/exotic's and pack/local-dependency's.
bool from_registry(const Dependency& dependency) {
  const auto kind = parse_dependency_spec(dependency.spec).kind;
  return kind == DependencySpec::Kind::registry || kind == DependencySpec::Kind::alias;
}

std::string identity(const Dependency& dependency) {
  return dependency.name + "@" + dependency.spec;
}

struct Judged {
  int tier;
  std::string message;
};

std::optional<Judged> judge_age(const Release& release, const Dependency& dependency) {
  const bool first_release = !release.history.baseline;
  const int unknown = first_release ? age_unknown_first : age_unknown;
  const std::string who = quoted(dependency);
  const auto found = release.outside.dependencies.find(dependency.name);
  if (found == release.outside.dependencies.end())
    return Judged{unknown, "the age of " + who + " was not looked up"};
  const DependencyKnowledge& known = found->second;
  if (known.own) return {};
  if (known.state == State::unavailable)
    return Judged{unknown, "the age of " + who + " is not known: " + printable(known.why)};
  if (known.state == State::absent)
    return Judged{young, who + " does not exist: whoever registers the name next is installed"};
  if (!known.first_published)
    return Judged{unknown, "the age of " + who + " is not known: its registry does not say"};
  // A date in the future is a lie or a clock that is wrong: the package counts as just published.
  const Millis age = std::max(Millis(0), release.now - *known.first_published);
  const Thresholds& t = release.thresholds;
  if (age < std::chrono::hours(t.young_block_hours))
    return Judged{newborn, who + " was first published " + age_text(age) + " ago"};
  if (age < std::chrono::days(t.young_days))
    return Judged{young, who + " was first published " + age_text(age) + " ago"};
  // All that a first release depends on is new: only packages that are young themselves are worth a hold.
  if (first_release) return {};
  if (known.resolved.empty())
    return Judged{unknown, "no version of " + who + " answers to what is asked for"};
  if (!known.resolved_published)
    return Judged{unknown, "the age of " + who + " is not known: its registry does not say"};
  const Millis version_age = std::max(Millis(0), release.now - *known.resolved_published);
  if (version_age >= std::chrono::days(t.young_version_days)) return {};
  return Judged{young, who + " resolves to " + printable(known.resolved) + ", published " +
                           age_text(version_age) + " ago"};
}

}  // namespace

void check_young(const Release& release, FindingSink& sink) {
  if (!release.outside.collected) return;  // a scan: nobody looked
  for (const Dependency& dependency : all_dependencies(release)) {
    if (!from_registry(dependency)) continue;
    const std::string* before = spec_before(release, dependency.name);
    if (before != nullptr && *before == dependency.spec) continue;
    const auto verdict = judge_age(release, dependency);
    if (!verdict) continue;
    sink.add({.file = "package.json",
              .message = verdict->message,
              .fix = verdict->tier >= age_unknown
                         ? "Publish again when its registry answers, or have a second person look it up."
                         : std::string_view(),
              .content_digest = identity(dependency)},
             verdict->tier);
  }
}

void check_confusion(const Release& release, FindingSink& sink) {
  for (const Dependency& dependency : all_dependencies(release)) {
    const auto found = release.outside.dependencies.find(dependency.name);
    if (found == release.outside.dependencies.end()) continue;
    const DependencyKnowledge& known = found->second;
    if (!known.organisation || known.own) continue;
    const std::string who = quoted(dependency) +
                            " is a name of your organisation's that this registry does "
                            "not have";
    if (known.state == State::unavailable) {
      sink.add({.file = "package.json",
                .message = who + ", and who else has it is not known: " + printable(known.why),
                .content_digest = identity(dependency)},
               perhaps_confused);
      continue;
    }
    sink.add(
        {.file = "package.json",
         .message = who + (known.state == State::known ? ": it comes from the public registry alone"
                                                       : ": elsewhere, whoever registers it is installed"),
         .content_digest = identity(dependency)},
        confused);
  }
}

void check_known_bad(const Release& release, FindingSink& sink) {
  const OutsideFacts& outside = release.outside;
  for (const KnownBad& bad_one : outside.known_bad) {
    const bool itself = bad_one.name == release.name;
    std::string message = "\"" + printable(bad_one.name) +
                          (bad_one.version.empty() ? "\"" : "\" " + printable(bad_one.version)) +
                          (itself ? ", this package," : "");
    message += bad_one.certain ? " is known to be bad: " + printable(bad_one.id)
                               : " has versions known to be bad, and which one is installed is not known: " +
                                     printable(bad_one.id);
    if (!bad_one.summary.empty()) message += " (" + printable(bad_one.summary) + ")";
    const std::string what = bad_one.name + "@" + bad_one.version + " " + bad_one.id;
    sink.add({.file = itself ? "" : "package.json", .message = std::move(message), .content_digest = what},
             bad_one.certain ? bad : perhaps_bad);
  }
  if (outside.feed.starts_with("unavailable")) {
    sink.add({.message = "the malware feed is " + printable(outside.feed),
              .fix = "Have an administrator repair the feed, then publish again.",
              .content_digest = "feed"},
             perhaps_bad);
  } else if (outside.feed.starts_with("stale")) {
    sink.add({.message = "the malware feed is " + printable(outside.feed),
              .fix = "Have an administrator see why the feed cannot be read.",
              .content_digest = "feed"},
             long_unconfirmed);
  }
}

}  // namespace sallyport
