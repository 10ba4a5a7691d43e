#include "policies/content/text_signs.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "policies/content/byte_block.hpp"
#include "policies/content/iban.hpp"
#include "policies/content/secret_rules.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr auto kept_of_a_rule = static_cast<std::ptrdiff_t>(sign_rest_from);

constexpr std::size_t blob_head_max = 4096, blob_head_judged = 1024;
constexpr std::size_t assigned_min = 16, assigned_max = 200;
constexpr std::size_t distinct_max = 1000;
constexpr int zero_width_run_min = 8;
constexpr std::uint64_t selectors_min = 4, same_selectors_min = 16;

constexpr std::string_view ids[] = {
    "code/bidi",    "code/invisible",    "code/homoglyph",     "code/hidden-by-space",
    "code/escapes", "code/encoded-blob", "leak/secret-generic"};

constexpr bool is_digit(int c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower(int c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(int c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_letter(int c) {
  return is_lower(c) || is_upper(c);
}
constexpr bool is_word(int c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '$';
}
constexpr bool is_hex(int c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr bool is_base64(int c) {
  return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}
constexpr bool is_control(int c) {
  return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x0b && c != 0x1b;
}

bool is_wide_blank(std::uint32_t point) {
  return point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x202f ||
         point == 0x205f || point == 0x3000;
}
bool is_zero_width(std::uint32_t point) {
  return (point >= 0x200b && point <= 0x200d) || point == 0x2060 || point == 0xfeff || point == 0x180e;
}
// What opens a change of direction. What closes one (U+202C, U+2069) does nothing alone, and stands at the
// end of numbers that people have copied.
bool is_bidi(std::uint32_t point) {
  return (point >= 0x202a && point <= 0x202e && point != 0x202c) || (point >= 0x2066 && point <= 0x2068);
}
bool is_selector(std::uint32_t point) {
  return (point >= 0xfe00 && point <= 0xfe0f) || (point >= 0xe0100 && point <= 0xe01ef);
}
bool is_tag(std::uint32_t point) {
  return point >= 0xe0000 && point <= 0xe007f;
}
bool is_foreign_letter(std::uint32_t point) {
  return (point >= 0x370 && point <= 0x3ff && point != 0x37e && point != 0x387) ||
         (point >= 0x400 && point <= 0x52f);
}
// Letters of Cyrillic and Greek that a reader takes for Latin ones. Those that mathematics writes beside
// Latin names (µ, Ω, π, Δ, α, ν …) look like themselves and are not here.
bool is_look_alike(std::uint32_t point) {
  constexpr std::uint32_t points[] = {
      0x391, 0x392, 0x395, 0x396, 0x397, 0x399, 0x39a, 0x39c, 0x39d, 0x39f, 0x3a1, 0x3a4, 0x3a5,
      0x3a7, 0x3bf, 0x3f2, 0x3f3, 0x3f9, 0x405, 0x406, 0x408, 0x410, 0x412, 0x415, 0x41a, 0x41c,
      0x41d, 0x41e, 0x420, 0x421, 0x422, 0x423, 0x425, 0x430, 0x435, 0x43e, 0x440, 0x441, 0x443,
      0x445, 0x455, 0x456, 0x458, 0x4bb, 0x4c0, 0x4cf, 0x501, 0x51a, 0x51b, 0x51c, 0x51d};
  return std::binary_search(std::begin(points), std::end(points), point);
}

std::string code_point(std::uint32_t point) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out = "U+";
  for (int shift = point > 0xffff ? 16 : 12; shift >= 0; shift -= 4) out += digits[point >> shift & 15];
  return out;
}

std::string hex_digest(std::string_view text) {
  return to_hex(sha256(text));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (is_upper(c)) c = static_cast<char>(c + 32);
  return out;
}

// What a string of base64 or hexadecimal begins with; as much as makes whole bytes.
std::string decoded(std::string_view head) {
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  const bool hex = std::all_of(head.begin(), head.end(), [](char c) { return is_hex(c); });
  const int width = hex ? 4 : 6;
  for (const char c : head) {
    if (c == '=') break;
    const int value = hex                    ? (is_digit(c) ? c - '0' : (c | 32) - 'a' + 10)
                      : is_upper(c)          ? c - 'A'
                      : is_lower(c)          ? c - 'a' + 26
                      : is_digit(c)          ? c - '0' + 52
                      : c == '+' || c == '-' ? 62
                                             : 63;
    bits = bits << width | static_cast<std::uint32_t>(value);
    have += width;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 0xff);
  }
  return out;
}

bool is_readable(std::string_view text) {
  std::size_t plain = 0, controls = 0;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    plain += (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\n' || byte == '\r';
    controls += is_control(byte);
  }
  if (plain * 100 >= text.size() * 85) return true;
  if (controls > 0) return false;
  for (std::size_t cut = 0; cut < 4 && cut < text.size(); ++cut)
    if (is_utf8(text.substr(0, text.size() - cut))) return true;
  return false;
}

// What an encoded string holds, in the words of a finding; empty: nothing that the rule speaks of.
std::string kind_of(std::string_view head) {
  using namespace std::string_view_literals;
  std::string bytes = decoded(head);
  if (bytes.size() < 16) return {};
  if (bytes.starts_with("\x1f\x8b\x08"sv)) return "gzip";
  if (bytes.starts_with("MZ") && bytes.find('\0') != bytes.npos) return "a Windows program";
  if (bytes.starts_with("\x7f"
                        "ELF"sv))
    return "a Linux program";
  // UTF-16 of mostly ASCII, as encoded PowerShell is.
  std::size_t zeros = 0;
  for (std::size_t i = 1; i < bytes.size(); i += 2) zeros += bytes[i] == '\0';
  if (zeros * 10 >= bytes.size() / 2 * 9) {
    std::string narrow;
    for (std::size_t i = 0; i < bytes.size(); i += 2) narrow += bytes[i];
    bytes = std::move(narrow);
  }
  if (!is_readable(bytes)) return {};
  for (const std::string_view word : {"function"sv, "=>"sv, "require("sv, "const "sv, "import "sv, "eval("sv})
    if (bytes.find(word) != bytes.npos) return "JavaScript";
  return "text";
}

// Of \uNNNN and \u{N}: a character above U+00FF.
bool escaped_beyond_latin(std::string_view escape) {
  std::uint32_t point = 0;
  for (const char c : escape.substr(2))
    if (is_hex(c))
      point = point << 4 | static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 32) - 'a' + 10);
  return point > 0xff;
}

