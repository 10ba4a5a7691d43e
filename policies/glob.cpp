#include "policies/glob.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace sallyport {

namespace {

constexpr std::size_t kPatternBytesMax = 4 << 10;
constexpr std::size_t kAlternativesMax = 1000;
constexpr std::size_t kAlternativeBytesMax = 16 << 10;  // of all of them
constexpr int kStepsMax = 100'000;                      // of one match: patterns of many ** on deep paths

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool same(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(),
                    [](unsigned char a, char b) { return static_cast<char>(std::tolower(a)) == b; });
}

// The '}' that closes the '{' at `open`, and the commas between them; npos where it is not closed.
std::size_t closing_brace(std::string_view text, std::size_t open, std::vector<std::size_t>& commas) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    } else if (text[i] == ',' && depth == 1) {
      commas.push_back(i);
    }
  }
  return std::string_view::npos;
}

void expand_braces(std::string_view text, std::vector<std::string>& out, std::size_t& bytes) {
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    std::vector<std::size_t> cuts = {open};
    const std::size_t close = closing_brace(text, open, cuts);
    if (close == std::string_view::npos || cuts.size() == 1) continue;  // "{", "{a}": as they stand
    cuts.push_back(close);
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      std::string one(text.substr(0, open));
      one += text.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1);
      one += text.substr(close + 1);
      expand_braces(one, out, bytes);
    }
    return;
  }
  bytes += text.size();
  if (out.size() >= kAlternativesMax || (bytes > kAlternativeBytesMax && !out.empty()))
    throw std::length_error("a file pattern expands to too many alternatives");
  out.emplace_back(text);
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  parts.reserve(8);
  for (std::size_t begin = 0;;) {
    const std::size_t end = path.find('/', begin);
    parts.push_back(path.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

// "[a-z]" and "[!a-z]" at `i`, which is moved behind it; an unclosed one is a plain bracket.
std::string char_class(std::string_view text, std::size_t& i) {
  std::size_t close = i + 1;
  const bool inverted = close < text.size() && (text[close] == '!' || text[close] == '^');
  if (inverted) ++close;
  const std::size_t first = close;
  if (close < text.size() && text[close] == ']') ++close;
  while (close < text.size() && text[close] != ']') close += text[close] == '\\' ? 2 : 1;
  if (close >= text.size()) {
    ++i;
    return "\\[";
  }
  std::string out = inverted ? "[^/" : "[";
  for (std::size_t at = first; at < close; ++at) {
    const char c = text[at];
    if (c == '\\' && at + 1 < close) {
      out += RE2::QuoteMeta(re2::StringPiece(text.data() + ++at, 1));
    } else if (c == '[' || c == ']' || c == '^' || c == '\\' || c == '&') {
      (out += '\\') += c;
    } else {
      out += c;
    }
  }
  i = close + 1;
  return out + "]";
}

// One part of a pattern as a regular expression. RE2, because a pattern is hostile text and must match in
// linear time; what it cannot say, !(...), becomes "anything", which admits no more than '*' would.
std::string to_regex(std::string_view text) {
  std::string out;
  std::vector<std::string> groups;  // how each open group ends
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const bool opens = i + 1 < text.size() && text[i + 1] == '(';
    if (opens && (c == '+' || c == '?' || c == '*' || c == '@') &&
        text.find(')', i) != std::string_view::npos) {
      groups.push_back(c == '@' ? ")" : std::string(")") + c);
      out += "(?:";
      i += 2;
    } else if (opens && c == '!' && text.find(')', i) != std::string_view::npos) {
      out += "[^/]*";
      for (int depth = 0; i < text.size(); ++i) {
        if (text[i] == '(') ++depth;
        if (text[i] == ')' && --depth == 0) break;
      }
      if (i < text.size()) ++i;
    } else if (c == ')' && !groups.empty()) {
      out += groups.back();
      groups.pop_back();
      ++i;
    } else if (c == '|' && !groups.empty()) {
      out += '|';
      ++i;
    } else if (c == '*') {
      ++i;  // also one before a '(' that nothing closes
      while (i < text.size() && text[i] == '*' && !(i + 1 < text.size() && text[i + 1] == '(')) ++i;
      out += "[^/]*";
    } else if (c == '?') {
      out += "[^/]";
      ++i;
    } else if (c == '[') {
      out += char_class(text, i);
    } else {
      if (c == '\\' && i + 1 < text.size()) ++i;
      out += RE2::QuoteMeta(re2::StringPiece(text.data() + i, 1));
      ++i;
    }
  }
  for (; !groups.empty(); groups.pop_back()) out += groups.back();
  return out;
}

}  // namespace

