#include "storage/base/record.hpp"

#include <limits>

namespace sallyport {

// What came from others within its own limit lies some levels deep in a record of ours.
constexpr std::size_t depth_max = 128;

Error damaged_record(std::string_view what, std::string why) {
  return fail(ErrorKind::corrupt, "The stored record of " + std::string(what) + " cannot be read.",
              std::move(why));
}

Result<json::object> read_record(std::string_view stored, std::int64_t version, std::string_view what) {
  auto value = parse_strict(stored, {.bytes_max = stored.size(), .depth_max = depth_max});
  if (!value) return damaged_record(what, value.error().message);
  if (!value->is_object()) return damaged_record(what, "not an object");
  if (int_at(value->get_object(), "v") != version) return damaged_record(what, "of another version");
  return std::move(value->get_object());
}

bool RecordReader::has(std::string_view key) const {
  const json::value* value = object_.if_contains(key);
  return value != nullptr && !value->is_null();
}

std::string RecordReader::text(std::string_view key) {
  const auto value = string_at(object_, key);
  require(value.has_value());
  return std::string(value.value_or(""));
}

bool RecordReader::flag(std::string_view key) {
  const auto value = bool_at(object_, key);
  require(value.has_value());
  return value.value_or(false);
}

std::uint64_t RecordReader::number(std::string_view key) {
  const auto value = int_at(object_, key);
  require(value && *value >= 0);
  return value && *value >= 0 ? static_cast<std::uint64_t>(*value) : 0;
}

std::uint32_t RecordReader::small_number(std::string_view key) {
  const std::uint64_t value = number(key);
  const bool fits = value <= std::numeric_limits<std::uint32_t>::max();
  require(fits);
  return fits ? static_cast<std::uint32_t>(value) : 0;
}

std::vector<std::string> RecordReader::texts(std::string_view key) {
  std::vector<std::string> out;
  for (const json::value& element : array(key)) {
    require(element.is_string());
    if (element.is_string()) out.emplace_back(element.get_string());
  }
  return out;
}

const json::object& RecordReader::object(std::string_view key) {
  static const json::object none;
  const json::object* value = object_at(object_, key);
  require(value != nullptr);
  return value != nullptr ? *value : none;
}

const json::array& RecordReader::array(std::string_view key) {
  static const json::array none;
  const json::array* value = array_at(object_, key);
  require(value != nullptr);
  return value != nullptr ? *value : none;
}

}  // namespace sallyport
