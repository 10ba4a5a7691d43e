#include "proxy/http/rate_limit.hpp"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace std::chrono_literals;

TEST_CASE("a burst is admitted at once, then so many a second") {
  RateLimit limit(10, 5, 1);
  RateLimit::Time now{};
  for (int i = 0; i < 5; ++i) CHECK(!limit.admit("a", now));
  auto wait = limit.admit("a", now);
  REQUIRE(wait);
  CHECK(*wait == 100ms);
  CHECK(limit.admit("a", now));  // a refused one costs nothing: the wait stays
  CHECK(*limit.admit("a", now) == 100ms);
  CHECK(!limit.admit("b", now));  // somebody else
  now += 100ms;
  CHECK(!limit.admit("a", now));
  CHECK(limit.admit("a", now));
  now += 10s;  // the bucket holds no more than the burst
  for (int i = 0; i < 5; ++i) CHECK(!limit.admit("a", now));
  CHECK(limit.admit("a", now));
}

TEST_CASE("without a rate there is no limit") {
  RateLimit limit(0, 1, 1);
  CHECK(!limit.on());
  for (int i = 0; i < 1000; ++i) CHECK(!limit.admit("a", RateLimit::Time{}));
}

TEST_CASE("a heavy client stays limited while many others come and go") {
  RateLimit limit(1, 100, 42, 65'536);
  RateLimit::Time now{};
  for (int i = 0; i < 100; ++i) REQUIRE(!limit.admit("heavy", now));
  for (int i = 0; i < 500'000; ++i) CHECK(!limit.admit("other " + std::to_string(i), now));
  CHECK(limit.admit("heavy", now));
}

TEST_CASE("one IPv6 customer is one address") {
  CHECK(address_key("2001:db8:1:2::1") == address_key("2001:db8:1:2:ffff::9"));
  CHECK(address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1"));
  CHECK(address_key("203.0.113.7") != address_key("203.0.113.8"));
}
