#pragma once
// The inflated archive, kept in a file without a name while it is inspected: it is gone with the process,
// whatever happens. Never synced.

#include <cstdint>
#include <string>

#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

class Scratch {
 public:
  static Result<Scratch> create(const std::string& folder);
  ~Scratch();
  Scratch(Scratch&& other) noexcept;
  Scratch& operator=(Scratch&& other) noexcept;

  Result<void> append(Bytes bytes);
  // Reads up to out.size() bytes at `offset`; fewer only at the end. Any thread, once writing is over or not.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const;
  std::uint64_t size() const { return size_; }
  int descriptor() const { return fd_; }  // its own position is at the end

 private:
  explicit Scratch(int fd) : fd_(fd) {}
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace sallyport
