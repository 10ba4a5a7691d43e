#pragma once
// `sallyport scan`: the gate's own inspection, offline, for a build that should fail before anybody
// publishes.

#include <iosfwd>
#include <string>
#include <vector>

namespace sallyport {

// `args` after "scan". The report goes to `out`; what is wrong with the command, or with what it was given,
// to `err`. 0: nothing as bad as --fail-on; 1: a finding that is; 2: nothing could be judged.
int run_scan(const std::vector<std::string>& args, std::ostream& out, std::ostream& err);

}  // namespace sallyport
