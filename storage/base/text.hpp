#pragma once
// Text of others in our own sentences.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sallyport {

bool is_utf8(std::string_view text);
// Control characters (C0, DEL, C1, bidirectional overrides) and broken UTF-8 become '?': what we print of a
// package never drives a terminal. Cut to `max` bytes at a character's edge, with "…".
std::string printable(std::string_view text, std::size_t max = 200);
std::string thousands(unsigned long long n);        // "1,906"
std::string human_bytes(unsigned long long bytes);  // "59.8 MB" (powers of ten, as npm prints)
// As it stands in a segment of a path or in a query (RFC 3986): all but letters, digits and -._~ as %XX.
std::string percent_encoded(std::string_view text);
// The candidate nearest to `word` by edit distance, if near enough to be what was meant; else empty.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace sallyport
