#include "proxy/cli/serve.hpp"

#include <malloc.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "proxy/cli/console.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/gateway.hpp"
#include "storage/base/log.hpp"

namespace sallyport {
namespace {

int refused(const Error& error) {
  std::cerr << complaint(error) << std::flush;
  return 2;
}

}  // namespace

int run_serve(const Config& config) {
  log::set_level(config.log_level);
  // Blocked here and in every thread made from here on, so that sigwait gets them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  signal(SIGPIPE, SIG_IGN);

  auto gateway = Gateway::open(config);
  if (!gateway) return refused(gateway.error());
  Gateway& g = **gateway;
  auto port = g.start();
  if (!port) return refused(port.error());
  const std::string url = config.base_url(*port);
  auto command = [&g](const std::vector<std::string>& args, const ConsoleInput& input,
                      const ConsoleOutput& output) { return run_command(g.console(), args, input, output); };
  auto console = ConsoleServer::start(config.data, command);
  if (!console) return refused(console.error());

  for (const std::string& note : config.notes) log::warn("configuration", {{"note", note}});
  log::info("listening", {{"url", url}, {"data", config.data}, {"version", SALLYPORT_VERSION}});
  if (auto secret = g.offer_first_admin())
    std::cerr << "\nThere is no user yet. Make the first administrator, either with\n\n"
              << "    sallyport user add NAME --admin --data "
              << std::filesystem::absolute(config.data).lexically_normal().string() << "\n\n"
              << "or, from elsewhere and once, with\n\n"
              << "    curl -d '{\"secret\":\"" << *secret << "\",\"name\":\"NAME\",\"password\":\"...\"}' "
              << url << "/-/sallyport/first-admin\n"
              << std::endl;
  malloc_trim(0);  // what reading the configuration and the rules took
  int signal_number = 0;
  while (sigwait(&ends, &signal_number) == 0 && signal_number == SIGHUP) g.reload_certificate();
  log::info("stopping", {{"signal", signal_number}});
  g.stop_serving();
  console->reset();
  g.stop();
  log::info("stopped");
  return 0;
}

Result<std::string> route_table() {
  // The table is that of a real gateway, opened on an empty folder of its own.
  std::string folder = (std::filesystem::temp_directory_path() / "sallyport-routes-XXXXXX").string();
  if (!mkdtemp(folder.data())) return fail(ErrorKind::unavailable, "No temporary folder can be made.");
  std::string text = "| method | path | who | what |\n| --- | --- | --- | --- |\n";
  {
    Config config;
    config.data = folder;
    config.packages = {PackageRule()};
    log::set_level(log::Level::error);
    auto gateway = Gateway::open(config);
    if (!gateway) return gateway.error();
    (*gateway)->make_routes(config.base_url(0));
    for (const Route* route : (*gateway)->routes())
      text += "| " + std::string(to_text(route->method)) + " | `" + route->pattern + "` | " +
              std::string(to_text(route->access)) + " | " + route->doc + " |\n";
  }
  std::error_code ec;
  std::filesystem::remove_all(folder, ec);
  return text;
}

}  // namespace sallyport
