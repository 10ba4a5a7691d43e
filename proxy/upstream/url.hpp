#pragma once
// URLs of upstreams, read by libcurl's own parser: what is checked here is what is connected to.

#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace sallyport {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case, "127.1" written out as "127.0.0.1", IPv6 in brackets
  std::string port;    // always there
  std::string path;    // begins with '/'; still escaped
  std::string query;   // without '?'; empty if none

  // "https://host", with the port where it is not the scheme's own. Fit for logs and messages: never a
  // credential or a query.
  std::string origin() const;
  std::string text() const;
};

// Absolute, http or https, without user and password (invalid).
Result<Url> parse_url(std::string_view text);
// `reference`, absolute or relative, as seen from `base`.
Result<Url> resolve_url(const Url& base, std::string_view reference);
// Whether `host` says by its very name that it is this machine or its link: localhost, 127.0.0.0/8, ::1,
// 169.254.0.0/16, fe80::/10, the unspecified addresses, and IPv4 of these written as IPv6.
bool is_local_host(std::string_view host);

}  // namespace sallyport
