#include "policies/content/source_map.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <string_view>

#include "storage/base/text.hpp"
#include "storage/base/utf8.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sallyport {
namespace {

// A map is nearly all string, so strings are read 64 bytes at a time as bit masks: bit i is byte i.
struct Block {
  const std::uint8_t* at;

  std::uint64_t equal(char c) const {
#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi8(c);
    std::uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
      const auto bits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
      mask |= static_cast<std::uint64_t>(bits) << (16 * i);
    }
    return mask;
#else
    std::uint64_t mask = 0;
    for (int i = 0; i < 64; ++i)
      mask |= static_cast<std::uint64_t>(at[i] == static_cast<std::uint8_t>(c)) << i;
    return mask;
#endif
  }
};

// Which bytes an odd run of backslashes stands before. `carry`: the byte before the block was such a
// backslash.
std::uint64_t escaped_bits(std::uint64_t backslashes, bool& carry) {
  std::uint64_t escaped = carry ? 1 : 0;
  backslashes &= ~escaped;
  carry = false;
  while (backslashes != 0) {
    const std::uint64_t first = backslashes & -backslashes;
    escaped |= first << 1;
    carry = (first >> 63) != 0;
    backslashes &= ~(first | first << 1);
  }
  return escaped;
}

// The quote that closes the text, or `end`.
const std::uint8_t* past_text(const std::uint8_t* at, const std::uint8_t* end, bool& escape) {
  while (end - at >= 64) {
    const Block block{at};
    std::uint64_t quotes = block.equal('"');
    const std::uint64_t backslashes = block.equal('\\');
    if (backslashes != 0 || escape) quotes &= ~escaped_bits(backslashes, escape);
    if (quotes != 0) {
      escape = false;
      return at + std::countr_zero(quotes);
    }
    at += 64;
  }
  for (; at != end; ++at) {
    if (escape)
      escape = false;
    else if (*at == '\\')
      escape = true;
    else if (*at == '"')
      return at;
  }
  return end;
}

// Surrogate halves stay halves: nothing we compare with has one, and printable() makes them '?'.
std::string unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      out += raw[i];
      continue;
    }
    switch (const char c = raw[++i]) {
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
      case 'u': {
        std::uint32_t code = 0;
        const std::string_view digits = raw.substr(i + 1, 4);
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (parsed.ec == std::errc()) append_utf8(out, code);
        i += static_cast<std::size_t>(parsed.ptr - digits.data());
        break;
      }
      default:
        out += c;
    }
  }
  return out;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool starts_with_folded(std::string_view text, std::string_view lower_case) {
  return text.size() >= lower_case.size() && std::equal(lower_case.begin(), lower_case.end(), text.begin(),
                                                        [](char a, char b) { return a == lower(b); });
}

bool is_blank(std::uint8_t c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

constexpr std::uint8_t own = 1, third_party = 2, embedded = 4;

}  // namespace

bool is_third_party_source(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return true;  // Rollup's and Vite's virtual modules
  static constexpr std::string_view marks[] = {"node_modules/",
                                               "node_modules\\",
                                               "bower_components/",
                                               "/.yarn/",
                                               "(webpack)",
                                               "webpack/bootstrap",
                                               "webpack/runtime/",
                                               "webpack/startup",
                                               "webpack/before-startup",
                                               "webpack/after-startup",
                                               "webpack/universalModuleDefinition",
                                               "webpack/container",
                                               "external \"",
                                               "external commonjs",
                                               "external module ",
                                               "external node-commonjs",
                                               "[turbopack]/",
                                               "vite/preload-helper",
                                               "vite/modulepreload-polyfill",
                                               "rolldown:runtime",
                                               "rolldown/runtime.js",
                                               "<runtime>"};
  return std::any_of(std::begin(marks), std::end(marks),
                     [&](std::string_view mark) { return path.find(mark) != std::string_view::npos; });
}

bool is_remote_source(std::string_view path) {
  for (const std::string_view start : {"http://", "https://", "s3://", "r2://", "gs://", "file:/", "//",
                                       "/home/", "/users/", "/root/", "~/"})
    if (starts_with_folded(path, start)) return true;
  return path.size() > 2 && ((path[0] >= 'a' && path[0] <= 'z') || (path[0] >= 'A' && path[0] <= 'Z')) &&
         path[1] == ':' && (path[2] == '\\' || path[2] == '/') && !path.starts_with("//");
}