std::uint64_t below(std::size_t bit) {
  return bit >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bit) - 1;
}

}  // namespace

bool is_full(const FileContent& content, std::string_view rule, std::string_view what) {
  const auto same = [&](const Sign& sign) { return sign.rule == rule && sign.what == what; };
  return std::count_if(content.signs.begin(), content.signs.end(), same) >= kept_of_a_rule;
}

void add_sign(FileContent& content, Sign sign) {
  ++content.sign_counts[sign.rule];
  if (!is_full(content, sign.rule, sign.what)) content.signs.push_back(std::move(sign));
}

// One bit a byte of the block, where it is …
struct TextSigns::Masks {
  std::uint64_t newline = 0;
  std::uint64_t blank = 0;      // space or tab
  std::uint64_t telling = 0;    // the first of a character beyond ASCII that could be more than text
  std::uint64_t low = 0;        // below '+' or beyond ASCII: between names, numbers and base64
  std::uint64_t end = 0;        // newline or quote: what a value may end with
  std::uint64_t backslash = 0;  // with x or u behind it
  std::uint64_t name = 0;       // '_' with '0' behind it
  std::uint64_t mail = 0;       // '@'
  std::uint64_t number = 0;     // '+' or '-' with a digit behind it
  std::uint64_t account = 0;    // two capitals with two digits behind them
  std::uint64_t control = 0;    // up to 8

  static constexpr std::size_t beyond = 3;  // bytes behind the block that are read
  void cut(std::uint64_t to) {
    for (std::uint64_t* mask :
         {&newline, &blank, &telling, &low, &end, &backslash, &name, &mail, &number, &account, &control})
      *mask &= to;
  }
  // Of so many blocks one after another.
  struct Of {
    [[gnu::always_inline]] static void run(const std::uint8_t* from, std::size_t count, Masks* out);
  };
};

void TextSigns::Masks::Of::run(const std::uint8_t* from, std::size_t count, Masks* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* p = from + i * block_bytes;
    Masks& m = out[i];
    ByteBlock v, next;
    load(v, p);
    load(next, p + 1);
    m.newline = bits(v == '\n');
    m.blank = bits((v == ' ') | (v == '\t'));
    m.low = bits((v < '+') | (v >= 0x80));
    m.end = bits((v == '\n') | (v == '\r') | (v == '"') | (v == '\''));
    m.backslash = bits((v == '\\') & ((next == 'x') | (next == 'u')));
    m.name = bits((v == '_') & (next == '0'));
    m.mail = bits(v == '@');
    m.number = bits(((v == '+') | (v == '-')) & (next >= '0') & (next <= '9'));
    m.control = bits(v <= 8);
    ByteBlock third, fourth;
    load(third, p + 2);
    load(fourth, p + 3);
    m.account = bits((v >= 'A') & (v <= 'Z') & (next >= 'A') & (next <= 'Z') & (third >= '0') &
                     (third <= '9') & (fourth >= '0') & (fourth <= '9'));
    m.telling = 0;
    if (bits(v >= 0x80) == 0) continue;
    // Blanks, marks without width, Greek and Cyrillic; of the signs at U+2000 neither dashes nor quotes.
    m.telling = bits(((v == 0xc2) & (next == 0xa0)) | ((v >= 0xcd) & (v <= 0xd4)) |
                     ((v == 0xe1) & ((next == 0x9a) | (next == 0xa0))) |
                     ((v == 0xe2) & (next == 0x80) & ((third < 0x90) | (third >= 0xa8))) |
                     ((v == 0xe2) & (next == 0x81)) | ((v == 0xe3) & (next == 0x80) & (third == 0x80)) |
                     ((v == 0xef) & ((next == 0xb8) | (next == 0xbb))) | (v == 0xf3));
  }
}

