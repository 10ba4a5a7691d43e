#pragma once
// Where in a program something stands: what deceives in code is a slip in a comment.

#include <cstdint>
#include <map>

#include "policies/release.hpp"

namespace sallyport {

enum class TextPlace : std::uint8_t {
  code,      // and names in quotes, and whatever is not certain
  comment,   // with no code behind it on its line
  sentence,  // a string with blanks in it: a text for people
  regex,
};

// Of each offset in the file (with its line), which is read anew as JavaScript. Where the text is no whole
// program, all of it is code. Throws as read_file does.
std::map<std::uint64_t, TextPlace> places_in(const Release& release, const ReleaseFile& file,
                                             const std::map<std::uint64_t, std::uint32_t>& lines);

}  // namespace sallyport
