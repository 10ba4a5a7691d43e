// sallyport: the one place where the command line meets the programs it runs.

#include <unistd.h>

#include <ostream>

#include "policies/tarball/second_reader.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/prefetch.hpp"
#include "proxy/cli/scan.hpp"
#include "proxy/cli/serve.hpp"
#include "proxy/cli/stage.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/upstream/npm_config.hpp"

int main(int argc, char** argv) {
  using namespace sallyport;
  prepare_text_locale();
  Programs programs;
  programs.serve = run_serve;
  programs.scan = run_scan;
  programs.stage = [](const std::vector<std::string>& args, std::ostream& out, std::ostream& err) {
    return run_stage(args, {NpmSurroundings::of_this_process(), out, err, &ask_secret});
  };
  programs.prefetch = [](const std::vector<std::string>& args, std::ostream& out, std::ostream& err) {
    return run_prefetch(args, {NpmSurroundings::of_this_process(), out, err, ::isatty(STDERR_FILENO) == 1});
  };
  programs.routes = route_table;
  programs.npm_registry = []() -> Result<FoundRegistry> {
    auto found = npm_registry(NpmSurroundings::of_this_process());
    if (!found) return found.error();
    return FoundRegistry{found->url, found->source};
  };
  return run({argv + 1, argv + argc}, programs, Surroundings::of_this_process());
}
