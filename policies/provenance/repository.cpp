#include "policies/provenance/repository.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace sallyport {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> shorthands = {{
    {"github:", "https://github.com/"},
    {"gitlab:", "https://gitlab.com/"},
    {"bitbucket:", "https://bitbucket.org/"},
}};

std::string plain_url(std::string_view host, std::string_view path) {
  if (const auto user = host.rfind('@'); user != std::string_view::npos) host.remove_prefix(user + 1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  if (host.empty() || path.empty()) return {};
  std::string url = "https://";
  for (const char c : host) url += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return url.append("/").append(path);
}

}  // namespace

std::string repository_url(std::string_view written) {
  std::string_view text = written.substr(0, written.find('#'));
  for (const auto& [prefix, site] : shorthands) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    return plain_url(site.substr(8, site.size() - 9), text);
  }
  if (text.starts_with("git+")) text.remove_prefix(4);
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    text.remove_prefix(scheme + 3);
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return {};
    return plain_url(text.substr(0, slash), text.substr(slash + 1));
  }
  // As scp writes it: git@host:path
  if (const auto colon = text.find(':'); colon != std::string_view::npos)
    return plain_url(text.substr(0, colon), text.substr(colon + 1));
  if (std::count(text.begin(), text.end(), '/') == 1) return plain_url("github.com", text);
  return {};
}

}  // namespace sallyport
