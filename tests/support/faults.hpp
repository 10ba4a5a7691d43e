#pragma once
// When a store of faulty_*_store.hpp fails: the nth call from now, or one in so many, drawn from a seed.

#include <mutex>
#include <optional>
#include <random>

#include "storage/base/result.hpp"

namespace sallyport {

// Where a call fails: before it did anything, or after it was done but before its answer came (as when the
// last sync of a write fails: the caller cannot know).
enum class FaultMoment { before, after };

class Faults {
 public:
  void fail_nth(int nth, Error error, FaultMoment moment = FaultMoment::before) {
    const std::lock_guard lock(mutex_);
    plan_ = Plan{nth, 0, std::move(error), moment};
  }
  void fail_one_in(unsigned calls, std::uint64_t seed, Error error,
                   FaultMoment moment = FaultMoment::before) {
    const std::lock_guard lock(mutex_);
    random_.seed(seed);
    plan_ = Plan{0, calls, std::move(error), moment};
  }
  void disarm() {
    const std::lock_guard lock(mutex_);
    plan_.reset();
  }

  // Runs `call` under the plan. R is a Result<T>.
  template <class Call>
  auto run(Call call) -> decltype(call()) {
    const auto plan = draw();
    if (plan && plan->moment == FaultMoment::before) return plan->error;
    auto result = call();
    if (plan && result.has_value()) return plan->error;
    return result;
  }

 private:
  struct Plan {
    int nth = 0;  // counts down; at 1 the call fails
    unsigned one_in = 0;
    Error error;
    FaultMoment moment = FaultMoment::before;
  };
  std::optional<Plan> draw() {
    const std::lock_guard lock(mutex_);
    if (!plan_) return {};
    if (plan_->one_in > 0) return random_() % plan_->one_in == 0 ? plan_ : std::nullopt;
    if (plan_->nth > 0 && --plan_->nth == 0) return std::exchange(plan_, std::nullopt);
    return {};
  }

  std::mutex mutex_;
  std::mt19937_64 random_;
  std::optional<Plan> plan_;
};

}  // namespace sallyport
