#include "proxy/upstream/url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace sallyport {
namespace {

struct FreeParts {
  void operator()(CURLU* parts) const { curl_url_cleanup(parts); }
};
using Parts = std::unique_ptr<CURLU, FreeParts>;

std::string part_of(const Parts& parts, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(parts.get(), which, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

Error not_a_url(const char* detail) {
  return fail(ErrorKind::invalid, "this is not a URL: write it as \"https://host/\"", detail);
}

Result<Url> read_parts(const Parts& parts) {
  if (!part_of(parts, CURLUPART_USER).empty() || !part_of(parts, CURLUPART_PASSWORD).empty())
    return fail(ErrorKind::invalid,
                "a URL may not hold a user or a password: give the credential apart from it");
  Url url{.scheme = part_of(parts, CURLUPART_SCHEME),
          .host = part_of(parts, CURLUPART_HOST),
          .port = part_of(parts, CURLUPART_PORT, CURLU_DEFAULT_PORT),
          .path = part_of(parts, CURLUPART_PATH),
          .query = part_of(parts, CURLUPART_QUERY)};
  if (url.scheme != "https" && url.scheme != "http")
    return fail(ErrorKind::invalid, "a URL has to begin with https:// or http://");
  if (url.host.empty()) return not_a_url("no host");
  std::ranges::transform(url.host, url.host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (url.path.empty()) url.path = "/";
  return url;
}

bool is_local_ipv4(std::uint32_t address) {
  const auto first = address >> 24;
  return first == 127 || first == 0 || (address >> 16) == 0xA9FE;  // 169.254
}

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

bool is_local_ipv6(const std::array<std::uint8_t, 16>& a) {
  if (a[0] == 0xFE && (a[1] & 0xC0) == 0x80) return true;  // fe80::/10
  const auto zeros = [&](std::size_t from, std::size_t to) {
    return std::all_of(a.begin() + static_cast<std::ptrdiff_t>(from),
                       a.begin() + static_cast<std::ptrdiff_t>(to), [](std::uint8_t b) { return b == 0; });
  };
  // ::1, ::, IPv4 as ::ffff:a.b.c.d, as ::a.b.c.d, and behind a translator (64:ff9b::a.b.c.d).
  if (zeros(0, 12)) return big_endian(&a[12]) <= 1 || is_local_ipv4(big_endian(&a[12]));
  if (zeros(0, 10) && a[10] == 0xFF && a[11] == 0xFF) return is_local_ipv4(big_endian(&a[12]));
  if (big_endian(a.data()) == 0x0064FF9B && zeros(4, 12)) return is_local_ipv4(big_endian(&a[12]));
  return false;
}

}  // namespace

std::string Url::origin() const {
  const bool usual = port == (scheme == "https" ? "443" : "80");
  return scheme + "://" + host + (usual ? "" : ":" + port);
}

std::string Url::text() const {
  return origin() + path + (query.empty() ? "" : "?" + query);
}

Result<Url> parse_url(std::string_view text) {
  const Parts parts(curl_url());
  const CURLUcode code = curl_url_set(parts.get(), CURLUPART_URL, std::string(text).c_str(), 0);
  if (code != CURLUE_OK || text.find('\0') != std::string_view::npos)
    return not_a_url(curl_url_strerror(code));
  return read_parts(parts);
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
  const Parts parts(curl_url());
  CURLUcode code = curl_url_set(parts.get(), CURLUPART_URL, base.text().c_str(), 0);
  if (code == CURLUE_OK) code = curl_url_set(parts.get(), CURLUPART_URL, std::string(reference).c_str(), 0);
  if (code != CURLUE_OK || reference.find('\0') != std::string_view::npos)
    return not_a_url(curl_url_strerror(code));
  return read_parts(parts);
}

bool is_local_host(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string text(host.substr(0, host.find('%')));  // without an IPv6 zone
  std::array<std::uint8_t, 16> address{};
  if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) return is_local_ipv4(big_endian(address.data()));
  return inet_pton(AF_INET6, text.c_str(), address.data()) == 1 && is_local_ipv6(address);
}

}  // namespace sallyport
