#pragma once
// Threads for work that must not stand on an I/O thread: blocking file and database calls (the disk pool),
// inspection (the scan pool). A coroutine hops there with async_run_on and nothing else:
// `co_await asio::post(pool, use_awaitable)` resumes on the coroutine's own executor and would not hop at
// all.

#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace sallyport {

namespace asio = boost::asio;

// A named set of threads over one queue. post(), queued() and async_run_on may be called from any thread.
class WorkPool {
 public:
  // `niceness` is added to the threads' own, so that inspection yields to serving.
  WorkPool(std::string name, unsigned threads, std::size_t queue_max, int niceness = 0);
  ~WorkPool();  // stop()
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Queues `fn` unless queue_max jobs wait already or the pool has stopped; false says that it was refused.
  // For work that nobody awaits. An exception that leaves `fn` is logged.
  template <class F>
  bool post(F fn);

  // Ends what is queued, then joins the threads. Stop what submits work first.
  void stop();

  std::size_t queued() const { return queued_.load(std::memory_order_relaxed); }  // waiting or running
  std::size_t queue_max() const { return queue_max_; }
  const std::string& name() const { return name_; }

 private:
  template <class F>
  friend auto async_run_on(WorkPool& pool, F fn) -> asio::awaitable<std::invoke_result_t<F&>>;
  template <class Job>
  void submit(Job job);
  void report(const std::exception_ptr& error) const;

  std::string name_;
  std::size_t queue_max_;
  std::atomic<std::size_t> queued_{0};
  std::atomic<bool> stopped_{false};
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

// Runs `fn` on the pool and brings its result, or its exception, back to the caller's executor.
// It always queues, past queue_max too: the caller is suspended meanwhile, and that await is the
// backpressure; as many jobs wait as coroutines exist, which the connection cap bounds. Who would rather
// refuse than wait looks at queued() first.
// Cancelling the caller does not stop `fn`: it ends, and the caller's next await throws.
template <class F>
auto async_run_on(WorkPool& pool, F fn) -> asio::awaitable<std::invoke_result_t<F&>>;

template <class Job>
void WorkPool::submit(Job job) {
  queued_.fetch_add(1, std::memory_order_relaxed);
  asio::post(context_, [this, job = std::move(job)]() mutable {
    job();
    queued_.fetch_sub(1, std::memory_order_relaxed);
  });
}

template <class F>
bool WorkPool::post(F fn) {
  if (stopped_.load() || queued() >= queue_max_) return false;
  submit([this, fn = std::move(fn)]() mutable {
    try {
      fn();
    } catch (...) {
      report(std::current_exception());
    }
  });
  return true;
}

template <class F>
auto async_run_on(WorkPool& pool, F fn) -> asio::awaitable<std::invoke_result_t<F&>> {
  using T = std::invoke_result_t<F&>;
  using Slot = std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>>;
  auto start = [&pool](auto handler, F job) {
    auto executor = asio::get_associated_executor(handler);
    // The guard keeps the caller's io_context running while nothing of it but this job is left.
    auto guard = asio::make_work_guard(executor);
    pool.submit([handler = std::move(handler), guard = std::move(guard), job = std::move(job)]() mutable {
      std::exception_ptr error;
      Slot slot;
      try {
        if constexpr (std::is_void_v<T>) {
          job();
          slot.emplace();
        } else {
          slot.emplace(job());
        }
      } catch (...) {
        error = std::current_exception();
      }
      auto executor = guard.get_executor();
      asio::post(executor,
                 [handler = std::move(handler), error = std::move(error), slot = std::move(slot)]() mutable {
                   std::move(handler)(std::move(error), std::move(slot));
                 });
    });
  };
  Slot slot = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, Slot)>(
      std::move(start), asio::use_awaitable, std::move(fn));
  if constexpr (!std::is_void_v<T>) co_return std::move(*slot);
}

}  // namespace sallyport
