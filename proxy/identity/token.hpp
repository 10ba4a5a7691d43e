#pragma once
// Access tokens: "slp_" and 43 base64url characters of 256 random bits. Only their SHA-256 is kept: with that
// many random bits a plain digest can be neither guessed nor reversed.

#include <string>
#include <string_view>

#include "storage/base/digest.hpp"
#include "storage/base/ids.hpp"

namespace sallyport {

std::string make_token(Random& random);
bool is_token(std::string_view text);              // has the shape of one
std::string token_digest(std::string_view token);  // 64 hex digits, what is stored
std::string token_key(std::string_view digest);    // the public part of the digest
std::string token_shown(std::string_view token);   // "slp_Ab12": npm compares it with what is typed

}  // namespace sallyport
