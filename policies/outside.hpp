#pragma once
// What a verdict needs to know that is not in the tarball: collected by the gate, handed in, and recorded
// with the verdict, so that it can be reproduced later from the same bytes.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policies/facts.hpp"
#include "policies/provenance/provenance.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/json.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// What the registry says of a dependency that the baseline lacks or has in another range.
struct DependencyKnowledge {
  enum class State : std::uint8_t { known, absent, unavailable };
  State state = State::unavailable;
  std::string why = {};       // of `unavailable`: a sentence
  bool own = false;           // in our own catalog, and not asked upstream
  bool organisation = false;  // a name of the organisation's: nobody else may own it
  std::optional<Instant> first_published = {};
  std::string resolved = {};  // the version that an install takes today; empty: none matches
  std::optional<Instant> resolved_published = {};
};

// An entry of the malware feed or of the operator's deny list that a dependency, or the release itself,
// meets.
struct KnownBad {
  std::string name, version;  // of the package; version empty: all of them
  std::string id, summary;    // "MAL-2026-1234", printable
  bool certain = true;        // false: some versions are bad, and which one is installed is not known
};

struct OutsideFacts {
  bool collected = false;                                   // false: nobody looked, as in a scan
  std::map<std::string, DependencyKnowledge> dependencies;  // by the name in package.json
  std::vector<KnownBad> known_bad;
  std::string feed =
      "none";  // what the malware feed was: its digest, "none", "unavailable: why" or "stale: …"
  std::optional<ReleaseOrigin> origin;            // of this publish; absent in a scan
  std::optional<Provenance> provenance;           // of the attestation sent with it; absent: none was
  std::optional<Provenance> previous_provenance;  // of the baseline's
  std::string previous_unavailable;  // why the baseline's provenance, which there is, could not be had
};

// One JSON object with "v": 1; unknown members are ignored, a newer "v" and a member of another type are
// refused (corrupt).
json::object to_json(const OutsideFacts& outside);
Result<OutsideFacts> outside_from_json(const json::value& value);

}  // namespace sallyport
