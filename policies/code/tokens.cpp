#include "policies/code/tokens.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "policies/code/decode.hpp"
#include "policies/content/byte_block.hpp"
#include "storage/base/utf8.hpp"

namespace sallyport {

namespace {

// What has not ended within far_bytes is no longer looked at as a whole: it is cut, and skipped to its end.
constexpr std::size_t window_bytes = 64u << 10;
constexpr std::size_t far_bytes = 32u << 10;
constexpr std::size_t batch_tokens = 4096;  // few enough to stay in the processor's cache while they are used
constexpr std::size_t padding_bytes = 64;   // zeros behind the window, so that loops need no other end
constexpr std::size_t brackets_max = 1u << 20;
constexpr std::size_t mismatch_reach = 8;

enum Class : std::uint8_t {
  c_word,
  c_digit,  // these two first: what goes on with a word
  c_blank,
  c_quote,
  c_backtick,
  c_slash,
  c_hash,
  c_bracket,
  c_mark,  // of one byte, whatever follows
  c_op,
  c_backslash,  // these two last: with what a word may go on as well
  c_high
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    std::uint8_t kind = c_op;
    if (c >= 0x80)
      kind = c_high;
    else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$')
      kind = c_word;
    else if (c >= '0' && c <= '9')
      kind = c_digit;
    else if (c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == '\n' || c == 0)
      kind = c_blank;
    else if (c == '"' || c == '\'')
      kind = c_quote;
    else if (c == '`')
      kind = c_backtick;
    else if (c == '/')
      kind = c_slash;
    else if (c == '\\')
      kind = c_backslash;
    else if (c == '#')
      kind = c_hash;
    else if (c == '(' || c == ')' || c == '[' || c == ']' || c == '{' || c == '}')
      kind = c_bracket;
    else if (c == ',' || c == ';' || c == ':')
      kind = c_mark;
    table[c] = kind;
  }
  return table;
}
constexpr auto classes = make_classes();

constexpr std::array<std::uint8_t, 256> make_sign_roles() {
  std::array<std::uint8_t, 256> table{};
  for (const char c : {'{', '}', '='}) table[static_cast<std::uint8_t>(c)] = Token::acts;
  for (const char c : {')', ']', ',', ';'}) table[static_cast<std::uint8_t>(c)] = Token::ends_arrow;
  for (const char c : {'.', '[', '+'}) table[static_cast<std::uint8_t>(c)] = Token::goes_on;
  return table;
}
constexpr auto sign_roles = make_sign_roles();

constexpr std::array<std::uint8_t, 256> make_word_roles() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t i = 0; i < std::size(word_kinds); ++i)
    if (word_kinds[i] == WordKind::root || word_kinds[i] == WordKind::member) table[i] = Token::acts;
  for (const Word word : {Word::word_import, Word::word_from})
    table[static_cast<std::size_t>(word)] = Token::acts;
  table[static_cast<std::size_t>(Word::none)] = Token::name;
  return table;
}
constexpr auto word_roles = make_word_roles();

std::uint8_t class_of(char c) {
  return classes[static_cast<std::uint8_t>(c)];
}
bool is_word_byte(char c) {
  return class_of(c) <= c_digit;
}

// Blanks beyond ASCII, which the language takes for blanks as well. 0: none stands here.
std::size_t wide_blank(const char* at, const char* end) {
  const auto byte = [&](std::size_t i) {
    return at + i < end ? static_cast<unsigned>(static_cast<std::uint8_t>(at[i])) : 0u;
  };
  if (byte(0) == 0xc2) return byte(1) == 0xa0 ? 2 : 0;
  if (byte(0) == 0xef) return byte(1) == 0xbb && byte(2) == 0xbf ? 3 : 0;
  if (byte(0) == 0xe1) return byte(1) == 0x9a && byte(2) == 0x80 ? 3 : 0;
  if (byte(0) == 0xe3) return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;
  if (byte(0) != 0xe2) return 0;
  if (byte(1) == 0x81) return byte(2) == 0x9f ? 3 : 0;
  const unsigned last = byte(2);
  return byte(1) == 0x80 && ((last >= 0x80 && last <= 0x8a) || last == 0xa8 || last == 0xa9 || last == 0xaf)
             ? 3
             : 0;
}

