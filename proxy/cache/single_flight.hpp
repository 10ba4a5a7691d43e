#pragma once
// One fill for many waiters: whoever asks for a key that is being filled waits for that fill.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "proxy/cache/bell.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// run() may be called from any thread; fills run on the executor given here and outlive the caller that
// started them. An exception of a fill is an internal error for all.
template <class T>
class SingleFlight {
 public:
  explicit SingleFlight(asio::any_io_executor fills) : fills_(std::move(fills)) {}

  asio::awaitable<Result<T>> run(std::string key, std::function<asio::awaitable<Result<T>>()> fill) {
    std::shared_ptr<Flight> flight;
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      auto& slot = flights_[key];
      first = slot == nullptr;
      if (first) slot = std::make_shared<Flight>();
      flight = slot;
    }
    if (first) {
      auto land = [this, key, flight](std::exception_ptr error, std::optional<Result<T>> result) {
        if (error || !result)
          result = Result<T>(fail(ErrorKind::internal, "A fetch for the cache failed: try again."));
        // Both at once: who has got this result and asks again must not meet the same flight.
        std::lock_guard lock(mutex_);
        flights_.erase(key);
        flight->land(std::move(*result));
      };
      auto started = [fill = std::move(fill)]() -> asio::awaitable<std::optional<Result<T>>> {
        auto result = co_await fill();
        co_return result;
      };
      asio::co_spawn(fills_, std::move(started), std::move(land));
    }
    auto landed = [flight] {
      std::lock_guard lock(flight->mutex);
      return flight->result.has_value();
    };
    co_await flight->bell.wait_until(std::move(landed));
    co_return *flight->result;  // never changed again
  }

 private:
  struct Flight {
    std::mutex mutex;
    std::optional<Result<T>> result;
    Bell bell;

    void land(Result<T> landed) {
      {
        std::lock_guard lock(mutex);
        result = std::move(landed);
      }
      bell.ring();
    }
  };
  asio::any_io_executor fills_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace sallyport
