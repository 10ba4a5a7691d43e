// Takes the place of storage/base/fault.cpp: an object on the link line wins over an archive's member.
// SALLYPORT_FAULT=name kills at the first time that point is reached, name:3 at the third.

#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string>

#include "storage/base/fault.hpp"

namespace sallyport {

void fault_point(std::string_view name) {
  // Read each time: a unit test arms it in a forked child.
  const char* armed = std::getenv("SALLYPORT_FAULT");
  if (armed == nullptr) return;
  std::string_view wanted = armed;
  int nth = 1;
  if (const auto colon = wanted.rfind(':'); colon != std::string_view::npos) {
    nth = std::atoi(std::string(wanted.substr(colon + 1)).c_str());
    wanted = wanted.substr(0, colon);
  }
  if (name != wanted) return;
  static std::mutex mutex;
  static int reached = 0;
  const std::lock_guard lock(mutex);
  if (++reached == nth) std::raise(SIGKILL);
}

}  // namespace sallyport
