#include "storage/base/json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace sallyport {

namespace {

// Builds the value and watches what Boost's parser lets pass.
class StrictHandler {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  json::value_stack values;
  std::string refused;  // why parsing was stopped

  StrictHandler() { values.reset(); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t n, json::error_code&) {
    values.push_array(n);
    return true;
  }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t n, json::error_code& ec) {
    const auto begin = keys_.end() - static_cast<std::ptrdiff_t>(n);
    std::sort(begin, keys_.end());
    if (const auto twice = std::adjacent_find(begin, keys_.end()); twice != keys_.end()) {
      return refuse("a key occurs twice in one object: " + *twice, ec);
    }
    keys_.erase(begin, keys_.end());
    values.push_object(n);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key_ += part;
    values.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
    key_ += part;
    if (key_ == "__proto__") return refuse("a key is __proto__", ec);
    keys_.push_back(std::move(key_));
    key_.clear();
    values.push_key(part);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    values.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    values.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    values.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    values.push_uint64(number);
    return true;
  }
  bool on_double(double number, json::string_view, json::error_code& ec) {
    if (!std::isfinite(number)) return refuse("a number is too large", ec);
    values.push_double(number);
    return true;
  }
  bool on_bool(bool value, json::error_code&) {
    values.push_bool(value);
    return true;
  }
  bool on_null(json::error_code&) {
    values.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool refuse(std::string why, json::error_code& ec) {
    refused = std::move(why);
    ec = json::error::extra_data;  // any will do: `refused` is what is told
    return false;
  }

  std::vector<std::string> keys_;  // of the objects that are open, innermost last
  std::string key_;
};

void write_canonical(const json::value& value, std::string& out) {
  if (const auto* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    members.reserve(object->size());
    for (const auto& member : *object) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return a->key() < b->key(); });
    char separator = '{';
    for (const auto* member : members) {
      out += separator;
      separator = ',';
      out += json::serialize(member->key());
      out += ':';
      write_canonical(member->value(), out);
    }
    out += members.empty() ? "{}" : "}";
  } else if (const auto* array = value.if_array()) {
    char separator = '[';
    for (const auto& element : *array) {
      out += separator;
      separator = ',';
      write_canonical(element, out);
    }
    out += array->empty() ? "[]" : "]";
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

Result<json::value> parse_strict(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes_max) {
    return fail(ErrorKind::too_large,
                "the JSON text is larger than " + std::to_string(limits.bytes_max) + " bytes");
  }
  json::parse_options options;
  options.max_depth = limits.depth_max;
  json::basic_parser<StrictHandler> parser(options);
  json::error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  const auto& refused = parser.handler().refused;
  if (!refused.empty()) return fail(ErrorKind::invalid, "the JSON text is refused: " + refused);
  if (ec == json::error::too_deep) {
    return fail(ErrorKind::too_large,
                "the JSON text is nested deeper than " + std::to_string(limits.depth_max) + " levels");
  }
  if (ec) {
    return fail(ErrorKind::invalid,
                "the text is not valid JSON at byte " + std::to_string(read) + ": " + ec.message());
  }
  if (read < text.size()) {
    return fail(ErrorKind::invalid, "the JSON text goes on after its end, at byte " + std::to_string(read));
  }
  return parser.handler().values.release();
}

std::optional<std::string_view> string_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  if (text == nullptr) return {};
  return std::string_view(*text);
}

const json::object* object_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

const json::array* array_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_array() : nullptr;
}

std::optional<std::int64_t> int_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (const auto* number = value->if_int64()) return *number;
  // A value that was made here, and never parsed, may hold the same number as an unsigned one.
  const auto* number = value->if_uint64();
  if (number == nullptr || *number > std::numeric_limits<std::int64_t>::max()) return {};
  return static_cast<std::int64_t>(*number);
}

std::optional<bool> bool_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* truth = value != nullptr ? value->if_bool() : nullptr;
  if (truth == nullptr) return {};
  return *truth;
}

std::string canonical(const json::value& value) {
  std::string text;
  write_canonical(value, text);
  return text;
}

}  // namespace sallyport