void TextSigns::Distinct::add(std::string_view value, std::uint64_t offset, std::uint32_t at_line) {
  if (seen.size() >= distinct_max) return;
  if (seen.empty()) {
    first = offset;
    line = at_line;
  }
  seen.insert(std::hash<std::string_view>{}(value));
}

TextSigns::TextSigns(const Thresholds& thresholds) : thresholds_(thresholds) {
  begin();
}

void TextSigns::begin() {
  window_ = {};
  base_ = done_ = lines_ = line_start_ = longest_ = controls_ = next_character_ = 0;
  block_at_ = 0;
  block_newlines_ = 0;
  blank_run_ = run_from_ = long_run_from_ = zero_width_end_ = 0;
  selectors_ = selectors_end_ = tags_end_ = flag_end_ = word_end_ = foreign_at_ = 0;
  foreign_ = false;
  escapes_.count = escapes_.end = escapes_.beyond = 0;
  blob_.state = Blob::State::none;
  for (Distinct* values : {&names_, &mails_, &phones_, &ids_, &ibans_}) values->seen.clear();
  countries_.clear();
  for (Kept& kept : kept_) {
    kept.found.clear();
    kept.count = 0;
    kept.others = {};
  }
}

void TextSigns::look(Bytes window, std::uint64_t base, bool last) {
  window_ = window;
  base_ = base;
  const std::uint64_t end = base + window.size();
  const std::uint64_t sure = end - std::min<std::uint64_t>(last ? Masks::beyond : look_ahead, window.size());
  constexpr std::size_t together = 16;
  std::array<Masks, together> masks;
  while (done_ + block_bytes <= sure) {
    const auto at = static_cast<std::size_t>(done_ - base);
    const std::size_t count = std::min(together, static_cast<std::size_t>(sure - done_) / block_bytes);
    run_wide<Masks::Of>(window.data() + at, count, masks.data());
    for (std::size_t i = 0; i < count; ++i) block(at + i * block_bytes, block_bytes, masks[i]);
    done_ += count * block_bytes;
  }
  while (last && done_ < end) {
    const auto at = static_cast<std::size_t>(done_ - base);
    const std::size_t size = std::min(block_bytes, window.size() - at);
    std::array<std::uint8_t, block_bytes + Masks::beyond> copy;
    copy.fill('a');
    std::memcpy(copy.data(), window.data() + at, std::min(copy.size(), window.size() - at));
    run_wide<Masks::Of>(static_cast<const std::uint8_t*>(copy.data()), std::size_t{1}, masks.data());
    if (size < block_bytes) masks[0].cut(below(size));
    block(at, size, masks[0]);
    done_ += size;
  }
}

void TextSigns::block(std::size_t at, std::size_t size, const Masks& m) {
  block_at_ = at;
  block_newlines_ = m.newline;

  controls_ += static_cast<std::uint64_t>(std::popcount(m.control));
  if (m.telling != 0)
    characters(at, size);
  else
    blanks(at, m);
  gaps(at, size, m);
  const auto each = [at](std::uint64_t mask, auto&& what) {
    for (; mask != 0; mask &= mask - 1) what(at + static_cast<std::size_t>(std::countr_zero(mask)));
  };
  each(m.backslash, [this](std::size_t i) { escape(i); });
  each(m.name, [this](std::size_t i) { name(i); });
  each(m.mail, [this](std::size_t i) { mail(i); });
  each(m.number, [this](std::size_t i) { number(i); });
  each(m.account, [this](std::size_t i) { account(i); });

  if (m.newline != 0) {
    // Within the block a line can only be the longest while no line is longer than a block.
    std::uint64_t ends = longest_ < block_bytes ? m.newline : m.newline & (~m.newline + 1);
    for (; ends != 0; ends &= ends - 1) {
      const std::uint64_t end = base_ + at + static_cast<std::size_t>(std::countr_zero(ends));
      longest_ = std::max(longest_, end - line_start_);
      line_start_ = end + 1;
    }
    line_start_ = base_ + at + block_bytes - static_cast<std::size_t>(std::countl_zero(m.newline));
    lines_ += static_cast<std::uint64_t>(std::popcount(m.newline));
  }
}

// In a block of which no character beyond ASCII matters.
void TextSigns::blanks(std::size_t at, const Masks& m) {
  next_character_ = base_ + at + block_bytes;
  const auto leading = static_cast<std::size_t>(std::countr_one(m.blank));
  if (leading == block_bytes) {
    blank_run_ += block_bytes;
    return;
  }
  blank_run_ += leading;
  if (blank_run_ >= thresholds_.blank_run_min) after_blanks(at + leading);
  blank_run_ = static_cast<std::uint64_t>(std::countl_one(m.blank));
}

void TextSigns::after_blanks(std::size_t at) {
  if (at >= window_.size() || byte(at) == '\n' || byte(at) == '\r') return;
  std::size_t end = at;
  while (end < at + 80 && end < window_.size() && byte(end) != '\n') ++end;
  const std::string_view code = text(at, end);
  const bool in_text =
      std::none_of(code.begin(), code.end(), [](char c) { return is_control(static_cast<std::uint8_t>(c)); });
  keep(hidden_by_space,
       {ids[hidden_by_space], thousands(blank_run_) + " blanks", base_ + at, line_at(at), printable(code, 80),
        hex_digest(code)},
       in_text);
}

