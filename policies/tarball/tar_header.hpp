#pragma once
// One 512-byte header block of ustar (POSIX.1-1988), and the records of a pax header (POSIX.1-2001), read so
// strictly that no other reader can see other values.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "storage/base/digest.hpp"

namespace sallyport {

constexpr std::size_t tar_block_bytes = 512;

struct TarHeaderFields {
  char type = '0';   // '0' file, '5' directory, 'x' pax records for the next entry
  std::string path;  // prefix and name joined; raw bytes, no NUL
  std::uint64_t size = 0;
  std::uint32_t mode = 0;  // twelve bits
  std::uint64_t mtime = 0;
};

struct HeaderFlaw {
  std::string_view rule;  // of the tar family
  std::string message;
  std::string path;  // as far as it could be read
};

std::variant<TarHeaderFields, HeaderFlaw> parse_tar_header(
    std::span<const std::uint8_t, tar_block_bytes> block);

struct PaxFields {
  std::string path;  // empty: not given
};

// `records` is the body of the 'x' header, `plain` the header it belongs to. Accepts `path`, `mtime` and
// `size`, each once, each agreeing with the plain header; a flaw is one of tar/pax.
std::variant<PaxFields, HeaderFlaw> parse_pax(std::string_view records, const TarHeaderFields& plain);

}  // namespace sallyport
