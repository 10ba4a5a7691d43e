#pragma once
// Reading a JSON document whose every member is known. The first fault sticks, and all that is read after it
// is empty, so that a reader is a list of what it wants and one question at the end.

#include <initializer_list>
#include <string>
#include <string_view>

#include "storage/base/json.hpp"

namespace sallyport {

class Members {
 public:
  // The object at `key` of `parent`, which may have no members but `known`: a second reader must not find
  // something here that we passed over. Null where it is absent (or JSON null) or a fault was met.
  const json::object* object(const json::object* parent, std::string_view key,
                             std::initializer_list<std::string_view> known);
  const json::object* needed(const json::object* parent, std::string_view key,
                             std::initializer_list<std::string_view> known);
  const json::object* object_in(const json::value& value, std::string_view name,
                                std::initializer_list<std::string_view> known);
  // Empty where it is absent.
  const json::array& array(const json::object* parent, std::string_view key, std::size_t elements_max);

  std::string text(const json::object* parent, std::string_view key);   // not empty
  std::string bytes(const json::object* parent, std::string_view key);  // of base64, not empty
  std::string bytes_in(const json::value& value, std::string_view name);
  // Not negative, below 2^53; a number or, as protobuf writes it, a string. 0 where it is absent.
  std::int64_t number(const json::object* parent, std::string_view key);

  void refuse(std::string why);  // keeps the first
  const std::string& fault() const { return fault_; }
  explicit operator bool() const { return fault_.empty(); }

 private:
  std::string fault_;
};

}  // namespace sallyport
