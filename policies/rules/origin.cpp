// origin: who published a release, when, and from where. The catalogue of the family; the checks are in the
// files beside this one.

#include "policies/rules/origin.hpp"

namespace sallyport {

namespace {

using enum Action;

}  // namespace

std::span<const Rule> origin_rules() {
  static const Rule rules[] = {
      {{"origin/provenance",
        "an attestation that is gone, or names another repository or workflow",
        "Have the release built and published where the one before was, or say why it was not.",
        {everywhere(escalate), everywhere(note)}},
       check_provenance_change},
      {{"origin/provenance-invalid",
        "an attestation that does not verify, or is not of these bytes",
        "Publish from the build that made the attestation, with the tarball it attests.",
        {everywhere(block), everywhere(note)}},
       check_provenance_invalid},
  };
  return rules;
}

}  // namespace sallyport
