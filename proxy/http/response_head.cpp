#include "proxy/http/response_head.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace sallyport {
namespace {

void append_clean(std::string& out, std::string_view text) {
  const std::size_t from = out.size();
  out += text;
  for (std::size_t i = from; i < out.size(); ++i) {
    auto byte = static_cast<unsigned char>(out[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) out[i] = ' ';
  }
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

void write_head(std::string& head, const Response& response, const HeadContext& around) {
  head = "HTTP/1.1 ";
  append_number(head, static_cast<std::uint64_t>(response.status));
  head += ' ';
  append_clean(head, response.reason.empty() ? reason_phrase(response.status) : response.reason);
  head += "\r\ndate: ";
  head += to_http_date(around.now);
  head += "\r\n";
  if (!around.request_id.empty()) head.append("x-request-id: ").append(around.request_id).append("\r\n");
  for (const Header& header : response.headers) {
    append_clean(head, header.name);
    head += ": ";
    append_clean(head, header.value);
    head += "\r\n";
  }
  bool bodyless = response.status == 204 || response.status == 304;
  if (!bodyless) {
    if (std::optional<std::uint64_t> length = response.length_bytes()) {
      head += "content-length: ";
      append_number(head, *length);
      head += "\r\n";
    } else if (!around.http_1_0) {
      head += "transfer-encoding: chunked\r\n";
    }
  }
  if (!around.keep) {
    head += "connection: close\r\n";
  } else if (around.keep_alive_idle >= std::chrono::seconds(10)) {
    // Clients that know the deadline stop using a connection before it, instead of racing with the close.
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(around.keep_alive_idle);
    head += "keep-alive: timeout=";
    append_number(head, static_cast<std::uint64_t>(seconds.count() - 5));
    head += "\r\n";
  }
  head += "\r\n";
}

}  // namespace sallyport
