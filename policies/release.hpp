#pragma once
// Everything a rule may see.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/content/file_content.hpp"
#include "policies/content/words.hpp"
#include "policies/facts.hpp"
#include "policies/finding.hpp"
#include "policies/manifest.hpp"
#include "policies/outside.hpp"
#include "policies/tarball/inflate.hpp"
#include "policies/tarball/listing.hpp"
#include "policies/thresholds.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

struct ReleaseFile {
  const TarEntry& entry;
  const FileContent& content;
};

struct Release {
  std::string name, version, tag;             // as published; in a scan from package.json
  bool public_upstream = false;               // goes to an upstream rather than into our own store
  std::vector<std::string> publisher_scopes;  // "@acme"; empty: any
  std::vector<std::string>
      registries;  // URLs this release may say it is for: our own, the upstream's; empty: any
  std::uint64_t packed_bytes = 0, unpacked_bytes = 0;
  std::optional<GzipHeader> gzip;       // of the tarball
  const Manifest* packaged = nullptr;   // package.json of the tarball; null where there is none to read
  const Manifest* published = nullptr;  // versions[v] of the publish; null in a scan
  const std::vector<WordList>* words = nullptr;  // that contents were searched for; null: none
  std::vector<ReleaseFile> files;                // regular files, in archive order
  // Of these, the ones with capabilities or signs that may run where the release is installed; see
  // runtime_files().
  std::vector<const ReleaseFile*> runtime;
  const std::vector<TarFault>* faults = nullptr;
  std::function<FileBytes(const TarEntry&)> bytes;  // a second look at a file
  Facts facts;                                      // of this release
  History history;
  OutsideFacts outside;
  Thresholds thresholds;
  Instant now;

  const ReleaseFile* file(std::string_view inner) const;  // null: absent
};

// In lower case, ".d.ts" and ".tar.gz" whole; a leading dot is a name, not an extension; empty: it has none.
std::string extension_of(std::string_view path);

// What is kept of a release for its successors, from everything of `release` but `facts` and `history`.
Facts facts_of(const Release& release);

}  // namespace sallyport
