#include "proxy/hops.hpp"

#include <algorithm>

#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

constexpr std::ptrdiff_t hops_max = 16;
constexpr std::size_t hops_bytes_max = 1024, id_bytes = 8;

}  // namespace

std::string hop_id(Random& random) {
  return "sallyport-" + to_hex(as_bytes(random_bytes(random, id_bytes)));
}

bool goes_in_circles(std::string_view hops, std::string_view own_id) {
  return !hops.empty() && (hops.find(own_id) != hops.npos || hops.size() > hops_bytes_max ||
                           std::ranges::count(hops, ',') >= hops_max);
}

std::string with_hop(std::string hops, std::string_view own_id) {
  if (!std::ranges::all_of(hops, [](char c) { return c >= ' ' && c < 0x7F; })) hops.clear();
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
