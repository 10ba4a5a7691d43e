#pragma once
// Named crash points. In a build with SALLYPORT_FAULTS the environment variable SALLYPORT_FAULT=name kills
// the process (SIGKILL) when that point is reached; elsewhere they cost nothing.

#include <string_view>

namespace sallyport {
#ifdef SALLYPORT_FAULTS
void fault_point(std::string_view name);
#else
inline void fault_point(std::string_view) {}
#endif
}  // namespace sallyport
