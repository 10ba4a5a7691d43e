#pragma once
// TOML texts of operators: the one way to toml++. Its version 3.3 relies on assertions of its own where a
// text is merely wrong ("[?" is enough), and assumes them to hold where NDEBUG is set; here each is an error
// like others.

namespace sallyport {
[[noreturn]] void toml_assertion_failed();  // throws; caught by parse_toml()
}

#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : ::sallyport::toml_assertion_failed())
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

// `file` names the text in the table's source regions and in errors: "policy.toml:3: why."
Result<toml::table> parse_toml(std::string_view text, std::string_view file);

}  // namespace sallyport
