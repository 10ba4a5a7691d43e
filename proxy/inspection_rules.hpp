#pragma once
// The policy file and everything it names, read and compiled.

#include <filesystem>
#include <memory>
#include <string>

#include "policies/inspection.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// A file that the configuration names; invalid where it cannot be read.
Result<std::string> read_file(const std::filesystem::path& path);

// Of no file (an empty path): the profiles alone. Files that a policy names are seen from its folder.
Result<Policy> load_policy(const std::string& path, Instant now);

// Compiling takes seconds the first time; kept in `cache_folder`, if that is not empty.
Result<std::shared_ptr<const InspectionRules>> compile_rules(Policy policy, const std::string& cache_folder,
                                                             const std::string& scratch_folder);

// Where compiled rules are kept between commands; empty: nowhere.
std::string user_cache_folder();

}  // namespace sallyport
