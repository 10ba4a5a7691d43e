#pragma once
// The one source of time, so that tests can drive it.

#include <chrono>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

using Millis = std::chrono::milliseconds;
using Instant = std::chrono::sys_time<Millis>;  // UTC

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;  // any thread
};

class SystemClock final : public Clock {
 public:
  Instant now() const override;
};

// "2026-03-31T04:23:06.123Z", the form of a packument's `time`.
std::string to_iso8601(Instant t);
Result<Instant> parse_iso8601(std::string_view text);

// "Tue, 31 Mar 2026 04:23:06 GMT", the form of Last-Modified (RFC 9110 section 5.6.7).
std::string to_http_date(Instant t);

// "3 days", "72h", "90 min", "45s", "2 weeks"; a bare number is refused because its unit is a guess.
Result<Millis> parse_duration(std::string_view text);
std::string to_text(Millis duration);

}  // namespace sallyport
