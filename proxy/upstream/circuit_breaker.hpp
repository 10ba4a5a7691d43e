#pragma once
// When another server is left alone: after some failures in a row for a while, then one request finds out
// whether it is back. Pure: the time comes in with each call. One thread at a time.

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

#include "storage/base/clock.hpp"

namespace sallyport {

struct BreakerLimits {
  unsigned failures_max = 5;  // in a row
  Millis wait_min{1'000};     // the first wait; it doubles with each probe that fails
  Millis wait_max{30'000};
};

class CircuitBreaker {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class State : std::uint8_t {
    closed,    // asked
    open,      // left alone
    half_open  // one request is on its way, the others are refused
  };
  // Of one request. What comes back after the state has changed meanwhile says nothing any more.
  struct Permit {
    std::uint64_t round = 0;
  };

  explicit CircuitBreaker(BreakerLimits limits = {}, std::uint32_t seed = 1)
      : limits_(limits), wait_(limits.wait_min), random_(seed) {}

  // Nothing: not now. Each permit is given back by one of the three below.
  std::optional<Permit> ask(Time now);
  void answered(Permit permit);
  void failed(Permit permit, Time now);
  void dropped(Permit permit);  // nobody waits for the answer any more

  State state() const { return state_; }
  unsigned failures() const { return failures_; }  // in a row
  // Until a probe may go; zero where one may, or where nothing is held back.
  Millis wait_left(Time now) const;

 private:
  void become(State state) {
    state_ = state;
    ++round_;
  }
  void open(Time now);

  BreakerLimits limits_;
  State state_ = State::closed;
  std::uint64_t round_ = 0;
  unsigned failures_ = 0;
  bool probing_ = false;
  Millis wait_;
  Time until_;
  std::mt19937 random_;
};

}  // namespace sallyport
