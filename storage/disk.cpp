#include "storage/disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace sallyport {

namespace {

std::string_view sentence(int system_error) {
  switch (system_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "the disk of the data folder is full: free some space and try again";
    case EROFS:
      return "the disk of the data folder is read-only: mount it for writing and try again";
    case EACCES:
    case EPERM:
      return "the data folder may not be written: give its owner, Sallyport's user, the right to";
    case EMFILE:
    case ENFILE:
      return "too many files are open: try again later, or raise the limit on open files";
    default:
      return "the disk of the data folder does not answer as it should: look at the log";
  }
}

}  // namespace

Error disk_error(int system_error, std::string_view doing, const std::string& path) {
  return fail(ErrorKind::unavailable, std::string(sentence(system_error)),
              std::string(doing) + ' ' + path + ": " + std::generic_category().message(system_error));
}

Result<void> sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return disk_error(errno, "opening", path);
  const int synced = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (synced != 0) return disk_error(error, "syncing", path);
  return {};
}

Result<void> create_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    const int error = errno;
    std::error_code ignored;
    if (error == EEXIST && std::filesystem::is_directory(path, ignored)) return {};
    const auto parent = std::filesystem::path(path).lexically_normal().parent_path();
    if (error != ENOENT || parent.empty() || parent == path) return disk_error(error, "creating", path);
    if (auto above = create_folder(parent); above.has_error()) return above;
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return disk_error(errno, "creating", path);
  }
  const auto parent = std::filesystem::path(path).lexically_normal().parent_path();
  return sync_folder(parent.empty() ? "." : parent.string());
}

}  // namespace sallyport