void TextSigns::characters(std::size_t at, std::size_t size) {
  std::size_t i = at;
  if (next_character_ > base_ + at) i = static_cast<std::size_t>(next_character_ - base_);
  const std::size_t end = at + size;
  while (i < end) {
    const std::uint8_t c = window_[i];
    if (c < 0x80) {
      if (c == ' ' || c == '\t' || c == 0x0b || c == '\f') {
        ++blank_run_;
      } else {
        if (blank_run_ >= thresholds_.blank_run_min) after_blanks(i);
        blank_run_ = 0;
      }
      ++i;
      continue;
    }
    const Character next = decode(i);
    if (is_wide_blank(next.point)) {
      ++blank_run_;
    } else if (!is_zero_width(next.point)) {
      if (blank_run_ >= thresholds_.blank_run_min) after_blanks(i);
      blank_run_ = 0;
    }
    character(i, next);
    i += next.size;
  }
  next_character_ = base_ + i;
}

void TextSigns::character(std::size_t at, Character c) {
  if (c.point < 0x370) return;
  if (c.point <= 0x52f) {
    if (!is_foreign_letter(c.point)) return;
    if (is_look_alike(c.point)) {
      if (base_ + at >= word_end_) look_alike(at, c.size);
    } else {
      foreign_ = true;
      foreign_at_ = base_ + at;
    }
    return;
  }
  if (is_bidi(c.point)) {
    const std::size_t from = at - std::min<std::size_t>(at, 32);
    keep_at(bidi, code_point(c.point), at, printable(text(from, at + 32), 80), text(from, at + 32));
  } else if (is_zero_width(c.point)) {
    zero_width(at, c);
  } else if (is_selector(c.point)) {
    if (selectors_end_ != base_ + at) {
      selectors_ = 0;
      selector_ = c.point;
      selectors_vary_ = selectors_told_ = false;
    }
    ++selectors_;
    selectors_end_ = base_ + at + c.size;
    // An editor repeats one after an emoji; data takes several.
    selectors_vary_ = selectors_vary_ || c.point != selector_;
    if (!selectors_told_ && selectors_ >= (selectors_vary_ ? selectors_min : same_selectors_min)) {
      selectors_told_ = true;
      keep_at(invisible, "a run of variation selectors", at, {}, text(at, at + 64));
    }
  } else if (is_tag(c.point)) {
    if (base_ + at < flag_end_) return;
    if (tags_end_ == base_ + at) {
      tags_end_ += c.size;
      return;
    }
    // The flags of England, Scotland and Wales: a black flag, a short code in tags, a tag that ends it.
    const bool flag = at >= 4 && text(at - 4, at) == "\xf0\x9f\x8f\xb4";
    std::size_t end = at, count = 0;
    Character tag = c;
    while (count < 7 && is_tag(tag.point) && tag.point != 0xe007f) {
      end += tag.size;
      ++count;
      tag = decode(end);
    }
    if (flag && count >= 3 && tag.point == 0xe007f) {
      flag_end_ = base_ + end + tag.size;
    } else {
      tags_end_ = base_ + at + c.size;
      keep_at(invisible, "tag characters", at, {}, text(at, at + 64));
    }
  }
}

void TextSigns::zero_width(std::size_t at, Character c) {
  if (base_ + at < zero_width_end_) return;
  std::size_t end = at;
  int count = 0;
  if (base_ + at == 0 && c.point == 0xfeff) {  // a byte order mark
    end += c.size;
    c = decode(end);
  }
  const std::size_t from = end;
  while (count < 100 && is_zero_width(c.point)) {
    end += c.size;
    ++count;
    c = decode(end);
  }
  zero_width_end_ = base_ + end;
  if (count >= zero_width_run_min)
    return keep_at(invisible, "a run of zero-width characters", at, {}, text(from, end));
  // Between letters of scripts that need them they are spelling; between ours they are not. What stands
  // behind a backslash is no letter.
  const bool before = from > 0 && is_word(byte(from - 1)) && !(from > 1 && byte(from - 2) == '\\');
  if (count == 0 || !before || !is_word(byte(end))) return;
  std::size_t left = from, right = end;
  while (left > 0 && from - left < 32 && is_word(byte(left - 1))) --left;
  while (right - end < 32 && is_word(byte(right))) ++right;
  keep_at(invisible, code_point(decode(from).point) + " between letters", at,
          std::string(text(left, from)) + "[" + code_point(decode(from).point) + "]" +
              std::string(text(end, right)),
          text(left, right));
}

