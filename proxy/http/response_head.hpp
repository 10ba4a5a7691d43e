#pragma once
// The head of an answer as it is sent.

#include <chrono>
#include <string>
#include <string_view>

#include "proxy/http/response.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

struct HeadContext {
  std::string_view request_id;  // empty: the request was not read
  bool http_1_0 = false;        // knows no chunks
  bool keep = false;            // the connection goes on
  Millis keep_alive_idle{0};
  Instant now;
};

// Replaces what `head` held, and keeps its room. No handler's value can start another header.
void write_head(std::string& head, const Response& response, const HeadContext& around);

}  // namespace sallyport
