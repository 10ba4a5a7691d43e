#pragma once
// Runs one test case of this program in a process of its own, which may be killed, be limited or hold a
// lock. A fork alone would not do: the threads of RocksDB are not in the copy.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>

namespace sallyport {

struct ChildEnd {
  int signal = 0;  // that killed it, or 0
  int exit = -1;   // its exit code, if none did: 0 where the case passed
};

// `name` is the whole name of a case marked doctest::skip(); `environment` is what it finds beside ours.
inline ChildEnd run_case(const std::string& name, const std::map<std::string, std::string>& environment) {
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) {
    for (const auto& [key, value] : environment) ::setenv(key.c_str(), value.c_str(), 1);
    const std::string filter = "--test-case=" + name;
    ::execl("/proc/self/exe", "unit", filter.c_str(), "--no-skip", "--minimal", nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) return {WTERMSIG(status), -1};
  return {0, WEXITSTATUS(status)};
}

inline std::string from_environment(const char* key) {
  const char* value = std::getenv(key);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace sallyport
