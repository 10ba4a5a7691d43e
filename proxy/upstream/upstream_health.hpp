#pragma once
// How one upstream fares: what was asked of it, whether it is left alone at present, and a line in the log
// whenever that changes. Any thread.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "proxy/upstream/circuit_breaker.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

class UpstreamHealth {
 public:
  UpstreamHealth(std::string name, std::string origin, BreakerLimits limits);

  // One request's. Dropped without a word, it says nothing of the upstream.
  class Turn {
   public:
    Turn(UpstreamHealth& health, CircuitBreaker::Permit permit) : health_(&health), permit_(permit) {}
    Turn(Turn&& other) noexcept : health_(std::exchange(other.health_, nullptr)), permit_(other.permit_) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();
    void answered();
    void failed(const std::string& why);
    void cut(const std::string& why);  // failed, after it was counted as a request without failure
    bool probes() const;               // the one request of an upstream that is left alone otherwise

   private:
    UpstreamHealth* health_;
    CircuitBreaker::Permit permit_;
  };
  // unavailable, at once, while the upstream is left alone.
  Result<Turn> turn();

  struct Figures {  // since the start
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;    // without an answer of use: none at all, or a status of 5xx
    std::uint64_t left_alone = 0;  // requests that were not made
    std::uint64_t opened = 0;      // how often it was given up for a while
    bool down = false;             // now
  };
  Figures figures() const;
  void count(bool failure);

 private:
  const std::string name_, origin_;
  mutable std::mutex mutex_;
  CircuitBreaker breaker_;
  std::atomic<std::uint64_t> requests_{0}, failures_{0}, left_alone_{0}, opened_{0};
};

}  // namespace sallyport
