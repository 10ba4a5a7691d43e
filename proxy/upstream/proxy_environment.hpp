#pragma once
// Which proxy the environment names for a URL, as npm reads it: HTTPS_PROXY or HTTP_PROXY by the URL's
// scheme, else ALL_PROXY, in either case; NO_PROXY holds hosts (with all below them), "host:port" or "*".

#include <functional>
#include <string>

#include "proxy/upstream/url.hpp"

namespace sallyport {

// Empty: none. `variable` is getenv, or a test's.
std::string proxy_for(const Url& url, const std::function<const char*(const char*)>& variable);

}  // namespace sallyport
