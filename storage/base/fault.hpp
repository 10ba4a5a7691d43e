#pragma once
// Named crash points. Here they do nothing; the programs that tests build link tests/crash/fault_point.cpp in
// its place, which kills the process (SIGKILL) at the point that SALLYPORT_FAULT names. So the binary for
// users has no such switch, and the one that is crashed differs from it in this one function.

#include <string_view>

namespace sallyport {
void fault_point(std::string_view name);
}  // namespace sallyport
