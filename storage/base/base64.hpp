#pragma once
// Base64 (RFC 4648). The decoder is strict: another reader must never see other bytes than ours.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

std::string base64_encode(Bytes bytes);                    // standard alphabet, padded
std::string base64url_encode(Bytes bytes);                 // URL alphabet, no padding
Result<std::string> base64_decode(std::string_view text);  // whole text, same strictness as the stream

// Streaming decoder: standard alphabet, no white space, padding required, unused bits zero, nothing after
// the padding. State is carried across chunks; one stream a decoder.
class Base64Decoder {
 public:
  static bool has_avx2();
  explicit Base64Decoder(bool use_avx2 = has_avx2()) : use_avx2_(use_avx2) {}
  // Decodes `in`, writes at most decoded_max(in.size()) bytes to `out` and returns how many.
  Result<std::size_t> update(std::string_view in, std::uint8_t* out);
  // Says whether the text ended where base64 may end.
  Result<void> finish();
  static constexpr std::size_t decoded_max(std::size_t in) { return (in + 3) / 4 * 3 + 3; }

 private:
  Error broken(std::string_view what) const;
  bool use_avx2_;
  std::uint32_t pending_ = 0;  // bits of an unfinished group
  int held_ = 0;               // characters of it
  bool padded_ = false;
  bool done_ = false;
  std::uint64_t offset_ = 0;  // of the next character, for messages
};

}  // namespace sallyport
