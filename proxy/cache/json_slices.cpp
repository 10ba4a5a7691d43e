#include "proxy/cache/json_slices.hpp"

#include <simdjson.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstring>

namespace sallyport {
namespace {

namespace ondemand = simdjson::ondemand;

Error not_json(std::string_view why) {
  return fail(ErrorKind::invalid, "It is not JSON.", std::string(why));
}
Error not_json(simdjson::error_code code) {
  return not_json(simdjson::error_message(code));
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The first pass of the parser has seen that a string ends, is UTF-8 and holds no control character; its
// escapes it reads only for who asks for the text.
bool has_good_escapes(const char* at) {
  for (;; ++at) {
    if (*at == '"') return true;
    if (*at != '\\') continue;
    ++at;
    if (*at == 'u') {
      for (int i = 1; i <= 4; ++i)
        if (!is_hex(at[i])) return false;
      at += 4;
    } else if (*at == '\0' || std::strchr("\"\\/bfnrt", *at) == nullptr) {
      return false;
    }
  }
}

simdjson::error_code check(ondemand::value value);

simdjson::error_code check_object(ondemand::object object) {
  for (auto item : object) {
    ondemand::field field;
    if (auto error = std::move(item).get(field); error) return error;
    if (!has_good_escapes(field.key().raw())) return simdjson::STRING_ERROR;
    if (auto error = check(field.value()); error) return error;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code check(ondemand::value value) {
  ondemand::json_type type{};
  if (auto error = value.type().get(type); error) return error;
  switch (type) {
    case ondemand::json_type::object: {
      ondemand::object object;
      if (auto error = value.get_object().get(object); error) return error;
      return check_object(object);
    }
    case ondemand::json_type::array: {
      ondemand::array array;
      if (auto error = value.get_array().get(array); error) return error;
      for (auto item : array) {
        ondemand::value element;
        if (auto error = std::move(item).get(element); error) return error;
        if (auto error = check(element); error) return error;
      }
      return simdjson::SUCCESS;
    }
    case ondemand::json_type::string: {
      ondemand::raw_json_string raw;
      if (auto error = value.get_raw_json_string().get(raw); error) return error;
      return has_good_escapes(raw.raw()) ? simdjson::SUCCESS : simdjson::STRING_ERROR;
    }
    case ondemand::json_type::number: {
      double number = 0;
      return value.get_double().get(number);
    }
    case ondemand::json_type::boolean: {
      bool truth = false;
      return value.get_bool().get(truth);
    }
    case ondemand::json_type::null:
      break;
  }
  bool null = false;
  if (auto error = value.is_null().get(null); error) return error;
  return null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
}

}  // namespace

Result<JsonText> JsonText::parse(std::string text) {
  const std::size_t size = text.size();
  text.reserve(size + simdjson::SIMDJSON_PADDING);
  JsonText out;
  out.text_ = std::make_unique<std::string>(std::move(text));
  const std::string& kept = *out.text_;
  ondemand::parser parser;
  ondemand::document document;
  if (auto error = parser.iterate(kept.data(), size, kept.capacity()).get(document); error)
    return not_json(error);
  ondemand::object root;
  if (auto error = document.get_object().get(root); error) return not_json(error);
  if (auto error = check_object(root); error) return not_json(error);
  // Past the last token there is nothing, and the parser says so by an error.
  if (const char* rest = nullptr; document.current_location().get(rest) == simdjson::SUCCESS)
    return not_json("something stands after it");
  const std::size_t from = kept.find('{'), to = kept.rfind('}');
  out.root_ = std::string_view(kept).substr(from, to - from + 1);
  return out;
}

Result<JsonMembers> JsonText::members(std::string_view object) const {
  const auto room = static_cast<std::size_t>(text_->data() + text_->capacity() - object.data());
  ondemand::parser parser;
  ondemand::document document;
  if (auto error =
          parser.iterate(simdjson::padded_string_view(object.data(), object.size(), room)).get(document);
      error)
    return not_json(error);
  ondemand::object root;
  if (auto error = document.get_object().get(root); error) return not_json(error);
  JsonMembers out;
  for (auto item : root) {
    ondemand::field field;
    if (auto error = std::move(item).get(field); error) return not_json(error);
    std::string_view key, value;
    if (auto error = field.unescaped_key().get(key); error) return not_json(error);
    std::string name(key);
    if (auto error = simdjson::to_json_string(field.value()).get(value); error) return not_json(error);
    out.push_back({std::move(name), value});
  }
  std::vector<std::string_view> names;
  names.reserve(out.size());
  for (const JsonMember& member : out) names.push_back(member.key);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return not_json("it has two members of one name");
  return out;
}

std::string_view value_at(const JsonMembers& members, std::string_view key) {
  for (const JsonMember& member : members)
    if (member.key == key) return member.value;
  return {};
}

std::optional<std::string> string_in(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return std::nullopt;
  const std::string_view inner = value.substr(1, value.size() - 2);
  if (inner.find('\\') == inner.npos) return std::string(inner);
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(value, ec);
  if (ec || !parsed.is_string()) return std::nullopt;
  return std::string(parsed.get_string());
}

std::string json_string(std::string_view text) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
  });
  if (plain) {
    std::string out;
    out.reserve(text.size() + 2);
    return out.append(1, '"').append(text).append(1, '"');
  }
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

}  // namespace sallyport
