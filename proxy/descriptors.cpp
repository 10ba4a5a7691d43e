#include "proxy/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "storage/base/log.hpp"

namespace sallyport {
namespace {

constexpr rlim_t kept_free = 512;  // half of them for the store's files, the rest for upstreams and tarballs

// Each may read a file of its own.
constexpr rlim_t each_connection = 2;

}  // namespace

std::size_t connections_with_room(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t needed = each_connection * wanted + kept_free;
  if (limit.rlim_cur < needed) {
    const rlim_t before = std::exchange(limit.rlim_cur, std::min(limit.rlim_max, needed));
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  if (limit.rlim_cur >= needed) return wanted;
  const rlim_t free = std::min(kept_free, limit.rlim_cur / 2);
  const auto room = std::max<std::size_t>(1, (limit.rlim_cur - free) / each_connection);
  log::warn("descriptors.few", {{"limit", limit.rlim_cur}, {"connections_max", room}, {"wanted", wanted}});
  return room;
}

}  // namespace sallyport
