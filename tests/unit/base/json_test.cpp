#include "storage/base/json.hpp"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_CASE("a document is read as it stands") {
  const auto value =
      parse_strict(R"( {"a":1,"b":[true,null,"x\u00e4",-1.5e3,18446744073709551615],"c":{"a":{}},"d":-9} )");
  REQUIRE(value.has_value());
  CHECK(canonical(*value) ==
        "{\"a\":1,\"b\":[true,null,\"x\xC3\xA4\",-1.5E3,18446744073709551615],\"c\":{\"a\":{}},\"d\":-9}");
  CHECK(parse_strict("7").value() == json::value(7));
  CHECK(parse_strict("[]").value() == json::array());
}

TEST_CASE("what two readers could read differently is refused") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "{\"a\":1",
                           "{\"a\":1}x",
                           "{\"a\":1} {}",
                           "{\"a\":1,}",
                           "[1,]",
                           "{a:1}",
                           "{'a':1}",
                           "// x\n{}",
                           "{\"a\":NaN}",
                           "{\"a\":Infinity}",
                           "\xEF\xBB\xBF{}",
                           "{\"a\":1e999}",
                           "{\"a\":-1e999}",
                           "{\"a\":1,\"a\":1}",
                           "{\"a\":1,\"\\u0061\":2}",
                           "{\"x\":{\"b\":1,\"c\":2,\"b\":3}}",
                           "[{\"b\":1,\"b\":2}]",
                           "{\"__proto__\":1}",
                           "{\"x\":{\"__proto__\":{}}}",
                           "{\"__pr\\u006fto__\":1}",
                           "\"\xFF\"",
                           "\"\xC0\x80\"",
                           "\"\\ud800\"",
                           "{\"\xFF\":1}",
                           "\"a\nb\"",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "0x10",
                           "tru",
                           "\"\\x41\""}) {
    CAPTURE(text);
    CHECK(parse_strict(text).has_error());
  }
  CHECK(parse_strict(std::string_view("{}\0", 3)).has_error());
}

TEST_CASE("the same key in different objects is fine") {
  CHECK(parse_strict(R"({"a":{"x":1,"a":2},"b":{"x":1},"c":[{"x":1},{"x":2}],"x":0})").has_value());
}

TEST_CASE("size and depth have limits that hold") {
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  CHECK(parse_strict(deep).has_value());
  const auto deeper = parse_strict('[' + deep + ']');
  REQUIRE(deeper.has_error());
  CHECK(deeper.error().kind == ErrorKind::too_large);
  CHECK(parse_strict("[1,2]", {.bytes_max = 5}).has_value());
  CHECK(parse_strict("[1,23]", {.bytes_max = 5}).error().kind == ErrorKind::too_large);
  CHECK(parse_strict("[[1]]", {.depth_max = 1}).has_error());
}

TEST_CASE("a refusal names the fault") {
  CHECK(parse_strict(R"({"name":1,"name":2})").error().message.find("twice in one object: name") !=
        std::string::npos);
  CHECK(parse_strict("{\"a\":1}x").error().message.find("goes on after its end") != std::string::npos);
}

TEST_CASE("a member is looked up by type") {
  const json::object o =
      parse_strict(R"({"s":"x","i":3,"b":true,"o":{},"a":[],"d":1.5})").value().as_object();
  CHECK(string_at(o, "s") == "x");
  CHECK(int_at(o, "i") == 3);
  const json::object made{{"size", std::uint64_t(3)}, {"huge", std::uint64_t(-1)}};  // never parsed
  CHECK(int_at(made, "size") == 3);
  CHECK_FALSE(int_at(made, "huge"));
  CHECK(bool_at(o, "b") == true);
  CHECK(object_at(o, "o") != nullptr);
  CHECK(array_at(o, "a") != nullptr);
  for (const char* key : {"none", "d"}) {
    CHECK_FALSE(string_at(o, key));
    CHECK_FALSE(int_at(o, key));
    CHECK_FALSE(bool_at(o, key));
    CHECK(object_at(o, key) == nullptr);
    CHECK(array_at(o, key) == nullptr);
  }
}

TEST_CASE("the same value has the same bytes, whatever its order") {
  const auto one = parse_strict(R"({"b":1,"a":[{"y":1,"x":"\n"}],"":null})").value();
  const auto two = parse_strict(R"({"":null, "a":[{"x":"\n","y":1}], "b":1})").value();
  CHECK(canonical(one) == R"({"":null,"a":[{"x":"\n","y":1}],"b":1})");
  CHECK(canonical(two) == canonical(one));
  CHECK(canonical(parse_strict("{}").value()) == "{}");
}
