#pragma once
#include <string>

#include "proxy/config.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// Runs the server until SIGTERM or SIGINT; the process's exit code.
int run_serve(const Config& config);

// Every route the server has, as a Markdown table.
Result<std::string> route_table();

}  // namespace sallyport
