#pragma once
// Finds text that is written in another form while a file passes: base64 (standard and URL-safe), hex, and
// escapes in strings of JSON and JavaScript. Costs next to nothing where there is none.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.hpp"

namespace sallyport {

struct EncodedRun {
  enum class Form : std::uint8_t { base64, hex, escaped };
  Form form = Form::base64;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // of an escaped run: with what stands around it, and perhaps beyond the end
};
std::string_view to_text(EncodedRun::Form form);

// A run of base64 or hex has 40 characters or more. It may go on over line breaks, also escaped ones, as long
// as its lines have 32 characters or more; base64 may have its slashes escaped. Short runs count only where
// what they decode to has text in it or is packed, so that digests and long names are none.
class EncodedRuns {
 public:
  void begin();
  // Any split into pieces gives the same result.
  void data(Bytes bytes);
  // After the last byte: all runs, by offset.
  std::vector<EncodedRun> finish();
  // More were found than are kept.
  bool overflowed() const { return overflowed_; }

  static constexpr std::size_t runs_max = 20'000;

 private:
  static constexpr std::size_t head_max = 256;

  using At = const std::uint8_t*;
  At sieve(At at, At end);
  At follow(At at, At end);
  At start_chain(At at, At end);
  void take(At from, At to);
  void end_chain();
  void note_escapes(std::uint64_t backslashes, At block, At end);
  void note_escape(std::uint64_t offset, std::string_view text);
  void end_escapes();
  void add(const EncodedRun& run);
  std::uint64_t offset_of(At at) const { return offset_ + static_cast<std::uint64_t>(at - piece_); }

  At piece_ = nullptr;        // the first byte of what data() was given
  std::uint64_t offset_ = 0;  // ... in the file
  std::uint8_t before_ = 0;   // the byte before it
  std::vector<EncodedRun> runs_;
  bool overflowed_ = false;

  // Characters of the alphabet in one or more lines.
  bool chain_ = false;
  bool gap_ = false, gap_newline_ = false, gap_backslash_ = false, last_line_ = false;
  std::uint64_t chain_start_ = 0, chain_end_ = 0;  // from its first character to behind its last
  std::uint64_t chars_ = 0, line_chars_ = 0, gap_start_ = 0;
  std::array<char, head_max> head_{};
  std::size_t head_chars_ = 0;

  // Escapes near each other.
  bool escapes_ = false;
  std::uint64_t first_escape_ = 0, last_escape_ = 0;
  std::string tail_;  // from the first backslash of which too little has been seen
};

}  // namespace sallyport
