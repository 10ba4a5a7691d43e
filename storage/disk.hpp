#pragma once
// What both stores say of a failing disk, and how a folder is made to last.

#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

// A system call's errno as a sentence for the client (full, read-only, not permitted), kind unavailable;
// `doing` and `path` go to the log.
Error disk_error(int system_error, std::string_view doing, const std::string& path);

// The folder and the missing ones above it, mode 0700, each synced into the one that holds it.
Result<void> create_folder(const std::string& path);
Result<void> sync_folder(const std::string& path);

}  // namespace sallyport
