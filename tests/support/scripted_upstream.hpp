#pragma once
// A server on 127.0.0.1 that does on each connection exactly what a test tells it to, also what no proper
// server does. One thread a connection; a script blocks on its socket and never on time.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sallyport::test {

struct SeenRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class ScriptedUpstream {
 public:
  class Connection {
   public:
    Connection(ScriptedUpstream& upstream, int socket) : upstream_(upstream), socket_(socket) {}
    // A whole request (Content-Length framing); nothing when the client closed instead. It is recorded.
    std::optional<SeenRequest> read_request();
    // The head alone; its body stays in the socket. It is recorded.
    std::optional<SeenRequest> read_head();
    // False when the client no longer takes it.
    bool send(std::string_view bytes);
    // Sends as much of `bytes` zeros as the client takes before it stops taking any; how many.
    std::uint64_t send_until_stalled(std::uint64_t bytes);
    // Waits until the client closes, reading what it still sends.
    void wait_for_close();

   private:
    std::optional<std::string> read_until_blank_line();
    ScriptedUpstream& upstream_;
    int socket_;
    std::string buffer_;
  };
  using Script = std::function<void(Connection&)>;

  // Connections beyond those given a script of their own get `script`. The socket closes when it returns.
  explicit ScriptedUpstream(Script script);
  ~ScriptedUpstream();
  ScriptedUpstream(const ScriptedUpstream&) = delete;
  ScriptedUpstream& operator=(const ScriptedUpstream&) = delete;

  // For the next connection that has none; in order.
  void next(Script script);
  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<SeenRequest> requests() const;
  int connections() const { return connections_; }
  void wait_for_requests(std::size_t count) const;
  // Until that many scripts have returned: the client has let go of them.
  void wait_for_finished(int count) const;

 private:
  void accept_all();

  Script otherwise_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<Script> scripts_;
  std::vector<SeenRequest> requests_;
  std::vector<int> sockets_;  // open ones
  std::vector<std::thread> threads_;
  int finished_ = 0;
  std::thread acceptor_;
};

// "HTTP/1.1 200 OK" with Content-Length and `body`.
std::string response(int status, std::string_view body, std::string_view more_headers = {});
// Answers every request of a connection with what `answer` makes of it, up to one with "Connection: close".
ScriptedUpstream::Script answering(std::function<std::string(const SeenRequest&)> answer);

}  // namespace sallyport::test
