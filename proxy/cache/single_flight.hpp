#pragma once
// One fill for many waiters: whoever asks for a key that is being filled waits for that fill.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/result.hpp"

namespace sallyport {

namespace asio = boost::asio;

// run() may be called from any thread; fills run on the executor given here and outlive the caller that
// started them. An exception of a fill is an internal error for all.
template <class T>
class SingleFlight {
 public:
  explicit SingleFlight(asio::any_io_executor fills) : fills_(std::move(fills)) {}

  asio::awaitable<Result<T>> run(std::string key, std::function<asio::awaitable<Result<T>>()> fill) {
    auto executor = co_await asio::this_coro::executor;
    std::shared_ptr<Flight> flight;
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      auto& slot = flights_[key];
      first = slot == nullptr;
      if (first) slot = std::make_shared<Flight>();
      flight = slot;
    }
    Seat seat(flight, executor);
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
    for (;;) {
      {
        std::lock_guard lock(flight->mutex);
        if (flight->result) co_return *flight->result;
      }
      boost::system::error_code ec;
      co_await seat.timer->async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
  }

 private:
  using Timer = std::shared_ptr<asio::steady_timer>;
  struct Flight {
    std::mutex mutex;
    std::optional<Result<T>> result;
    std::vector<Timer> waiters;

    void land(Result<T> landed) {
      std::lock_guard lock(mutex);
      result = std::move(landed);
      // Posted, since a timer belongs to its own thread; it runs only once the waiter is suspended. Handed
      // over under the lock and kept by nobody here: the waiter's io_context may be gone right after.
      for (Timer& waiter : waiters) {
        auto executor = waiter->get_executor();
        asio::post(executor, [waiter = std::move(waiter)] { waiter->cancel(); });
      }
      waiters.clear();
    }
  };
  // A place among the waiters, given up when its coroutine ends, also by cancellation.
  struct Seat {
    Seat(std::shared_ptr<Flight> f, const asio::any_io_executor& executor)
        : flight(std::move(f)),
          timer(std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max())) {
      std::lock_guard lock(flight->mutex);
      flight->waiters.push_back(timer);
    }
    ~Seat() {
      std::lock_guard lock(flight->mutex);
      std::erase(flight->waiters, timer);
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    std::shared_ptr<Flight> flight;
    Timer timer;
  };
  asio::any_io_executor fills_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace sallyport
