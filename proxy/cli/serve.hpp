#pragma once
#include "proxy/config.hpp"

namespace sallyport {

// Runs the server until it is told to stop; the process's exit code.
int run_serve(const Config& config);

}  // namespace sallyport
