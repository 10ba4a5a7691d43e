#pragma once
// A feed of advisories as one file, the way feeds are published: a zip or a gzipped tar of JSON documents, a
// list of them, or one after the other (JSON lines); the latter two gzipped or not.

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "gate/osv.hpp"
#include "policies/content/file_content.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct FeedLimits {
  std::uint64_t unpacked_bytes_max = 4ULL << 30;
  std::uint64_t memory_bytes_max = 1ULL << 30;  // of what is kept of it, about
  std::size_t documents_max = 1'000'000;
};

struct FeedContents {
  std::unordered_map<std::string, std::vector<Advisory>> by_name;  // by denial_key(), npm's alone
  std::size_t documents = 0, advisories = 0;
  std::size_t damaged = 0;            // documents that are no advisory
  std::set<std::string> damaged_ids;  // what those are of, where their file names say so
  std::string first_damage;           // which and why, printable
};

// Blocks for as long as reading takes. Of an archive the members "*.json" count. unavailable: the file cannot
// be read; too_large: it goes beyond a limit; invalid: it is no feed, is damaged or cut short, says nothing
// about npm, or more than one document in a hundred is no advisory.
Result<FeedContents> read_feed_file(const FileBytes& file, const FeedLimits& limits = {});

}  // namespace sallyport
