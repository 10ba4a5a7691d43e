#pragma once
// Slows down guessing: every failure beyond a few free ones doubles the wait, per account and per address.

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "storage/base/clock.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct ThrottleLimits {
  unsigned account_free = 5;   // failures of an account before the first wait
  unsigned address_free = 20;  // of an address: many people may stand behind one
  Millis first_wait{1'000};
  Millis wait_max{15 * 60'000};
  Millis forget_after{60 * 60'000};  // without a failure
  std::size_t entries_max = 10'000;  // per table
};

// In memory: a restart forgets. Any thread.
class LoginThrottle {
 public:
  explicit LoginThrottle(const Clock& clock, ThrottleLimits limits = {}) : clock_(clock), limits_(limits) {}

  // Before a secret is checked: busy, with the wait in the sentence, or counted as a failure until
  // succeeded() says otherwise, so that guesses in parallel count as well.
  Result<void> admit(std::string_view account, std::string_view address);
  // Clears the account; the address only loses the one failure that admit() counted, or an attacker would
  // clear it with an account of their own.
  void succeeded(std::string_view account, std::string_view address);

 private:
  struct Entry {
    unsigned failures = 0;
    Instant last, open;  // of the last failure; when the next attempt is admitted
  };
  using Table = std::map<std::string, Entry, std::less<>>;

  Millis wait(Table& table, std::string_view key, Instant now) const;
  void count(Table& table, std::string_view key, unsigned free, Instant now) const;

  const Clock& clock_;
  ThrottleLimits limits_;
  std::mutex mutex_;
  Table accounts_, addresses_;
};

}  // namespace sallyport