// A line ends at CR and at U+2028 and U+2029 as well: what hides behind one in a comment is code.
const char* line_end(const char* from, const char* end) {
  const auto find = [&from](char c, const char* to) {
    const void* hit = std::memchr(from, c, static_cast<std::size_t>(to - from));
    return hit == nullptr ? to : static_cast<const char*>(hit);
  };
  end = find('\n', end);
  end = find('\r', end);
  for (const char* at = from; at < end; ++at) {
    at = static_cast<const char*>(std::memchr(at, '\xe2', static_cast<std::size_t>(end - at)));
    if (at == nullptr) break;
    if (end - at >= 3 && at[1] == '\x80' && (at[2] == '\xa8' || at[2] == '\xa9')) return at;
  }
  return end;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

// `at` behind "\u": XXXX or {X…}. Returns how many bytes that was, 0 where it is neither.
std::size_t read_unicode(const char* at, const char* end, std::uint32_t& code) {
  code = 0;
  std::size_t size = 0;
  if (at < end && *at == '{') {
    for (size = 1; at + size < end && size < 24 && hex_digit(at[size]) >= 0; ++size)
      code = std::min<std::uint32_t>(code << 4 | static_cast<std::uint32_t>(hex_digit(at[size])), 0x10ffff);
    return size > 1 && at + size < end && at[size] == '}' ? size + 1 : 0;
  }
  for (; size < 4; ++size) {
    if (at + size >= end || hex_digit(at[size]) < 0) return 0;
    code = code << 4 | static_cast<std::uint32_t>(hex_digit(at[size]));
  }
  return size;
}

}  // namespace

struct Tokens::BlocksOf {
  [[gnu::always_inline]] static void run(const char* from, std::size_t count, Block* out) {
    std::uint64_t word_before = 0;
    std::uint32_t lines = 0;
    for (std::size_t i = 0; i < count; ++i, from += block_bytes, ++out) {
      ByteBlock b;
      load(b, reinterpret_cast<const std::uint8_t*>(from));
      const ByteBlock lower = b | 0x20;
      const std::uint64_t newlines = bits(b == '\n');
      const std::uint64_t returns = bits(b == '\r');
      const std::uint64_t words =
          bits(((lower >= 'a') & (lower <= 'z')) | ((b >= '0') & (b <= '9')) | (b == '_') | (b == '$'));
      const std::uint64_t blanks = bits((b == ' ') | ((b >= '\t') & (b <= '\r')) | (b == 0));
      out->starts = ~blanks & ~(words & (words << 1 | word_before));
      out->words = words;
      out->stops =
          newlines | returns | bits((b == '"') | (b == '\'') | (b == '`') | (b == '\\') | (b == '$'));
      out->newlines = newlines;
      out->lines_before = lines;
      word_before = words >> 63;
      lines += static_cast<std::uint32_t>(std::popcount(newlines));
    }
  }
};

// From 1, of a place in the window.
[[gnu::always_inline]] inline std::uint32_t Tokens::line_at(const char* place) const {
  const auto at = static_cast<std::size_t>(place - buffer_.data());
  const Block& block = blocks_.data()[at / block_bytes];
  const std::uint64_t before = (std::uint64_t{1} << at % block_bytes) - 1;
  return base_line_ + block.lines_before + static_cast<std::uint32_t>(std::popcount(block.newlines & before));
}

// The lines of tokens whose place is in the window.
struct Tokens::LinesOf {
  [[gnu::always_inline]] static void run(const Tokens* in, std::span<Token> tokens) {
    const char* const begin = in->buffer_.data();
    for (Token& token : tokens) token.line = in->line_at(begin + (token.offset - in->base_));
  }
};

inline Token& Tokens::emit(Token::Kind kind, const char* from, std::size_t size, std::uint8_t flags) {
  if (size > token_bytes_max) [[unlikely]] {
    size = token_bytes_max;
    flags |= Token::cut;
  }
  if (count_ == tokens_.size()) [[unlikely]]
    tokens_.resize(2 * count_);
  Token& token = tokens_.data()[count_++];
  token = {.text = {from, size},
           .offset = base_ + static_cast<std::uint64_t>(at_ - buffer_.data()),
           .line = 0,
           .code = 0,
           .kind = kind,
           .flags = flags,
           .word = Word::none,
           .role = 0,
           .nesting = nesting_};
  if (kind != Token::Kind::comment) last_ = {.kind = kind, .start = false};
  return token;
}

// Where a list begins with a constant, or a word that leads somewhere, something may be done with it.
inline void Tokens::begins_list() {
  if (last_.kind == Token::Kind::op && last_.code == op("[") && count_ > 0)
    tokens_.data()[count_ - 1].role |= Token::acts;
}

inline void Tokens::emit_constant(Token::Kind kind, const char* from, std::size_t size, std::uint8_t flags) {
  begins_list();
  emit(kind, from, size, flags).role = kind == Token::Kind::string ? Token::acts : 0;
}

