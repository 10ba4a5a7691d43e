#pragma once
// The Unix socket through which commands reach a running server: `console.sock` in the data folder, mode
// 0600, and only for the server's own user and root.
//
//   asked     {"args":["user","list"],"input":{"password":"…","folder":"/where","watched":false}}      one
//   line answered  {"out":"…"} and {"err":"…"} as they are made, then {"exit":0}            one line each

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/cli/commands.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

class ConsoleServer {
 public:
  using Handler =
      std::function<int(const std::vector<std::string>& args, const ConsoleInput&, const ConsoleOutput&)>;

  // The caller holds the folder's lock, so a socket that lies there is a dead server's and is replaced.
  // `handler` runs on the server's own thread, one command at a time.
  static Result<std::unique_ptr<ConsoleServer>> start(const std::string& folder, Handler handler);
  ~ConsoleServer();  // ends the command that runs, removes the socket

 private:
  struct State;
  explicit ConsoleServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Runs a command in the server that has `folder`, and returns its exit code. unavailable: no server answers
// there, or it went away before the end.
Result<int> ask_console(const std::string& folder, const std::vector<std::string>& args,
                        const ConsoleInput& input, const ConsoleOutput& output);

}  // namespace sallyport
