#pragma once
// `sallyport prefetch LOCKFILE…`: everything that lock files name, asked for as an install would, so that the
// registry has it from then on. Speaks to the registry over HTTP, with the registry and the token that npm
// has: what an install would be refused is refused here.

#include <iosfwd>
#include <string>
#include <vector>

#include "proxy/upstream/npm_config.hpp"

namespace sallyport {

struct PrefetchTerminal {
  NpmSurroundings npm;
  std::ostream& out;
  std::ostream& err;
  bool watched = false;  // a person watches `err`
};

// The arguments after "prefetch". 0: all is there; 1: something was refused or failed; 2: a mistake in usage.
int run_prefetch(const std::vector<std::string>& args, const PrefetchTerminal& terminal);

}  // namespace sallyport
