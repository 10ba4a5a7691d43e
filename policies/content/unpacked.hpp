#pragma once
// What a file holds in another form (gzip, UTF-16), read as a stream and, again, from any offset.

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
using MakeUnpacker = std::unique_ptr<Unpacker> (*)();

std::unique_ptr<Unpacker> gzip_unpacker();
// To UTF-8; without a byte order mark by where the zeros are. Broken text becomes '?'.
std::unique_ptr<Unpacker> utf16_unpacker();

// False: the file could not be read, or the unpacker stopped.
bool unpack_all(const FileBytes& packed, Unpacker& unpacker, const Unpacker::Sink& sink);

// Reads what comes out. Going forward costs one pass; going back starts over. Valid while `packed` is.
FileBytes unpacked_bytes(const FileBytes& packed, MakeUnpacker make);

}  // namespace sallyport
