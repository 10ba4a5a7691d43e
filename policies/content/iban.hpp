#pragma once
// Numbers of bank accounts (ISO 13616), told from what only looks like one by their country's length and
// their check digits.

#include <string>
#include <string_view>

namespace sallyport {

constexpr std::size_t iban_text_bytes_max = 42;  // 34 characters, a blank behind every fourth

// The one that `text` begins with, without blanks; empty: none. It is written in one piece or in fours with a
// blank between them, and nothing that belongs to a word follows it.
std::string iban_at(std::string_view text);

}  // namespace sallyport
