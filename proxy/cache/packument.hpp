#pragma once
// The documents that installs read, prepared once when a package changes: full and abbreviated packument,
// with every tarball on our own origin and `time` in both.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gate/catalog.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// Bytes as they are sent.
struct Document {
  std::shared_ptr<const std::string> bytes;
  std::string etag;  // strong, of the content, quoted
};

struct TarballSource {
  std::string version;
  std::string integrity;  // as the origin's packument says; may be empty in very old packages
  std::string shasum;
  std::string url;               // of the upstream; empty for a local version
  std::optional<Sha512> sha512;  // of a local version
};

struct PreparedPackument {
  Document full, abbreviated;
  std::map<std::string, TarballSource, std::less<>>
      tarballs;                         // by file name, "lib-1.0.0.tgz"; hidden ones too
  std::string last_modified;            // HTTP date of the last change; empty where the origin tells none
  Instant good_until = Instant::max();  // then a hidden version comes of age and the documents change
  std::uint64_t bytes() const { return full.bytes->size() + abbreviated.bytes->size(); }
};

struct PackumentView {
  std::string base_url;  // tarballs are at <base_url>/<name>/-/<file>
  Instant now;
  std::optional<Millis> minimum_age;  // younger versions of the upstream are left out of the documents
};

// CPU work in proportion to the document: not on an I/O thread. upstream: the text is not a packument of
// that name. not_found: a packument without versions, as an unpublished package leaves behind.
Result<PreparedPackument> prepare_upstream(const PackageName& name, std::string_view text,
                                           const PackumentView& view);
Result<PreparedPackument> prepare_local(const LocalPackage& package, const PackumentView& view);

// One version's manifest, or the dist-tags, out of the full document. not_found.
Result<std::string> version_manifest(const PreparedPackument& packument, std::string_view version_or_tag);
Result<std::string> dist_tags(const PreparedPackument& packument);

}  // namespace sallyport
