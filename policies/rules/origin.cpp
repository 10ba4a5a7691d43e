// origin: who published a release, when, and from where. The catalogue of the family; the checks are in the
// files beside this one.

#include "policies/rules/origin.hpp"

namespace sallyport {

namespace {

using enum Action;

}  // namespace

std::span<const Rule> origin_rules() {
  static const Rule rules[] = {
      {{"origin/publisher",
        "an account or credential that never published this package",
        "Stolen accounts and tokens publish as somebody who never did so before, as those of event-stream "
        "and connect-kit.",
        "Confirm with the publisher, by another way than this, that the release is theirs.",
        {everywhere(note), everywhere(escalate)}},
       check_publisher},
      {{"origin/path",
        "published by hand where earlier releases came from a build",
        "A stolen token works from a laptop, the build does not have to be taken over: axios 1.14.1 was "
        "published by hand after years of CI.",
        "Publish from the build as before, or have two people confirm why not.",
        {everywhere(escalate)}},
       check_path},
      {{"origin/provenance",
        "an attestation that is gone, or names another repository or workflow",
        "A thief can publish, but cannot have the project's own workflow attest it: with axios and rspack "
        "the attestation was what was missing.",
        "Have the release built and published where the one before was, or say why it was not.",
        {everywhere(escalate), everywhere(note)}},
       check_provenance_change},
      {{"origin/provenance-invalid",
        "an attestation that does not verify, or is not of these bytes",
        "An attestation that is not of these bytes, or does not verify, is a forged or copied one: worse "
        "than none.",
        "Publish from the build that made the attestation, with the tarball it attests.",
        {everywhere(block), everywhere(note)}},
       check_provenance_invalid},
      {{"origin/dormant",
        "a release after more than a year without one",
        "Packages that nobody keeps are taken over by a name's or a mail domain's expiry; coa and rc slept "
        "for years before theirs.",
        "Have two people confirm that the package is kept again, and by whom.",
        {everywhere(escalate), everywhere(note)}},
       check_dormant},
      {{"origin/velocity",
        "a release less than an hour after the last one",
        "Attackers publish several lines within the hour, before they are found (ua-parser-js: three), and "
        "so do authors who got something wrong.",
        "Ask the publisher what the last release got wrong.",
        {everywhere(note)}},
       check_velocity},
      {{"origin/toolchain",
        "packed or bundled with other tools than the last release",
        "Defaults change with tools, source maps on or off among them, and a release that was packed "
        "elsewhere was packed by somebody else.",
        "Re-check the new tool's defaults: are source maps and debug output off, is \"files\" still kept to?",
        {{warn, note, warn}, {warn, note, note}}},
       check_toolchain},
  };
  return rules;
}

}  // namespace sallyport
