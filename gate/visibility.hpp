#pragma once
// Which versions installs may have: the one predicate that packument, dist-tags, version manifest, tarball,
// search and status ask. Pure: what it goes by is handed in.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gate/malware_feed.hpp"
#include "gate/package_rules.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

enum class Sight : std::uint8_t {
  visible,
  hidden,  // in no packument and chosen by no range or tag; served to who asks for exactly it
  denied,  // served to nobody: 403, with the reason
};

struct Seen {
  Sight sight = Sight::visible;
  std::string why;                 // a sentence for who is refused; empty where visible
  Instant until = Instant::max();  // from then on the clock alone may change the answer
};

// What is known of a version, from its origin's packument.
struct VersionFacts {
  std::string_view version;
  std::optional<Instant> published;
  std::string_view integrity, shasum;  // as `dist` has them
  bool own = false;                    // released here, after review
  bool install_script = false;
  bool provenance = false;
  bool provenance_before = false;  // of the next lower version
};

// What holds for one package at one moment.
struct Conditions {
  std::uint64_t generation = 0;  // of all conditions: a document made under another is made again
  std::string name;
  PackageRule rule;
  std::vector<Advisory> bad;    // denied by an administrator, or malware
  bool bad_unknown = false;     // what is malware was never read: nothing of an upstream can be judged
  std::vector<Advisory> known;  // faults that later versions mend
  std::shared_ptr<const std::set<std::string, std::less<>>> bad_digests;  // each a canonical_digest()
  std::optional<Instant> frozen_at;  // nothing of an upstream that is younger
};

// One spelling for one digest: "sha512-…", a sha1 in lower-case hex. None: it is neither.
std::optional<std::string> canonical_digest(std::string_view text);

// Own versions are denied like any other; what hides is about the upstream's.
Seen judge(const VersionFacts& version, const Conditions& conditions, Instant now);

}  // namespace sallyport
