#include "proxy/identity/login_throttle.hpp"

#include <algorithm>

namespace sallyport {

Result<void> LoginThrottle::admit(std::string_view account, std::string_view address) {
  const std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  const Millis left = std::max(wait(accounts_, account, now), wait(addresses_, address, now));
  if (left > Millis::zero()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
    return fail(ErrorKind::busy,
                "Too many failed attempts: try again in " + std::to_string(seconds) + " seconds.");
  }
  count(accounts_, account, limits_.account_free, now);
  count(addresses_, address, limits_.address_free, now);
  return {};
}

void LoginThrottle::succeeded(std::string_view account, std::string_view address) {
  const std::lock_guard lock(mutex_);
  if (const auto found = accounts_.find(account); found != accounts_.end()) accounts_.erase(found);
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return;
  found->second.open = Instant{};
  if (--found->second.failures == 0) addresses_.erase(found);
}

Millis LoginThrottle::wait(Table& table, std::string_view key, Instant now) const {
  const auto found = table.find(key);
  if (found == table.end()) return Millis::zero();
  if (now - found->second.last > limits_.forget_after) {
    table.erase(found);
    return Millis::zero();
  }
  return std::max(found->second.open - now, Millis::zero());
}

void LoginThrottle::count(Table& table, std::string_view key, unsigned free, Instant now) const {
  auto found = table.find(key);
  if (found == table.end()) {
    // The entry whose wait ends first makes room: made-up names push each other out, not a real account
    // under attack.
    if (table.size() >= limits_.entries_max)
      table.erase(std::min_element(table.begin(), table.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.open, a.second.last) < std::pair(b.second.open, b.second.last);
      }));
    found = table.emplace(key, Entry{}).first;
  }
  Entry& entry = found->second;
  ++entry.failures;
  entry.last = now;
  if (entry.failures <= free) return;
  const unsigned doublings = std::min(entry.failures - free - 1, 20u);
  entry.open = now + std::min(limits_.wait_max, limits_.first_wait * (1 << doublings));
}

}  // namespace sallyport
