#pragma once
// A report as text for a terminal, as the JSON document of the design, and as SARIF 2.1.0.

#include <string>

#include "policies/inspection.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

json::object to_json(const Finding& finding);
json::object to_json(const Report& report);
std::string to_text(const Report& report, bool colour);
json::object to_sarif(const Report& report);

// What npm prints of a refused publish: each blocking rule, file, reason and fix, in lines of at most 76
// columns, worst first, at most `findings_max` of them and a count of the rest.
std::string refusal_text(const Report& report, std::size_t findings_max = 8);

}  // namespace sallyport
