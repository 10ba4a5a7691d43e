#pragma once
// The documents that installs read, prepared once when a package or what may be seen of it changes: full and
// abbreviated packument, with every tarball on our own origin and `time` in both; and what was decided about
// each version, for everybody who asks for one.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gate/catalog.hpp"
#include "gate/visibility.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// Bytes as they are sent: gzipped, as every client of npm's kind takes them. Plain they are several times as
// large, and made again for the few who ask.
struct Document {
  std::shared_ptr<const std::string> gzipped;
  std::uint64_t plain_bytes = 0;
  std::string etag, gzipped_etag;  // strong, of the content, quoted
};
Result<std::string> unpacked(const Document& document);  // CPU work, as preparing is

struct PreparedVersion {
  std::string version;
  std::string integrity;  // as the origin's packument says; may be empty in very old packages
  std::string shasum;
  std::string url;               // of the tarball upstream; empty for an own version
  std::optional<Sha512> sha512;  // of an own version
  std::optional<Instant> published;
  Seen seen;
  bool attested = false;                              // the origin says that there are attestations of it
  std::uint64_t manifest_at = 0, manifest_bytes = 0;  // JSON, in the document that holds it
};

struct PreparedPackument {
  Document full, abbreviated;
  std::map<std::string, PreparedVersion, std::less<>> versions;  // whatever their sight
  std::map<std::string, std::string, std::less<>> tags;          // of visible versions
  // Versions by the file names that their origin has for their tarballs, where it has others than most.
  std::map<std::string, std::string, std::less<>> odd_files;
  std::string last_modified;            // HTTP date of the last change; empty where the origin tells none
  Instant good_until = Instant::max();  // then a hidden version comes of age and the documents change
  std::uint64_t generation = 0;         // of the conditions they were made under
  Document unseen;                      // manifests of versions that are in neither of the others

  const Document& holding(const PreparedVersion& version) const {
    return version.seen.sight == Sight::visible ? full : unseen;
  }
  std::uint64_t bytes() const;  // of memory, about
};
// `text`: the unpacked document that holds it.
std::string_view manifest_of(const PreparedVersion& version, std::string_view text);

struct PackumentView {
  std::string base_url;  // tarballs are at <base_url>/<name>/-/<file>
  Instant now;
  Conditions conditions;
  // The sha512 ("sha512-…") of tarballs that were fetched, by version: of some the packument tells a sha1
  // alone.
  std::map<std::string, std::string, std::less<>> known_digests = {};
};

// CPU work in proportion to the document: not on an I/O thread. upstream: the text is not a packument of
// that name. not_found: a packument without versions, as an unpublished package leaves behind.
Result<PreparedPackument> prepare_upstream(const PackageName& name, std::string text,
                                           const PackumentView& view);
Result<PreparedPackument> prepare_local(const LocalPackage& package, const PackumentView& view);

std::string tags_json(const PreparedPackument& packument);

// Below: what somebody may have who asks for exactly that. Visible and hidden versions; denied (with the
// reason) and not_found otherwise.
Result<const PreparedVersion*> version_named(const PreparedPackument& packument,
                                             std::string_view version_or_tag);
Result<const PreparedVersion*> version_of_file(const PreparedPackument& packument, const PackageName& name,
                                               std::string_view file);  // "lib-1.0.0.tgz"
// Is there anything left to serve? denied: every version is.
Result<void> anything_to_see(const PreparedPackument& packument);

}  // namespace sallyport
