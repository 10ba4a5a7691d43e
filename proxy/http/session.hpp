#pragma once
// The connections of one I/O thread. Each is a coroutine that reads strictly framed requests one after
// another, asks the service for an answer, and lives under the limits of HttpOptions.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "proxy/http/server.hpp"
#include "proxy/http/wire.hpp"

namespace sallyport {

class Session;

// Used only on the thread that runs the sockets' io_context.
class SessionGroup {
 public:
  // `ended` is called after each connection that start() took.
  SessionGroup(const HttpOptions& options, const HttpService& service, WorkPool& disk, const Clock& clock,
               Random& random, std::function<void()> ended);
  ~SessionGroup();

  // Serves the connection until it ends. `tls`: nothing for a plain one. `over_cap`: one too many,
  // told so and closed.
  void start(StreamSocket socket, std::shared_ptr<asio::ssl::context> tls, bool over_cap);
  // Idle connections end now, the others after the answer they are at.
  void stop();
  // Everything left ends at its next await.
  void cancel();

  std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }  // any thread

 private:
  friend class Session;
  std::string next_request_id();
  const HttpOptions& options_;
  const HttpService& service_;
  WorkPool& disk_;
  const Clock& clock_;
  Random& random_;
  std::string id_bytes_;  // drawn and not yet given out
  std::function<void()> ended_;
  std::unordered_set<Session*> sessions_;
  bool stopping_ = false;
  std::atomic<std::size_t> in_flight_{0};
};

}  // namespace sallyport
