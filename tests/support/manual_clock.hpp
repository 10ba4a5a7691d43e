#pragma once
// A clock that stands still until a test moves it.

#include <atomic>

#include "storage/base/clock.hpp"

namespace sallyport {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start = parse_iso8601("2026-03-31T04:23:06.123Z").value())
      : now_(start.time_since_epoch().count()) {}
  Instant now() const override { return Instant(Millis(now_.load())); }
  void set(Instant t) { now_ = t.time_since_epoch().count(); }
  void advance(Millis by) { now_ += by.count(); }

 private:
  std::atomic<Millis::rep> now_;
};

}  // namespace sallyport
