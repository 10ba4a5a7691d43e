#pragma once
// What a file holds in another form (gzip, UTF-16), as a stream.

#include <functional>
#include <memory>

#include "policies/content/file_content.hpp"

namespace sallyport {

class Unpacker {
 public:
  using Sink = std::function<bool(Bytes)>;  // false: no more are wanted
  virtual ~Unpacker() = default;
  // False: broken, or the sink wants no more.
  virtual bool feed(Bytes packed, const Sink& sink) = 0;
  // After the last byte: whether it was whole.
  virtual bool finish(const Sink& sink) = 0;
};

std::unique_ptr<Unpacker> gzip_unpacker();
// To UTF-8; without a byte order mark by where the zeros are. Broken text becomes '?'.
std::unique_ptr<Unpacker> utf16_unpacker();

// False: the file could not be read to its end, or the sink wanted no more.
bool read_all(const FileBytes& file, const Unpacker::Sink& sink);
// False as well where the unpacker stopped or what it was given was not whole.
bool unpack_all(const FileBytes& packed, Unpacker& unpacker, const Unpacker::Sink& sink);

}  // namespace sallyport
