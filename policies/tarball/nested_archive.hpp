#pragma once
// An archive or compressed file inside a package, opened by libarchive. The package itself is read twice and
// strictly; what lies in it is only looked into, so one reader is enough, and what that one cannot read is
// said.

#include <memory>
#include <optional>
#include <string>

#include "policies/content/file_content.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

struct NestedEntry {
  std::string path;  // as the archive says it, raw; empty in what is only compressed
  bool file = true;  // else a folder or a link
};

class NestedArchive {
 public:
  enum class Kind : std::uint8_t { tar, tar_gzip, zip, gzip, xz, bzip2, zstd };

  // `file` is read while this lives.
  NestedArchive(const FileBytes& file, Kind kind);
  ~NestedArchive();
  NestedArchive(const NestedArchive&) = delete;
  NestedArchive& operator=(const NestedArchive&) = delete;

  // The next entry; none at the end, or at a fault.
  std::optional<NestedEntry> next();
  // More of the entry, valid until the next call; empty at its end, or at a fault.
  Bytes read();
  // Why it is not read whole, in a few words; empty so far or altogether.
  const std::string& fault() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
