#pragma once
// `sallyport stage …`: a reviewer's terminal. Speaks to the registry over HTTP, with the registry and the
// token that npm has; needs no npm.

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "proxy/upstream/npm_config.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct StageTerminal {
  NpmSurroundings npm;
  std::ostream& out;
  std::ostream& err;
  std::function<Result<std::string>(const std::string& prompt)> ask_secret;  // for a one-time password
};

// The arguments after "stage". 0 done, 1 the registry refused, 2 a mistake in usage.
int run_stage(const std::vector<std::string>& args, const StageTerminal& terminal);

}  // namespace sallyport
