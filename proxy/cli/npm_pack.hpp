#pragma once
// Packing by npm itself, so that what is judged is the literal payload: no packer of our own could promise to
// put the same files into a tarball, release after release of npm.

#include <filesystem>
#include <string>

#include "storage/base/result.hpp"

namespace sallyport {

// A folder, or name@version from the registry that npm is configured with, as a tarball in `into`; its path.
// Runs `npm pack --ignore-scripts`: nothing of the package is executed. Blocks until npm ends.
// not_found: no npm on the PATH; invalid: npm refused, with its own words in `detail`.
Result<std::filesystem::path> npm_pack_folder(const std::filesystem::path& folder,
                                              const std::filesystem::path& into);
Result<std::filesystem::path> npm_pack_released(std::string_view name, std::string_view version,
                                                const std::filesystem::path& into);

}  // namespace sallyport
