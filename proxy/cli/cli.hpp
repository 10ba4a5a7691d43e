#pragma once
// The program behind `sallyport`. Exit codes: 0 clean or done, 1 findings that refuse (scan) or a broken
// ledger, 2 a mistake in usage or configuration.

#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "proxy/config.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// What commands run that do not work on a data folder; handed in by main, where everything is wired.
struct Programs {
  std::function<int(const Config&)> serve;
  // The arguments after "scan".
  std::function<int(const std::vector<std::string>& args, std::ostream& out, std::ostream& err)> scan;
  // The arguments after "stage".
  std::function<int(const std::vector<std::string>& args, std::ostream& out, std::ostream& err)> stage;
  // The arguments after "prefetch".
  std::function<int(const std::vector<std::string>& args, std::ostream& out, std::ostream& err)> prefetch;
  std::function<Result<std::string>()> routes;  // the route table as Markdown
  std::function<Result<FoundRegistry>()> npm_registry;
};

// What a command sees of its process.
struct Surroundings {
  std::map<std::string, std::string> environment;
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::function<Result<std::string>(const std::string& prompt)> ask_secret;

  static Surroundings of_this_process();
};

// `args` without the program's name.
int run(const std::vector<std::string>& args, const Programs& programs, const Surroundings& around);

}  // namespace sallyport