void TextSigns::look_alike(std::size_t at, std::size_t size) {
  constexpr std::size_t reach = 64;
  const auto foreign = [this](std::size_t i) {
    const std::uint8_t lead = byte(i);
    return lead >= 0xcd && lead <= 0xd4 && is_foreign_letter(decode(i).point);
  };
  std::size_t from = at, to = at + size;
  while (from > 0 && at - from < reach) {
    if (is_word(byte(from - 1))) {
      if (from > 1 && byte(from - 2) == '\\') break;
      --from;
    } else if (from > 1 && foreign(from - 2)) {
      from -= 2;
    } else {
      break;
    }
  }
  while (to - at < 4 * reach && to < window_.size()) {
    if (is_word(byte(to)))
      ++to;
    else if (foreign(to))
      to += 2;
    else
      break;
  }
  word_end_ = base_ + to;

  std::size_t latin = 0, capitals = 0, alike = 0, tail = 0;
  std::string shown;
  for (std::size_t i = from; i < to;) {
    const Character c = decode(i);
    if (c.point >= 0x80) {
      if (!is_look_alike(c.point)) {
        foreign_ = true;
        foreign_at_ = base_ + i;
        return;  // nobody takes it for a Latin word
      }
      ++alike;
      ++tail;
      shown += "[" + code_point(c.point) + "]";
    } else {
      latin += is_letter(static_cast<int>(c.point));
      capitals += is_upper(static_cast<int>(c.point));
      tail = 0;
      shown += static_cast<char>(c.point);
    }
    i += c.size;
  }
  if (latin == 0 || latin + alike < 3) return;
  // [a-zа-я]: the end of one range and the start of the next.
  if (byte(to) == '-' && foreign(to + 1)) return;
  if (from > 2 && byte(from - 1) == '-' && foreign(from - 3)) return;
  // In the prose of such a script a Latin name takes its endings, and a slip of the keyboard happens.
  const bool prose = foreign_ && base_ + at - foreign_at_ < 300;
  const bool ending = tail == alike && alike <= 2;
  if (ending && capitals == latin && latin >= 2) return;
  if (prose && (ending || latin <= alike)) return;
  keep_at(homoglyph, std::string(text(from, to)), from, shown, text(from, to));
}

// Names, numbers, paths and base64 are runs between quotes, blanks and brackets.
void TextSigns::gaps(std::size_t at, std::size_t size, const Masks& m) {
  const std::uint64_t stop = m.low & ~m.newline;
  if (stop == 0) {
    if (blob_.state == Blob::State::reading)
      feed_blob(at, at + size);
    else if (blob_.state == Blob::State::none && base_ + at + size - long_run_from_ >= blob_head_judged)
      start_blob(at + size);
  } else {
    const std::size_t first = at + static_cast<std::size_t>(std::countr_zero(stop));
    if (blob_.state == Blob::State::reading)
      feed_blob(at, first);
    else if (blob_.state == Blob::State::none &&
             base_ + first - long_run_from_ >= thresholds_.encoded_blob_bytes_min)
      start_blob(first);
    if (blob_.state == Blob::State::reading) end_blob();
    blob_.state = Blob::State::none;
    long_run_from_ = base_ + at + block_bytes - static_cast<std::size_t>(std::countl_zero(stop));
  }

  if (m.low == 0) return;
  std::uint64_t near = m.low << 1;
  for (const int shift : {1, 2, 4, 8}) near |= near << shift;
  std::uint64_t ends = m.low & m.end & ~near;
  for (; ends != 0; ends &= ends - 1) {
    const auto bit = static_cast<std::size_t>(std::countr_zero(ends));
    const std::uint64_t before = m.low & below(bit);
    const std::uint64_t from =
        before == 0 ? run_from_
                    : base_ + at + block_bytes - static_cast<std::size_t>(std::countl_zero(before));
    const std::uint64_t to = base_ + at + bit;
    if (to - from >= assigned_min && to - from <= assigned_max)
      quoted(static_cast<std::size_t>(from - base_), static_cast<std::size_t>(to - base_));
  }
  run_from_ = base_ + at + block_bytes - static_cast<std::size_t>(std::countl_zero(m.low));
}

void TextSigns::start_blob(std::size_t at) {
  const auto run = static_cast<std::size_t>(long_run_from_ - base_);
  std::size_t from = run;
  const std::uint8_t quote = run > 0 ? byte(run - 1) : 0;
  if (quote != '"' && quote != '\'') {
    const std::size_t tick = text(run, std::min(run + 200, at)).rfind('`');
    if (tick == std::string_view::npos) {
      blob_.state = Blob::State::passed;
      return;
    }
    from = run + tick + 1;
  }
  blob_.state = Blob::State::reading;
  blob_.from = base_ + from;
  blob_.line = line_at(from);
  blob_.size = blob_.letters = 0;
  blob_.head.clear();
  blob_.kind.clear();
  blob_.hasher = Sha256Hasher();
  feed_blob(from, at);
}

void TextSigns::feed_blob(std::size_t from, std::size_t to) {
  static constexpr auto table = [] {
    std::array<bool, 256> out{};
    for (int c = 0; c < 128; ++c) out[static_cast<std::size_t>(c)] = is_base64(c) || c == '\n';
    return out;
  }();
  std::size_t end = from;
  while (end < to && table[window_[end]]) ++end;
  const std::string_view part = text(from, end);
  blob_.hasher.update(part);
  blob_.size += part.size();
  blob_.letters += part.size() - static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
  for (const char c : part) {
    if (blob_.head.size() >= blob_head_max) break;
    if (c != '\n') blob_.head += c;
  }
  if (blob_.kind.empty() && blob_.head.size() >= blob_head_judged) {
    blob_.kind = kind_of(blob_.head);
    if (blob_.kind.empty()) blob_.state = Blob::State::passed;
  }
  if (end < to && blob_.state == Blob::State::reading) end_blob();
}

