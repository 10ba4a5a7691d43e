#include "proxy/identity/login_throttle.hpp"

#include <doctest/doctest.h>

#include "tests/support/manual_clock.hpp"

namespace sallyport {
namespace {

using std::chrono::seconds;

void fail_times(LoginThrottle& throttle, int n, const std::string& account, const std::string& address) {
  for (int i = 0; i < n; ++i) REQUIRE(throttle.admit(account, address).has_value());
}

TEST_CASE("after the free failures every further one doubles the wait") {
  ManualClock clock;
  LoginThrottle throttle(clock, {.account_free = 3, .address_free = 100, .wait_max = seconds(60)});
  fail_times(throttle, 4, "alice", "192.0.2.1");
  for (const int wait : {1, 2, 4, 8, 16, 32, 60, 60}) {
    clock.advance(seconds(wait) - Millis(1));
    const auto refused = throttle.admit("alice", "192.0.2.1");
    REQUIRE(refused.has_error());
    CHECK(refused.error().kind == ErrorKind::busy);
    CHECK(refused.error().message.find("1 seconds") != std::string::npos);
    clock.advance(Millis(1));
    REQUIRE(throttle.admit("alice", "192.0.2.1").has_value());  // and fails again
  }
}

TEST_CASE("an account is slowed whatever the address, an address whatever the account") {
  ManualClock clock;
  LoginThrottle throttle(clock, {.account_free = 3, .address_free = 5});
  for (int i = 0; i < 4; ++i) REQUIRE(throttle.admit("alice", "192.0.2." + std::to_string(i)).has_value());
  CHECK(throttle.admit("alice", "203.0.113.1").has_error());
  for (int i = 0; i < 6; ++i) REQUIRE(throttle.admit("user" + std::to_string(i), "198.51.100.1").has_value());
  CHECK(throttle.admit("somebody-else", "198.51.100.1").has_error());
  CHECK(throttle.admit("somebody-else", "198.51.100.2").has_value());
}

TEST_CASE("guesses in parallel count before their outcome is known") {
  ManualClock clock;
  LoginThrottle throttle(clock, {.account_free = 3});
  int admitted = 0;
  for (int i = 0; i < 50; ++i) admitted += throttle.admit("alice", "192.0.2.1").has_value() ? 1 : 0;
  CHECK(admitted == 4);
}

TEST_CASE("success clears the account, and of the address only its own attempt") {
  ManualClock clock;
  LoginThrottle throttle(clock, {.account_free = 3, .address_free = 4});
  fail_times(throttle, 2, "alice", "192.0.2.1");
  REQUIRE(throttle.admit("mallory", "192.0.2.1").has_value());
  throttle.succeeded("mallory", "192.0.2.1");
  fail_times(throttle, 2, "bob", "192.0.2.1");
  REQUIRE(throttle.admit("carol", "192.0.2.1").has_value());  // the fifth failure of the address
  CHECK(throttle.admit("mallory", "192.0.2.1").has_error());
}

TEST_CASE("failures are forgotten after a quiet while") {
  ManualClock clock;
  LoginThrottle throttle(clock, {.account_free = 1, .forget_after = seconds(100)});
  fail_times(throttle, 2, "alice", "192.0.2.1");
  CHECK(throttle.admit("alice", "192.0.2.1").has_error());
  clock.advance(seconds(101));
  fail_times(throttle, 2, "alice", "192.0.2.1");
}

TEST_CASE("made-up names push each other out, not an account under attack") {
  ManualClock clock;
  LoginThrottle throttle(clock, {.account_free = 2, .address_free = 1'000'000, .entries_max = 10});
  fail_times(throttle, 3, "alice", "192.0.2.1");
  for (int i = 0; i < 1000; ++i)
    REQUIRE(throttle.admit("made-up-" + std::to_string(i), "192.0.2.1").has_value());
  CHECK(throttle.admit("alice", "192.0.2.1").has_error());
}

}  // namespace
}  // namespace sallyport
