#pragma once
// What a file holds in another form (gzip, UTF-16 and UTF-32, base64, hex, escapes), as a stream.

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
std::unique_ptr<Unpacker> utf32_unpacker();
// As lenient as the laxest consumer: line breaks (also as \n of a string) are passed over, `\/` is a slash,
// the first character of another kind ends it.
std::unique_ptr<Unpacker> base64_unpacker();
std::unique_ptr<Unpacker> hex_unpacker();
// A string of JSON or JavaScript as its reader has it: \n, \x41, \u0041, \u{41}, \101.
std::unique_ptr<Unpacker> escapes_unpacker();

// False: the file could not be read to its end, or the sink wanted no more.
bool read_all(const FileBytes& file, const Unpacker::Sink& sink);
// False as well where the unpacker stopped or what it was given was not whole.
bool unpack_all(const FileBytes& packed, Unpacker& unpacker, const Unpacker::Sink& sink);

}  // namespace sallyport