inline void Tokens::emit_op(std::size_t size, std::uint8_t flags) {
  const auto first = static_cast<std::uint8_t>(at_[0]);
  const auto second = size > 1 ? static_cast<std::uint8_t>(at_[1]) : std::uint8_t{0};
  if (first == '[' && last_.kind == Token::Kind::word && last_.word == Word::word_this && count_ > 0)
    tokens_.data()[count_ - 1].role |= Token::acts;
  Token& token = emit(Token::Kind::op, at_, size, flags);
  token.code = last_.code = static_cast<std::uint16_t>(first | second << 8);
  token.role = second == 0                                        ? sign_roles[first]
               : token.code == op("=>") || token.code == op("+=") ? Token::acts
                                                                  : std::uint8_t{0};
}

inline void Tokens::emit_word(const char* text, std::size_t size, std::uint8_t flags) {
  const bool member =
      last_.kind == Token::Kind::op && !last_.start && (last_.code == op(".") || last_.code == op("?."));
  const std::uint32_t hash = word_hash(text, size);
  const Word word = find_word(text, size, hash);
  const std::uint8_t role = word_roles[static_cast<std::size_t>(word)];
  if (role == Token::acts) begins_list();
  Token& token = emit(Token::Kind::word, text, size, flags);
  token.word = last_.word = word;
  token.code = static_cast<std::uint16_t>(hash >> 10);
  token.role = role;
  last_.member = member;
}

inline void Tokens::open(std::uint8_t bracket) {
  if (brackets_.size() < brackets_max) {
    brackets_.push_back(bracket);
  } else {
    ++too_deep_;
    note("brackets that nest too deeply to be read");
  }
}

// Nearly always the innermost is the one.
inline std::uint8_t Tokens::close(std::uint8_t kind) {
  if (too_deep_ == 0 && !brackets_.empty() && (brackets_.back() & kind_mask) == kind) {
    const std::uint8_t bracket = brackets_.back();
    brackets_.pop_back();
    return bracket;
  }
  return close_mismatch(kind);
}

inline void Tokens::lex_bracket() {
  std::uint8_t closed = 0;
  switch (*at_) {
    case '(': {
      const bool control =
          last_.kind == Token::Kind::word && !last_.member && kind_of(last_.word) == WordKind::control;
      open(static_cast<std::uint8_t>(round | (control ? is_control : 0)));
      break;
    }
    case '[':
      open(square);
      break;
    case '{':
      open(static_cast<std::uint8_t>(curly | (value_may_begin() ? is_value : 0)));
      break;
    case ')':
      closed = close(round);
      break;
    case ']':
      close(square);
      break;
    default:
      closed = close(curly);
      break;
  }
  const bool opens = *at_ == '(' || *at_ == '[' || *at_ == '{';
  nesting_ = opens ? nesting_ + 1 : nesting_ - (nesting_ > 0);
  emit_op(1, (closed & is_control) != 0 ? Token::control : 0);
  last_.control = (closed & is_control) != 0;
  last_.value = (closed & is_value) != 0;
  ++at_;
}

