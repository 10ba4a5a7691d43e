#include "proxy/cache/single_flight.hpp"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <stdexcept>

using namespace sallyport;

namespace {

// Fills run here, when the test says so.
struct Fills {
  asio::io_context context;
  SingleFlight<int> flights{context.get_executor()};
  int started = 0;

  asio::awaitable<Result<int>> ask(std::string key, int value) {
    std::function<asio::awaitable<Result<int>>()> fill = [this, value]() -> asio::awaitable<Result<int>> {
      ++started;
      co_return value;
    };
    auto result = co_await flights.run(std::move(key), std::move(fill));
    co_return result;
  }
};

}  // namespace

TEST_CASE("a hundred askers of one key make one fill, and another key its own") {
  Fills fills;
  asio::io_context askers;
  std::vector<std::future<Result<int>>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(asio::co_spawn(askers, fills.ask("a", i), asio::use_future));
  auto other = asio::co_spawn(askers, fills.ask("b", 1000), asio::use_future);
  askers.poll();
  fills.context.run();
  askers.run();
  for (auto& answer : answers) CHECK(answer.get().value() == 0);
  CHECK(other.get().value() == 1000);
  CHECK(fills.started == 2);
  // It is over: who asks now starts a new one.
  askers.restart();
  fills.context.restart();
  auto later = asio::co_spawn(askers, fills.ask("a", 7), asio::use_future);
  askers.poll();
  fills.context.run();
  askers.run();
  CHECK(later.get().value() == 7);
  CHECK(fills.started == 3);
}

TEST_CASE("an exception of a fill is an error for all, and for the next it is forgotten") {
  Fills fills;
  asio::io_context askers;
  std::function<asio::awaitable<Result<int>>()> broken = []() -> asio::awaitable<Result<int>> {
    throw std::runtime_error("out of luck");
    co_return 1;
  };
  auto one = asio::co_spawn(askers, fills.flights.run("a", broken), asio::use_future);
  auto two = asio::co_spawn(askers, fills.flights.run("a", broken), asio::use_future);
  askers.poll();
  fills.context.run();
  askers.run();
  CHECK(one.get().error().kind == ErrorKind::internal);
  CHECK(two.get().error().kind == ErrorKind::internal);
  askers.restart();
  fills.context.restart();
  auto later = asio::co_spawn(askers, fills.ask("a", 7), asio::use_future);
  askers.poll();
  fills.context.run();
  askers.run();
  CHECK(later.get().value() == 7);
}

TEST_CASE("the asker who started a fill may leave; the others get it") {
  Fills fills;
  asio::io_context askers;
  asio::cancellation_signal leave;
  bool left = false;
  std::optional<Result<int>> got;
  asio::co_spawn(askers, fills.ask("a", 5),
                 asio::bind_cancellation_slot(
                     leave.slot(), [&](std::exception_ptr error, Result<int>) { left = error != nullptr; }));
  asio::co_spawn(askers, fills.ask("a", 6), [&](std::exception_ptr error, Result<int> result) {
    if (!error) got = result;
  });
  askers.poll();
  leave.emit(asio::cancellation_type::terminal);
  askers.restart();
  askers.poll();
  CHECK(left);
  CHECK_FALSE(got.has_value());
  fills.context.run();
  askers.restart();
  askers.run();
  REQUIRE(got.has_value());
  CHECK(got->value() == 5);
  CHECK(fills.started == 1);
}

TEST_CASE("an asker whose thread is gone is not called") {
  Fills fills;
  {
    asio::io_context askers;
    asio::co_spawn(askers, fills.ask("a", 5), asio::detached);
    askers.poll();
  }
  asio::io_context others;
  auto late = asio::co_spawn(others, fills.ask("a", 6), asio::use_future);
  others.poll();
  fills.context.run();
  others.run();
  CHECK(late.get().value() == 5);
}
