#pragma once
// `sallyport import verdaccio`: the packages that a Verdaccio hosts itself, with their tags and times, and
// its users. What it only cached of other registries is left behind. Each package is one fact: killed in
// between, the same command goes on where it was.

#include <string>
#include <vector>

#include "proxy/cli/commands.hpp"

namespace sallyport {

struct VerdaccioFolder {
  std::string storage;
  std::string htpasswd;             // a file; empty: no users
  std::vector<std::string> groups;  // of every user
};

// 0: everything is here; 1: something was left out, each with its reason; 2: refused or stopped.
int import_verdaccio(const ConsoleContext& context, const VerdaccioFolder& from, bool watched,
                     const ConsoleOutput& output);

}  // namespace sallyport
