#include "proxy/inspection_rules.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_bytes_max = 8u << 20;

}  // namespace

// Bounded: the name may be that of a device.
Result<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(file_bytes_max + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof()) || fs::is_directory(path))
    return fail(ErrorKind::invalid,
                printable(path.string()) + " cannot be read: check that it exists and that this user may.");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > file_bytes_max)
    return fail(ErrorKind::invalid,
                printable(path.string()) + " has more than " + human_bytes(file_bytes_max) + ".");
  return text;
}

Result<Policy> load_policy(const std::string& path, Instant now) {
  if (path.empty()) return Policy();
  const auto text = read_file(path);
  if (!text) return text.error();
  const fs::path folder = fs::path(path).parent_path();
  return Policy::parse(*text, path, now, [&](const std::string& name) { return read_file(folder / name); });
}

Result<std::shared_ptr<const InspectionRules>> compile_rules(Policy policy, const std::string& cache_folder,
                                                             const std::string& scratch_folder) {
  std::vector<std::string> secrets;
  for (const auto& file : policy.secret_rule_files) secrets.push_back(file.text);
  auto content = ContentRules::build(secrets, cache_folder, policy.words);
  if (!content) return content.error();
  auto rules = std::make_shared<InspectionRules>();
  rules->policy = std::move(policy);
  rules->content = std::move(*content);
  rules->scratch_folder = scratch_folder;
  return std::shared_ptr<const InspectionRules>(std::move(rules));
}

std::string user_cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? fs::path(value) : fs::path();
  };
  fs::path folder = variable("XDG_CACHE_HOME");
  if (folder.empty() && !variable("HOME").empty()) folder = variable("HOME") / ".cache";
  if (folder.empty()) return {};
  folder /= "sallyport";
  std::error_code failed;
  fs::create_directories(folder, failed);
  return failed ? std::string() : folder.string();
}

}  // namespace sallyport
