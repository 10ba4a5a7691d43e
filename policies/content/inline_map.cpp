#include "policies/content/inline_map.hpp"

#include <array>
#include <vector>

#include "policies/content/base64_alphabet.hpp"
#include "policies/content/source_map.hpp"

namespace sallyport {
namespace {

constexpr auto npos = std::string_view::npos;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "//#", "//@", "/*#" or "/*@", then blanks.
bool opens_comment(std::string_view before) {
  const std::size_t last = before.find_last_not_of(" \t");
  if (last == npos || last < 2) return false;
  const char mark = before[last], star = before[last - 1];
  return (mark == '#' || mark == '@') && (star == '/' || star == '*') && before[last - 2] == '/';
}

bool has_scheme(std::string_view target) {
  const std::size_t colon = target.find(':');
  return colon != npos && colon > 0 && target.find_first_of("/?#") > colon;
}

// Strings and patterns in code that handles such comments look like one, except for what follows the name.
bool could_be_name(std::string_view target) {
  const std::string_view never = has_scheme(target) ? "\"'`{}<>|\\^" : "\"'`{}<>|\\^()[]*+$,;";
  return !target.empty() && target.find_first_of(never) == npos;
}

// As lenient as the laxest consumer, unlike base64.hpp: what anybody would decode is looked at.
class Payload {
 public:
  explicit Payload(bool base64) : base64_(base64) { out_.reserve(out_bytes); }

  // False once nothing that follows matters.
  bool feed(std::string_view text) {
    for (const char c : text)
      if (!take(c)) return false;
    return deliver();
  }
  std::optional<SourceMapSummary> finish() {
    if (held_ >= 2) out_.push_back(static_cast<std::uint8_t>(group_ >> (held_ == 2 ? 4 : 10)));
    if (held_ == 3) out_.push_back(static_cast<std::uint8_t>(group_ >> 2));
    deliver();
    return reader_.finish();
  }

 private:
  static constexpr std::size_t out_bytes = 32u << 10;

  bool take(char c) {
    if (percent_left_ > 0) {
      const int digit = hex_digit(c);
      if (digit < 0) return false;
      percent_ = percent_ << 4 | digit;
      return --percent_left_ > 0 || decoded(static_cast<char>(percent_));
    }
    if (c == '%') {
      percent_left_ = 2;
      percent_ = 0;
      return true;
    }
    if (c == '\n' || c == '\r') return false;
    return decoded(c);
  }

  bool decoded(char c) {
    if (!base64_) return put(static_cast<std::uint8_t>(c));
    const std::uint8_t value = base64_values[static_cast<std::uint8_t>(c)];
    if (value == base64_none) return false;  // padding too: finish() takes what is left
    group_ = group_ << 6 | value;
    if (++held_ < 4) return true;
    held_ = 0;
    return put(static_cast<std::uint8_t>(group_ >> 16)) && put(static_cast<std::uint8_t>(group_ >> 8)) &&
           put(static_cast<std::uint8_t>(group_));
  }

  bool put(std::uint8_t byte) {
    out_.push_back(byte);
    return out_.size() < out_bytes || deliver();
  }

  bool deliver() {
    reader_.data(out_);
    out_.clear();
    return !reader_.done();
  }

