#include "proxy/http/request_framing.hpp"

#include <algorithm>
#include <charconv>

#include "storage/base/text.hpp"

namespace sallyport {

Refusal bad_request(std::string_view why) {
  return {400, "This is not a request that can be read safely: " + std::string(why) + "."};
}

RawHead::State RawHead::refuse(std::string_view why) {
  refusal_ = bad_request(why);
  return State::refused;
}

RawHead::State RawHead::scan(std::string_view bytes) {
  for (; scanned_ < bytes.size(); ++scanned_) {
    const char c = bytes[scanned_];
    if (scanned_ == 0 && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) {
      return refuse("it does not start with a method");
    }
    if (scanned_ == line_start_ && line_start_ > 0 && (c == ' ' || c == '\t')) {
      return refuse("a header is folded over two lines");
    }
    if (c != '\n') continue;
    if (scanned_ == 0 || bytes[scanned_ - 1] != '\r') return refuse("a line ends without a carriage return");
    if (scanned_ == line_start_ + 1 && line_start_ > 0) {
      ++scanned_;
      return State::complete;
    }
    line_start_ = scanned_ + 1;
  }
  return State::unfinished;
}

std::optional<Refusal> check_head(const Parser::value_type& message, Request& request) {
  for (const auto& field : message) {
    auto name = field.name_string();
    auto value = field.value();
    request.headers.add({name.data(), name.size()}, {value.data(), value.size()});
  }
  const Headers& headers = request.headers;
  request.http_1_0 = message.version() == 10;
  if (!request.http_1_0 && message.version() != 11) return Refusal{505, "Use HTTP/1.1 or HTTP/1.0."};

  if (headers.count("transfer-encoding") > 0) {
    std::optional<std::string_view> encoding = headers.only("transfer-encoding");
    if (request.http_1_0) return bad_request("HTTP/1.0 has no Transfer-Encoding");
    if (!encoding || !boost::beast::iequals(*encoding, "chunked")) {
      return bad_request("Transfer-Encoding may be 'chunked' and nothing else");
    }
    request.chunked = true;
  }
  if (headers.count("content-length") > 0) {
    std::optional<std::string_view> length = headers.only("content-length");
    std::uint64_t bytes = 0;
    if (!length) return bad_request("Content-Length stands more than once");
    auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (error != std::errc() || end != length->data() + length->size()) {
      return bad_request("Content-Length is not one number");
    }
    request.content_length = bytes;
  }
  std::size_t hosts = headers.count("host");
  if (hosts > 1 || (hosts == 0 && !request.http_1_0)) return bad_request("it needs exactly one Host header");
  if (hosts == 1) {
    // The host may end up in the URLs of an answer.
    std::string_view host = headers.first("host").value_or("");
    for (char c : host) {
      bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(".-_:[]").find(c) != std::string_view::npos;
      if (!fine) return bad_request("Host is not a host name");
    }
  }
  if (headers.count("authorization") > 1) return bad_request("Authorization stands more than once");
  if (headers.count("expect") > 0) {
    std::optional<std::string_view> expect = headers.only("expect");
    if (!expect || !boost::beast::iequals(*expect, "100-continue")) {
      return Refusal{417, "The only expectation known here is 100-continue."};
    }
    request.expects_continue = !request.http_1_0;
  }

  auto verb = message.method_string();
  request.method = parse_method({verb.data(), verb.size()});
  std::string_view target(message.target().data(), message.target().size());
  bool printable_ascii =
      std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable_ascii) return bad_request("its address has characters that must be percent-encoded");
  if (Result<void> parsed = parse_target(target, request); !parsed) {
    return Refusal{400, parsed.error().message};
  }
  if (request.method == Method::other) {
    return Refusal{501, "The method " + printable({verb.data(), verb.size()}, 40) + " is not known here."};
  }
  return std::nullopt;
}

}  // namespace sallyport
