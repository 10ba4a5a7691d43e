#include "proxy/cache/service_answers.hpp"

#include <doctest/doctest.h>

#include <boost/asio/use_future.hpp>

#include "tests/support/manual_clock.hpp"

using namespace sallyport;

namespace {

constexpr Millis minute{60'000};

// An upstream that counts how often it is asked.
struct House {
  ManualClock clock;
  ServiceAnswers answers;
  asio::io_context io;
  int asked = 0;
  Result<std::string> says = std::string("one");

  explicit House(std::uint64_t bytes_max = 1 << 20) : answers(clock, bytes_max) {}
  Result<ServiceAnswers::Answer> get(std::string key = "keys") {
    ServiceAnswers::Ask ask = [this]() -> asio::awaitable<Result<std::string>> {
      ++asked;
      co_return says;
    };
    using Got = std::optional<Result<ServiceAnswers::Answer>>;
    auto run = [this, key, ask]() -> asio::awaitable<Got> {
      co_return co_await answers.get(key, minute, ask);
    };
    auto got = asio::co_spawn(io, std::move(run), asio::use_future);
    io.restart();
    io.run();
    return *got.get();
  }
};

}  // namespace

TEST_CASE("an answer is kept a while, and then asked for again") {
  House h;
  CHECK(*h.get()->text == "one");
  h.says = std::string("two");
  h.clock.advance(minute - Millis(1));
  CHECK(*h.get()->text == "one");
  CHECK(h.asked == 1);
  h.clock.advance(Millis(1));
  const auto again = h.get();
  CHECK(*again->text == "two");
  CHECK_FALSE(again->stale);
  CHECK(*h.get("other")->text == "two");
  CHECK(h.asked == 3);
}

TEST_CASE("where nobody answers the last answer does, and is called stale") {
  House h;
  REQUIRE(h.get().has_value());
  h.clock.advance(minute);
  h.says = fail(ErrorKind::unavailable, "down");
  for (int i = 0; i < 3; ++i) {
    const auto kept = h.get();
    CHECK(*kept->text == "one");
    CHECK(kept->stale);
  }
  CHECK(h.asked == 2);  // not asked with every question
  h.says = std::string("back");
  h.clock.advance(Millis(10'000));
  CHECK(*h.get()->text == "back");
  CHECK_FALSE(h.get()->stale);
}

TEST_CASE("that there is nothing is kept, and ends what was there") {
  House h;
  REQUIRE(h.get().has_value());
  h.clock.advance(minute);
  h.says = fail(ErrorKind::not_found, "gone");
  CHECK(h.get().error().kind == ErrorKind::not_found);
  h.says = fail(ErrorKind::unavailable, "down");
  h.clock.advance(minute);
  CHECK(h.get().error().kind == ErrorKind::unavailable);
  CHECK(h.get().error().kind == ErrorKind::unavailable);
  CHECK(h.asked == 3);
}

TEST_CASE("memory has a limit, and what was used last stays") {
  House h(10'000);
  h.says = std::string(3'000, 'x');
  for (const char* key : {"a", "b", "c", "a", "d"}) h.get(key);
  CHECK(h.asked == 4);
  h.get("a");
  CHECK(h.asked == 4);
  h.get("b");
  CHECK(h.asked == 5);
  // One that is larger than all of it is answered still.
  h.says = std::string(50'000, 'x');
  CHECK(h.get("huge")->text->size() == 50'000);
}