void SourceMapReader::data(Bytes bytes) {
  At at = bytes.data();
  const At begin = at, end = at + bytes.size();
  while (at != end && expect_ != Expect::nothing) {
    if (text_ != Text::none)
      at = text(at, end);
    else if (expect_ == Expect::skipped)
      at = skip(at, end);
    else
      at = structure(at, end);
  }
  bytes_ += static_cast<std::uint64_t>(at - begin);
}

SourceMapReader::At SourceMapReader::structure(At at, At end) {
  for (; at != end; ++at) {
    const std::uint8_t byte = *at;
    if (expect_ == Expect::scalar) {
      if (byte != ',' && byte != '}' && byte != ']' && !is_blank(byte)) {
        if (captured_.size() < 32) captured_ += static_cast<char>(byte);
        continue;
      }
      end_scalar();
    }
    if (is_blank(byte) && expect_ != Expect::xssi) continue;
    switch (expect_) {
      case Expect::text:
        if (byte == '{')
          open(Frame::map);
        else if (byte == ')')
          expect_ = Expect::xssi;
        else if (byte != 0xef && byte != 0xbb && byte != 0xbf)  // a byte order mark
          expect_ = Expect::nothing;
        break;
      case Expect::xssi:  // )]}' and the rest of its line; some writers put the map on the same line
        if (byte == '\n')
          expect_ = Expect::text;
        else if (byte == '{' && xssi_bare_)
          open(Frame::map);
        else if (std::string_view(")]}',;").find(static_cast<char>(byte)) == std::string_view::npos)
          xssi_bare_ = false;
        break;
      case Expect::first_key:
      case Expect::key:
        if (byte == '"')
          begin_text(Text::key);
        else if (byte == '}')
          close();
        else
          expect_ = Expect::nothing;
        break;
      case Expect::colon:
        expect_ = byte == ':' ? Expect::value : Expect::nothing;
        break;
      case Expect::first_element:
      case Expect::element:
        if (byte == ']') {
          close();
          break;
        }
        begin_value(byte);
        break;
      case Expect::value:
        begin_value(byte);
        break;
      case Expect::after_value:
        if (byte == '}' || byte == ']') {
          close();
        } else if (byte == ',') {
          const Frame frame = frames_[depth_ - 1];
          expect_ = frame == Frame::map || frame == Frame::section ? Expect::key : Expect::element;
        } else {
          expect_ = Expect::nothing;
        }
        break;
      case Expect::scalar:
      case Expect::skipped:
      case Expect::nothing:
        break;
    }
    if (text_ != Text::none || expect_ == Expect::skipped || expect_ == Expect::nothing) return at + 1;
  }
  return at;
}

void SourceMapReader::begin_value(std::uint8_t byte) {
  const Frame frame = frames_[depth_ - 1];
  const Key key = frame == Frame::map || frame == Frame::section ? key_ : Key::other;
  const bool outermost = depth_ == 1;
  captured_.clear();
  if (byte == '"') {
    if (frame == Frame::map && key == Key::mappings && outermost) tally_.mappings_text = true;
    if (frame == Frame::sources || (frame == Frame::map && (key == Key::version || key == Key::source_root)))
      begin_text(Text::captured);
    else
      begin_text(frame == Frame::contents ? Text::counted : Text::skipped);
    return;
  }
  if (byte != '{' && byte != '[') {
    captured_ = static_cast<char>(byte);
    expect_ = byte == ',' || byte == ':' || byte == '}' || byte == ']' ? Expect::nothing : Expect::scalar;
    return;
  }
  if (depth_ < frames_max) {
    if (frame == Frame::map && byte == '[') {
      if (outermost) {
        tally_.mappings_list |= key == Key::mappings;
        tally_.sections_list |= key == Key::sections;
        tally_.sources_list |= key == Key::sources;
      }
      if (key == Key::sections) return open(Frame::sections);
      if (key == Key::sources) return open(Frame::sources);
      if (key == Key::contents) return open(Frame::contents);
    }
    if (frame == Frame::sections && byte == '{') return open(Frame::section);
    if (frame == Frame::section && key == Key::map && byte == '{') return open(Frame::map);
  }
  skip_depth_ = 1;
  expect_ = Expect::skipped;
}

SourceMapReader::At SourceMapReader::skip(At at, At end) {
  while (at != end) {
    if (skip_in_text_) {
      at = past_text(at, end, escape_);
      if (at == end) return end;
      skip_in_text_ = false;
      ++at;
      continue;
    }
    const std::uint8_t byte = *at++;
    if (byte == '"') {
      skip_in_text_ = true;
    } else if (byte == '{' || byte == '[') {
      ++skip_depth_;
    } else if ((byte == '}' || byte == ']') && --skip_depth_ == 0) {
      end_value();
      return at;
    }
  }
  return end;
}

