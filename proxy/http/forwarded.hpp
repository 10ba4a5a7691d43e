#pragma once
// Who a request comes from where a front proxy stands between: X-Forwarded-For and X-Forwarded-Proto,
// believed from trusted proxies only. Anybody else could write there what they like.

#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/request.hpp"
#include "proxy/identity/address_range.hpp"

namespace sallyport {

struct ForwardedClient {
  std::string address;  // "203.0.113.7"; the peer's own where nothing is believed
  bool https = false;   // as the nearest trusted proxy says
};

bool within(const std::vector<AddressRange>& ranges, std::string_view address);

// Read from the right: each trusted proxy vouches for the address that it wrote, the first that is no trusted
// proxy is the client. An entry that is no address ends the reading at the proxy that wrote it.
ForwardedClient forwarded_client(std::string_view peer, const Headers& headers,
                                 const std::vector<AddressRange>& trusted);

}  // namespace sallyport
