#pragma once
// Reading records of our own: JSON objects with a version "v", as they lie in the metadata store. What is
// missing, of another type or out of range makes the whole record damaged; nothing has a default.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

// "The stored record of <what> cannot be read."; `why` goes to the log.
Error damaged_record(std::string_view what, std::string why = {});

// The object in `stored`, whose "v" is `version`.
Result<json::object> read_record(std::string_view stored, std::int64_t version, std::string_view what);

// Reads member after member; whether all were sound is asked once, at the end. Until then a damaged member
// reads as empty. `object` must outlive it.
class RecordReader {
 public:
  explicit RecordReader(const json::object& object) : object_(object) {}

  bool has(std::string_view key) const;  // null is not there
  std::string text(std::string_view key);
  bool flag(std::string_view key);
  std::uint64_t number(std::string_view key);  // not negative
  std::uint32_t small_number(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  const json::object& object(std::string_view key);
  const json::array& array(std::string_view key);
  // What `parse` makes of the member's text: an optional or a Result.
  template <class Parse>
  auto parsed(std::string_view key, Parse parse) {
    auto value = parse(text(key));
    require(value.has_value());
    return value.has_value() ? *value : typename decltype(value)::value_type{};
  }
  Instant instant(std::string_view key) { return parsed(key, parse_iso8601); }

  void require(bool condition) { sound_ = sound_ && condition; }
  bool sound() const { return sound_; }

 private:
  const json::object& object_;
  bool sound_ = true;
};

}  // namespace sallyport