void SourceMapReader::begin_text(Text kind) {
  text_ = kind;
  escape_ = false;
  unicode_left_ = 0;
  captured_.clear();
  text_bytes_ = text_lines_ = 0;
  text_ends_in_newline_ = false;
}

SourceMapReader::At SourceMapReader::text(At at, At end) {
  const At start = at;
  if (text_ == Text::counted) {
    at = counted_text(at, end);
  } else {
    at = past_text(at, end, escape_);
    if (text_ != Text::skipped && captured_.size() < capture_max) {
      const auto room =
          std::min<std::size_t>(capture_max - captured_.size(), static_cast<std::size_t>(at - start));
      captured_.append(reinterpret_cast<const char*>(start), room);
    }
  }
  if (at == end) return end;
  end_text();
  return at + 1;
}

// The closing quote, or `end`; adds up what the text is decoded.
SourceMapReader::At SourceMapReader::counted_text(At at, At end) {
  At scalar_until = at;
  for (;;) {
    while (at < scalar_until || (at != end && (end - at < 64 || unicode_left_ > 0))) {
      if (*at == '"' && !escape_) return at;
      count_byte(*at++);
    }
    if (at == end) return end;
    const Block block{at};
    std::uint64_t quotes = block.equal('"');
    const std::uint64_t backslashes = block.equal('\\');
    std::uint64_t escaped = 0;
    bool carry = escape_;
    if (backslashes != 0 || carry) {
      escaped = escaped_bits(backslashes, carry);
      quotes &= ~escaped;
    }
    const std::uint64_t inside = quotes == 0 ? ~0ull : (quotes & -quotes) - 1;
    if ((escaped | backslashes) != 0) {
      if ((escaped & inside & block.equal('u')) != 0) {  // \uXXXX has several lengths: byte by byte
        scalar_until = at + 64;
        continue;
      }
      const std::uint64_t newlines = escaped & inside & block.equal('n');
      text_lines_ += static_cast<unsigned>(std::popcount(newlines));
      text_bytes_ += static_cast<unsigned>(std::popcount(inside & ~(backslashes & ~escaped)));
      if (inside != 0) text_ends_in_newline_ = (newlines >> (63 - std::countl_zero(inside)) & 1) != 0;
    } else {
      text_bytes_ += static_cast<unsigned>(std::popcount(inside));
      if (inside != 0) text_ends_in_newline_ = false;
    }
    if (quotes != 0) {
      escape_ = false;
      return at + std::countr_zero(quotes);
    }
    escape_ = carry;
    at += 64;
  }
}

void SourceMapReader::count_byte(std::uint8_t byte) {
  if (unicode_left_ > 0) {
    const std::uint32_t folded = byte | 0x20u;
    unicode_ = unicode_ << 4 | ((folded >= 'a' ? folded - 'a' + 10 : byte - '0') & 0xfu);
    if (--unicode_left_ > 0) return;
    // Half a surrogate pair is half of the four bytes the pair takes.
    const bool surrogate = unicode_ >= 0xd800 && unicode_ < 0xe000;
    text_bytes_ += unicode_ < 0x80 ? 1 : unicode_ < 0x800 || surrogate ? 2 : 3;
    text_ends_in_newline_ = unicode_ == '\n';
    text_lines_ += unicode_ == '\n';
  } else if (escape_) {
    escape_ = false;
    if (byte == 'u') {
      unicode_left_ = 4;
      unicode_ = 0;
      return;
    }
    ++text_bytes_;
    text_ends_in_newline_ = byte == 'n';
    text_lines_ += byte == 'n';
  } else if (byte == '\\') {
    escape_ = true;
    text_ends_in_newline_ = false;
  } else {
    ++text_bytes_;
    text_ends_in_newline_ = false;
  }
}

void SourceMapReader::end_text() {
  const Text kind = text_;
  text_ = Text::none;
  if (kind == Text::key) {
    const std::string key = unescape(captured_);
    key_ = key == "version"          ? Key::version
           : key == "mappings"       ? Key::mappings
           : key == "sections"       ? Key::sections
           : key == "sources"        ? Key::sources
           : key == "sourcesContent" ? Key::contents
           : key == "sourceRoot"     ? Key::source_root
           : key == "map"            ? Key::map
                                     : Key::other;
    expect_ = Expect::colon;
    return;
  }
  if (kind == Text::counted) take_content();
  if (kind == Text::captured) {
    const std::string value = unescape(captured_);
    if (frames_[depth_ - 1] == Frame::sources) {
      take_source(value);
    } else if (key_ == Key::source_root) {
      if (summary_.source_root.empty()) summary_.source_root = printable(value, 500);
      note_remote(value);
    } else if (value == "3" && depth_ == 1) {  // some consumers compare loosely
      tally_.version_3 = true;
    }
  }
  end_value();
}

