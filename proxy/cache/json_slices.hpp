#pragma once
// A JSON text taken apart without being rebuilt: the members of its objects as slices of the text itself, so
// that what is passed on is byte for byte what came in. For packuments, large and mostly passed through.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.hpp"

namespace sallyport {

struct JsonMember {
  std::string key;         // unescaped
  std::string_view value;  // as written, without white space around it
};
using JsonMembers = std::vector<JsonMember>;

// A whole JSON text whose root is an object.
class JsonText {
 public:
  // CPU work in proportion to the text. invalid: it is not JSON to its last byte (nested values that nobody
  // asks for included), or nested deeper than 1,000.
  static Result<JsonText> parse(std::string text);

  std::string_view root() const { return root_; }

  // The members of an object: root() or a value within. invalid: it is no object, or two of its members have
  // one name, which two readers could take differently.
  Result<JsonMembers> members(std::string_view object) const;

 private:
  JsonText() = default;
  std::unique_ptr<std::string> text_;  // its slices stay when this moves
  std::string_view root_;
};

std::string_view value_at(const JsonMembers& members, std::string_view key);  // empty: no such member
std::optional<std::string> string_in(std::string_view value);  // unescaped; nothing: it is no string
inline bool is_object(std::string_view value) {
  return value.starts_with('{');
}
std::string json_string(std::string_view text);  // written, with its quotes

}  // namespace sallyport
