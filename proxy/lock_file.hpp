#pragma once
// What the lock files of npm (package-lock.json, npm-shrinkwrap.json, v1 to v3), pnpm (v6 and v9), Yarn
// (v1 and berry) and Bun (text) name. Pure; the text may be anything.

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct LockedPackage {
  PackageName name;
  std::string version;
  std::string integrity;  // of its tarball, as the lock file says; empty: it says nothing that we can check
  auto operator<=>(const LockedPackage&) const = default;
};

struct LockFile {
  std::vector<LockedPackage> packages;  // of a registry; each once, in order
  std::vector<std::string> elsewhere;   // "lib: git+ssh://…": what no registry has
};

// invalid: no lock file, or one of a format that is not known.
Result<LockFile> parse_lock_file(std::string_view text);

}  // namespace sallyport
