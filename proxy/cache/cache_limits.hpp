#pragma once
// How long and how much of what upstreams sent is used without asking them again. From [cache].

#include <cstdint>

#include "storage/base/clock.hpp"

namespace sallyport {

struct CacheLimits {
  Millis fresh_for{60'000};    // an upstream's packument is used without asking again
  Millis stale_for{0};         // and this much longer while it is asked for; 0: who comes then waits
  Millis retry_after{10'000};  // an upstream that did not answer, or had no such package, is left alone
  // A tarball is served by what was known of its version; whether the upstream still has it is asked so
  // often.
  Millis tarball_recheck{3'600'000};
  bool offline = false;  // no upstream is asked for anything
  // Of prepared documents. An install asks for those of all its packages in a row, of which a cache that is
  // only a little too small keeps none: those of 900 take some 50 MB.
  std::uint64_t packument_memory_bytes_max = 256u << 20;
  std::uint64_t tarball_memory_bytes_max = 64u << 20;  // of small tarballs
  std::uint64_t small_tarball_bytes_max = 1u << 20;    // kept in memory, and never sent before it is whole
  std::uint64_t tarball_bytes_max = 512u << 20;
  std::uint64_t disk_bytes_max = 10ull << 30;  // of cached tarballs
};

}  // namespace sallyport
