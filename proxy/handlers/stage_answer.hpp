#pragma once
// How a release under review is told to clients: npm's stage items, the report, the sentences.

#include <string>

#include "gate/stage.hpp"
#include "policies/facts.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

// One item of npm's `stage list` and `stage view`: flat, since npm prints any further field as it stands.
json::object stage_item(const Stage& stage);

// The report of the design: the scan's document with the stage's own members.
json::object stage_report(const Stage& stage, const Facts& facts);

// "held as R-K7Q2: lib@1.0.0 needs 1 approval; 2 findings, 1 to acknowledge (leak/ai-state); review: URL":
// one line of ASCII, for npm-notice and for errors. Never a UUID: npm blanks them out in errors.
std::string held_sentence(const Stage& stage, const std::string& base_url);
std::string review_url(const Stage& stage, const std::string& base_url);

}  // namespace sallyport