void TextSigns::end_blob() {
  blob_.state = Blob::State::passed;
  if (blob_.letters < thresholds_.encoded_blob_bytes_min) return;
  if (blob_.kind.empty()) blob_.kind = kind_of(blob_.head);
  if (blob_.kind.empty()) return;
  keep(encoded_blob,
       {ids[encoded_blob], blob_.kind, blob_.from, blob_.line,
        thousands(blob_.size) + " characters: " + blob_.head.substr(0, 24) + "…",
        to_hex(blob_.hasher.finish())},
       true);
}

void TextSigns::escape(std::size_t at) {
  std::size_t size = 0;
  if (byte(at + 1) == 'x') {
    if (is_hex(byte(at + 2)) && is_hex(byte(at + 3))) size = 4;
  } else if (byte(at + 2) == '{') {
    std::size_t end = at + 3;
    while (end < at + 9 && is_hex(byte(end))) ++end;
    if (end > at + 3 && byte(end) == '}') size = end + 1 - at;
  } else if (is_hex(byte(at + 2)) && is_hex(byte(at + 3)) && is_hex(byte(at + 4)) && is_hex(byte(at + 5))) {
    size = 6;
  }
  if (size == 0) return;
  const std::uint64_t offset = base_ + at;
  // In a string of a string each escape has one more backslash.
  const bool goes_on =
      escapes_.count > 0 && (offset == escapes_.end || (offset == escapes_.end + 1 && byte(at - 1) == '\\'));
  if (!goes_on) {
    end_escapes();
    escapes_.from = offset;
    escapes_.line = line_at(at);
    escapes_.head.clear();
  }
  ++escapes_.count;
  escapes_.beyond += size >= 6 && escaped_beyond_latin(text(at, at + size));
  escapes_.end = offset + size;
  if (escapes_.count <= thresholds_.escape_run_min) {
    escapes_.head += text(at, at + size);
    if (escapes_.count < thresholds_.escape_run_min) return;
    escapes_.hasher = Sha256Hasher();
    escapes_.hasher.update(escapes_.head);
  } else {
    escapes_.hasher.update(text(at, at + size));
  }
}

void TextSigns::end_escapes() {
  // Letters of other scripts hide nothing: as they are, nobody would speak of them either.
  const bool letters = escapes_.beyond * 10 >= escapes_.count * 9;
  if (escapes_.count >= thresholds_.escape_run_min && !letters)
    keep(escapes,
         {ids[escapes], thousands(escapes_.count) + " escapes", escapes_.from, escapes_.line,
          escapes_.head.substr(0, 48) + "…", to_hex(escapes_.hasher.finish())},
         true);
  escapes_.count = escapes_.beyond = 0;
}

void TextSigns::name(std::size_t at) {
  if ((byte(at + 2) | 32) != 'x') return;
  std::size_t end = at + 3;
  while (end < at + 19 && is_hex(byte(end))) ++end;
  if (end < at + 5 || is_word(byte(end))) return;
  names_.add(text(at, end), base_ + at, names_.seen.empty() ? line_at(at) : 0);
}

void TextSigns::mail(std::size_t at) {
  const auto local = [](int c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '+' || c == '-' || c == '%';
  };
  std::size_t from = at, to = at + 1;
  while (from > 0 && at - from < 64 && local(byte(from - 1))) --from;
  if (from == at) return;
  while (to - at < 128 && (is_letter(byte(to)) || is_digit(byte(to)) || byte(to) == '-' || byte(to) == '.'))
    ++to;
  std::string domain = lower(text(at + 1, to));
  while (!domain.empty() && domain.back() == '.') domain.pop_back();
  const std::size_t dot = domain.rfind('.');
  if (dot == std::string::npos || dot == 0) return;
  const std::string_view top = std::string_view(domain).substr(dot + 1);
  if (top.size() < 2 || top.size() > 12 || !std::all_of(top.begin(), top.end(), is_lower)) return;
  // Names of files and packages, and addresses that are nobody's.
  constexpr std::string_view no_top[] = {"js",      "mjs",   "cjs",       "ts",   "tsx", "jsx",  "json",
                                         "css",     "scss",  "png",       "jpg",  "svg", "html", "md",
                                         "map",     "vue",   "example",   "test", "gif", "ico",  "webp",
                                         "invalid", "local", "localhost", "yml",  "yaml"};
  if (std::find(std::begin(no_top), std::end(no_top), top) != std::end(no_top)) return;
  if (domain.starts_with("example.") || domain.find(".example.") != domain.npos ||
      domain == "users.noreply.github.com" || domain == "test.com" || domain == "email.com" ||
      domain == "domain.com")
    return;
  const std::string name = lower(text(from, at));
  if (name == "git" || name.find("noreply") != name.npos || name.find("no-reply") != name.npos) return;
  // "Name <address>" is how an author signs.
  if (from > 0 && byte(from - 1) == '<') return;
  mails_.add(name + "@" + domain, base_ + from, mails_.seen.empty() ? line_at(at) : 0);
}

