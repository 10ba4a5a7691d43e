#pragma once
// A text against a fixed list of words.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace sallyport {

template <std::size_t N>
bool one_of(std::string_view text, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

// Longer than the ending that it has.
template <std::size_t N>
bool ends_in(std::string_view text, const std::string_view (&ends)[N]) {
  return std::any_of(std::begin(ends), std::end(ends),
                     [&](std::string_view end) { return text.size() > end.size() && text.ends_with(end); });
}

}  // namespace sallyport
