#pragma once
// Reading JSON of others with care, on top of Boost.JSON.

#include <boost/json.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

namespace json = boost::json;

struct JsonLimits {
  std::size_t bytes_max = 4u << 20;
  std::size_t depth_max = 64;
};

// The whole text, as one value: valid UTF-8, no byte order mark, nothing after it, no duplicate keys, no key
// "__proto__", finite numbers, within the limits. Two readers must agree on what it says.
Result<json::value> parse_strict(std::string_view text, JsonLimits limits = {});

// Lenient look-ups: nothing where the member is absent or of another type.
std::optional<std::string_view> string_at(const json::object& object, std::string_view key);
const json::object* object_at(const json::object& object, std::string_view key);
const json::array* array_at(const json::object& object, std::string_view key);
std::optional<std::int64_t> int_at(const json::object& object, std::string_view key);
std::optional<bool> bool_at(const json::object& object, std::string_view key);

// JSON with sorted keys and no white space: the same value has the same bytes.
std::string canonical(const json::value& value);

}  // namespace sallyport
