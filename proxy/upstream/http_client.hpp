#pragma once
// Every request to another server. libcurl's multi handle lives on one thread that this client owns; what it
// receives reaches the asker through a bounded queue, and a transfer whose asker is slow is paused.
//
// Threads: every member may be called from any thread; awaitables resume on the awaiting coroutine's own
// executor. Coroutines that still wait here when their io_context dies are lost: stop() first.
// Errors: unavailable (no answer, cut, too late, shutting down), upstream (an answer that breaks HTTP or a
// rule), too_large, invalid (a URL that is none). Messages name the origin, never a credential or a query.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gate/upstream.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// In order of arrival; names compare without case.
class HttpHeaders {
 public:
  void add(std::string name, std::string value);
  // The first of that name; nullptr if none.
  const std::string* find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// How an origin is reached; the same for every request of one upstream.
struct HttpRoute {
  std::string ca_file;                  // PEM; empty: SSL_CERT_FILE, else the system's
  std::string proxy;                    // "http://host:port"; empty: see next
  bool proxy_from_environment = false;  // HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, either case
  bool http_allowed = false;            // plain http, for the URL and where it redirects to
  // Refuse to connect to this machine and its link (is_local_host), by name or by what a name resolves to,
  // also where a redirect leads; but not to this origin.
  bool local_refused = false;
  std::string local_allowed_origin;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  HttpHeaders headers;
  std::string authorization;  // value of Authorization; sent to the origin of `url` only
  HttpRoute route;
  Millis connect_max{10'000};
  Millis idle_max{30'000};                     // without a byte in either direction; 0: no limit
  Millis total_max{0};                         // from the call to the last byte; 0: no limit
  std::uint64_t response_bytes_max = 1 << 20;  // after decoding
  bool accept_gzip = false;                    // ask for gzip and decode it; else bytes are left as sent
  int redirects_max = 0;                       // followed for GET; 0: a redirect is the response
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;
};

class CurlLoop;
class HttpTransfer;

// A response whose body is read as it comes. One reader at a time. Dropped before its end, it cancels the
// transfer.
class HttpStream {
 public:
  explicit HttpStream(std::shared_ptr<HttpTransfer> transfer);
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  int status() const;
  const HttpHeaders& headers() const;
  // Some bytes (at most 64 KB), or none at the end. The end is reached only when everything that the head
  // declared has come; a body cut short is an error.
  boost::asio::awaitable<Result<std::string>> read_some();
  Result<std::string> read_some_blocking();

 private:
  std::shared_ptr<HttpTransfer> transfer_;
};

struct HttpClientOptions {
  std::size_t connections_max = 128;
  std::size_t connections_per_host_max = 48;
  std::vector<std::string> resolve;  // "host:port:address", answered instead of DNS
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options = {});
  ~HttpClient();  // stop()
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // The whole response, in memory. Any status is a response.
  boost::asio::awaitable<Result<HttpResponse>> fetch(HttpRequest request);
  // With a body; sent once, as below.
  boost::asio::awaitable<Result<HttpResponse>> fetch(HttpRequest request, std::string body);
  // The head of the response; the body follows by read_some().
  boost::asio::awaitable<Result<std::unique_ptr<HttpStream>>> open(HttpRequest request);

  // For threads that may wait. `body` and `sink` are called on the calling thread. A request with a body is
  // sent once, on a connection of its own: nothing here repeats it, whatever happens.
  Result<HttpResponse> fetch_blocking(HttpRequest request, const BodySource* body = nullptr);
  // The body of a 200 goes to `sink`, piece by piece; of another status into the response. An error of the
  // sink ends the transfer and is returned.
  Result<HttpResponse> download_blocking(HttpRequest request, const std::function<Result<void>(Bytes)>& sink);

  // Ends every transfer (unavailable) and the thread; later requests fail at once. Not from a callback.
  void stop();

 private:
  const std::unique_ptr<CurlLoop> loop_;
};

}  // namespace sallyport
