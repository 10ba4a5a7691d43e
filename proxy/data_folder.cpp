#include "proxy/data_folder.hpp"

#include <sys/stat.h>

#include <filesystem>

#include "storage/file_blob_store.hpp"
#include "storage/rocks_meta_store.hpp"

namespace sallyport {

Result<DataFolder> open_data_folder(const std::string& path, const Clock& clock, Random& random) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error)
    return fail(ErrorKind::unavailable,
                "The data folder " + path + " cannot be created: " + error.message() + ".");
  if (made) ::chmod(path.c_str(), 0700);

  DataFolder folder;
  folder.path = path;
  auto meta = open_rocks_meta_store(meta_folder(path));
  if (!meta) return meta.error();
  folder.meta = std::move(*meta);
  auto blobs = open_file_blob_store(blobs_folder(path));
  if (!blobs) return blobs.error();
  folder.blobs = std::move(*blobs);
  auto cached = open_file_blob_store(path + "/cached", Durability::relaxed);
  if (!cached) return cached.error();
  folder.cached = std::move(*cached);
  auto ledger = Ledger::open(*folder.meta, clock);
  if (!ledger) return ledger.error();
  folder.ledger = std::move(*ledger);
  auto identity = Identity::open(*folder.meta, *folder.ledger, clock, random);
  if (!identity) return identity.error();
  folder.identity = std::move(*identity);
  return folder;
}

std::string meta_folder(const std::string& path) {
  return path + "/meta";
}
std::string copy_folder(const std::string& path, const std::string& id) {
  return path + "/copy-" + id;
}
std::string blobs_folder(const std::string& path) {
  return path + "/blobs";
}

}  // namespace sallyport
