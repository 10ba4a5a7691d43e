#pragma once
// Gzip (RFC 1952) as a push stream, strict: exactly one member, nothing after it, checksum and length right,
// no reserved bits. Constant memory: one output block and the state of the decompressor, some 220 KiB.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "policies/tarball/listing.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

struct GzipHeader {
  std::uint32_t mtime = 0;  // seconds since 1970; 0: not said
  std::uint8_t os = 255;    // RFC 1952 section 2.3: 3 is Unix, 255 unknown
  std::uint8_t flags = 0;   // as sent
  std::uint8_t extra_flags = 0;
};

class GzipInflater {
 public:
  // Takes the next inflated bytes, valid during the call; false: no more are wanted.
  using Sink = std::function<bool(Bytes)>;

  // Of the limits, unpacked_bytes_max and the ratio count; exceeding one is a fault of tar/bomb, everything
  // else a fault of tar/gzip.
  explicit GzipInflater(const TarballLimits& limits = {});
  ~GzipInflater();
  GzipInflater(GzipInflater&&) noexcept;
  GzipInflater& operator=(GzipInflater&&) noexcept;

  // Any split into pieces gives the same result. False: a fault was found, or the sink wants no more; then
  // nothing that follows is read.
  bool feed(Bytes gzip, const Sink& sink);
  // After the last byte: false, with a fault, where the member was not complete.
  bool finish();

  const std::optional<TarFault>& fault() const;
  const GzipHeader& header() const;
  std::uint64_t bytes_in() const;
  std::uint64_t bytes_out() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
