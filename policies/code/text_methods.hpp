#pragma once
// What the methods of strings and arrays, and the global functions that decode, give for constants.

#include <string>
#include <string_view>
#include <vector>

#include "policies/code/fold.hpp"

namespace sallyport {

// As a string would take it in a sum; `exact` becomes false where parts are not known.
std::string text_of(const Value& value, bool& exact);
Value sum(const Value& a, const Value& b);
Value item_of(const Value& value, std::string_view index);
Value call_method(const Value& receiver, std::string_view name, const std::vector<Value>& given);
// String.fromCharCode, atob, Buffer.from, path.join and their like; unknown for what is none of them.
Value built_in(std::string_view path, const std::vector<Value>& given);
std::string data_url_text(std::string_view url);

}  // namespace sallyport
