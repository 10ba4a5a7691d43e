#pragma once
// The HTTP server: threads, listeners and the limits every connection lives under. It knows nothing of npm;
// what it answers with is handed in as an HttpService.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gate/executors.hpp"
#include "proxy/http/route.hpp"
#include "proxy/identity/address_range.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

class TlsIdentity;  // tls.hpp

// Limits. Every one is enforced for every connection.
struct HttpOptions {
  unsigned io_threads = 1;
  std::size_t connections_max = 4096;       // over it: 503 and close
  std::size_t header_bytes_max = 8u << 10;  // of a request; over it: 431
  Millis head_deadline{15'000};    // from the first byte (a new connection: from accept) to the blank line
  Millis keep_alive_idle{75'000};  // between requests
  Millis body_idle{30'000};        // for each piece of a body
  std::uint64_t body_rate_min = 1024;          // bytes a second over the time spent waiting for a body,
  Millis body_rate_grace{30'000};              // after this much waiting
  Millis write_deadline{30'000};               // for each piece of an answer (up to 256 KB)
  std::uint64_t drain_bytes_max = 512u << 20;  // of a body nobody wants, read past so that the client reads
  Millis drain_deadline{60'000};               // our answer instead of sending again
  Millis linger{2'000};                        // reading after an answer that closes, so that it is not lost
  Millis stop_deadline{20'000};      // what is in flight may take when the server stops; then it is cancelled
  const TlsIdentity* tls = nullptr;  // for what listens on an address; null: plain HTTP
  std::vector<AddressRange> trusted_proxies;  // whose X-Forwarded-For and X-Forwarded-Proto are believed
};

// Everything a server answers with. It outlives the server. Handlers run on I/O threads, several at once.
struct HttpService {
  RouteTable routes;
  // Called once the route is known and before any body byte is read: sets Exchange::principal and `user`, or
  // returns the refusal. Called for the fallback as well. Empty: everybody may do everything (tests).
  std::function<asio::awaitable<std::optional<Response>>(Exchange&)> authorize;
  // Every request after its answer, for metrics. Any I/O thread.
  std::function<void(const Exchange&, int status, std::uint64_t bytes, std::chrono::microseconds took)>
      observe;
};

class HttpServer {
 public:
  // All references outlive the server. `disk` reads blobs. In order: stop the server, stop every pool that a
  // handler uses, destroy the server; a pool's job comes back to a thread of the server's.
  HttpServer(HttpOptions options, const HttpService& service, WorkPool& disk, const Clock& clock,
             Random& random);
  ~HttpServer();  // stop()

  // Before start(). `address` is an IP address; port 0 picks a free one. Returns the real port.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);
  // A Unix socket of mode 0600; a stale file of that name is replaced, a live server's is not (conflict).
  Result<void> listen_unix(const std::filesystem::path& path);

  void start();  // the threads; returns at once

  // Graceful: accepts nothing more, closes idle connections now, lets requests in flight finish with
  // "Connection: close", cancels what is left after stop_deadline, joins the threads. Any thread but an I/O
  // thread; once is enough, twice is harmless.
  void stop();

  std::size_t connections() const;
  std::size_t in_flight() const;  // requests whose head is here and whose answer is not yet sent

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
