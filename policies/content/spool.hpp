#pragma once
// What came out of a file, kept for as many looks at it as it needs: in memory while it is small, behind that
// in a scratch file. One pass of a decompressor for any number of readers, and memory that stays bounded.

#include <optional>
#include <string>
#include <vector>

#include "policies/content/file_content.hpp"
#include "policies/tarball/scratch.hpp"

namespace sallyport {

class Spool {
 public:
  // `folder` is where the scratch file would be.
  explicit Spool(const std::string& folder) : folder_(folder) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  Result<void> append(Bytes bytes);
  std::uint64_t size() const { return size_; }
  FileBytes bytes() const;  // valid while the spool is, of what is in it by then

 private:
  static constexpr std::size_t memory_bytes = 64u << 10;

  std::string folder_;
  std::uint64_t size_ = 0;
  std::vector<std::uint8_t> memory_;
  std::optional<Scratch> file_;
};

}  // namespace sallyport
