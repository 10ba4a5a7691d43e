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
    auto waiter = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
    std::shared_ptr<Flight> flight;
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      auto& slot = flights_[key];
      first = slot == nullptr;
      if (first) slot = std::make_shared<Flight>();
      flight = slot;
      flight->waiters.push_back(waiter);
    }
    if (first) {
      auto land = [this, key, flight](std::exception_ptr error, std::optional<Result<T>> result) {
        if (error || !result)
          result = Result<T>(fail(ErrorKind::internal, "A fetch for the cache failed: try again."));
        std::vector<std::shared_ptr<asio::steady_timer>> waiters;
        {
          std::lock_guard lock(mutex_);
          flight->result = std::move(result);
          waiters.swap(flight->waiters);
          flights_.erase(key);
        }
        // Posted, since a timer belongs to its own thread; it runs only once the waiter is suspended.
        for (auto& w : waiters) asio::post(w->get_executor(), [w] { w->cancel(); });
      };
      auto started = [fill = std::move(fill)]() -> asio::awaitable<std::optional<Result<T>>> {
        auto result = co_await fill();
        co_return result;
      };
      asio::co_spawn(fills_, std::move(started), std::move(land));
    }
    for (;;) {
      {
        std::lock_guard lock(mutex_);
        if (flight->result) co_return *flight->result;
      }
      boost::system::error_code ec;
      co_await waiter->async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
  }

 private:
  struct Flight {
    std::optional<Result<T>> result;
    std::vector<std::shared_ptr<asio::steady_timer>> waiters;
  };
  asio::any_io_executor fills_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace sallyport
