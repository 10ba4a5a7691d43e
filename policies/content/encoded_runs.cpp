#include "policies/content/encoded_runs.hpp"

#include <algorithm>
#include <bit>

#include "policies/content/base64_alphabet.hpp"
#include "policies/content/byte_block.hpp"
#include "policies/content/magic.hpp"

namespace sallyport {
namespace {

constexpr std::uint64_t run_chars_min = 40, line_chars_min = 32, gap_bytes_max = 64;
constexpr std::uint64_t escapes_apart = 512, escape_context = 256, escape_bytes = 12;
constexpr std::size_t stretch_min = 16;  // of readable characters: no secret is shorter

bool in_alphabet(std::uint8_t byte) {
  return base64_values[byte] != base64_none;
}

// One bit a byte of a block.
struct Masks {
  std::uint64_t alphabet = 0;
  std::uint64_t escape = 0;  // a backslash with what opens an escape by number behind it
};

[[gnu::always_inline]] inline std::uint64_t alphabet_of(const ByteBlock& v) {
  const ByteBlock letter = (v | 0x20) - 'a', digit = v - '/';
  return bits((letter < 26) | (digit <= '9' - '/') | (v == '+') | (v == '-') | (v == '_'));
}

// Of so many blocks one after another; one byte behind them is read.
struct MasksOf {
  [[gnu::always_inline]] static void run(const std::uint8_t* from, std::size_t count, Masks* out) {
    for (std::size_t i = 0; i < count; ++i) {
      ByteBlock v, next;
      load(v, from + i * block_bytes);
      load(next, from + i * block_bytes + 1);
      out[i].alphabet = alphabet_of(v);
      out[i].escape = bits((v == '\\') & ((next == 'x') | (next == 'u') | (next == '0') | (next == '1')));
    }
  }
};

// How many of so many blocks are all of the alphabet before one that is not.
struct BlocksOfAlphabet {
  [[gnu::always_inline]] static std::size_t run(const std::uint8_t* from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      ByteBlock v;
      load(v, from + i * block_bytes);
      if (alphabet_of(v) != ~0ull) return i;
    }
    return count;
  }
};

// Where in a block the first run of line_chars_min bits begins; 64: there is none.
int long_run(std::uint64_t mask) {
  static_assert(line_chars_min == 32);
  for (const int shift : {1, 2, 4, 8, 16}) mask &= mask >> shift;
  return std::countr_zero(mask);
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
int hex_value(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

std::vector<std::uint8_t> decode_base64(std::string_view text) {
  std::vector<std::uint8_t> out;
  out.reserve(text.size());
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    group = group << 6 | base64_values[static_cast<std::uint8_t>(c)];
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::uint8_t>(group >> bits));
  }
  return out;
}

std::vector<std::uint8_t> decode_hex(std::string_view text) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(hex_value(text[i]) << 4 | hex_value(text[i + 1])));
  return out;
}

