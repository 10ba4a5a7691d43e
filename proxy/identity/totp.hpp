#pragma once
// Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, 30 s steps, one step either side.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.hpp"
#include "storage/base/ids.hpp"

namespace sallyport {

std::string base32_encode(std::string_view bytes);  // RFC 4648, no padding
std::optional<std::string> base32_decode(std::string_view text);

std::string make_totp_secret(Random& random);  // 20 bytes
std::string totp_code(std::string_view secret, std::int64_t step);
std::int64_t totp_step(Instant t);

// The step near `now` that `code` belongs to, if it is above `last_step`: a step is good for one use, and an
// older one is not accepted after a newer.
std::optional<std::int64_t> match_totp(std::string_view secret, std::string_view code, Instant now,
                                       std::int64_t last_step);

// "otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=ISSUER", as authenticator apps read it.
std::string otpauth_url(std::string_view issuer, std::string_view account, std::string_view secret);

}  // namespace sallyport
