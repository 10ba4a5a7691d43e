#pragma once
// Files as the kernel holds them in memory, for the thread that serves, which must not wait for a disk.

#include <cstddef>
#include <cstdint>

namespace sallyport {

// Whether these bytes can be had now. Asked at a few places, not at every page: where it is wrong, sending
// them waits for one read of the disk. False also where the file system cannot say.
bool in_page_cache(int file, std::uint64_t offset, std::size_t bytes);

}  // namespace sallyport
