#include "proxy/http/rate_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace sallyport {
namespace {

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

std::uint64_t hash_of(std::string_view key, std::uint64_t seed) {
  std::uint64_t hash = seed;
  for (const char c : key) hash = mixed(hash + static_cast<unsigned char>(c) + seed);
  return std::max<std::uint64_t>(hash, 1);
}

}  // namespace

RateLimit::RateLimit(std::uint64_t per_second, std::uint64_t burst, std::uint64_t seed,
                     std::size_t entries_max)
    : seed_(seed) {
  if (per_second == 0) return;
  interval_ = std::chrono::nanoseconds(std::max<std::uint64_t>(1, 1'000'000'000 / per_second));
  burst_span_ = interval_ * static_cast<std::int64_t>(std::max<std::uint64_t>(burst, 1) - 1);
  const std::size_t sets = std::max<std::size_t>(1, (entries_max + 1023) / 1024);
  for (Stripe& stripe : stripes_) stripe.sets.resize(sets);
}

std::optional<std::chrono::nanoseconds> RateLimit::admit(std::string_view key, Time now) {
  if (!on()) return std::nullopt;
  const std::uint64_t hash = hash_of(key, seed_);
  Stripe& stripe = stripes_[hash % stripes_.size()];
  std::lock_guard lock(stripe.mutex);
  Set& set = stripe.sets[(hash / stripes_.size()) % stripe.sets.size()];
  auto slot = std::find_if(set.begin(), set.end(), [&](const Slot& s) { return s.key == hash; });
  if (slot == set.end()) {
    // The fullest bucket makes room: forgetting it forgives least.
    slot = std::min_element(set.begin(), set.end(),
                            [](const Slot& a, const Slot& b) { return a.full_at < b.full_at; });
    *slot = {hash, now};
  }
  const Time full_at = std::max(slot->full_at, now);
  if (full_at - now > burst_span_) return full_at - now - burst_span_;
  slot->full_at = full_at + interval_;
  return std::nullopt;
}

std::string address_key(std::string_view address) {
  std::array<unsigned char, 16> bits{};
  const std::string text(address);
  if (inet_pton(AF_INET6, text.c_str(), bits.data()) != 1) return text;
  return "v6:" + std::string(reinterpret_cast<const char*>(bits.data()), 8);
}

}  // namespace sallyport
