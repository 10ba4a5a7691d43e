#pragma once
// Decoders as lenient as JavaScript's own: what is no digit is passed over.

#include <string>
#include <string_view>

namespace sallyport {

std::string lenient_base64(std::string_view text);   // both alphabets
std::string lenient_hex(std::string_view text);      // to the first pair that is none
std::string percent_decoded(std::string_view text);  // %XX, and unescape's %uXXXX

}  // namespace sallyport
