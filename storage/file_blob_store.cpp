// A blob goes from tmp/ to its name in this order, so that a name stands for whole bytes only, whatever
// moment the power goes:
//
//   write tmp/<random> → fdatasync → link to sha512/ab/<hex> → fsync sha512/ab → unlink tmp/<random>
//
// The record that points at a blob is written after all of it. What a crash leaves in tmp/ is removed at the
// next start; a blob without a record is an orphan that a sweep takes.

#include "storage/file_blob_store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <utility>

#include "storage/base/fault.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/log.hpp"
#include "storage/disk.hpp"

namespace sallyport {

namespace {

class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

Result<std::size_t> read_at(int fd, std::uint64_t offset, std::span<std::uint8_t> out,
                            const std::string& path) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const auto n = ::pread(fd, out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(errno, "reading", path);
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  return filled;
}

Instant modified_of(const struct stat& info) {
  return Instant(std::chrono::seconds(info.st_mtim.tv_sec) +
                 std::chrono::duration_cast<Millis>(std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

Result<void> date_now(const std::string& path) {
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
    return disk_error(errno, "dating", path);
  return {};
}

struct Folders {
  Folders(const std::string& root, Durability how)
      : tmp(root + "/tmp"), blobs(root + "/sha512"), durability(how) {}

  std::string of(const std::string& hex) const { return blobs + '/' + hex.substr(0, 2); }
  std::string path(const std::string& hex) const { return of(hex) + '/' + hex; }

  // Makes sha512/ab last. A folder that is there may still be unsynced by the thread that made it, so each
  // is synced once a process, whoever made it.
  Result<void> prepare(const std::string& hex, unsigned first_byte) {
    if (lasting_.at(first_byte).load(std::memory_order_acquire)) return {};
    const std::string folder = of(hex);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return disk_error(errno, "creating", folder);
    if (auto synced = sync(blobs); synced.has_error()) return synced;
    lasting_.at(first_byte).store(true, std::memory_order_release);
    return {};
  }

  Result<void> sync(const std::string& folder) const {
    return durability == Durability::synced ? sync_folder(folder) : Result<void>();
  }

  const std::string tmp;
  const std::string blobs;
  const Durability durability;
  std::mutex names;  // between looking at a blob's age and what that leads to

 private:
  std::array<std::atomic<bool>, 256> lasting_{};
};

class FileBlob final : public Blob {
 public:
  FileBlob(File file, std::uint64_t size, std::string path)
      : file_(std::move(file)), size_(size), path_(std::move(path)) {}
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return read_at(file_.fd(), offset, out, path_);
  }
  int file() const override { return file_.fd(); }

 private:
  File file_;
  std::uint64_t size_;
  std::string path_;
};

class StagedFile final : public StagedBlob {
 public:
  StagedFile(std::shared_ptr<Folders> folders, File file, std::string path)
      : folders_(std::move(folders)), file_(std::move(file)), path_(std::move(path)) {}
  ~StagedFile() override { ::unlink(path_.c_str()); }

  Result<void> append(Bytes bytes) override {
    if (spent_ || digest_) return used_after_end();
    const Bytes whole = bytes;
    while (!bytes.empty()) {
      const auto n = ::pwrite(file_.fd(), bytes.data(), bytes.size(),
                              static_cast<off_t>(size_ + (whole.size() - bytes.size())));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        spent_ = true;  // what lies on the disk is no longer what was hashed
        return disk_error(errno, "writing", path_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    hasher_.update(whole);
    size_ += whole.size();
    return {};
  }

  std::uint64_t size() const override { return size_; }

  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    if (offset >= size_) return 0;
    return read_at(file_.fd(), offset, out.first(std::min<std::uint64_t>(out.size(), size_ - offset)), path_);
  }

  Sha512 digest() override {
    if (!digest_) digest_ = hasher_.finish();
    return *digest_;
  }

  Result<void> commit(const Sha512& named) override {
    if (spent_) return used_after_end();
    spent_ = true;
    if (digest() != named) {
      return fail(ErrorKind::corrupt,
                  "the bytes received are not those that their digest names: send them again", path_);
    }
    fault_point("blob.before_sync");
    if (folders_->durability == Durability::synced && ::fdatasync(file_.fd()) != 0)
      return disk_error(errno, "syncing", path_);
    const std::string hex = to_hex(named);
    if (auto prepared = folders_->prepare(hex, named.bytes[0]); prepared.has_error()) return prepared;
    fault_point("blob.before_link");
    if (auto linked = link(folders_->path(hex)); linked.has_error()) return linked;
    if (auto synced = folders_->sync(folders_->of(hex)); synced.has_error()) return synced;
    fault_point("blob.after_link");
    return {};
  }

 private:
  static Error used_after_end() {
    return fail(ErrorKind::internal, "the upload failed: try again", "a staged blob was used after its end");
  }

  // A blob of this name has these bytes already, unless something cut it short: then ours take its place.
  Result<void> link(const std::string& to) const {
    const std::lock_guard lock(folders_->names);
    if (::link(path_.c_str(), to.c_str()) == 0) return {};
    if (errno != EEXIST) return disk_error(errno, "linking", to);
    struct stat there{};
    if (::lstat(to.c_str(), &there) != 0) return disk_error(errno, "looking at", to);
    if (S_ISREG(there.st_mode) && static_cast<std::uint64_t>(there.st_size) == size_) return date_now(to);
    log::warn("blob.replaced", {{"path", to}, {"bytes", there.st_size}, {"should_be_bytes", size_}});
    if (::rename(path_.c_str(), to.c_str()) != 0) return disk_error(errno, "replacing", to);
    return {};
  }

  std::shared_ptr<Folders> folders_;
  File file_;
  std::string path_;
  Sha512Hasher hasher_;
  std::optional<Sha512> digest_;
  std::uint64_t size_ = 0;
  bool spent_ = false;  // committed, or failed
};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// The names in a folder, but for "." and ".."; nothing where it does not exist.
Result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (!folder) {
    if (errno == ENOENT) return names;
    return disk_error(errno, "listing", path);
  }
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return disk_error(errno, "listing", path);
  return names;
}

class FileBlobStore final : public BlobStore {
 public:
  FileBlobStore(const std::string& root, Durability durability)
      : folders_(std::make_shared<Folders>(root, durability)) {}

  Result<void> prepare() {
    for (const auto& folder : {folders_->tmp, folders_->blobs}) {
      if (auto created = create_folder(folder); created.has_error()) return created;
    }
    const auto stale = names_in(folders_->tmp);
    if (stale.has_error()) return stale.error();
    for (const std::string& name : *stale) {
      const std::string path = folders_->tmp + '/' + name;
      if (::unlink(path.c_str()) != 0) return disk_error(errno, "removing", path);
    }
    return {};
  }

  Result<std::unique_ptr<StagedBlob>> begin() override {
    std::string path = folders_->tmp + '/' + to_hex(as_bytes(random_bytes(random_, 16)));
    File file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return disk_error(errno, "creating", path);
    return std::unique_ptr<StagedBlob>(
        std::make_unique<StagedFile>(folders_, std::move(file), std::move(path)));
  }

  Result<std::shared_ptr<const Blob>> open(const Sha512& digest) override {
    std::string path = folders_->path(to_hex(digest));
    File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file && errno == ENOENT) return fail(ErrorKind::not_found, "there are no such bytes here", path);
    struct stat info{};
    if (!file || ::fstat(file.fd(), &info) != 0) return disk_error(errno, "opening", path);
    if (!S_ISREG(info.st_mode)) return fail(ErrorKind::corrupt, "what should be a blob is no file", path);
    return std::shared_ptr<const Blob>(std::make_shared<FileBlob>(
        std::move(file), static_cast<std::uint64_t>(info.st_size), std::move(path)));
  }

  // Not synced: a removal that a crash undoes leaves an orphan, no more.
  Result<void> remove(const Sha512& digest) override {
    const std::string path = folders_->path(to_hex(digest));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return disk_error(errno, "removing", path);
    return {};
  }

  Result<void> touch(const Sha512& digest) override { return date_now(folders_->path(to_hex(digest))); }

  Result<bool> remove_older(const Sha512& digest, Instant before) override {
    const std::string path = folders_->path(to_hex(digest));
    const std::lock_guard lock(folders_->names);
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) {
      if (errno == ENOENT) return false;
      return disk_error(errno, "looking at", path);
    }
    if (modified_of(info) >= before) return false;
    if (::unlink(path.c_str()) != 0) return disk_error(errno, "removing", path);
    return true;
  }

  Result<void> walk(const std::function<bool(const BlobInfo&)>& visit) override {
    const auto prefixes = names_in(folders_->blobs);
    if (prefixes.has_error()) return prefixes.error();
    for (const std::string& prefix : *prefixes) {
      if (prefix.size() != 2 || from_hex(prefix).has_error()) continue;
      const auto names = names_in(folders_->blobs + '/' + prefix);
      if (names.has_error()) return names.error();
      for (const std::string& name : *names) {
        const auto digest = sha512_from_hex(name);
        // A name that open() would never look for is no blob.
        if (digest.has_error() || to_hex(*digest) != name || !name.starts_with(prefix)) continue;
        struct stat info{};
        if (::lstat(folders_->path(name).c_str(), &info) != 0) continue;  // removed in the meantime
        if (!S_ISREG(info.st_mode)) continue;
        if (!visit({*digest, static_cast<std::uint64_t>(info.st_size), modified_of(info)})) return {};
      }
    }
    return {};
  }

 private:
  std::shared_ptr<Folders> folders_;
  SystemRandom random_;
};

}  // namespace

Result<std::unique_ptr<BlobStore>> open_file_blob_store(const std::string& folder, Durability durability) {
  auto store = std::make_unique<FileBlobStore>(folder, durability);
  if (auto prepared = store->prepare(); prepared.has_error()) return prepared.error();
  return std::unique_ptr<BlobStore>(std::move(store));
}

}  // namespace sallyport