// Text somewhere in it, of one, two or four bytes a character.
bool has_text(Bytes bytes) {
  std::size_t stretch = 0, zeros = 0;
  for (const std::uint8_t byte : bytes) {
    if (byte == 0 && stretch > 0 && zeros < 3) {
      ++zeros;
      continue;
    }
    zeros = 0;
    const bool readable = (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\r' || byte == '\t';
    stretch = readable ? stretch + 1 : 0;
    if (stretch == stretch_min) return true;
  }
  return false;
}

bool is_packed(Bytes start) {
  switch (magic_of(start)) {
    case Magic::gzip:
    case Magic::zip:
    case Magic::xz:
    case Magic::bzip2:
    case Magic::zstd:
      return true;
    default:
      return false;
  }
}

bool base64_is_packed(std::string_view text) {
  // The first bytes of what is_packed() knows, by the character that has six of their bits.
  if (text.size() < 16 || std::string_view("HU_/QK").find(text[0]) == text.npos) return false;
  return is_packed(decode_base64(text.substr(0, 16)));
}

// A first look, since long names and digests come by the thousand: which of the four ways to cut the text
// into groups could have text in it. Four characters are three bytes, of which none may have its highest bit,
// and the first is readable, blank or zero.
constexpr std::size_t head_blocks = 4;
struct PhasesOfText {
  // `head`: head_blocks blocks.
  [[gnu::always_inline]] static unsigned run(const std::uint8_t* head) {
    std::array<std::uint64_t, head_blocks + 1> first{}, second{}, third{}, groups{};
    for (std::size_t i = 0; i < head_blocks; ++i) {
      ByteBlock v;
      load(v, head + i * block_bytes);
      const ByteBlock capital = v - 'A', letter = v - 'a', digit = v - '0';
      const auto is_capital = reinterpret_cast<ByteBlock>(capital < 26),
                 is_letter = reinterpret_cast<ByteBlock>(letter < 26),
                 is_digit = reinterpret_cast<ByteBlock>(digit < 10);
      // Six bits; 63 for the rest, which begins none.
      const ByteBlock value = (is_capital & capital) | (is_letter & (letter + 26)) |
                              (is_digit & (digit + 52)) | (~(is_capital | is_letter | is_digit) & 63);
      first[i] = bits(((value >= 8) & (value < 32)) | (value == 2) | (value == 3) | (value == 0));
      second[i] = bits((value & 8) == 0);
      third[i] = bits((value & 2) == 0);
    }
    const auto later = [](const auto& words, std::size_t i, int by) {
      return words[i] >> by | words[i + 1] << (64 - by);
    };
    for (std::size_t i = 0; i < head_blocks; ++i)
      groups[i] = first[i] & later(second, i, 1) & later(third, i, 2);
    static_assert((stretch_min - 4) / 3 == 4);  // groups that are whole in the shortest stretch
    std::uint64_t starts = 0;
    for (std::size_t i = 0; i < head_blocks; ++i)
      starts |= groups[i] & later(groups, i, 4) & later(groups, i, 8) & later(groups, i, 12);
    for (const int half : {32, 16, 8, 4}) starts |= starts >> half;
    return static_cast<unsigned>(starts & 15);
  }
};

// The character an escape at the start of `text` stands for; -1: none, or not yet told by so few bytes.
int escaped_char(std::string_view text) {
  if (text.size() < 4) return -1;
  const auto digits = [&](std::size_t from, std::size_t count) {
    int value = 0;
    for (std::size_t i = from; i < from + count; ++i) {
      if (i >= text.size() || !is_hex(text[i])) return -1;
      value = std::min(value, 0xfffff) << 4 | hex_value(text[i]);
    }
    return value;
  };
  if (text[1] == 'x') return digits(2, 2);
  if (text[1] == 'u' && text[2] == '{') {
    const std::size_t close = text.find('}');
    return close == text.npos || close == 3 ? -1 : digits(3, close - 3);
  }
  if (text[1] == 'u') return digits(2, 4);
  const auto octal = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '7'; };
  if ((text[1] == '0' || text[1] == '1') && octal(2) && octal(3))
    return (text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0');
  return -1;
}

// Nobody needs to escape a letter. (JSON of Go's and PHP's escapes some of the others.)
bool worth_unescaping(int code) {
  return code > 0 && code < 0x7f && (in_alphabet(static_cast<std::uint8_t>(code)) || code == '=');
}

bool opens_escape(std::uint8_t second) {
  return second == 'x' || second == 'u' || second == '0' || second == '1';
}

}  // namespace

std::string_view to_text(EncodedRun::Form form) {
  switch (form) {
    case EncodedRun::Form::base64:
      return "base64";
    case EncodedRun::Form::hex:
      return "hex";
    case EncodedRun::Form::escaped:
      break;
  }
  return "escaped";
}

void EncodedRuns::begin() {
  offset_ = 0;
  before_ = 0;
  runs_.clear();
  overflowed_ = chain_ = escapes_ = false;
  tail_.clear();
}

void EncodedRuns::data(Bytes bytes) {
  if (bytes.empty()) return;
  piece_ = bytes.data();
  const At end = piece_ + bytes.size();
  if (!tail_.empty()) {
    const std::uint64_t start = offset_ - tail_.size();
    tail_ += as_text(bytes.first(std::min<std::size_t>(bytes.size(), escape_bytes)));
    std::string_view rest = tail_;
    const std::uint64_t end_of_rest = start + tail_.size();
    while (rest.size() >= escape_bytes && end_of_rest - rest.size() < offset_) {
      note_escape(end_of_rest - rest.size(), rest.substr(0, escape_bytes));
      rest.remove_prefix(std::min(rest.find('\\', 1), rest.size()));
    }
    tail_ = end_of_rest - rest.size() < offset_ ? std::string(rest) : std::string();
  }
  At at = piece_;
  while (at != end) at = chain_ ? follow(at, end) : sieve(at, end);
  offset_ += bytes.size();
  before_ = bytes.back();
}

