#include "proxy/upstream/proxy_environment.hpp"

#include <algorithm>
#include <string_view>

namespace sallyport {
namespace {

using Variable = std::function<const char*(const char*)>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

std::string either_case(const Variable& variable, const char* name) {
  for (const std::string& spelling : {lower(name), std::string(name)})
    if (const char* value = variable(spelling.c_str()); value != nullptr && *value != '\0') return value;
  return {};
}

bool excludes(std::string_view entry, const Url& url) {
  if (entry == "*") return true;
  if (const auto colon = entry.rfind(':');
      colon != entry.npos && entry.find(']', colon) == entry.npos && entry.find(':') == colon) {
    if (entry.substr(colon + 1) != url.port) return false;
    entry = entry.substr(0, colon);
  }
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.empty()) return false;
  std::string_view host = url.host;
  if (host.starts_with('[') && !entry.starts_with('[')) host = host.substr(1, host.size() - 2);
  return host == entry || (host.ends_with(entry) && host[host.size() - entry.size() - 1] == '.');
}

}  // namespace

std::string proxy_for(const Url& url, const Variable& variable) {
  const std::string excluded = lower(either_case(variable, "NO_PROXY"));
  for (std::size_t at = 0; at < excluded.size();) {
    const auto end = std::min(excluded.find_first_of(", \t", at), excluded.size());
    if (excludes(std::string_view(excluded).substr(at, end - at), url)) return {};
    at = end + 1;
  }
  std::string proxy = either_case(variable, url.scheme == "https" ? "HTTPS_PROXY" : "HTTP_PROXY");
  return proxy.empty() ? either_case(variable, "ALL_PROXY") : proxy;
}

}  // namespace sallyport
