#pragma once
// Everything put together: stores, gate, cache, routes and server, in the order in which they need each
// other. The one place where parts meet.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/cli/commands.hpp"
#include "proxy/config.hpp"
#include "proxy/http/route.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

class Gateway {
 public:
  // Opens the data folder and reads every file that the configuration names; busy where another process has
  // the folder. Nothing listens yet.
  static Result<std::unique_ptr<Gateway>> open(Config config);
  ~Gateway();  // stop()

  // Listens and serves; the port is the real one where the configuration says 0.
  Result<std::uint16_t> start();
  // Graceful: not ready, accepts nothing more, lets what is in flight finish. Any thread, once.
  void stop();

  void reload_certificate();  // whether its files have changed or not; any thread

  void stop_serving();  // the first half: no request is in flight any more

  // The secret that makes the first administrator; nothing once there is a user.
  std::optional<std::string> offer_first_admin();
  // What commands over the console work on.
  ConsoleContext console();

  // Done by start(); by itself for who wants the table only.
  void make_routes(const std::string& base_url);
  std::vector<const Route*> routes() const;

 private:
  struct State;
  explicit Gateway(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