// To the start of the next chain, or the end.
EncodedRuns::At EncodedRuns::sieve(At at, At end) {
  constexpr std::size_t together = 4;  // few, since chains begin and end
  std::array<Masks, together> masks;
  std::size_t run = 0;  // characters of the alphabet before `at`
  while (at != end) {
    const auto left = static_cast<std::size_t>(end - at);
    std::size_t count = std::min(together, (left - 1) / block_bytes);
    std::array<std::uint8_t, block_bytes + 1> copy;
    if (count > 0) {
      run_wide<MasksOf>(at, count, masks.data());
    } else {
      copy.fill(0);
      std::copy(at, end, copy.begin());
      run_wide<MasksOf>(static_cast<At>(copy.data()), std::size_t{1}, masks.data());
      // Whether a backslash at the end opens an escape is not known yet.
      if (end[-1] == '\\') masks[0].escape |= 1ull << (left - 1);
      count = 1;
    }
    for (std::size_t i = 0; i < count; ++i, at += std::min(block_bytes, left)) {
      const Masks& m = masks[i];
      const bool runs_on = run + static_cast<std::size_t>(std::countr_one(m.alphabet)) >= line_chars_min;
      const int from = runs_on ? 0 : long_run(m.alphabet);
      // What stands in a chain or behind it is looked at from there.
      const std::uint64_t escapes = from < 64 ? m.escape & ((1ull << from) - 1) : m.escape;
      if (escapes != 0) note_escapes(escapes, at, end);
      if (from < 64) return start_chain(at + from - (runs_on ? run : 0), end);
      run = static_cast<std::size_t>(
          std::countl_one(m.alphabet << (block_bytes - std::min(block_bytes, left))));
    }
  }
  return start_chain(end - run, end);
}

EncodedRuns::At EncodedRuns::start_chain(At at, At end) {
  // What follows a backslash is an escape's: the "n" of a line end.
  if (at != end && (at == piece_ ? before_ : at[-1]) == '\\') ++at;
  if (at == end) return at;
  chain_ = true;
  gap_ = last_line_ = false;
  chain_start_ = chain_end_ = offset_of(at);
  chars_ = line_chars_ = 0;
  head_chars_ = 0;
  return at;
}

void EncodedRuns::take(At from, At to) {
  const auto count = static_cast<std::size_t>(to - from);
  const std::size_t kept = std::min(count, head_max - head_chars_);
  std::copy_n(from, kept, head_.begin() + static_cast<std::ptrdiff_t>(head_chars_));
  head_chars_ += kept;
  chars_ += count;
  line_chars_ += count;
  chain_end_ = offset_of(to);
}

// From inside a chain to behind it, or the end of the piece.
EncodedRuns::At EncodedRuns::follow(At at, At end) {
  while (at != end) {
    if (!gap_) {
      At to = at;
      to += block_bytes *
            run_wide<BlocksOfAlphabet>(static_cast<At>(to), static_cast<std::size_t>(end - to) / block_bytes);
      while (to != end && in_alphabet(*to)) ++to;
      take(at, to);
      at = to;
      if (at == end) return at;
      gap_ = true;
      gap_newline_ = gap_backslash_ = false;
      gap_start_ = offset_of(at);
    }
    const std::uint8_t byte = *at;
    bool goes_on = offset_of(at) - gap_start_ < gap_bytes_max;
    if (gap_backslash_) {
      gap_backslash_ = false;
      if (byte == '/' && !gap_newline_ && line_chars_ >= line_chars_min) {
        gap_ = false;
        continue;
      }
      goes_on = goes_on && (byte == 'n' || byte == 'r' || byte == 't');
      gap_newline_ |= byte == 'n' || byte == 'r';
    } else if (in_alphabet(byte) && gap_newline_) {
      // The line before must have been a full one; a short one is the last.
      if (line_chars_ < line_chars_min) {
        end_chain();
        return at;
      }
      gap_ = false;
      line_chars_ = 0;
      continue;
    } else if (byte == '\\') {
      note_escapes(1, at, end);
      gap_backslash_ = true;
    } else if (byte == '\n' || byte == '\r') {
      gap_newline_ = true;
    } else {
      goes_on = goes_on && (byte == ' ' || byte == '\t');
    }
    if (!goes_on) {
      end_chain();
      return at;
    }
    ++at;
  }
  return at;
}

