#pragma once
// The one place that turns an ErrorKind into an HTTP answer. No kind maps to 408, 420, 451, and a policy
// decision is never `busy`, `unavailable` or `internal`: clients send such a request again.

#include "proxy/http/response.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

int status_of(ErrorKind kind);

// Status, {"error": error.message} and, for busy and unavailable, Retry-After. error.detail becomes
// log_detail. A corrupt or internal error without a message gets a general one.
Response error_response(const Error& error);

}  // namespace sallyport
