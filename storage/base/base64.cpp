#include "storage/base/base64.hpp"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sallyport {

namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_value = 0xFF;

constexpr std::array<std::uint8_t, 256> values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(no_value);
  for (std::size_t i = 0; i < standard.size(); ++i) {
    table[static_cast<std::uint8_t>(standard[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

std::string encode(Bytes bytes, std::string_view alphabet, bool pad) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  std::size_t out = 0;
  std::size_t in = 0;
  for (; in + 3 <= bytes.size(); in += 3) {
    const std::uint32_t group = static_cast<std::uint32_t>(bytes[in]) << 16 |
                                static_cast<std::uint32_t>(bytes[in + 1]) << 8 | bytes[in + 2];
    text[out++] = alphabet[group >> 18];
    text[out++] = alphabet[group >> 12 & 63];
    text[out++] = alphabet[group >> 6 & 63];
    text[out++] = alphabet[group & 63];
  }
  const std::size_t left = bytes.size() - in;
  if (left > 0) {
    std::uint32_t group = static_cast<std::uint32_t>(bytes[in]) << 16;
    if (left == 2) group |= static_cast<std::uint32_t>(bytes[in + 1]) << 8;
    text[out++] = alphabet[group >> 18];
    text[out++] = alphabet[group >> 12 & 63];
    if (left == 2) text[out++] = alphabet[group >> 6 & 63];
  }
  if (!pad) text.resize(out);
  return text;
}

// Both decode whole groups from the front of `in` up to the first one that holds anything but the alphabet,
// and return how many characters they took; three bytes of `out` are filled for every four of them.
std::size_t decode_groups_scalar(std::string_view in, std::uint8_t* out) {
  std::size_t at = 0;
  for (; at + 4 <= in.size(); at += 4, out += 3) {
    const std::uint8_t a = values[static_cast<std::uint8_t>(in[at])];
    const std::uint8_t b = values[static_cast<std::uint8_t>(in[at + 1])];
    const std::uint8_t c = values[static_cast<std::uint8_t>(in[at + 2])];
    const std::uint8_t d = values[static_cast<std::uint8_t>(in[at + 3])];
    if (((a | b | c | d) & 0x80) != 0) break;
    out[0] = static_cast<std::uint8_t>(a << 2 | b >> 4);
    out[1] = static_cast<std::uint8_t>(b << 4 | c >> 2);
    out[2] = static_cast<std::uint8_t>(c << 6 | d);
  }
  return at;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) inline __m256i both_lanes(__m128i table) {
  return _mm256_broadcastsi128_si256(table);
}

// 32 characters a step. A character's high nibble names its class (bit 1: '+' and '/', 2: digits, 4: A-O and
// a-o, 8: P-Z and p-z, 16: none), its low nibble the classes that have no such member: where both share a
// bit, it is not base64. The high nibble also tells the distance from the character to its value, but for
// '/', which shares it with '+' and moves one down the table. Then 6-bit values are joined to 12, to 24
// bits, and the spare byte of every four is squeezed out.
__attribute__((target("avx2"))) std::size_t decode_groups_avx2(std::string_view in, std::uint8_t* out) {
  const __m256i class_of_high =
      both_lanes(_mm_setr_epi8(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16));
  const __m256i strangers_of_low =
      both_lanes(_mm_setr_epi8(21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26));
  const __m256i distance_of_high = both_lanes(
      _mm_setr_epi8(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0));
  const __m256i squeeze = both_lanes(_mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
  const __m256i close_gap = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
  const __m256i nibble = _mm256_set1_epi8(0x0F);
  const __m256i slash = _mm256_set1_epi8('/');
  const __m256i join_pairs = _mm256_set1_epi32(0x01400140);
  const __m256i join_quads = _mm256_set1_epi32(0x00011000);
  std::size_t at = 0;
  // A step stores 32 bytes of which 24 count: the 12 characters beyond it hold the room for the other 8.
  for (; at + 44 <= in.size(); at += 32, out += 24) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in.data() + at));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi32(x, 4), nibble);
    const __m256i low = _mm256_and_si256(x, nibble);
    if (_mm256_testz_si256(_mm256_shuffle_epi8(class_of_high, high),
                           _mm256_shuffle_epi8(strangers_of_low, low)) == 0) {
      break;
    }
    const __m256i row = _mm256_add_epi8(high, _mm256_cmpeq_epi8(x, slash));
    const __m256i six = _mm256_add_epi8(x, _mm256_shuffle_epi8(distance_of_high, row));
    const __m256i twelve = _mm256_maddubs_epi16(six, join_pairs);
    const __m256i twenty_four = _mm256_madd_epi16(twelve, join_quads);
    const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(twenty_four, squeeze), close_gap);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), packed);
  }
  return at;
}
#endif

