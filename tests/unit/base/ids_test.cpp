#include "storage/base/ids.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/seeded_random.hpp"

using namespace sallyport;

TEST_CASE("a stage id is a UUID of version 4 as clients validate it") {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string id = uuid_v4(random);
    CHECK(is_uuid(id));
    CHECK(id[14] == '4');
    CHECK(std::string("89ab").find(id[19]) != std::string::npos);
    CHECK(seen.insert(id).second);
  }
  CHECK(is_uuid("DEADBEEF-0000-4000-8000-000000000000"));
  for (const char* text : {"", "deadbeef-0000-4000-8000-00000000000", "deadbeef-0000-4000-8000-0000000000000",
                           "deadbeef00000-4000-8000-000000000000", "deadbeeg-0000-4000-8000-000000000000",
                           "../deadb-0000-4000-8000-000000000000"}) {
    CHECK_FALSE(is_uuid(text));
  }
}

TEST_CASE("a review code is short and has no letter that is misread") {
  SystemRandom random;
  for (int i = 0; i < 500; ++i) {
    const std::string code = review_code(random);
    CHECK(is_review_code(code));
    CHECK(code.find_first_of("ILOU", 2) == std::string::npos);
  }
  for (const char* text : {"", "R-", "R-K7Q", "R-K7Q22", "R-k7q2", "R-ILOU", "X-K7Q2", "R-K7/2"})
    CHECK_FALSE(is_review_code(text));
}

TEST_CASE("a seed repeats its bytes, the system does not") {
  SeededRandom one(7), two(7), other(8);
  const std::string bytes = random_bytes(one, 100);
  CHECK(random_bytes(two, 100) == bytes);
  CHECK(random_bytes(other, 100) != bytes);
  SystemRandom system;
  CHECK(random_bytes(system, 10'000) != random_bytes(system, 10'000));
}
