#include "proxy/identity/web_login.hpp"

#include <doctest/doctest.h>

#include "tests/support/manual_clock.hpp"
#include "tests/support/seeded_random.hpp"

using namespace sallyport;

namespace {

struct House {
  ManualClock clock;
  SeededRandom random{7};
  WebLogins logins;
  explicit House(WebLoginLimits limits = {}) : logins(clock, random, limits) {}
  WebLogins::Begun begin(const std::string& address = "203.0.113.7") {
    return logins.begin(address, "npm/11").value();
  }
};

}  // namespace

TEST_CASE("a log-in is completed on its page and taken once with its other secret") {
  House h;
  const auto begun = h.begin(), other = h.begin();
  CHECK(begun.page != begun.done);
  CHECK(h.logins.asked(begun.page)->code == begun.code);
  CHECK(!h.logins.take(begun.done).value().has_value());
  // Each secret is good for its own half only.
  CHECK_FALSE(h.logins.asked(begun.done).has_value());
  CHECK_FALSE(h.logins.take(begun.page).has_value());
  CHECK_FALSE(h.logins.complete(begun.done, "mallory").has_value());
  REQUIRE(h.logins.complete(begun.page, "alice").has_value());
  CHECK_FALSE(h.logins.complete(begun.page, "mallory").has_value());
  CHECK_FALSE(h.logins.asked(begun.page).has_value());
  CHECK(h.logins.take(begun.done).value() == "alice");
  CHECK_FALSE(h.logins.take(begun.done).has_value());
  CHECK(!h.logins.take(other.done).value().has_value());
}

TEST_CASE("a log-in ends with its time, completed or not") {
  House h;
  const auto waiting = h.begin(), completed = h.begin();
  REQUIRE(h.logins.complete(completed.page, "alice").has_value());
  h.clock.advance(WebLoginLimits().lasts - Millis(1));
  CHECK(h.logins.asked(waiting.page).has_value());
  h.clock.advance(Millis(1));
  CHECK_FALSE(h.logins.asked(waiting.page).has_value());
  CHECK_FALSE(h.logins.complete(waiting.page, "alice").has_value());
  CHECK_FALSE(h.logins.take(waiting.done).has_value());
  CHECK_FALSE(h.logins.take(completed.done).has_value());
}

TEST_CASE("failures end a log-in, and not another one") {
  House h;
  const auto begun = h.begin(), other = h.begin();
  for (unsigned i = 0; i < WebLoginLimits().failures_max; ++i) {
    CHECK(h.logins.asked(begun.page).has_value());
    h.logins.failed(begun.page);
  }
  CHECK_FALSE(h.logins.take(begun.done).has_value());
  CHECK(h.logins.asked(other.page).has_value());
}

TEST_CASE("so many may be open, of an address and of everybody, until they end") {
  WebLoginLimits limits;
  limits.open_max = 3;
  limits.open_max_of_address = 2;
  House h(limits);
  const auto first = h.begin("a");
  h.begin("a");
  CHECK(h.logins.begin("a", "").error().kind == ErrorKind::forbidden);
  h.begin("b");
  CHECK_FALSE(h.logins.begin("c", "").has_value());
  REQUIRE(h.logins.complete(first.page, "alice").has_value());
  REQUIRE(h.logins.take(first.done).has_value());
  h.begin("a");
  CHECK_FALSE(h.logins.begin("a", "").has_value());
  h.clock.advance(limits.lasts);
  for (int i = 0; i < 2; ++i) h.begin("a");
  h.begin("c");
}
