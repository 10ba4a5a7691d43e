#include "proxy/http/forwarded.hpp"

#include <algorithm>

namespace sallyport {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view last_of(std::string_view list) {
  const std::size_t comma = list.rfind(',');
  return trimmed(comma == list.npos ? list : list.substr(comma + 1));
}

}  // namespace

bool within(const std::vector<AddressRange>& ranges, std::string_view address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return range.contains(address); });
}

ForwardedClient forwarded_client(std::string_view peer, const Headers& headers,
                                 const std::vector<AddressRange>& trusted) {
  ForwardedClient client{std::string(peer), false};
  if (trusted.empty() || !within(trusted, peer)) return client;
  client.https = last_of(headers.joined("x-forwarded-proto")) == "https";
  const std::string all = headers.joined("x-forwarded-for");
  std::string_view rest = all;
  while (!rest.empty() && within(trusted, client.address)) {
    const std::string_view entry = last_of(rest);
    if (!AddressRange::parse(entry) || entry.find('/') != entry.npos) break;
    client.address = entry;
    const std::size_t comma = rest.rfind(',');
    rest = comma == rest.npos ? std::string_view() : rest.substr(0, comma);
  }
  return client;
}

}  // namespace sallyport
