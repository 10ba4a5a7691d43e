#pragma once
// What the log says of an answer: one line a request, and one more where something was wrong.

#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/http/response.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

struct Answered {
  int status = 0;
  bool complete = true;  // false: it was cut
  bool https = false;
  std::uint64_t sent_bytes = 0;
  std::chrono::microseconds took{0};
};

void log_answer(const Exchange& exchange, const Answered& answered, const std::string& detail);

}  // namespace sallyport
