#include "proxy/hops.hpp"

#include <algorithm>

#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

constexpr std::ptrdiff_t hops_max = 16;
constexpr std::size_t id_bytes = 8;
constexpr std::string_view id_prefix = "sallyport-";

bool is_hop_id(std::string_view text) {
  if (!text.starts_with(id_prefix) || text.size() != id_prefix.size() + 2 * id_bytes) return false;
  const auto raw = from_hex(text.substr(id_prefix.size()));
  return raw && to_hex(as_bytes(*raw)) == text.substr(id_prefix.size());
}

}  // namespace

std::string hop_id(Random& random) {
  return std::string(id_prefix) + to_hex(as_bytes(random_bytes(random, id_bytes)));
}

std::string hops_in(const Headers& headers) {
  std::string hops;
  const std::string all = headers.joined(hops_header);
  std::string_view header = all;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(','), header.size());
    std::string_view one = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
    one = one.substr(0, one.find_last_not_of(" \t") + 1);
    if (is_hop_id(one)) hops = with_hop(std::move(hops), one);
  }
  return hops;
}

bool goes_in_circles(std::string_view hops, std::string_view own_id) {
  return !hops.empty() && (hops.find(own_id) != hops.npos || std::ranges::count(hops, ',') >= hops_max);
}

std::string with_hop(std::string hops, std::string_view own_id) {
  if (!hops.empty()) hops += ", ";
  return hops.append(own_id);
}

std::string flight_key(std::string key, std::string_view hops) {
  if (!hops.empty()) key.append("\n").append(hops);
  return key;
}

bool is_loop(const Error& error) {
  return error.kind == ErrorKind::upstream &&
         error.detail.starts_with("status " + std::to_string(loop_status) + " ");
}

}  // namespace sallyport