  bool base64_;
  int percent_left_ = 0, percent_ = 0, held_ = 0;
  std::uint32_t group_ = 0;
  std::vector<std::uint8_t> out_;
  SourceMapReader reader_;
};

// One level of escapes less. Those by number stay: in strings of the map they say the same.
void unescape(std::string_view text, bool& escape, std::string& out) {
  for (const char c : text) {
    if (!escape) {
      if (c == '\\')
        escape = true;
      else
        out += c;
      continue;
    }
    escape = false;
    if (c == 'u' || c == 'x')
      out.append({'\\', c});
    else
      out += c == 'n' || c == 'r' || c == 't' ? ' ' : c;
  }
}

}  // namespace

MapComment read_map_comment(std::string_view before, std::string_view after) {
  MapComment comment;
  std::size_t at = 0;
  while (at < after.size() && is_blank(after[at])) ++at;
  if (at == after.size() || after[at] != '=') return comment;
  ++at;
  while (at < after.size() && is_blank(after[at])) ++at;
  const std::string_view rest = after.substr(at);
  if (lower(rest.substr(0, 5)) == "data:") {
    const std::size_t comma = rest.find(',');
    if (comma == npos || rest.substr(0, comma).find_first_of("\r\n") != npos) return comment;
    std::string head = lower(rest.substr(0, comma));
    while (!head.empty() && is_blank(head.back())) head.pop_back();
    comment.kind = MapComment::Kind::data;
    comment.base64 = head.ends_with("base64") || head.ends_with("base64%20");
    comment.payload = at + comma + 1;
    return comment;
  }
  if (!opens_comment(before)) return comment;
  const std::size_t end = std::min(rest.find_first_of(" \t\r\n\f\v"), rest.size());
  std::string_view target = rest.substr(0, end);
  std::string_view line = rest.substr(end, rest.find_first_of("\r\n", end) - end);
  if (const std::size_t close = target.find("*/"); close != npos) {
    target = target.substr(0, close);
    line = {};
  } else if (line.find("*/") != npos) {
    line = line.substr(0, line.find("*/"));
  }
  if (line.find_first_not_of(" \t\f\v") != npos || !could_be_name(target)) return comment;
  comment.kind = MapComment::Kind::reference;
  comment.target = target.substr(0, 500);
  return comment;
}

Result<std::optional<SourceMapSummary>> read_data_map(const FileBytes& file, std::uint64_t offset,
                                                      bool base64, std::uint64_t& spent) {
  Payload payload(base64);
  std::vector<std::uint8_t> block(2u << 10);  // enough to see that it is no map
  for (;;) {
    const auto read = file.read(offset, block);
    if (!read) return read.error();
    if (*read == 0) break;
    spent += *read;
    offset += *read;
    if (!payload.feed(as_text(Bytes(block).first(*read)))) break;
    block.resize(32u << 10);
  }
  return payload.finish();
}

std::optional<MapStart> map_start(std::string_view text, std::uint64_t end) {
  // Back over the value and the key to its first quote.
  std::size_t key = text.rfind(':');
  for (int quotes = 0; key != npos && key > 0 && quotes < 2;) quotes += text[--key] == '"';
  if (key == npos || key == 0 || text[key] != '"') return std::nullopt;
  std::size_t at = key;
  while (at > 0 && text[at - 1] == '\\') --at;
  std::size_t slashes = key - at;
  // Blanks may be escaped too: the "n" of a line end.
  const auto blank = [&] {
    const char c = text[at - 1];
    if (is_blank(c) || c == '\n' || c == '\r' || c == '\\') return true;
    return at > 1 && text[at - 2] == '\\' && (c == 'n' || c == 'r' || c == 't');
  };
  while (at > 0 && blank()) --at;
  if (at == 0 || text[at - 1] != '{') return std::nullopt;
  const std::size_t brace = at - 1;
  MapStart start{end - (text.size() - brace), 0};
  for (; slashes > 0; slashes /= 2) ++start.level;
  // In a string of the other quotes only backslashes are escaped.
  if (start.level == 0 && brace > 0 && (text[brace - 1] == '\'' || text[brace - 1] == '`')) start.level = 1;
  return start;
}

Result<std::optional<WrappedMap>> read_wrapped_map(const FileBytes& file, const MapStart& start,
                                                   std::uint64_t& spent) {
  constexpr std::size_t levels_max = 3, step = 256;
  SourceMapReader reader;
  std::array<bool, levels_max> escapes{};
  const auto levels = std::min<std::size_t>(levels_max, static_cast<std::size_t>(start.level));
  std::vector<std::uint8_t> block(2u << 10);
  std::uint64_t offset = start.offset, end = offset;
  std::string text, less;
  while (!reader.done()) {
    const auto read = file.read(offset, block);
    if (!read) return read.error();
    if (*read == 0) break;
    spent += *read;
    offset += *read;
    for (Bytes rest = Bytes(block).first(*read); !rest.empty() && !reader.done();) {
      const Bytes part = levels == 0 ? rest : rest.first(std::min(step, rest.size()));
      rest = rest.subspan(part.size());
      text = as_text(part);
      for (std::size_t level = 0; level < levels; ++level) {
        less.clear();
        unescape(text, escapes[level], less);
        std::swap(text, less);
      }
      reader.data(as_bytes(text));
      if (!reader.done()) end += part.size();
    }
    block.resize(32u << 10);
  }
  auto map = reader.finish();
  if (!map) return std::optional<WrappedMap>();
  if (levels == 0) end = start.offset + map->bytes;
  return std::optional<WrappedMap>({std::move(*map), end});
}

}  // namespace sallyport
