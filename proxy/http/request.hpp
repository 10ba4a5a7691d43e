#pragma once
// One HTTP request as a handler sees it. Free of Beast, so that handlers compile fast.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/result.hpp"

namespace sallyport {

namespace asio = boost::asio;

struct Principal;  // gate/principal.hpp
struct Route;      // route.hpp

enum class Method : std::uint8_t { get, head, put, post, del, patch, options, other };
std::string_view to_text(Method method);  // "GET"; "" for other
Method parse_method(std::string_view text);

struct Header {
  std::string name;
  std::string value;
};

class Headers {
 public:
  void add(std::string name, std::string value) { all_.push_back({std::move(name), std::move(value)}); }
  // Names are compared without regard to case.
  std::size_t count(std::string_view name) const;
  std::optional<std::string_view> first(std::string_view name) const;
  // The value where the header stands exactly once: what a decision may rest on.
  std::optional<std::string_view> only(std::string_view name) const;
  // All values, joined by ", " as RFC 9110 section 5.3 allows.
  std::string joined(std::string_view name) const;
  const std::vector<Header>& all() const { return all_; }

 private:
  std::vector<Header> all_;
};

struct Request {
  Method method = Method::other;
  std::string target;                                      // as sent
  std::vector<std::string> segments;                       // of the path, each decoded exactly once
  std::vector<std::pair<std::string, std::string>> query;  // decoded, '+' is a blank
  Headers headers;
  std::string remote;  // "203.0.113.7", or "unix" over the socket in the data folder
  bool local = false;  // over that Unix socket: the peer could open a file of mode 0600
  std::string id;      // random hex; in the log and in the header x-request-id
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool http_1_0 = false;
  bool expects_continue = false;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
  std::optional<std::string_view> query_value(std::string_view name) const;  // the first one
};

// Splits and decodes a request target ("/@acme%2flib?write=true") into `segments` and `query`. Nothing is
// normalised. Refused (invalid): anything but a path that starts with '/', empty segments but one at the
// end, dot segments, NUL and control characters, backslash, text that is not UTF-8, and an encoded '/'
// anywhere but between scope and name ("@acme%2flib").
Result<void> parse_target(std::string_view target, Request& into);

// The body, piece by piece, straight from the connection's buffer. Only within the handler.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next piece, up to 64 KB; empty at the end. It is valid until the next call. too_large once the
  // route's limit is passed, whatever the framing; invalid for a body that is cut short, too slow or
  // ill-framed. Errors are final.
  virtual asio::awaitable<Result<std::span<const char>>> read_some() = 0;
};

struct PathParam {
  std::string name;
  std::string value;
  std::size_t segment = 0;  // the index of its first segment in Request::segments
};

// A request on its way to an answer. It lives in the session's coroutine: handlers take it by reference and
// never keep it. Everything here belongs to the connection's I/O thread.
class Exchange {
 public:
  explicit Exchange(BodyReader& body) : body_(&body) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Request request;
  const Route* route = nullptr;  // nothing before routing, and for unknown paths without fallback
  std::vector<PathParam> params;
  std::shared_ptr<const Principal> principal;  // set by the authorize hook
  std::string user;                            // for the access log; set beside `principal`

  // The value of ":name" or "*name" of the route's pattern; empty when there is none.
  std::string_view param(std::string_view name) const;

  BodyReader& body() { return *body_; }
  // The whole body in memory; too_large over `bytes_max`.
  asio::awaitable<Result<std::string>> read_small(std::size_t bytes_max);

 private:
  BodyReader* body_;
};

}  // namespace sallyport