// What is short and ends well before the window does, from one start to the next by its masks. Stops before
// all else, and that is left to lex_one().
[[gnu::always_inline]] inline void Tokens::lex_plain() {
  const char* const begin = buffer_.data();
  const std::size_t limit = filled_ < 8 ? 0 : filled_ - 8;
  const std::size_t full = repeated_ + batch_tokens;
  const std::size_t most = std::min(full, count_ + static_cast<std::size_t>(end_ - at_));
  if (tokens_.size() <= most) tokens_.resize(std::max(most + 1, tokens_.size() * 2));
  std::size_t block = 0;
  std::uint64_t starts = 0;
  const auto seek = [&](std::size_t at) __attribute__((always_inline)) {
    block = at / block_bytes;
    starts = blocks_[block].starts & ~std::uint64_t{0} << at % block_bytes;
    // Behind what was cut a word may go on.
    if (class_of(begin[at]) < c_blank) starts |= std::uint64_t{1} << at % block_bytes;
  };
  seek(static_cast<std::size_t>(at_ - begin));
  while (count_ < full) {
    while (starts == 0) {
      if (++block * block_bytes >= limit) return;
      starts = blocks_.data()[block].starts;
    }
    const auto bit = static_cast<std::size_t>(std::countr_zero(starts));
    const std::size_t at = block * block_bytes + bit;
    if (at >= limit) return;
    at_ = begin + at;
    const std::uint8_t kind = class_of(*at_);
    switch (kind) {
      case c_word:
      case c_digit: {
        const Block* const here = blocks_.data() + block;
        const std::uint64_t words = here[0].words >> bit | here[1].words << 1 << (63 - bit);
        const auto size = static_cast<std::size_t>(std::countr_one(words));
        if (size == 64 || at + size >= limit) return;
        const char after = at_[size];
        if (kind == c_word) {
          if (class_of(after) >= c_backslash) return;
          emit_word(at_, size, 0);
        } else {
          if (after == '.' || after == '+' || after == '-') return;
          emit_constant(Token::Kind::number, at_, size, 0);
        }
        at_ += size;
        starts &= starts - 1;
        continue;
      }
      case c_quote:
        if (!lex_string(*at_, false) || skip_ != Skip::none) return;
        seek(static_cast<std::size_t>(at_ - begin));
        continue;
      case c_op: {
        if ((*at_ == '.' && class_of(at_[1]) == c_digit) || (*at_ == '<' && language_.html_comments)) return;
        lex_op();
        const auto end = static_cast<std::size_t>(at_ - begin);
        starts &= starts - 1;
        if (end > at + 1) seek(end);
        continue;
      }
      case c_bracket:
        if (*at_ == '}' && closes_hole()) return;
        lex_bracket();
        starts &= starts - 1;
        continue;
      case c_mark:
        emit_op(1, 0);
        ++at_;
        starts &= starts - 1;
        continue;
      default:
        return;
    }
  }
}

struct Tokens::PlainOf {
  [[gnu::always_inline]] static void run(Tokens* tokens) { tokens->lex_plain(); }
};

Tokens::Tokens(Language language, Sink sink, std::size_t again)
    : language_(language), sink_(std::move(sink)), again_(again) {
  tokens_.resize(32);
}

void Tokens::feed(Bytes bytes) {
  while (!bytes.empty()) {
    const std::size_t part = std::min(bytes.size(), window_bytes - filled_);
    if (buffer_.size() < filled_ + part + padding_bytes) buffer_.resize(filled_ + part + padding_bytes);
    std::memcpy(buffer_.data() + filled_, bytes.data(), part);
    filled_ += part;
    bytes = bytes.subspan(part);
    if (filled_ == window_bytes) lex(false);
  }
}

void Tokens::finish() {
  lex(true);
  if (!fault_ && !brackets_.empty()) note("brackets that are never closed");
}

void Tokens::lex(bool last) {
  if (buffer_.empty()) buffer_.resize(padding_bytes);
  at_ = buffer_.data();
  end_ = at_ + filled_;
  std::memset(buffer_.data() + filled_, 0, padding_bytes);
  const std::size_t blocks = (filled_ + padding_bytes) / block_bytes;
  if (blocks_.size() < blocks + 1) blocks_.resize(blocks + 1);
  run_wide<BlocksOf, const char*, std::size_t, Block*>(at_, blocks, blocks_.data());
  blocks_[blocks] = {};
  while (at_ < end_) {
    if (skip_ != Skip::none) {
      if (!skip(last)) break;
      continue;
    }
    if (!language_.closely) run_wide<PlainOf, Tokens*>(this);
    if (skip_ == Skip::none && at_ < end_ && !lex_one(last)) break;
    if (count_ - repeated_ >= batch_tokens) give(false);
  }
  if (last && skip_ != Skip::none && skip_ != Skip::line_comment && skip_ != Skip::word)
    note("text or a comment that never ends");
  give(last);
  if (last) return;
  hold_texts();
  const auto left = static_cast<std::size_t>(end_ - at_);
  base_line_ = line_at(at_);
  base_ += filled_ - left;
  std::memmove(buffer_.data(), at_, left);
  filled_ = left;
}

void Tokens::give(bool last) {
  if (language_.closely)
    for (std::size_t i = repeated_; i < count_; ++i) tokens_[i].role |= Token::acts;
  run_wide<LinesOf, const Tokens*, std::span<Token>>(this,
                                                     std::span(tokens_).first(count_).subspan(repeated_));
  if (count_ > repeated_ || (last && again_ > 0)) sink_(std::span(tokens_).first(count_));
  if (last) return;
  repeated_ = std::min(again_, count_);
  std::move(tokens_.begin() + static_cast<std::ptrdiff_t>(count_ - repeated_),
            tokens_.begin() + static_cast<std::ptrdiff_t>(count_), tokens_.begin());
  count_ = repeated_;
  if (decoded_.empty()) return;
  hold_texts();
  decoded_.clear();
}

