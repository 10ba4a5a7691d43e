#pragma once
// Kinds of files that more than one rule asks for, by FileFact::type, magic and path.

#include <string>
#include <string_view>

#include "policies/content/file_content.hpp"

namespace sallyport {

// What runs, or is compiled into what runs. Declarations, data and documents do not.
bool is_code_type(std::string_view type);

// Machine code or WebAssembly.
bool is_native(Magic magic);

// Path of a package within node_modules, wherever that is: "a/node_modules/@x/y/z.js" -> "@x/y"; else empty.
std::string_view bundled_package(std::string_view path);

}  // namespace sallyport
