#pragma once
// How much this process may have open at once.

#include <cstddef>

namespace sallyport {

// How many of `wanted` connections there may be, so that files, the store and upstreams always find room.
// Raises the process's own limit for them where that is allowed.
std::size_t connections_with_room(std::size_t wanted);

}  // namespace sallyport