// The texts of the tokens that come again.
void Tokens::hold_texts() {
  const std::span again = std::span(tokens_).first(count_);
  std::size_t bytes = 0;
  for (const Token& token : again) bytes += token.text.size();
  old_texts_.resize(bytes);
  char* to = old_texts_.data();
  for (Token& token : again) {
    token.text.copy(to, token.text.size());
    token.text = {to, token.text.size()};
    to += token.text.size();
  }
  texts_.swap(old_texts_);
}

// The first quote, backtick, backslash, "$" or end of a line from there on; at most end_.
inline const char* Tokens::next_stop(const char* from) const {
  const auto at = static_cast<std::size_t>(from - buffer_.data());
  std::size_t block = at / block_bytes;
  std::uint64_t mask = blocks_[block].stops & ~std::uint64_t{0} << at % block_bytes;
  const std::size_t blocks = (filled_ + padding_bytes) / block_bytes;
  while (mask == 0) {
    if (++block >= blocks) return end_;
    mask = blocks_[block].stops;
  }
  return std::min(end_, buffer_.data() + block * block_bytes + std::countr_zero(mask));
}

void Tokens::note(std::string_view what) {
  if (!fault_) fault_ = Fault{what, base_ + static_cast<std::uint64_t>(at_ - buffer_.data()), line_at(at_)};
}

// One token, or the blanks before one. False: what stands here goes on behind the window.
bool Tokens::lex_one(bool last) {
  std::uint8_t kind = class_of(*at_);
  while (kind == c_blank) {
    if (++at_ >= end_) return true;
    kind = class_of(*at_);
  }
  switch (kind) {
    case c_high:
      if (!last && end_ - at_ < 3) return false;
      if (const std::size_t blank = wide_blank(at_, end_); blank > 0) {
        at_ += blank;
        return true;
      }
      return lex_word(last);
    case c_word:
      return lex_word(last);
    case c_digit:
      return lex_number(last);
    case c_quote:
      return lex_string(*at_, last);
    case c_backtick:
      return lex_template(false, last);
    case c_slash:
      return lex_slash(last);
    case c_backslash:
      return lex_escaped_word(last);
    case c_hash:
      if (!last && end_ - at_ < 2) return false;
      if (base_ == 0 && at_ == buffer_.data() && at_[1] == '!') {
        skip_ = Skip::line_comment;
        return true;
      }
      [[fallthrough]];
    default:
      break;
  }
  if (!last && end_ - at_ < 4) return false;
  if (*at_ == '}' && closes_hole()) return lex_template(true, last);
  if (*at_ == '.' && class_of(at_[1]) == c_digit) return lex_number(last);
  if (language_.html_comments && end_ - at_ >= 4 && std::memcmp(at_, "<!--", 4) == 0) {
    at_ += 4;
    skip_ = Skip::html;
    return true;
  }
  if (kind == c_bracket)
    lex_bracket();
  else
    lex_op();
  return true;
}

bool Tokens::lex_word(bool last) {
  const char* to = at_;
  for (;;) {
    while (is_word_byte(*to)) ++to;
    if (to >= end_ || class_of(*to) != c_high) break;
    if (!last && end_ - to < 3) {
      if (static_cast<std::size_t>(end_ - at_) < far_bytes) return false;
      to = end_;
      break;
    }
    if (wide_blank(to, end_) > 0) break;
    ++to;
  }
  if (to >= end_ && !last) {
    if (static_cast<std::size_t>(end_ - at_) < far_bytes) return false;
    to = end_;
    skip_ = Skip::word;
  }
  if (*to == '\\' && to < end_) return lex_escaped_word(last);
  const auto size = static_cast<std::size_t>(to - at_);
  emit_word(at_, size, 0);
  at_ = to;
  return true;
}

// A word with \u escapes somewhere: the same word as without.
bool Tokens::lex_escaped_word(bool last) {
  if (!last && static_cast<std::size_t>(end_ - at_) < far_bytes) return false;
  std::string text;
  const char* to = at_;
  while (to < end_) {
    if (*to == '\\') {
      std::uint32_t code = 0;
      const std::size_t size = to + 1 < end_ && to[1] == 'u' ? read_unicode(to + 2, end_, code) : 0;
      if (size == 0) break;
      append_utf8(text, code);
      to += 2 + size;
    } else if (is_word_byte(*to) || (class_of(*to) == c_high && wide_blank(to, end_) == 0)) {
      text += *to++;
    } else {
      break;
    }
  }
  if (to == at_) {  // a backslash where the language has none
    emit_op(1, 0);
    ++at_;
    return true;
  }
  const std::size_t size = std::min(text.size(), token_bytes_max);
  text.resize(text.size() + 8);
  emit_word(decoded_.emplace_back(std::move(text)).data(), size, Token::escaped);
  at_ = to;
  return true;
}

