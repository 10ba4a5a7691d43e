#pragma once
// So many requests a second for each key, and a burst beyond: a token bucket a key, in a table that never
// grows.

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

// Any thread.
class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `per_second` 0: no limit, and no table. `burst` requests may come at once; at least one.
  // `entries_max` is rounded up to a multiple of 256 * 4; `seed` is secret, so that nobody picks keys that
  // push one another out.
  RateLimit(std::uint64_t per_second, std::uint64_t burst, std::uint64_t seed,
            std::size_t entries_max = 65'536);

  bool on() const { return interval_.count() > 0; }
  // Nothing: admitted and counted. Else how long to wait; what is refused is not counted.
  std::optional<std::chrono::nanoseconds> admit(std::string_view key, Time now);

 private:
  // As the generic cell rate algorithm has it: when the bucket will be full again says how full it is.
  struct Slot {
    std::uint64_t key = 0;  // its hash; 0: free
    Time full_at{};
  };
  using Set = std::array<Slot, 4>;
  struct Stripe {
    std::mutex mutex;
    std::vector<Set> sets;
  };

  std::chrono::nanoseconds interval_{0}, burst_span_{0};
  std::uint64_t seed_;
  std::array<Stripe, 256> stripes_;
};

// What a limit by address counts together: an IPv4 address, or the /64 that one IPv6 customer has.
std::string address_key(std::string_view address);

}  // namespace sallyport
