#pragma once
// What was used most recently, up to so many bytes. Any thread.

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sallyport {

// `Value` is cheap to copy. One value stays whatever its size.
template <class Value>
class Lru {
 public:
  explicit Lru(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  std::optional<Value> find(std::string_view key) {
    std::lock_guard lock(mutex_);
    const auto it = places_.find(key);
    if (it == places_.end()) return std::nullopt;
    order_.splice(order_.begin(), order_, it->second);
    return it->second->value;
  }
  void put(std::string key, Value value, std::uint64_t bytes) {
    std::lock_guard lock(mutex_);
    if (const auto old = places_.find(key); old != places_.end()) drop(old->second);
    order_.push_front({std::move(key), std::move(value), bytes});
    places_.emplace(order_.front().key, order_.begin());
    bytes_ += bytes;
    while (bytes_ > bytes_max_ && order_.size() > 1) drop(std::prev(order_.end()));
  }
  // Changes the value that is there, if there is one.
  void change(std::string_view key, const std::function<void(Value&)>& change) {
    std::lock_guard lock(mutex_);
    if (const auto it = places_.find(key); it != places_.end()) change(it->second->value);
  }
  void erase(std::string_view key) {
    std::lock_guard lock(mutex_);
    if (const auto it = places_.find(key); it != places_.end()) drop(it->second);
  }
  std::uint64_t bytes() const {
    std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Entry {
    std::string key;
    Value value;
    std::uint64_t bytes;
  };
  using Order = std::list<Entry>;  // most recently used first
  void drop(typename Order::iterator it) {
    bytes_ -= it->bytes;
    places_.erase(it->key);
    order_.erase(it);
  }

  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  Order order_;
  std::unordered_map<std::string_view, typename Order::iterator> places_;  // keys lie in `order_`
  std::uint64_t bytes_ = 0;
};

}  // namespace sallyport
