#pragma once
// What a release looks like, compactly: stored for every approved release, the baseline of the next.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/finding.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/json.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct FileFact {
  std::string path;  // below the first component
  std::uint64_t size = 0;
  std::string digest;  // sha256, hex
  std::string type;    // extension in lower case (".js", ".d.ts", "" for none) or the magic type if binary
};

// Who published a release and from where, as its registry or our own ledger has it.
struct ReleaseOrigin {
  std::string publisher;   // account; empty: not known
  std::string credential;  // key of the token, never the token; only of releases that went through this gate
  std::string client;      // "npm/11.19.1", from the user agent
  std::string path;  // "token", "ci" (a service identity) or "trusted" (trusted publishing); empty: not known
  bool attested = false;                      // it came with a provenance attestation
  std::string repository, workflow, builder;  // of that attestation, where it was read
};

using DependencyMap = std::map<std::string, std::string>;  // name -> spec

struct Facts {
  std::string name, version, tag;
  Instant released;  // when it became visible
  std::uint64_t packed_bytes = 0, unpacked_bytes = 0;
  std::vector<FileFact> files;
  DependencyMap dependencies, optional_dependencies, peer_dependencies;  // peers: required ones only
  std::map<std::string, std::string> scripts;
  std::map<std::string, std::string> bin;
  bool has_files_field = false;
  std::optional<std::string> license;  // as package.json names it, "" where it names none; absent: not kept

  // What the rules of the content measured. A record from before these were kept has none: a rule that looks
  // for what is new stays silent then, or says that it cannot know.
  bool measured = false;
  std::set<std::string> capabilities;             // of runtime files: "network", "process", …
  std::map<std::string, std::string> toolchain;   // fingerprints: "npm" -> "11", "bundler" -> "esbuild", …
  std::map<std::string, std::uint64_t> measures;  // counts and sizes by name: "code-bytes", "longest-line", …
  std::map<std::string, std::set<std::string>> marks;  // rule -> digests of what it reports only once
  std::optional<ReleaseOrigin> origin;                 // who published it and how, where that is known
};

// One JSON object with "v": 1; unknown members are ignored, a newer "v" is refused (corrupt).
json::object to_json(const Facts& facts);
json::object to_json(const ReleaseOrigin& origin);
bool read_origin(const json::object& object, ReleaseOrigin& out);  // false: a member is missing or no text
Result<Facts> facts_from_json(const json::value& value);

// The release that `version` is compared with, out of those that exist: the highest lower stable version, so
// that a backport to 0.x meets 0.x whatever `latest` is; for a prerelease also an earlier prerelease of the
// same x.y.z. Where nothing is lower, the nearest higher one, because any memory is better than none. Nothing
// only where `versions` has no other version. What is not semver is passed over.
std::optional<std::string> choose_baseline(std::span<const std::string> versions, std::string_view version);

// What earlier releases give a rule to compare with. Built by the gate: only what existed at that moment.
struct History {
  std::optional<Facts> baseline;     // the highest lower stable version on the same dist-tag line
  std::string baseline_origin;       // "gate" or "upstream"; for the report
  std::set<std::string> types_seen;  // FileFact::type of the last 20 releases
  std::vector<std::uint64_t> largest_file_bytes;     // of each of the last releases, newest first
  std::optional<std::string> tag_target;             // the version the dist-tag names now
  std::map<std::string, Action, std::less<>> known;  // findings of the last approved release, by fingerprint
  std::vector<Facts> line;  // the last releases of the baseline's line, newest first, without their files
  std::optional<Instant> last_release;  // of the package, on whatever line; absent: none is known
};

// The same form and rules as of Facts.
json::object to_json(const History& history);
Result<History> history_from_json(const json::value& value);

}  // namespace sallyport
