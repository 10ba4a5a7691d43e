#pragma once
// The data folder, and everything kept in it, opened in order:
//
//   meta/          metadata (RocksDB); its lock says that a process has the folder
//   blobs/         own tarballs
//   cached/        tarballs of upstreams: all can be fetched again
//   copy-<id>/     what a command reads beside a running server, gone with its end
//   console.sock   of a running server, for commands (proxy/cli/console.hpp)

#include <memory>
#include <string>

#include "proxy/identity/identity.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/ids.hpp"
#include "storage/blob_store.hpp"
#include "storage/ledger.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct DataFolder {
  std::string path;
  std::unique_ptr<MetaStore> meta;
  std::unique_ptr<BlobStore> blobs, cached;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Identity> identity;
};

// Created where absent, for its owner only. busy: another process has it. `clock` and `random` must outlive
// it.
Result<DataFolder> open_data_folder(const std::string& path, const Clock& clock, Random& random);

// Where the blobs of a folder lie, for a copy of it.
std::string blobs_folder(const std::string& path);
std::string meta_folder(const std::string& path);
std::string copy_folder(const std::string& path, const std::string& id);

}  // namespace sallyport