Glob::Part Glob::part(std::string_view text) {
  if (text == "**") return {Part::Kind::any_depth, {}, nullptr};
  if (text.find_first_of("*?[\\(") == std::string_view::npos)
    return {Part::Kind::literal, lower(text), nullptr};
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(64 << 10);
  // A part of stars alone needs a character to match.
  const bool stars = text.find_first_not_of('*') == std::string_view::npos;
  auto pattern = std::make_shared<const RE2>(stars ? std::string("[^/]+") : to_regex(text), options);
  if (!pattern->ok()) return {Part::Kind::literal, lower(text), nullptr};
  return {Part::Kind::pattern, {}, std::move(pattern)};
}

Glob::Glob(std::string_view pattern) {
  while (pattern.starts_with('!')) {
    negated_ = !negated_;
    pattern.remove_prefix(1);
  }
  if (pattern.empty() || pattern.front() == '#') return;  // a comment matches nothing
  if (pattern.size() > kPatternBytesMax) throw std::length_error("a file pattern is too long to judge");
  std::vector<std::string> expanded;
  std::size_t expanded_bytes = 0;
  expand_braces(pattern, expanded, expanded_bytes);
  for (const std::string& one : expanded) {
    Parts parts;
    const std::vector<std::string_view> texts = split(one);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string_view text = texts[i];
      const bool first = parts.empty();
      if (text.empty() && i > 0 && i + 1 < texts.size()) continue;  // "a//b"
      if (text == "**" && !first && parts.back().kind == Part::Kind::any_depth) continue;
      if (text == ".." && !first && !parts.back().literal.empty() && parts.back().literal != "..") {
        parts.pop_back();
        continue;
      }
      parts.push_back(part(text));
    }
    if (parts.empty()) continue;
    alternatives_.push_back(std::move(parts));
  }
}

std::size_t Glob::expressions() const {
  std::size_t count = 0;
  for (const Parts& parts : alternatives_)
    count += static_cast<std::size_t>(std::count_if(
        parts.begin(), parts.end(), [](const Part& part) { return part.kind == Part::Kind::pattern; }));
  return count;
}

bool Glob::single_part() const {
  return std::any_of(alternatives_.begin(), alternatives_.end(), [](const Parts& parts) {
    const bool slash_at_end = parts.back().kind == Part::Kind::literal && parts.back().literal.empty();
    return parts.size() <= (slash_at_end ? 2u : 1u);
  });
}

bool Glob::match(const std::vector<std::string_view>& path, std::size_t path_at, const Parts& parts,
                 std::size_t part_at, bool partial, int& steps) {
  while (path_at < path.size() && part_at < parts.size()) {
    if (++steps > kStepsMax) throw std::length_error("a file pattern takes too long to match");
    const Part& part = parts[part_at];
    const std::string_view text = path[path_at];
    if (part.kind == Part::Kind::any_depth) {
      if (part_at + 1 == parts.size()) return true;
      for (std::size_t at = path_at; at <= path.size(); ++at) {
        if (match(path, at, parts, part_at + 1, partial, steps)) return true;
      }
      return false;
    }
    if (part.kind == Part::Kind::literal) {
      if (!same(text, part.literal)) return false;
    } else if (!RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *part.pattern)) {
      return false;
    }
    ++path_at;
    ++part_at;
  }
  if (path_at == path.size()) return part_at == parts.size() || partial;
  return path_at + 1 == path.size() && path[path_at].empty();  // "a/b/" meets "a/b"
}

Glob::Path::Path(std::string_view path) : root(path == "/"), parts(split(path)), last(1) {
  for (const std::string_view part : parts) {
    if (!part.empty()) last[0] = part;
  }
}

bool Glob::matches(const Path& path, bool partial) const {
  if (partial && path.root) return true;
  int steps = 0;
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const Parts& pattern) {
    return match(pattern.size() == 1 ? path.last : path.parts, 0, pattern, 0, partial, steps);
  });
}

}  // namespace sallyport
