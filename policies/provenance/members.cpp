#include "policies/provenance/members.hpp"

#include <algorithm>
#include <charconv>

#include "storage/base/base64.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

// What a double, and so JavaScript, still counts exactly.
constexpr std::int64_t number_max = (std::int64_t{1} << 53) - 1;

const json::value* member(const json::object* parent, std::string_view key) {
  const json::value* value = parent == nullptr ? nullptr : parent->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace

void Members::refuse(std::string why) {
  if (fault_.empty()) fault_ = std::move(why);
}

const json::object* Members::object_in(const json::value& value, std::string_view name,
                                       std::initializer_list<std::string_view> known) {
  if (!fault_.empty()) return nullptr;
  const json::object* object = value.if_object();
  if (object == nullptr) {
    refuse("its " + std::string(name) + " is not an object");
    return nullptr;
  }
  for (const auto& entry : *object) {
    if (std::find(known.begin(), known.end(), std::string_view(entry.key())) != known.end()) continue;
    refuse("its " + std::string(name) + " has a member that is not known, \"" + printable(entry.key(), 64) +
           "\"");
    return nullptr;
  }
  return object;
}

const json::object* Members::object(const json::object* parent, std::string_view key,
                                    std::initializer_list<std::string_view> known) {
  const json::value* value = member(parent, key);
  return value == nullptr ? nullptr : object_in(*value, key, known);
}

const json::object* Members::needed(const json::object* parent, std::string_view key,
                                    std::initializer_list<std::string_view> known) {
  const json::object* found = object(parent, key, known);
  if (found == nullptr) refuse("it has no " + std::string(key));
  return found;
}

const json::array& Members::array(const json::object* parent, std::string_view key,
                                  std::size_t elements_max) {
  static const json::array none;
  const json::value* value = member(parent, key);
  if (value == nullptr || !fault_.empty()) return none;
  const json::array* array = value->if_array();
  if (array == nullptr) {
    refuse("its " + std::string(key) + " is not an array");
  } else if (array->size() > elements_max) {
    refuse("its " + std::string(key) + " has more than " + std::to_string(elements_max) + " elements");
  } else {
    return *array;
  }
  return none;
}

std::string Members::text(const json::object* parent, std::string_view key) {
  const json::value* value = member(parent, key);
  if (!fault_.empty()) return {};
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr || text->empty()) {
    refuse("its " + std::string(key) + " is not a text");
    return {};
  }
  return std::string(*text);
}

std::string Members::bytes_in(const json::value& value, std::string_view name) {
  if (!fault_.empty()) return {};
  const json::string* text = value.if_string();
  if (text != nullptr && !text->empty()) {
    if (auto decoded = base64_decode(*text)) return std::move(*decoded);
  }
  refuse("its " + std::string(name) + " is not base64");
  return {};
}

std::string Members::bytes(const json::object* parent, std::string_view key) {
  const json::value* value = member(parent, key);
  if (value != nullptr) return bytes_in(*value, key);
  refuse("it has no " + std::string(key));
  return {};
}

std::int64_t Members::number(const json::object* parent, std::string_view key) {
  const json::value* value = member(parent, key);
  if (value == nullptr || !fault_.empty()) return 0;
  std::int64_t number = -1;
  if (const auto* text = value->if_string()) {
    const char* end = text->data() + text->size();
    const auto [stop, ec] = std::from_chars(text->data(), end, number);
    // One spelling a number: no blanks, signs or leading zeros.
    if (ec != std::errc() || stop != end || std::to_string(number) != std::string_view(*text)) number = -1;
  } else if (const auto* plain = value->if_int64()) {
    number = *plain;
  }
  if (number < 0 || number > number_max) {
    refuse("its " + std::string(key) + " is not a count");
    return 0;
  }
  return number;
}

}  // namespace sallyport
