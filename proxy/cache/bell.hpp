#pragma once
// Wakes coroutines of any I/O thread: who waits looks at its condition, sits down, and is woken when it may
// have changed.

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <mutex>
#include <vector>

namespace sallyport {

namespace asio = boost::asio;

// Any thread.
class Bell {
 public:
  void ring() {
    std::lock_guard lock(mutex_);
    // Posted, since a timer belongs to its own thread; it runs only once the waiter is suspended. Handed over
    // under the lock and kept by nobody here: the waiter's io_context may be gone right after.
    for (Timer& waiter : waiting_) {
      auto executor = waiter->get_executor();
      asio::post(executor, [waiter = std::move(waiter)] { waiter->cancel(); });
    }
    waiting_.clear();
  }

  // Returns once `holds` does; asked on the waiter's thread, at once and after every ring. It locks what it
  // reads, and who changes that rings afterwards.
  template <class Condition>
  asio::awaitable<void> wait_until(Condition holds) {
    auto executor = co_await asio::this_coro::executor;
    for (;;) {
      Seat seat(*this, executor);
      if (holds()) co_return;
      boost::system::error_code ec;
      co_await seat.timer->async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
  }

 private:
  using Timer = std::shared_ptr<asio::steady_timer>;
  // Given up when its coroutine ends, also by cancellation.
  struct Seat {
    Seat(Bell& b, const asio::any_io_executor& executor)
        : bell(b),
          timer(std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max())) {
      std::lock_guard lock(bell.mutex_);
      bell.waiting_.push_back(timer);
    }
    ~Seat() {
      std::lock_guard lock(bell.mutex_);
      std::erase(bell.waiting_, timer);
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    Bell& bell;
    Timer timer;
  };

  std::mutex mutex_;
  std::vector<Timer> waiting_;
};

}  // namespace sallyport