std::size_t decode_groups(std::string_view in, std::uint8_t* out, [[maybe_unused]] bool use_avx2) {
  std::size_t taken = 0;
#if defined(__x86_64__)
  if (use_avx2) taken = decode_groups_avx2(in, out);
#endif
  return taken + decode_groups_scalar(in.substr(taken), out + taken / 4 * 3);
}

}  // namespace

std::string base64_encode(Bytes bytes) {
  return encode(bytes, standard, true);
}
std::string base64url_encode(Bytes bytes) {
  return encode(bytes, url, false);
}

Result<std::string> base64_decode(std::string_view text) {
  Base64Decoder decoder;
  std::string bytes(Base64Decoder::decoded_max(text.size()), '\0');
  const auto written = decoder.update(text, reinterpret_cast<std::uint8_t*>(bytes.data()));
  if (!written.has_value()) return written.error();
  if (auto end = decoder.finish(); !end.has_value()) return end.error();
  bytes.resize(*written);
  return bytes;
}

bool Base64Decoder::has_avx2() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
#else
  return false;
#endif
}

Error Base64Decoder::broken(std::string_view what) const {
  return fail(ErrorKind::invalid,
              "the base64 text is broken at character " + std::to_string(offset_) + ": " + std::string(what));
}

Result<std::size_t> Base64Decoder::update(std::string_view in, std::uint8_t* out) {
  std::uint8_t* const begin = out;
  std::size_t at = 0;
  while (at < in.size()) {
    if (held_ == 0 && !padded_ && !done_) {
      const std::size_t taken = decode_groups(in.substr(at), out, use_avx2_);
      at += taken;
      out += taken / 4 * 3;
      offset_ += taken;
      if (at == in.size()) break;
    }
    // One character at a time: the edges of a chunk, the padding, and whatever is wrong.
    const char c = in[at];
    if (done_) return broken("there is something after the end");
    if (c == '=') {
      if (held_ < 2) return broken("there is padding where data must be");
      if ((pending_ & (held_ == 2 ? 0xFu : 0x3u)) != 0) return broken("its last bits are not zero");
      if (held_ == 2 && !padded_) {
        padded_ = true;
      } else {
        *out++ = static_cast<std::uint8_t>(pending_ >> (held_ == 2 ? 4 : 10));
        if (held_ == 3) *out++ = static_cast<std::uint8_t>(pending_ >> 2);
        done_ = true;
        held_ = 0;
      }
    } else {
      if (padded_) return broken("there is data after the padding");
      const std::uint8_t value = values[static_cast<std::uint8_t>(c)];
      if (value == no_value) return broken("there is a character that base64 does not have");
      pending_ = held_ == 0 ? value : pending_ << 6 | value;
      if (++held_ == 4) {
        *out++ = static_cast<std::uint8_t>(pending_ >> 16);
        *out++ = static_cast<std::uint8_t>(pending_ >> 8);
        *out++ = static_cast<std::uint8_t>(pending_);
        held_ = 0;
      }
    }
    ++at;
    ++offset_;
  }
  return static_cast<std::size_t>(out - begin);
}

Result<void> Base64Decoder::finish() {
  if (held_ != 0) return broken("it ends in the middle of a group");
  return {};
}

}  // namespace sallyport
