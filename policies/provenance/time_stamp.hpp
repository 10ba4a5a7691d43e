#pragma once
// A time stamp of RFC 3161: somebody who is trusted for it signed that a signature existed then.

#include <ctime>
#include <span>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

struct TrustedAuthority;

// `response` (DER) must be of `stamped`'s digest, by one of `authorities` that was valid then. Gives the
// time.
Result<std::time_t> check_time_stamp(std::string_view response, std::string_view stamped,
                                     std::span<const TrustedAuthority> authorities);

}  // namespace sallyport