bool Tokens::lex_number(bool last) {
  const char* to = at_;
  const bool prefixed = at_[0] == '0' && (at_[1] | 0x20) == 'x';
  bool dot = prefixed;
  for (;; ++to) {
    if (is_word_byte(*to)) continue;
    if (*to == '.' && !dot) {
      dot = true;
      continue;
    }
    if ((*to == '+' || *to == '-') && !prefixed && to > at_ && (to[-1] | 0x20) == 'e') continue;
    break;
  }
  if (to >= end_ && !last) {
    if (static_cast<std::size_t>(end_ - at_) < far_bytes) return false;
    skip_ = Skip::word;
  }
  to = std::min(to, end_);
  emit_constant(Token::Kind::number, at_, static_cast<std::size_t>(to - at_), 0);
  at_ = to;
  return true;
}

bool Tokens::lex_string(char quote, bool last) {
  const char* const from = at_ + 1;
  const char* to = from;
  std::uint8_t flags = 0;
  for (to = next_stop(to); to < end_ && *to != '\n' && *to != '\r'; to = next_stop(to + 1)) {
    if (*to == quote) {
      emit_constant(Token::Kind::string, from, static_cast<std::size_t>(to - from), flags);
      at_ = to + 1;
      return true;
    }
    if (*to != '\\') continue;
    flags |= Token::escaped;
    if (++to >= end_) break;
    if (*to == '\r' && to[1] == '\n') ++to;
  }
  const bool far = static_cast<std::size_t>(end_ - at_) >= far_bytes;
  if (to >= end_ && !last && !far) return false;
  if (to >= end_ && far) {
    emit_constant(Token::Kind::string, from, static_cast<std::size_t>(end_ - from), flags | Token::cut);
    at_ = from;
    skip_ = Skip::string;
    quote_ = quote;
    return true;
  }
  // No string spans lines, so this quote opened none: an apostrophe in the text of a page.
  note("text in quotes that ends with its line");
  emit_op(1, 0);
  ++at_;
  return true;
}

bool Tokens::lex_template(bool closes_hole, bool last) {
  const char* const from = at_ + 1;
  std::uint8_t flags = closes_hole ? Token::closes_hole : 0;
  const std::uint32_t outside = nesting_ - (closes_hole && nesting_ > 0);
  for (const char* to = next_stop(from); to < end_; to = next_stop(to + 1)) {
    if (*to == '\\') {
      flags |= Token::escaped;
      if (++to >= end_) break;
      continue;
    }
    if (*to != '`' && (*to != '$' || to[1] != '{' || to + 1 >= end_)) continue;
    if (*to == '$') flags |= Token::opens_hole;
    if (closes_hole) brackets_.pop_back();
    nesting_ = outside + (*to == '$');
    emit(Token::Kind::template_text, from, static_cast<std::size_t>(to - from), flags).role = Token::acts;
    at_ = to + 1;
    if (flags & Token::opens_hole) {
      ++at_;
      begin_hole();
    }
    return true;
  }
  if (!last && static_cast<std::size_t>(end_ - at_) < far_bytes) return false;
  if (closes_hole) brackets_.pop_back();
  nesting_ = outside;
  emit(Token::Kind::template_text, from, static_cast<std::size_t>(end_ - from), flags | Token::cut).role =
      Token::acts;
  at_ = from;
  skip_ = Skip::template_text;
  return true;
}

bool Tokens::lex_slash(bool last) {
  if (!last && end_ - at_ < 4) return false;
  if (at_[1] == '*') {
    at_ += 2;
    skip_ = Skip::block_comment;
    return true;
  }
  if (at_[1] == '/') {
    if (language_.reference_comments && at_[2] == '/') {
      const char* const end = line_end(at_, end_);
      if (end == end_ && !last && static_cast<std::size_t>(end_ - at_) < far_bytes) return false;
      emit(Token::Kind::comment, at_, static_cast<std::size_t>(end - at_), 0);
    }
    skip_ = Skip::line_comment;
    return true;
  }
  if (regex_may_begin()) {
    const char* const before = at_;
    if (!lex_regex(last)) return false;
    if (at_ != before) return true;
  }
  if ((at_[1] == '>' && end_ - at_ > 1) || (last_.kind == Token::Kind::op && last_.code == op("<")))
    markup_ = true;
  emit_op(1, 0);
  ++at_;
  return true;
}

