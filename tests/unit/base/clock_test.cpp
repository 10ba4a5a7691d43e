#include "storage/base/clock.hpp"

#include <doctest/doctest.h>

#include "tests/support/manual_clock.hpp"

using namespace sallyport;
using namespace std::chrono_literals;

TEST_CASE("a time is written and read as a packument has it") {
  const Instant t{Millis(1774930986123)};
  CHECK(to_iso8601(t) == "2026-03-31T04:23:06.123Z");
  CHECK(parse_iso8601("2026-03-31T04:23:06.123Z").value() == t);
  CHECK(parse_iso8601("2026-03-31T04:23:06Z").value() == t - 123ms);
  CHECK(parse_iso8601("2026-03-31T04:23:06.1Z").value() == t - 23ms);
  CHECK(parse_iso8601("2026-03-31T04:23:06.123999Z").value() == t);
  // Registries write an offset too, with and without its colon.
  for (const char* same : {"2026-03-31T04:23:06.123000+00:00", "2026-03-31T06:53:06.123+02:30",
                           "2026-03-30T23:23:06.123-0500", "2026-03-31T04:23:06.123-00:00"})
    CHECK(parse_iso8601(same).value() == t);
  CHECK(to_iso8601(parse_iso8601("1969-12-31T23:59:59.999Z").value()) == "1969-12-31T23:59:59.999Z");
  CHECK(to_http_date(t) == "Tue, 31 Mar 2026 04:23:06 GMT");
  CHECK(to_http_date(Instant{}) == "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST_CASE("a time of another form is refused") {
  for (const char* text : {"",
                           "2026-03-31",
                           "2026-03-31T04:23:06",
                           "2026-03-31 04:23:06Z",
                           "2026-02-30T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-03-31T24:00:00Z",
                           "2026-03-31T04:60:00Z",
                           "2026-03-31T04:23:60Z",
                           "2026-03-31T04:23:06.Z",
                           "2026-03-31T04:23:06.123Zx",
                           "2026-3-31T04:23:06Z",
                           " 2026-03-31T04:23:06Z",
                           "2026-03-31T04:23:06+02",
                           "2026-03-31T04:23:06+02:0",
                           "2026-03-31T04:23:06+24:00",
                           "2026-03-31T04:23:06+00:60",
                           "2026-03-31T04:23:06+00:00Z",
                           "2026-03-31T04:23:06Z+00:00",
                           "2026-03-31T04:23:06 +0000",
                           "2026-03-31T04:23:06.1234567890Z",
                           "+026-03-31T04:23:06Z"}) {
    CAPTURE(text);
    CHECK(parse_iso8601(text).has_error());
  }
}

TEST_CASE("a duration has a number and a unit") {
  CHECK(parse_duration("3 days").value() == 72h);
  CHECK(parse_duration("72h").value() == 72h);
  CHECK(parse_duration("90 min").value() == 90min);
  CHECK(parse_duration("45s").value() == 45s);
  CHECK(parse_duration("2 weeks").value() == 14 * 24h);
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("0s").value() == 0ms);
  for (const char* text : {"", "3", "days", "-1 day", "1.5h", "3 fortnights", "1h 30min",
                           "99999999999999999999s", "9223372036854775807 weeks", "37000 days", "3 Days"}) {
    CAPTURE(text);
    CHECK(parse_duration(text).has_error());
  }
}

TEST_CASE("a duration that is printed can be read again") {
  CHECK(to_text(72h) == "3 days");
  CHECK(to_text(24h) == "1 day");
  CHECK(to_text(90min) == "90 min");
  for (const Millis d :
       {Millis(0), Millis(1), Millis(1500), Millis(45s), Millis(90min), Millis(36h), Millis(72h)}) {
    CHECK(parse_duration(to_text(d)).value() == d);
  }
}

TEST_CASE("the system clock goes on, the manual one stands") {
  CHECK(SystemClock().now() > parse_iso8601("2024-01-01T00:00:00Z").value());
  ManualClock clock;
  const Instant start = clock.now();
  CHECK(clock.now() == start);
  clock.advance(1h);
  CHECK(clock.now() == start + 1h);
}