void SourceMapReader::end_scalar() {
  if (frames_[depth_ - 1] == Frame::map && key_ == Key::version && depth_ == 1) {
    double number = 0;
    const char* const last = captured_.data() + captured_.size();
    const auto parsed = std::from_chars(captured_.data(), last, number);
    if (parsed.ec == std::errc() && parsed.ptr == last && number == 3) tally_.version_3 = true;
  }
  end_value();
}

void SourceMapReader::end_value() {
  if (depth_ == 0) {
    expect_ = Expect::nothing;
    return;
  }
  if (frames_[depth_ - 1] == Frame::sources) ++source_index_;
  if (frames_[depth_ - 1] == Frame::contents) ++content_index_;
  expect_ = Expect::after_value;
}

void SourceMapReader::open(Frame frame) {
  if (frame == Frame::map) settle_sources();
  if (frame == Frame::sources) source_index_ = 0;
  if (frame == Frame::contents) content_index_ = 0;
  frames_[depth_++] = frame;
  expect_ = frame == Frame::map || frame == Frame::section ? Expect::first_key : Expect::first_element;
}

void SourceMapReader::close() {
  const Frame frame = frames_[--depth_];
  if (frame == Frame::sources) sources_seen_ = true;
  if (frame == Frame::map) settle_sources();
  end_value();
}

void SourceMapReader::note_remote(const std::string& path) {
  if (!is_remote_source(path) || summary_.remote_sources.size() == 5) return;
  summary_.remote_sources.push_back(printable(path));
}

void SourceMapReader::take_source(const std::string& path) {
  const bool others = is_third_party_source(path);
  note_remote(path);
  if (!others && summary_.sample_sources.size() < 5) summary_.sample_sources.push_back(printable(path));
  if (source_index_ >= tracked_max) {
    ++(others ? summary_.sources_third_party : summary_.sources_own);
    return;
  }
  if (flags_.size() <= source_index_) flags_.resize(source_index_ + 1);
  flags_[source_index_] |= others ? third_party : own;
}

void SourceMapReader::take_content() {
  const std::uint64_t lines = text_lines_ + (text_bytes_ > 0 && !text_ends_in_newline_ ? 1 : 0);
  summary_.embedded_bytes += text_bytes_;
  summary_.embedded_lines += lines;
  if (content_index_ >= tracked_max) {  // not matched with its source: ours, until somebody shows otherwise
    ++summary_.embedded_own;
    summary_.embedded_own_lines += lines;
    return;
  }
  if (flags_.size() <= content_index_) flags_.resize(content_index_ + 1);
  flags_[content_index_] |= embedded;
  if (sources_seen_) {
    if (flags_[content_index_] != (third_party | embedded)) summary_.embedded_own_lines += lines;
  } else {
    if (lines_.size() <= content_index_) lines_.resize(content_index_ + 1);
    lines_[content_index_] += static_cast<std::uint32_t>(std::min<std::uint64_t>(lines, UINT32_MAX / 2));
  }
}

void SourceMapReader::settle_sources() {
  for (std::size_t i = 0; i < flags_.size(); ++i) {
    const std::uint8_t flags = flags_[i];
    if (flags == 0) continue;
    const bool others = (flags & (own | third_party)) == third_party;
    ++(others ? summary_.sources_third_party : summary_.sources_own);
    if ((flags & embedded) != 0) ++(others ? summary_.embedded_third_party : summary_.embedded_own);
    if (!others && i < lines_.size()) summary_.embedded_own_lines += lines_[i];
  }
  flags_.clear();
  lines_.clear();
  sources_seen_ = false;
}

std::optional<SourceMapSummary> SourceMapReader::finish() {
  if (expect_ == Expect::scalar && depth_ > 0) end_scalar();
  settle_sources();
  const bool map = tally_.version_3 && (tally_.mappings_text || tally_.sections_list ||
                                        (tally_.mappings_list && tally_.sources_list));
  // Without its version or its mappings it gives the texts away as well.
  const bool texts = (tally_.version_3 || tally_.mappings_text) && tally_.sources_list &&
                     summary_.embedded_own + summary_.embedded_third_party > 0;
  if (!map && !texts) return std::nullopt;
  summary_.bytes = bytes_;
  summary_.sections = tally_.sections_list;
  return std::move(summary_);
}

}  // namespace sallyport
