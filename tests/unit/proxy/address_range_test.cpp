#include "proxy/identity/address_range.hpp"

#include <doctest/doctest.h>

namespace sallyport {
namespace {

bool holds(std::string_view range, std::string_view address) {
  return AddressRange::parse(range).value().contains(address);
}

TEST_CASE("IPv4 ranges") {
  CHECK(holds("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  CHECK(holds("192.0.2.128/25", "192.0.2.128"));
  CHECK_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
  CHECK(holds("192.0.2.7", "192.0.2.7"));
  CHECK_FALSE(holds("192.0.2.7", "192.0.2.8"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9"));
}

TEST_CASE("IPv6 ranges") {
  CHECK(holds("2001:db8::/32", "2001:db8:ffff::1"));
  CHECK_FALSE(holds("2001:db8::/32", "2001:db9::1"));
  CHECK(holds("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(holds("::/0", "::1"));
}

TEST_CASE("the two families do not hold each other, but a mapped address is IPv4") {
  CHECK_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
  CHECK_FALSE(holds("::/0", "192.0.2.1"));
  CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK_FALSE(holds("::/0", "::ffff:10.1.2.3"));
}

TEST_CASE("what is no address is in no range") {
  for (const char* address : {"", "unix", "10.0.0", "10.0.0.1 ", "10.0.0.1/8", "010.0.0.1", "localhost"})
    CHECK_FALSE(holds("0.0.0.0/0", address));
  CHECK_FALSE(holds("0.0.0.0/0", std::string_view("10.0.0.1\0x", 10)));
}

TEST_CASE("what is no range is refused") {
  for (const char* range : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10/8",
                            "::/129", "host/8", "::ffff:10.0.0.0/104", "10.0.0.0/8/8"})
    CHECK(AddressRange::parse(range).error().kind == ErrorKind::invalid);
}

}  // namespace
}  // namespace sallyport
