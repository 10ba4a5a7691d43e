#include "storage/base/record.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <optional>

namespace sallyport {
namespace {

json::object object_of(std::string_view text) {
  return parse_strict(text).value().as_object();
}

bool sound(std::string_view text, const std::function<void(RecordReader&)>& read) {
  const json::object object = object_of(text);
  RecordReader reader(object);
  read(reader);
  return reader.sound();
}

}  // namespace

TEST_CASE("a record is an object of its version") {
  const auto record = read_record(R"({"v":2,"name":"alice"})", 2, "an account");
  REQUIRE(record.has_value());
  CHECK(record->at("name") == "alice");
  for (const char* text : {"", "nonsense", "[]", "2", "{}", R"({"v":1})", R"({"v":"2"})", R"({"v":2}x)",
                           R"({"v":2,"name":1,"name":2})", R"({"v":2,"name":"al)"}) {
    CAPTURE(text);
    const auto damaged = read_record(text, 2, "an account");
    REQUIRE(damaged.has_error());
    CHECK(damaged.error().kind == ErrorKind::corrupt);
    CHECK(damaged.error().message == "The stored record of an account cannot be read.");
    CHECK_FALSE(damaged.error().detail.empty());
  }
}

TEST_CASE("members are read as they were written") {
  const json::object object =
      object_of(R"({"t":"a","yes":true,"n":5000000000,"s":7,"at":"2026-03-31T00:00:00.000Z","l":["a","b"],)"
                R"("o":{"k":1},"null":null})");
  RecordReader reader(object);
  CHECK(reader.text("t") == "a");
  CHECK(reader.flag("yes"));
  CHECK(reader.number("n") == 5'000'000'000);
  CHECK(reader.small_number("s") == 7);
  CHECK(reader.instant("at") == parse_iso8601("2026-03-31T00:00:00.000Z").value());
  CHECK(reader.texts("l") == std::vector<std::string>{"a", "b"});
  CHECK(reader.object("o").at("k") == 1);
  CHECK(reader.array("l").size() == 2);
  CHECK(reader.has("t"));
  CHECK_FALSE(reader.has("null"));
  CHECK_FALSE(reader.has("absent"));
  CHECK(reader.sound());
}

TEST_CASE("a member that is absent, of another type or out of range damages the record") {
  const auto half = [](std::string_view text) {
    return text == "a" ? std::optional<int>(1) : std::optional<int>();
  };
  CHECK(sound(R"({"k":"a"})", [&](auto& r) { CHECK(r.parsed("k", half) == 1); }));
  CHECK_FALSE(sound(R"({"k":"b"})", [&](auto& r) { CHECK(r.parsed("k", half) == 0); }));
  for (const char* text : {"{}", R"({"k":null})", R"({"k":-1})", R"({"k":1.5})", R"({"k":[1]})"}) {
    CAPTURE(text);
    CHECK_FALSE(sound(text, [](auto& r) { CHECK(r.text("k").empty()); }));
    CHECK_FALSE(sound(text, [](auto& r) { CHECK_FALSE(r.flag("k")); }));
    CHECK_FALSE(sound(text, [](auto& r) { CHECK(r.number("k") == 0); }));
    CHECK_FALSE(sound(text, [](auto& r) { CHECK(r.small_number("k") == 0); }));
    CHECK_FALSE(sound(text, [](auto& r) { CHECK(r.instant("k") == Instant{}); }));
    CHECK_FALSE(sound(text, [](auto& r) { CHECK(r.texts("k").empty()); }));
    CHECK_FALSE(sound(text, [](auto& r) { CHECK(r.object("k").empty()); }));
    CHECK_FALSE(sound(text, [&](auto& r) { CHECK(r.parsed("k", half) == 0); }));
  }
  CHECK_FALSE(sound(R"({"k":4294967296})", [](auto& r) { CHECK(r.small_number("k") == 0); }));
  // One damaged member stays remembered, whatever is read after it.
  CHECK_FALSE(sound(R"({"k":1,"t":"a"})", [](auto& r) {
    r.text("k");
    CHECK(r.text("t") == "a");
  }));
}

}  // namespace sallyport
