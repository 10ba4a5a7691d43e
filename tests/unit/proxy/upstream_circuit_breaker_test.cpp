#include "proxy/upstream/circuit_breaker.hpp"

#include <doctest/doctest.h>

using namespace sallyport;
using State = CircuitBreaker::State;

namespace {

constexpr BreakerLimits limits{.failures_max = 3, .wait_min = Millis(1000), .wait_max = Millis(8000)};

// Opens it from closed, at `now`.
void fail_three_times(CircuitBreaker& breaker, CircuitBreaker::Time now) {
  for (int i = 0; i < 3; ++i) breaker.failed(breaker.ask(now).value(), now);
}

}  // namespace

TEST_CASE("some failures in a row open it; one answer between them does not let it come to that") {
  CircuitBreaker breaker(limits);
  CircuitBreaker::Time now{};
  for (int i = 0; i < 10; ++i) {
    breaker.failed(breaker.ask(now).value(), now);
    breaker.failed(breaker.ask(now).value(), now);
    breaker.answered(breaker.ask(now).value());
  }
  CHECK(breaker.state() == State::closed);
  CHECK(breaker.wait_left(now) == Millis(0));
  fail_three_times(breaker, now);
  CHECK(breaker.state() == State::open);
  CHECK(breaker.failures() == 3);
  CHECK_FALSE(breaker.ask(now).has_value());
}

TEST_CASE("after its wait one probe goes, and its answer closes it") {
  CircuitBreaker breaker(limits);
  CircuitBreaker::Time now{};
  fail_three_times(breaker, now);
  const Millis wait = breaker.wait_left(now);
  CHECK_FALSE(breaker.ask(now + wait - Millis(1)).has_value());
  now += wait;
  const auto probe = breaker.ask(now);
  REQUIRE(probe.has_value());
  CHECK(breaker.state() == State::half_open);
  CHECK_FALSE(breaker.ask(now).has_value());  // the others wait for what it finds
  breaker.answered(*probe);
  CHECK(breaker.state() == State::closed);
  CHECK(breaker.ask(now).has_value());
  // Everything counts from the start again.
  breaker.failed(breaker.ask(now).value(), now);
  CHECK(breaker.state() == State::closed);
}

TEST_CASE("each probe that fails doubles the wait, up to a limit, give or take a quarter") {
  for (std::uint32_t seed = 1; seed < 50; ++seed) {
    CircuitBreaker breaker(limits, seed);
    CircuitBreaker::Time now{};
    fail_three_times(breaker, now);
    for (const Millis::rep expected : {1000, 2000, 4000, 8000, 8000, 8000}) {
      const Millis wait = breaker.wait_left(now);
      CHECK(wait.count() >= expected * 3 / 4);
      CHECK(wait.count() <= expected * 5 / 4);
      now += wait;
      breaker.failed(breaker.ask(now).value(), now);
      CHECK(breaker.state() == State::open);
    }
    now += breaker.wait_left(now);
    breaker.answered(breaker.ask(now).value());
    fail_three_times(breaker, now);
    CHECK(breaker.wait_left(now) <= Millis(1250));  // the first wait again
  }
  CircuitBreaker one(limits, 1), other(limits, 2);
  fail_three_times(one, {});
  fail_three_times(other, {});
  CHECK(one.wait_left({}) != other.wait_left({}));
}

TEST_CASE("a probe that nobody waits for makes room for another") {
  CircuitBreaker breaker(limits);
  CircuitBreaker::Time now{};
  fail_three_times(breaker, now);
  now += breaker.wait_left(now);
  const auto dropped = breaker.ask(now);
  breaker.dropped(dropped.value());
  const auto next = breaker.ask(now);
  REQUIRE(next.has_value());
  breaker.answered(*next);
  CHECK(breaker.state() == State::closed);
}

TEST_CASE("what was asked before the state changed says nothing any more") {
  CircuitBreaker breaker(limits);
  CircuitBreaker::Time now{};
  const auto slow = breaker.ask(now), slower = breaker.ask(now), slowest = breaker.ask(now);
  fail_three_times(breaker, now);
  const Millis wait = breaker.wait_left(now);
  breaker.answered(slow.value());
  CHECK(breaker.state() == State::open);
  breaker.failed(slower.value(), now);
  CHECK(breaker.wait_left(now) == wait);
  now += wait;
  const auto probe = breaker.ask(now);
  breaker.dropped(slowest.value());
  CHECK_FALSE(breaker.ask(now).has_value());  // the probe is still the one
  breaker.answered(probe.value());
  CHECK(breaker.state() == State::closed);
}