// Leaves at_ where it is if there is no regular expression: none spans lines.
bool Tokens::lex_regex(bool last) {
  const auto offset = [this](const char* at) {
    return base_ + static_cast<std::uint64_t>(at - buffer_.data());
  };
  if (offset(at_) >= no_regex_.from && offset(at_) < no_regex_.to) return true;
  bool in_class = false;
  const char* begun = at_;  // where the class began that `to` is in, or ended that was the last
  const char* to = at_ + 1;
  for (; to < end_ && *to != '\n' && *to != '\r'; ++to) {
    if (*to == '\\') {
      ++to;
    } else if (*to == '[' && !in_class) {
      in_class = true;
      begun = to;
      if (offset(to) >= no_class_.from && offset(to) < no_class_.to) return true;
    } else if (*to == ']' && in_class) {
      in_class = false;
      begun = to;
    } else if (*to == '/' && !in_class) {
      break;
    }
  }
  const bool ends = to < end_ || last || static_cast<std::size_t>(end_ - at_) >= far_bytes;
  if (to >= end_ || *to != '/') {
    if (ends) (in_class ? no_class_ : no_regex_) = {offset(begun), offset(to)};
    return ends;
  }
  const char* flags = to + 1;
  while (is_word_byte(*flags)) ++flags;
  if (flags >= end_ && !last && static_cast<std::size_t>(end_ - at_) < far_bytes) return false;
  emit(Token::Kind::regex, at_, static_cast<std::size_t>(to + 1 - at_), 0);
  at_ = std::min(flags, end_);
  return true;
}

void Tokens::lex_op() {
  const char c = at_[0], next = at_[1];
  std::size_t size = 1;
  switch (c) {
    case '.':
      if (next == '.' && at_[2] == '.') size = 3;
      break;
    case '?':
      size = (next == '.' && class_of(at_[2]) != c_digit) || next == '?' ? 2 : 1;
      break;
    case '=':
      size = next == '=' || next == '>' ? 2 : 1;
      if (next == '=' && at_[2] == '=') size = 3;
      break;
    case '!':
      size = next == '=' ? at_[2] == '=' ? 3 : 2 : 1;
      break;
    case '+':
    case '-':
    case '&':
    case '|':
    case '<':
    case '>':
    case '*':
      size = next == c || next == '=' ? 2 : 1;
      if (c == '>' && next != '=') size = 1;  // types close two at once
      break;
    default:
      break;
  }
  size = std::min(size, static_cast<std::size_t>(end_ - at_));
  emit_op(size, 0);
  at_ += size;
}

// To the end of what was cut, or of a comment. False: it goes on behind the window.
bool Tokens::skip(bool last) {
  if (skip_ == Skip::line_comment || skip_ == Skip::block_comment || skip_ == Skip::html)
    return skip_comment(last);
  for (; at_ < end_; ++at_) {
    const char c = *at_;
    if (skip_ == Skip::word) {
      if (is_word_byte(c) || class_of(c) == c_high) continue;
      skip_ = Skip::none;
      return true;
    }
    if (c == '\\' || c == '$') {  // what it means is said by the next
      if (end_ - at_ < 2) {
        if (!last) return false;
        continue;
      }
      if (c == '\\') ++at_;
    }
    const bool hole_opens = c == '$' && skip_ == Skip::template_text && at_[1] == '{';
    const bool ends = skip_ == Skip::string ? c == quote_ || c == '\n' : c == '`' || hole_opens;
    if (!ends) continue;
    at_ += hole_opens ? 2 : 1;
    skip_ = Skip::none;
    if (hole_opens) begin_hole();
    return true;
  }
  return true;
}

bool Tokens::skip_comment(bool last) {
  if (skip_ == Skip::line_comment) {
    const char* const to = line_end(at_, end_);
    // U+2028 may be split by the edge.
    const std::ptrdiff_t kept = last || to < end_ ? 0 : std::min<std::ptrdiff_t>(2, end_ - at_);
    at_ = to - kept;
    if (to < end_) skip_ = Skip::none;
    return kept == 0;
  }
  const std::string_view closing = skip_ == Skip::html ? "-->" : "*/";
  const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
  const char mark = closing.back();
  for (const char* to = at_;; ++to) {
    to = static_cast<const char*>(std::memchr(to, mark, static_cast<std::size_t>(end_ - to)));
    if (to == nullptr) break;
    const auto size = static_cast<std::size_t>(to + 1 - at_);
    if (size >= closing.size() && rest.substr(size - closing.size(), closing.size()) == closing) {
      at_ = to + 1;
      skip_ = Skip::none;
      return true;
    }
  }
  const std::size_t kept = last ? 0 : std::min(rest.size(), closing.size() - 1);
  at_ = end_ - kept;
  return kept == 0;
}

