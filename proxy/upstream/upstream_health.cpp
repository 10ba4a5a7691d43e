#include "proxy/upstream/upstream_health.hpp"

#include <random>

#include "storage/base/log.hpp"

namespace sallyport {
namespace {

using State = CircuitBreaker::State;

CircuitBreaker::Time now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

UpstreamHealth::UpstreamHealth(std::string name, std::string origin, BreakerLimits limits)
    : name_(std::move(name)), origin_(std::move(origin)), breaker_(limits, std::random_device()()) {}

Result<UpstreamHealth::Turn> UpstreamHealth::turn() {
  std::lock_guard lock(mutex_);
  if (auto permit = breaker_.ask(now())) return Turn(*this, *permit);
  left_alone_.fetch_add(1, std::memory_order_relaxed);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(breaker_.wait_left(now())).count();
  return fail(ErrorKind::unavailable, "The upstream " + origin_ + " does not answer: try again later.",
              "not asked for " + std::to_string(seconds) + " s more");
}

UpstreamHealth::Turn::~Turn() {
  if (health_ == nullptr) return;
  std::lock_guard lock(health_->mutex_);
  health_->breaker_.dropped(permit_);
}

void UpstreamHealth::Turn::answered() {
  UpstreamHealth& health = *std::exchange(health_, nullptr);
  std::lock_guard lock(health.mutex_);
  const State before = health.breaker_.state();
  health.breaker_.answered(permit_);
  if (before != State::closed && health.breaker_.state() == State::closed)
    log::info("upstream.up", {{"upstream", health.name_}, {"origin", health.origin_}});
}

void UpstreamHealth::Turn::failed(const std::string& why) {
  UpstreamHealth& health = *std::exchange(health_, nullptr);
  std::lock_guard lock(health.mutex_);
  const State before = health.breaker_.state();
  health.breaker_.failed(permit_, now());
  if (before == State::open || health.breaker_.state() != State::open) return;
  health.opened_.fetch_add(1, std::memory_order_relaxed);
  log::warn("upstream.down", {{"upstream", health.name_},
                              {"origin", health.origin_},
                              {"failures", health.breaker_.failures()},
                              {"wait_ms", health.breaker_.wait_left(now()).count()},
                              {"error", why}});
}

void UpstreamHealth::Turn::cut(const std::string& why) {
  health_->failures_.fetch_add(1, std::memory_order_relaxed);
  failed(why);
}

bool UpstreamHealth::Turn::probes() const {
  std::lock_guard lock(health_->mutex_);
  return health_->breaker_.state() == State::half_open;
}

void UpstreamHealth::count(bool failure) {
  requests_.fetch_add(1, std::memory_order_relaxed);
  if (failure) failures_.fetch_add(1, std::memory_order_relaxed);
}

UpstreamHealth::Figures UpstreamHealth::figures() const {
  std::lock_guard lock(mutex_);
  return {requests_, failures_, left_alone_, opened_, breaker_.state() != State::closed};
}

}  // namespace sallyport