void EncodedRuns::end_chain() {
  chain_ = false;
  if (chars_ < run_chars_min) return;
  std::string_view head(head_.data(), head_chars_);
  EncodedRun run{EncodedRun::Form::base64, chain_start_, chain_end_ - chain_start_};
  const bool all_kept = chars_ == head_chars_;
  const auto skip = [&](std::size_t count) {
    head.remove_prefix(count);
    run.offset += count;
    run.length -= count;
  };
  if (head.find_first_not_of(head[0]) == head.npos) return;
  const bool marked = head[0] == '0' && (head[1] | 0x20) == 'x';
  if (std::all_of(head.begin() + (marked ? 2 : 0), head.end(), is_hex)) {
    run.form = EncodedRun::Form::hex;
    skip(marked ? 2 : 0);
    const std::vector<std::uint8_t> bytes = decode_hex(head);
    if (!all_kept || has_text(bytes) || is_packed(bytes)) add(run);
    return;
  }
  const auto any = [&](char low, char high) {
    return std::any_of(head.begin(), head.end(), [&](char c) { return c >= low && c <= high; });
  };
  if (!any('a', 'z') || !any('A', 'Z')) return;
  // Letters before it ("key_", "sha512-") shift what is decoded.
  std::array<std::uint8_t, head_blocks * block_bytes> padded{};
  static_assert(head_max == padded.size());
  std::copy(head.begin(), head.end(), padded.begin());
  const unsigned phases = run_wide<PhasesOfText>(static_cast<At>(padded.data()));
  for (std::size_t phase = 0; phase < 4; ++phase) {
    const std::string_view text = head.substr(phase);
    const bool has = (phases >> phase & 1) != 0 && has_text(decode_base64(text));
    if (!has && !base64_is_packed(text)) continue;
    skip(phase);
    return add(run);
  }
  if (!all_kept) add(run);
}

void EncodedRuns::note_escapes(std::uint64_t backslashes, At block, At end) {
  for (; backslashes != 0; backslashes &= backslashes - 1) {
    const At at = block + std::countr_zero(backslashes);
    const auto left = static_cast<std::size_t>(end - at);
    if (left >= 2 && !opens_escape(at[1])) continue;
    const std::string_view text = as_text(Bytes(at, std::min<std::size_t>(left, escape_bytes)));
    if (text.size() == escape_bytes)
      note_escape(offset_of(at), text);
    else if (tail_.empty())  // else it is in there already
      tail_ = text;
  }
}

void EncodedRuns::note_escape(std::uint64_t offset, std::string_view text) {
  if (!worth_unescaping(escaped_char(text))) return;
  if (escapes_ && offset - last_escape_ > escapes_apart) end_escapes();
  if (!escapes_) first_escape_ = offset;
  escapes_ = true;
  last_escape_ = offset;
}

void EncodedRuns::end_escapes() {
  if (!escapes_) return;
  escapes_ = false;
  const std::uint64_t start = first_escape_ - std::min(first_escape_, escape_context);
  add({EncodedRun::Form::escaped, start, last_escape_ + escape_bytes + escape_context - start});
}

void EncodedRuns::add(const EncodedRun& run) {
  if (runs_.size() == runs_max)
    overflowed_ = true;
  else
    runs_.push_back(run);
}

std::vector<EncodedRun> EncodedRuns::finish() {
  for (std::string_view rest = tail_; !rest.empty();
       rest.remove_prefix(std::min(rest.find('\\', 1), rest.size())))
    note_escape(offset_ - rest.size(), rest);
  if (chain_) end_chain();
  end_escapes();
  std::sort(runs_.begin(), runs_.end(),
            [](const EncodedRun& a, const EncodedRun& b) { return a.offset < b.offset; });
  return std::move(runs_);
}

}  // namespace sallyport
