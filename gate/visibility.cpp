#include "gate/visibility.hpp"

#include <algorithm>

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

std::string spec_of(const VersionFacts& version, const Conditions& conditions) {
  return printable(conditions.name + "@" + std::string(version.version));
}

// Every digest that an origin tells of a version, in the spelling that denials are kept in.
std::vector<std::string> digests_of(const VersionFacts& version) {
  std::vector<std::string> out;
  std::string_view rest = version.integrity;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t\r\n"), rest.size());
    if (auto digest = canonical_digest(rest.substr(0, end))) out.push_back(std::move(*digest));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (auto digest = canonical_digest(version.shasum)) out.push_back(std::move(*digest));
  return out;
}

// The reason why nobody gets it; empty: none.
std::string why_denied(const VersionFacts& version, const Conditions& conditions) {
  for (const Advisory& advisory : conditions.bad)
    if (advisory.covers(version.version))
      return "is denied here (" + printable(advisory.id, 60) + "): " + printable(advisory.summary);
  if (conditions.bad_digests && !conditions.bad_digests->empty())
    for (const std::string& digest : digests_of(version))
      if (conditions.bad_digests->contains(digest))
        return "is denied here: an administrator named the digest of its tarball";
  return {};
}

bool mends_a_fault(const VersionFacts& version, const Conditions& conditions) {
  return std::any_of(conditions.known.begin(), conditions.known.end(), [&](const Advisory& advisory) {
    return std::find(advisory.fixed_in.begin(), advisory.fixed_in.end(), version.version) !=
               advisory.fixed_in.end() &&
           !advisory.covers(version.version);
  });
}

bool is_exempt_from_age(const VersionFacts& version, const Conditions& conditions) {
  const auto& exempt = conditions.rule.release_age_exempt;
  return std::any_of(exempt.begin(), exempt.end(),
                     [&](const Exemption& e) { return e.covers(conditions.name, version.version); }) ||
         mends_a_fault(version, conditions);
}

// An answer gets worse, never better.
void worsen(Seen& seen, Sight sight, std::string why) {
  if (sight <= seen.sight) return;
  seen.sight = sight;
  seen.why = std::move(why);
}

Sight sight_of(Admission admission) {
  switch (admission) {
    case Admission::show:
      return Sight::visible;
    case Admission::hide:
      return Sight::hidden;
    case Admission::deny:
      break;
  }
  return Sight::denied;
}

}  // namespace

std::optional<std::string> canonical_digest(std::string_view text) {
  if (auto raw = from_hex(text); raw && raw->size() == Sha1().bytes.size()) return to_hex(as_bytes(*raw));
  const auto parsed = parse_integrity(text);
  if (!parsed) return std::nullopt;
  if (parsed->algorithm == "sha1") return to_hex(as_bytes(parsed->digest));
  if (parsed->algorithm != "sha512") return std::nullopt;
  return "sha512-" + base64_encode(as_bytes(parsed->digest));
}

Seen judge(const VersionFacts& version, const Conditions& conditions, Instant now) {
  Seen seen;
  const std::string spec = spec_of(version, conditions);
  if (std::string why = why_denied(version, conditions); !why.empty())
    worsen(seen, Sight::denied, spec + " " + why + ". Ask an administrator of this registry.");
  if (version.own) return seen;
  if (conditions.bad_unknown)
    worsen(seen, Sight::denied,
           spec +
               " cannot be judged yet: the malware feed of this registry has never been read. Try again in "
               "some minutes; if it lasts, ask an administrator.");

  const PackageRule& rule = conditions.rule;
  if (version.install_script)
    worsen(seen, sight_of(rule.install_scripts),
           spec + " runs a program when it is installed, which this registry does not let in.");
  if (version.provenance_before && !version.provenance)
    worsen(seen, sight_of(rule.provenance_lost),
           spec + " has no provenance although the version before it had: it may not come from its project.");
  if (conditions.frozen_at && (!version.published || *version.published > *conditions.frozen_at))
    worsen(seen, Sight::hidden,
           spec + " is younger than " + to_iso8601(*conditions.frozen_at) +
               ", where an administrator froze this registry.");
  if (rule.minimum_release_age && !is_exempt_from_age(version, conditions)) {
    const std::string age = to_text(*rule.minimum_release_age);
    if (!version.published) {
      worsen(seen, Sight::hidden, spec + " has no date, and here a version must be " + age + " old.");
    } else if (const Instant ripe = *version.published + *rule.minimum_release_age; ripe > now) {
      seen.until = ripe;
      worsen(seen, Sight::hidden,
             spec + " is younger than " + age + ": installs choose it from " + to_iso8601(ripe) + " on.");
    }
  }
  return seen;
}

}  // namespace sallyport
