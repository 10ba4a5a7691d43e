#include "proxy/http/forwarded.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

namespace {

const std::vector<AddressRange> trusted{*AddressRange::parse("10.0.0.0/8"), *AddressRange::parse("::1")};

ForwardedClient seen(std::string_view peer, const std::vector<std::string>& values,
                     const std::string& proto = "") {
  Headers headers;
  for (const auto& value : values) headers.add("X-Forwarded-For", value);
  if (!proto.empty()) headers.add("X-Forwarded-Proto", proto);
  return forwarded_client(peer, headers, trusted);
}

}  // namespace

TEST_CASE("a trusted proxy is believed") {
  CHECK(seen("10.0.0.1", {"203.0.113.7"}).address == "203.0.113.7");
  CHECK(seen("::1", {"2001:db8::5"}).address == "2001:db8::5");
  CHECK(seen("10.0.0.1", {"203.0.113.7, 10.0.0.2"}).address == "203.0.113.7");
  CHECK(seen("10.0.0.1", {"203.0.113.7", "10.0.0.2"}).address == "203.0.113.7");
  CHECK(seen("10.0.0.1", {}).address == "10.0.0.1");
  CHECK(seen("10.0.0.1", {"203.0.113.7"}, "https").https);
  CHECK_FALSE(seen("10.0.0.1", {"203.0.113.7"}, "https, http").https);
}

TEST_CASE("nobody else is") {
  CHECK(seen("203.0.113.66", {"127.0.0.1"}).address == "203.0.113.66");
  CHECK_FALSE(seen("203.0.113.66", {"10.0.0.1"}, "https").https);
}

TEST_CASE("what the client wrote itself is not read") {
  CHECK(seen("10.0.0.1", {"127.0.0.1, 203.0.113.7"}).address == "203.0.113.7");
  CHECK(seen("10.0.0.1", {"10.0.0.9, 203.0.113.7"}).address == "203.0.113.7");
  CHECK(seen("10.0.0.1", {"10.9.9.9", "203.0.113.7"}).address == "203.0.113.7");
}

TEST_CASE("an entry that is no address ends the reading") {
  CHECK(seen("10.0.0.1", {"203.0.113.7, unknown"}).address == "10.0.0.1");
  CHECK(seen("10.0.0.1", {"203.0.113.7, 10.0.0.0/8"}).address == "10.0.0.1");
  CHECK(seen("10.0.0.1", {"203.0.113.7,, 10.0.0.2"}).address == "10.0.0.2");
}
