#pragma once
// A report as text for a terminal, as the JSON document of the design, and as SARIF 2.1.0.

#include <string>

#include "policies/inspection.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

constexpr std::size_t npm_columns = 76;  // what stays whole in the lines that npm prints of an error

// `text` in lines of at most `columns`, each begun with `indent` and ended. A longer word stays whole.
std::string wrapped(std::string_view text, std::string_view indent, std::size_t columns);

// Has also "known": true of a finding the last approved release had, and "waiver" of a waived one.
json::object to_json(const Finding& finding);
json::object to_json(const Report& report);

// For a terminal of `columns`: worst first, what is new before what is known, findings of one rule together
// and the first few of them in full. A word longer than a line stays whole: a path that is cut cannot be
// copied.
std::string to_text(const Report& report, bool colour, std::size_t columns = npm_columns);

json::object to_sarif(const Report& report);

// What npm prints of a refused publish: each blocking rule, files, reason and fix, in lines of at most
// npm_columns, at most `rules_max` rules and a count of the rest.
std::string refusal_text(const Report& report, std::size_t rules_max = 8);

}  // namespace sallyport
