#pragma once
// What an archive holds, as one reader saw it, and the limits of reading.

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/digest.hpp"

namespace sallyport {

struct TarEntry {
  std::string path;   // as the archive says it: "package/lib/cli.js"
  std::string inner;  // below the first component, as it lands in node_modules: "lib/cli.js"
  bool directory = false;
  std::uint64_t size = 0;    // bytes of content
  std::uint32_t mode = 0;    // permission bits, with setuid and setgid
  std::uint64_t offset = 0;  // of its content in the inflated archive
  Sha256 digest;             // of its content
};

using Listing = std::vector<TarEntry>;

struct TarballLimits {
  std::uint64_t unpacked_bytes_max = 1ull << 30;
  std::uint64_t ratio_max = 100;  // inflated : deflated, counted from ratio_from_bytes on
  std::uint64_t ratio_from_bytes = 1ull << 20;
  std::uint32_t entries_max = 20'000;
  std::uint32_t depth_max = 64;
  std::uint32_t path_bytes_max = 255;
};

// Something about the archive that readers could take differently, or that exceeds a limit. Becomes a finding
// of the rule it names.
struct TarFault {
  std::string rule;          // "tar/link"
  std::string path;          // of the entry, raw; may be empty
  std::uint64_t offset = 0;  // in the inflated archive
  std::string message;
  bool fatal = true;  // reading stopped here: what follows was not inspected
  int tier = 0;       // see RuleInfo::tiers
};

}  // namespace sallyport