void Tokens::begin_hole() {
  open(hole);
  last_ = {};
  last_.start = false;
  last_.code = op("{");
}

// Whether "}" ends the hole of a template: the innermost curly bracket, whatever else was left open in it.
bool Tokens::closes_hole() {
  const std::size_t reach = too_deep_ > 0 ? 0 : std::min(brackets_.size(), mismatch_reach);
  for (std::size_t i = 1; i <= reach; ++i) {
    const auto kind = brackets_[brackets_.size() - i] & kind_mask;
    if (kind == curly) return false;
    if (kind != hole) continue;
    if (i > 1) note("brackets that do not match");
    brackets_.resize(brackets_.size() - i + 1);
    return true;
  }
  return false;
}

std::uint8_t Tokens::close_mismatch(std::uint8_t kind) {
  if (too_deep_ > 0) {
    --too_deep_;
    return 0;
  }
  const std::size_t reach = std::min(brackets_.size(), mismatch_reach);
  for (std::size_t i = 1; i <= reach; ++i) {
    const std::uint8_t bracket = brackets_[brackets_.size() - i];
    if ((bracket & kind_mask) == hole) break;
    if ((bracket & kind_mask) != kind) continue;
    if (i > 1) note("brackets that do not match");
    brackets_.resize(brackets_.size() - i);
    return bracket;
  }
  note("a bracket that nothing opened");
  return 0;
}

bool Tokens::regex_may_begin() const {
  if (!language_.regex) return false;
  if (last_.start) return true;
  if (last_.kind == Token::Kind::word) return !last_.member && kind_of(last_.word) == WordKind::value;
  if (last_.kind != Token::Kind::op) return false;
  switch (last_.code) {
    case op(")"):
      return last_.control;
    case op("}"):  // a statement ended far more often than an object is divided
      return !last_.value && at_[1] != '>';
    case op("]"):
    case op("++"):
    case op("--"):
    case op("<"):  // </tag>
      return false;
    default:
      return true;
  }
}

// Whether "{" begins an object rather than statements.
bool Tokens::value_may_begin() const {
  if (last_.start) return false;
  if (last_.kind == Token::Kind::word)
    return !last_.member && kind_of(last_.word) == WordKind::value && last_.word != Word::word_else &&
           last_.word != Word::word_do;
  if (last_.kind != Token::Kind::op) return false;
  switch (last_.code) {
    case op(")"):
    case op("]"):
    case op("}"):
    case op("{"):
    case op(";"):
    case op("=>"):
    case op("++"):
    case op("--"):
      return false;
    default:
      return true;
  }
}

std::string decoded(const Token& token) {
  if ((token.flags & Token::escaped) == 0 || token.kind == Token::Kind::word) return std::string(token.text);
  std::string out;
  out.reserve(token.text.size());
  const char* at = token.text.data();
  const char* const end = at + token.text.size();
  std::uint32_t high = 0;  // first half of a surrogate pair
  while (at < end) {
    if (*at != '\\' || at + 1 >= end) {
      out += *at++;
      continue;
    }
    const char c = at[1];
    at += 2;
    std::uint32_t code = 0;
    std::size_t size = 0;
    switch (c) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'v':
        out += '\v';
        break;
      case '\r':
        if (at < end && *at == '\n') ++at;
        break;
      case '\n':
        break;
      case 'u':
        size = read_unicode(at, end, code);
        if (size == 0) break;
        at += size;
        if (code >= 0xd800 && code < 0xdc00) {
          high = code;
          continue;
        }
        if (code >= 0xdc00 && code < 0xe000)
          code = high ? 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00) : '?';
        append_utf8(out, code);
        break;
      case 'x':
        if (end - at < 2 || hex_digit(at[0]) < 0 || hex_digit(at[1]) < 0) break;
        append_utf8(out, static_cast<std::uint32_t>(hex_digit(at[0]) << 4 | hex_digit(at[1])));
        at += 2;
        break;
      default:
        if (c < '0' || c > '7') {
          out += c;
          break;
        }
        code = static_cast<std::uint32_t>(c - '0');
        for (int i = 0; i < 2 && at < end && *at >= '0' && *at <= '7' && code * 8 < 256; ++i)
          code = code * 8 + static_cast<std::uint32_t>(*at++ - '0');
        append_utf8(out, code);
    }
    high = 0;
  }
  return out;
}

}  // namespace sallyport