void TextSigns::number(std::size_t at) {
  const auto digits = [this](std::size_t i) {
    std::size_t count = 0;
    while (count < 20 && is_digit(byte(i + count))) ++count;
    return count;
  };
  const std::uint8_t before = at > 0 ? byte(at - 1) : '\n';
  if (byte(at) == '+') {
    if (is_word(before) || before == ')' || before == ']' || before == '+' || before >= 0x80 ||
        byte(at + 1) == '0')
      return;
    // +4230-00131 and +402646-0740023: degrees of a place (ISO 6709).
    if (const std::size_t north = digits(at + 1); north == 4 || north == 6)
      if (byte(at + 1 + north) == '-' && digits(at + 2 + north) == north + 1) return;
    std::string number;
    std::size_t i = at + 1;
    for (; i < at + 24; ++i) {
      const std::uint8_t c = byte(i);
      if (is_digit(c))
        number += static_cast<char>(c);
      else if ((c != ' ' && c != '-' && c != '(' && c != ')') ||
               !(is_digit(byte(i + 1)) || byte(i + 1) == '(' || byte(i + 1) == ' '))
        break;
    }
    if (number.size() < 8 || number.size() > 15 || is_word(byte(i))) return;
    return phones_.add(number, base_ + at, phones_.seen.empty() ? line_at(at) : 0);
  }
  if (at < 3 || !is_digit(before) || !is_digit(byte(at - 2)) || !is_digit(byte(at - 3))) return;
  if (at > 3 && (is_word(byte(at - 4)) || byte(at - 4) == '-' || byte(at - 4) == '.')) return;
  const std::size_t middle = digits(at + 1);
  if ((middle != 2 && middle != 3) || byte(at + 1 + middle) != '-') return;
  const std::size_t end = at + 2 + middle + 4;
  if (digits(at + 2 + middle) != 4 || is_word(byte(end)) || byte(end) == '-') return;
  Distinct& values = middle == 2 ? ids_ : phones_;
  values.add(text(at - 3, end), base_ + at - 3, values.seen.empty() ? line_at(at) : 0);
}

void TextSigns::account(std::size_t at) {
  if (at > 0 && (is_word(byte(at - 1)) || byte(at - 1) == '-')) return;
  const std::string number = iban_at(text(at, at + iban_text_bytes_max + 1));
  if (number.empty()) return;
  ibans_.add(number, base_ + at, ibans_.seen.empty() ? line_at(at) : 0);
  countries_.insert(number.substr(0, 2));
}

// A run of 16 or more between two bytes below '+'.
void TextSigns::quoted(std::size_t from, std::size_t to) {
  const std::uint8_t quote = from > 0 ? byte(from - 1) : '\n';
  if (quote == byte(to) && (quote == '"' || quote == '\'')) {
    std::size_t i = from - 1;
    const auto skip_blanks = [&] {
      while (i > 0 && from - i < 16 && (byte(i - 1) == ' ' || byte(i - 1) == '\t')) --i;
    };
    skip_blanks();
    if (i == 0 || (byte(i - 1) != '=' && byte(i - 1) != ':')) return;
    --i;
    skip_blanks();
    if (i > 0 && (byte(i - 1) == '"' || byte(i - 1) == '\'')) --i;
    assigned(i, from, to);
  } else if (quote == '\n' && (byte(to) == '\n' || byte(to) == '\r')) {  // NAME=value, as in .env
    const std::size_t sign = text(from, to).find('=');
    if (sign != std::string_view::npos) assigned(from + sign, from + sign + 1, to);
  }
}

void TextSigns::assigned(std::size_t name_end, std::size_t from, std::size_t to) {
  const std::string_view value = text(from, to);
  if (value.size() < assigned_min) return;
  std::size_t digits = 0, letters = 0, run = 0, longest = 0;
  for (const char c : value) {
    if (!is_base64(c) && c != '.' && c != '~') return;
    digits += is_digit(c);
    letters += is_letter(c);
    run = is_lower(c) ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  // A word of some length is a name that somebody thought of.
  if (digits < 2 || letters < 4 || longest > 7) return;
  std::size_t name_from = name_end;
  while (name_from > 0 && name_end - name_from < 64 &&
         (is_word(byte(name_from - 1)) || byte(name_from - 1) == '-' || byte(name_from - 1) == '.'))
    --name_from;
  const std::string name = lower(text(name_from, name_end));
  const auto has = [&](std::string_view word) { return name.find(word) != name.npos; };
  constexpr std::string_view telling[] = {"secret",        "token",      "passw",       "pwd",
                                          "credential",    "apikey",     "api_key",     "api-key",
                                          "accesskey",     "access_key", "private_key", "privatekey",
                                          "encryptionkey", "signingkey", "authkey",     "auth_key"};
  constexpr std::string_view harmless[] = {"key_id",  "keyid",    "author",    "public",
                                           "keyword", "tokenize", "tokentype", "integrity"};
  if (std::none_of(std::begin(telling), std::end(telling), has) ||
      std::any_of(std::begin(harmless), std::end(harmless), has))
    return;
  if (shannon_entropy(value) < 3.5) return;
  keep(secret_generic,
       {ids[secret_generic], printable(text(name_from, name_end), 60), base_ + from, line_at(from),
        printable(text(name_from, name_end), 60) + " = " + printable(value.substr(0, 4)) + "… (" +
            std::to_string(value.size()) + " characters)",
        hex_digest(value)},
       text_before(from));
}

TextSigns::Character TextSigns::decode(std::size_t at) const {
  const std::uint8_t lead = byte(at);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  constexpr Character broken = {0xfffd, 1};
  if (size == 0 || lead >= 0xf5 || at + size > window_.size()) return broken;
  std::uint32_t point = lead & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((window_[at + i] & 0xc0) != 0x80) return broken;
    point = point << 6 | (window_[at + i] & 0x3fu);
  }
  return {point, size};
}

