#include "proxy/http/response.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace sallyport {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Weak comparison (RFC 9110 section 8.8.3.2) of a list of entity tags with ours. Tags are quoted and may hold
// commas, so the list is walked tag by tag.
bool none_match_hits(std::string_view list, std::string_view etag) {
  if (trim(list) == "*") return true;
  std::size_t at = 0;
  while (at < list.size()) {
    std::size_t open = list.find('"', at);
    if (open == std::string_view::npos) return false;
    std::size_t close = list.find('"', open + 1);
    if (close == std::string_view::npos) return false;
    if (list.substr(open, close - open + 1) == etag) return true;
    at = close + 1;
  }
  return false;
}

// By the tag alone: what a package shows changes with a denial too, of which its date says nothing.
bool not_modified(const Request& request, const Response& response) {
  if (request.headers.count("if-none-match") == 0) return false;
  std::optional<std::string_view> etag = response.find("etag");
  if (!etag) return false;
  if (etag->starts_with("W/")) etag->remove_prefix(2);
  return none_match_hits(request.headers.joined("if-none-match"), *etag);
}

struct ByteRange {
  std::uint64_t first, last;
};

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

enum class RangeOutcome { ignore, unsatisfiable, part };

// A single "bytes=" range against `size`. Several ranges, other units and nonsense are ignored: the whole
// answer is always a right one (RFC 9110 section 14.2).
RangeOutcome parse_range(std::string_view text, std::uint64_t size, ByteRange& out) {
  if (!text.starts_with("bytes=")) return RangeOutcome::ignore;
  text = trim(text.substr(6));
  std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) return RangeOutcome::ignore;
  std::string_view left = text.substr(0, dash);
  std::string_view right = text.substr(dash + 1);
  if (left.empty()) {
    std::optional<std::uint64_t> suffix = parse_number(right);
    if (!suffix) return RangeOutcome::ignore;
    if (*suffix == 0 || size == 0) return RangeOutcome::unsatisfiable;
    out = {size - std::min(*suffix, size), size - 1};
    return RangeOutcome::part;
  }
  std::optional<std::uint64_t> first = parse_number(left);
  if (!first) return RangeOutcome::ignore;
  std::uint64_t last = size == 0 ? 0 : size - 1;
  if (!right.empty()) {
    std::optional<std::uint64_t> end = parse_number(right);
    if (!end || *end < *first) return RangeOutcome::ignore;
    last = std::min(last, *end);
  }
  if (*first >= size) return RangeOutcome::unsatisfiable;
  out = {*first, last};
  return RangeOutcome::part;
}

// `body` is the response's own, a BytesBody or a BlobBody.
template <class Part>
void apply_range(const Request& request, Response& response, Part& body) {
  if (!response.find("accept-ranges")) return;
  std::optional<std::string_view> range = request.headers.only("range");
  if (!range || request.method != Method::get) return;
  // If-Range asks for a strong comparison: only our own strong ETag will do.
  if (std::optional<std::string_view> condition = request.headers.first("if-range")) {
    if (condition != response.find("etag")) return;
    if (condition->starts_with("W/")) return;
  }
  ByteRange part{};
  std::uint64_t size = body.length_bytes;
  switch (parse_range(*range, size, part)) {
    case RangeOutcome::ignore:
      return;
    case RangeOutcome::unsatisfiable: {
      Response refused = refusal(416, "The range lies past the end of the file.");
      refused.header("content-range", "bytes */" + std::to_string(size));
      response = std::move(refused);
      return;
    }
    case RangeOutcome::part:
      break;
  }
  body.offset += part.first;
  body.length_bytes = part.last - part.first + 1;
  response.status = 206;
  response.reason.clear();
  response.header("content-range", "bytes " + std::to_string(part.first) + "-" + std::to_string(part.last) +
                                       "/" + std::to_string(size));
}

}  // namespace

Response& Response::header(std::string name, std::string value) {
  if (headers.empty()) headers.reserve(8);
  headers.push_back({std::move(name), std::move(value)});
  return *this;
}

std::optional<std::string_view> Response::find(std::string_view name) const {
  for (const Header& header : headers) {
    if (boost::beast::iequals(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Response::length_bytes() const {
  if (const auto* text = std::get_if<std::string>(&body)) return text->size();
  if (const auto* bytes = std::get_if<BytesBody>(&body)) return bytes->length_bytes;
  if (const auto* blob = std::get_if<BlobBody>(&body)) return blob->length_bytes;
  if (const auto* stream = std::get_if<StreamBody>(&body)) return stream->length_bytes;
  return 0;
}

Response empty(int status) {
  Response response;
  response.status = status;
  return response;
}

Response text_response(int status, std::string text, std::string content_type) {
  Response response = empty(status);
  response.header("content-type", std::move(content_type));
  response.body = std::move(text);
  return response;
}

Response json_response(int status, const boost::json::value& value) {
  return text_response(status, boost::json::serialize(value), "application/json");
}

Response prepared_response(std::shared_ptr<const std::string> bytes, std::string content_type) {
  Response response;
  response.header("content-type", std::move(content_type));
  const std::uint64_t size = bytes->size();
  response.body = BytesBody{std::move(bytes), 0, size};
  return response;
}

Response blob_response(std::shared_ptr<const Blob> blob, std::string content_type) {
  Response response;
  response.header("content-type", std::move(content_type)).header("accept-ranges", "bytes");
  std::uint64_t size = blob->size();
  response.body = BlobBody{std::move(blob), 0, size};
  return response;
}

Response refusal(int status, std::string_view sentence) {
  return json_response(status, boost::json::object{{"error", sentence}});
}

void apply_conditions(const Request& request, Response& response) {
  if (response.status != 200 || (request.method != Method::get && request.method != Method::head)) return;
  if (not_modified(request, response)) {
    response.status = 304;
    response.reason.clear();
    response.body = std::monostate();
    std::erase_if(response.headers, [](const Header& header) {
      return boost::beast::iequals(header.name, "content-type") ||
             boost::beast::iequals(header.name, "content-encoding");
    });
    return;
  }
  if (auto* blob = std::get_if<BlobBody>(&response.body))
    apply_range(request, response, *blob);
  else if (auto* bytes = std::get_if<BytesBody>(&response.body))
    apply_range(request, response, *bytes);
}

std::string_view reason_phrase(int status) {
  auto known = boost::beast::http::int_to_status(static_cast<unsigned>(status));
  auto text = boost::beast::http::obsolete_reason(known);
  return {text.data(), text.size()};
}

}  // namespace sallyport
