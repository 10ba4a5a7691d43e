#include "policies/tarball/scratch.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sallyport {
namespace {

Error disk_error(std::string_view what, int error) {
  return fail(error == ENOSPC || error == EDQUOT ? ErrorKind::unavailable : ErrorKind::internal,
              "the gateway has no room to inspect the tarball: try again later",
              std::string(what) + ": " + std::strerror(error));
}

// A file that no path leads to. O_TMPFILE is missing on some file systems (overlayfs before 6.6, NFS).
int open_unlinked(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return fd;
  std::string name = folder + "/.inspect-XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

Result<Scratch> Scratch::create(const std::string& folder) {
  const int fd = open_unlinked(folder);
  if (fd < 0) return disk_error("scratch file in " + folder, errno);
  return Scratch(fd);
}

Scratch::~Scratch() {
  if (fd_ >= 0) ::close(fd_);
}
Scratch::Scratch(Scratch&& other) noexcept : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}
Scratch& Scratch::operator=(Scratch&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

Result<void> Scratch::append(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return disk_error("scratch write", n < 0 ? errno : ENOSPC);
    size_ += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::size_t> Scratch::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error("scratch read", errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace sallyport