std::string_view TextSigns::text(std::size_t from, std::size_t to) const {
  to = std::min(to, window_.size());
  return from >= to ? std::string_view() : as_text(window_.subspan(from, to - from));
}

std::uint32_t TextSigns::line_at(std::size_t at) const {
  std::uint64_t line = lines_ + 1;
  if (at >= block_at_) {
    line += static_cast<std::uint64_t>(std::popcount(block_newlines_ & below(at - block_at_)));
  } else {
    const std::string_view between = text(at, block_at_);
    line -= static_cast<std::uint64_t>(std::count(between.begin(), between.end(), '\n'));
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(line, UINT32_MAX));
}

// The few bytes before are characters of a text: bytes of a picture or an archive hardly ever are.
bool TextSigns::text_before(std::size_t at) const {
  std::size_t from = at - std::min<std::size_t>(at, 32);
  while (from < at && (byte(from) & 0xc0) == 0x80) ++from;
  const std::string_view before = text(from, at);
  return is_utf8(before) && std::none_of(before.begin(), before.end(),
                                         [](char c) { return is_control(static_cast<std::uint8_t>(c)); });
}

void TextSigns::keep(Which which, Sign sign, bool in_text) {
  Kept& kept = kept_[which];
  ++kept.count;
  if (std::ssize(kept.found) < kept_of_a_rule) {
    kept.found.push_back({std::move(sign), in_text});
    return;
  }
  // What may be a whim of binary bytes makes room.
  if (in_text) {
    const auto doubtful =
        std::find_if(kept.found.begin(), kept.found.end(), [](const Found& f) { return !f.in_text; });
    if (doubtful != kept.found.end()) {
      std::swap(doubtful->sign, sign);
      doubtful->in_text = true;
      std::rotate(doubtful, doubtful + 1, kept.found.end());
    }
  }
  std::string chain(as_text(kept.others.bytes));
  kept.others = sha256(chain + sign.digest);
}

void TextSigns::keep_at(Which which, std::string what, std::size_t at, std::string evidence,
                        std::string_view digested) {
  keep(which,
       {ids[which], std::move(what), base_ + at, line_at(at), std::move(evidence), hex_digest(digested)},
       text_before(at));
}

void TextSigns::finish(FileContent& content) {
  if (blob_.state == Blob::State::reading) end_blob();
  end_escapes();
  // Bytes of other kinds than text have control characters everywhere.
  const bool text = controls_ * 64 <= done_;
  if (text) content.longest_line_bytes = std::max(longest_, done_ - line_start_);
  for (std::size_t which = 0; which < which_count; ++which) {
    Kept& kept = kept_[which];
    std::size_t shown = 0;
    for (Found& found : kept.found) {
      if (!text && !found.in_text) continue;
      // Already told as what its issuer makes of it.
      if (which == secret_generic &&
          std::any_of(content.secrets.begin(), content.secrets.end(),
                      [&](const SecretHit& hit) { return hit.fingerprint == found.sign.digest; }))
        continue;
      content.signs.push_back(std::move(found.sign));
      ++shown;
    }
    if (shown == 0) continue;
    content.sign_counts[ids[which]] += text ? kept.count : shown;
    if (kept.count > kept.found.size())
      content.signs.push_back({ids[which], std::string(sign_rest), 0, 0, {}, to_hex(kept.others)});
  }
  if (!names_.seen.empty()) {
    content.sign_counts["code/obfuscated-names"] += names_.seen.size();
    content.signs.push_back({"code/obfuscated-names", {}, names_.first, names_.line, {}, {}});
  }
  const auto people = [&](const Distinct& values, std::string_view what) {
    if (values.seen.size() <= thresholds_.personal_rows_max) return;
    content.sign_counts["leak/personal-data"] += values.seen.size();
    content.signs.push_back({"leak/personal-data",
                             (values.seen.size() >= distinct_max ? "at least " : "") +
                                 thousands(values.seen.size()) + " " + std::string(what),
                             values.first,
                             values.line,
                             {},
                             {}});
  };
  people(mails_, "e-mail addresses");
  people(phones_, "telephone numbers");
  people(ids_, "social security numbers");
  // Examples of how each country writes them are one or two of each.
  if (ibans_.seen.size() > 2 * countries_.size()) people(ibans_, "bank accounts (IBAN)");
}

}  // namespace sallyport
