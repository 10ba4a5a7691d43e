#include "proxy/cli/npm_pack.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

// What npm said last of what went wrong, for the user.
std::string words_of(const fs::path& file) {
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::string said;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find("A complete log of this run") != std::string::npos) continue;
    if (line.starts_with("npm error") || line.starts_with("npm ERR!")) said += printable(line) + "\n";
  }
  return said;
}

Result<fs::path> npm_pack(const std::string& what, const fs::path& into) {
  // npm's output goes to files of the same temporary folder: no pipe can fill up while it is waited for.
  const fs::path output = into / "npm-output", errors = into / "npm-errors";
  std::vector<std::string> args = {"npm", "pack", "--ignore-scripts", "--pack-destination", into.string(),
                                   "--",  what};
  std::vector<char*> pointers;
  for (std::string& arg : args) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, "npm", &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) {
    return fail(ErrorKind::not_found,
                "npm is not on the PATH: install it, or give a tarball instead of a folder.");
  }
  if (failed != 0) return fail(ErrorKind::internal, "npm could not be started.", std::strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail(ErrorKind::internal, "npm was lost.", std::strerror(errno));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorKind::invalid, "npm could not pack " + printable(what) + ".", words_of(errors));
  }
  fs::path found;
  for (const fs::directory_entry& entry : fs::directory_iterator(into)) {
    if (entry.path().extension() != ".tgz") continue;
    if (!found.empty()) return fail(ErrorKind::invalid, "npm packed more than one package.");
    found = entry.path();
  }
  if (found.empty()) return fail(ErrorKind::invalid, "npm packed nothing.");
  return found;
}

}  // namespace

Result<fs::path> npm_pack_folder(const fs::path& folder, const fs::path& into) {
  // Absolute, because npm takes a bare "lib" for a package of the registry.
  return npm_pack(fs::absolute(folder).string(), into);
}

Result<fs::path> npm_pack_released(std::string_view name, std::string_view version, const fs::path& into) {
  return npm_pack(std::string(name) + "@" + std::string(version), into);
}

}  // namespace sallyport
