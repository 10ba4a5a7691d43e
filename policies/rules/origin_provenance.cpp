// Who built a release, against who built the one before. What an attestation says is compared whether or not
// it could be verified: a change is a change, and a valid attestation makes no other finding smaller.

#include "policies/rules/origin.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr int tier_note = 1;

// What is known of the attestation of the release before.
struct Before {
  bool attested = false;
  std::string repository, workflow, builder;  // empty: not known
};

Before before(const Release& release) {
  const OutsideFacts& outside = release.outside;
  const auto& told = outside.previous_provenance;
  // One that does not hold says that there was one, and nothing else: what was recorded here counts.
  if (told && told->state != Provenance::State::invalid)
    return {true, told->repository, told->workflow, told->builder};
  Before out{told || !outside.previous_unavailable.empty(), {}, {}, {}};
  const auto& baseline = release.history.baseline;
  if (baseline && baseline->origin && baseline->origin->attested)
    out = {true, baseline->origin->repository, baseline->origin->workflow, baseline->origin->builder};
  return out;
}

}  // namespace

void check_provenance_change(const Release& release, FindingSink& sink) {
  // In a scan nobody knows how the release will be published.
  if (!release.outside.collected || !release.history.baseline) return;
  const std::string previous = printable(release.history.baseline->version);
  const Before was = before(release);
  const std::optional<Provenance>& now = release.outside.provenance;
  if (!was.attested) return;
  if (!now) {
    sink.add({.message = previous + " came with an attestation of who built it" +
                         (was.repository.empty() ? "" : " (" + printable(was.repository) + ")") +
                         ", and this release with none",
              .content_digest = "none"});
    return;
  }
  const auto compare = [&](std::string_view what, const std::string& then, const std::string& here) {
    if (then.empty() || then == here) return;
    sink.add({.message = "built by another " + std::string(what) + " than " + previous + ": " +
                         (here.empty() ? "none is named" : printable(here)) + ", before " + printable(then),
              .content_digest = std::string(what) + "\n" + then + "\n" + here});
  };
  compare("repository", was.repository, now->repository);
  compare("workflow", was.workflow, now->workflow);
  compare("builder", was.builder, now->builder);
  if (was.repository.empty() && release.outside.previous_provenance)
    sink.add({.message = "who built " + previous + " could not be compared: its attestation does not hold"},
             tier_note);
  else if (was.repository.empty() && !release.outside.previous_unavailable.empty())
    sink.add({.message = "who built " + previous +
                         " could not be compared: " + release.outside.previous_unavailable},
             tier_note);
}

void check_provenance_invalid(const Release& release, FindingSink& sink) {
  const auto& now = release.outside.provenance;
  if (now && now->state == Provenance::State::invalid)
    sink.add({.message = "the attestation sent with it does not hold: " + now->fault});
  if (now && now->state == Provenance::State::unverified)
    sink.add({.message = "who signed its attestation is not known: no trust root is configured",
              .fix = "Name Sigstore's trusted_root.json, or your own, as trust_root under [policy].",
              .content_digest = "unverified"},
             tier_note);
  const auto& previous = release.outside.previous_provenance;
  if (previous && previous->state == Provenance::State::invalid)
    sink.add({.message = "the attestation of the release before does not hold: " + previous->fault},
             tier_note);
}

}  // namespace sallyport
