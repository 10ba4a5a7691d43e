#include "gate/executors.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <future>
#include <stdexcept>
#include <string>

#include "storage/base/log.hpp"
#include "storage/base/result.hpp"

using namespace sallyport;

namespace {

// Runs one coroutine on an io_context of this thread, to its end.
template <class F>
void run_here(F coroutine) {
  asio::io_context context;
  std::exception_ptr error;
  asio::co_spawn(context, coroutine(), [&](std::exception_ptr e) { error = e; });
  context.run();
  if (error) std::rethrow_exception(error);
}

}  // namespace

TEST_CASE("async_run_on runs elsewhere and comes back") {
  WorkPool pool("disk", 2, 10);
  std::thread::id inside;
  auto coroutine = [&]() -> asio::awaitable<void> {
    std::thread::id home = std::this_thread::get_id();
    auto answer = std::make_unique<std::string>("moved in");
    std::unique_ptr<std::string> out =
        co_await async_run_on(pool, [&inside, answer = std::move(answer)]() mutable {
          inside = std::this_thread::get_id();
          return std::move(answer);
        });
    CHECK(*out == "moved in");
    CHECK(std::this_thread::get_id() == home);
    CHECK(inside != home);
    // A Result has no default value, and needs none.
    Result<std::string> failed =
        co_await async_run_on(pool, [] { return Result<std::string>(fail(ErrorKind::corrupt, "no")); });
    CHECK(failed.error().kind == ErrorKind::corrupt);
    co_await async_run_on(pool, [] {});
  };
  run_here(coroutine);
  CHECK(pool.queued() == 0);
}

TEST_CASE("async_run_on carries an exception back") {
  WorkPool pool("disk", 1, 10);
  auto coroutine = [&]() -> asio::awaitable<void> {
    co_await async_run_on(pool, []() -> int { throw std::runtime_error("from the pool"); });
  };
  CHECK_THROWS_WITH(run_here(coroutine), "from the pool");
}

TEST_CASE("post refuses over queue_max and after stop, async_run_on waits instead") {
  WorkPool pool("scan", 1, 2);
  std::promise<void> release;
  auto gate = release.get_future().share();
  std::atomic<int> ran{0};
  auto job = [&ran, gate] {
    gate.wait();
    ++ran;
  };
  CHECK(pool.post(job));
  CHECK(pool.post(job));
  CHECK_FALSE(pool.post(job));
  auto coroutine = [&]() -> asio::awaitable<void> {
    release.set_value();
    co_await async_run_on(pool, job);
  };
  run_here(coroutine);
  CHECK(ran == 3);
  CHECK(pool.post(job));
  pool.stop();
  CHECK(ran == 4);  // what was queued is ended
  CHECK_FALSE(pool.post(job));
}

TEST_CASE("an exception of a job nobody awaits is logged and costs no thread") {
  std::string logged;
  std::mutex mutex;
  log::set_sink([&](std::string_view line) {
    std::lock_guard lock(mutex);
    logged += line;
  });
  WorkPool pool("scan", 1, 10);
  CHECK(pool.post([] { throw std::runtime_error("unwatched"); }));
  std::atomic<bool> after{false};
  CHECK(pool.post([&] { after = true; }));
  pool.stop();
  log::set_sink({});
  CHECK(after);
  CHECK(logged.find("unwatched") != std::string::npos);
}
