#pragma once
// A table of numbers that is written as the characters of a string, as parsers of HTML carry one: some of its
// characters turn the direction of text or look like letters, and stand for numbers alone.

#include <string_view>

namespace sallyport {

// Whether what stands at `at` of this line is within such a table, and behind it the line has nothing but
// more of it and the call that makes numbers of it: no code can then be shown other than it runs.
bool is_number_table(std::string_view line, std::size_t at);

}  // namespace sallyport
