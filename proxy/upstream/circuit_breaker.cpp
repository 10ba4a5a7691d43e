#include "proxy/upstream/circuit_breaker.hpp"

#include <algorithm>

namespace sallyport {

std::optional<CircuitBreaker::Permit> CircuitBreaker::ask(Time now) {
  if (state_ == State::open && now >= until_) {
    become(State::half_open);
    probing_ = false;
  }
  if (state_ == State::open || (state_ == State::half_open && probing_)) return std::nullopt;
  probing_ = state_ == State::half_open;
  return Permit{round_};
}

void CircuitBreaker::answered(Permit permit) {
  if (permit.round != round_) return;
  failures_ = 0;
  if (state_ == State::closed) return;
  wait_ = limits_.wait_min;
  become(State::closed);
}

void CircuitBreaker::failed(Permit permit, Time now) {
  if (permit.round != round_) return;
  ++failures_;
  if (state_ == State::half_open || failures_ >= limits_.failures_max) open(now);
}

void CircuitBreaker::dropped(Permit permit) {
  if (permit.round == round_) probing_ = false;
}

// A quarter more or less, so that many who wait for one server do not come back to it at once.
void CircuitBreaker::open(Time now) {
  std::uniform_int_distribution<Millis::rep> about(wait_.count() * 3 / 4, wait_.count() * 5 / 4);
  until_ = now + Millis(about(random_));
  wait_ = std::min(wait_ * 2, limits_.wait_max);
  become(State::open);
}

Millis CircuitBreaker::wait_left(Time now) const {
  if (state_ != State::open || now >= until_) return Millis(0);
  return std::chrono::ceil<Millis>(until_ - now);
}

}  // namespace sallyport
