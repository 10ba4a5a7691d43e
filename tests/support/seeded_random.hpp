#pragma once
// Random with a seed: the same bytes every run, so that a failure can be repeated.

#include <mutex>
#include <random>

#include "storage/base/ids.hpp"

namespace sallyport {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    for (auto& b : out) b = static_cast<std::uint8_t>(engine_());
  }
  std::uint64_t below(std::uint64_t bound) {
    const std::lock_guard lock(mutex_);
    return engine_() % bound;
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace sallyport
