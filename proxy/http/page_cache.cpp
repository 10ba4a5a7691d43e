#include "proxy/http/page_cache.hpp"

#include <sys/uio.h>

#include <algorithm>

namespace sallyport {
namespace {

// What the kernel reads ahead at a time by default, so that a gap between two probes is rare.
constexpr std::uint64_t probe_every_bytes = 128u << 10;

bool byte_at_hand(int file, std::uint64_t offset) {
  char byte = 0;
  const iovec into{&byte, 1};
  return ::preadv2(file, &into, 1, static_cast<off_t>(offset), RWF_NOWAIT) == 1;
}

}  // namespace

bool in_page_cache(int file, std::uint64_t offset, std::size_t bytes) {
  if (bytes == 0) return true;
  const std::uint64_t last = offset + bytes - 1;
  for (std::uint64_t at = offset; at < last; at += probe_every_bytes)
    if (!byte_at_hand(file, at)) return false;
  return byte_at_hand(file, last);
}

}  // namespace sallyport
