#pragma once
// What a handler answers. The session adds framing (Content-Length, Connection, Date, x-request-id) and
// answers conditional and range requests; handlers set status, their own headers and the body.

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/http/request.hpp"
#include "storage/base/result.hpp"
#include "storage/blob_store.hpp"

namespace sallyport {

// Part of a stored blob. The session reads it on the disk pool, piece by piece.
struct BlobBody {
  std::shared_ptr<const Blob> blob;
  std::uint64_t offset = 0;
  std::uint64_t length_bytes = 0;
};

// Part of bytes that are kept and shared.
struct BytesBody {
  std::shared_ptr<const std::string> bytes;
  std::uint64_t offset = 0;
  std::uint64_t length_bytes = 0;
  std::string_view view() const { return std::string_view(*bytes).substr(offset, length_bytes); }
};

class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // Returns once the bytes are with the kernel. Fails (unavailable) when the client is gone or too slow, or
  // the server stops: give up then. The bytes must stay until it returns.
  virtual asio::awaitable<Result<void>> write(std::string_view bytes) = 0;
};

// A body made while it is sent: server-sent events, a tarball that arrives from an upstream.
struct StreamBody {
  // Known: Content-Length is sent, and exactly that many bytes must be written. Unknown: chunked.
  std::optional<std::uint64_t> length_bytes;
  // An error, an exception or too few bytes cut the connection, so that the client sees a broken body and
  // never a short one that looks whole. Not called for HEAD. One of unknown length is cancelled as soon as
  // the server stops; others may finish within the drain.
  std::function<asio::awaitable<Result<void>>(BodyWriter&)> run;
};

using Body = std::variant<std::monostate, std::string, BytesBody, BlobBody, StreamBody>;

struct Response {
  int status = 200;
  std::string reason;  // the phrase of the status line, which npm, berry and bun print; empty: the usual one
  std::vector<Header> headers;
  Body body;
  std::string log_detail;  // goes to the log beside the request id, never to the client

  Response& header(std::string name, std::string value);  // adds
  std::optional<std::string_view> find(std::string_view name) const;
  // Bytes of the body; nothing where only the stream knows.
  std::optional<std::uint64_t> length_bytes() const;
};

Response empty(int status);
Response text_response(int status, std::string text, std::string content_type = "text/plain; charset=utf-8");
Response json_response(int status, const boost::json::value& value);
Response prepared_response(std::shared_ptr<const std::string> bytes, std::string content_type);
// The whole of it; give it an ETag header for conditional requests.
Response blob_response(std::shared_ptr<const Blob> blob, std::string content_type);
// A refusal in the shape every client prints: {"error": sentence}.
Response refusal(int status, std::string_view sentence);

// Makes a successful answer to GET or HEAD what its conditions ask for: 304 where If-None-Match matches the
// ETag (or, without one, If-Modified-Since repeats Last-Modified), 206 or 416 for a single Range of what
// is kept as bytes or as a blob, and says so by "accept-ranges".
void apply_conditions(const Request& request, Response& response);

std::string_view reason_phrase(int status);

}  // namespace sallyport
