#include "storage/base/toml.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

struct TomlAssertion : std::exception {};

// The same document in ASCII alone: toml++ 3.3 has undefined behaviour for most other characters wherever it
// looks for a blank, and what it takes for a string in a faulty text is not sure. Characters in strings
// become escapes, those in comments '?'. Elsewhere the format allows none.
class InAscii {
 public:
  explicit InAscii(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    out_.reserve(text.size());
  }

  // False: fault() says why, line() where.
  bool rewrite() {
    while (!rest_.empty() && fault_.empty()) {
      const char c = rest_.front();
      if (c == '#')
        comment();
      else if (c == '"' || c == '\'')
        string(c);
      else if (is_ascii(c))
        take();
      else
        fault_ = "outside of strings and comments all characters are ASCII";
    }
    return fault_.empty();
  }
  const std::string& text() const { return out_; }
  const std::string& fault() const { return fault_; }
  std::size_t line() const { return line_; }

 private:
  static bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

  void take() {
    const char c = rest_.front();
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f)
      fault_ = "there is a control character";
    if (c == '\n') ++line_;
    out_ += c;
    rest_.remove_prefix(1);
  }

  void comment() {
    while (!rest_.empty() && rest_.front() != '\n' && fault_.empty()) {
      if (is_ascii(rest_.front())) {
        take();
      } else {
        out_ += '?';
        rest_.remove_prefix(1);
      }
    }
  }

  void string(char quote) {
    const std::string mark(rest_.starts_with(std::string(3, quote)) ? 3 : 1, quote);
    const bool one_line = mark.size() == 1, literal = quote == '\'';
    // Only a literal string that holds such characters is written as the other kind, which has escapes.
    const std::string_view inside = rest_.substr(mark.size());
    const std::string_view whole = inside.substr(0, inside.find(mark));
    bool ascii = true;
    for (const char c : whole) ascii = ascii && is_ascii(c);
    const bool turned = literal && !ascii;
    out_ += turned ? std::string(mark.size(), '"') : mark;
    rest_.remove_prefix(mark.size());
    while (fault_.empty() && !rest_.empty() && !rest_.starts_with(mark)) {
      const char c = rest_.front();
      if (one_line && c == '\n') return;  // never closed: toml++ says so
      if (!is_ascii(c)) {
        escape();
      } else if (turned && (c == '"' || c == '\\')) {
        out_ += '\\';
        take();
      } else if (!literal && c == '\\') {
        take();
        if (!rest_.empty() && !is_ascii(rest_.front()))
          fault_ = "there is no such escape";
        else if (!rest_.empty() && rest_.front() != '\n')
          take();
      } else {
        take();
      }
    }
    if (!rest_.starts_with(mark)) return;
    out_ += turned ? std::string(mark.size(), '"') : mark;
    rest_.remove_prefix(mark.size());
  }

  // The text is UTF-8, as was made sure before.
  void escape() {
    const auto lead = static_cast<unsigned char>(rest_.front());
    const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    unsigned code = lead & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(rest_[i]) & 0x3fu);
    char text[11];
    std::snprintf(text, sizeof text, "\\U%08X", code);
    out_ += text;
    rest_.remove_prefix(bytes);
  }

  std::string_view rest_;
  std::string out_, fault_;
  std::size_t line_ = 1;
};

Error fault_at(std::string_view file, std::size_t line, std::string_view why) {
  return fail(ErrorKind::invalid, printable(file) + ":" + std::to_string(line) + ": " + printable(why) + ".");
}

}  // namespace

void toml_assertion_failed() {
  throw TomlAssertion();
}

Result<toml::table> parse_toml(std::string_view text, std::string_view file) {
  if (!is_utf8(text)) return fault_at(file, 1, "the text is not UTF-8");
  InAscii ascii(text);
  if (!ascii.rewrite()) return fault_at(file, ascii.line(), ascii.fault());
  try {
    toml::parse_result parsed = toml::parse(ascii.text(), file);
    if (!parsed) return fault_at(file, parsed.error().source().begin.line, parsed.error().description());
    return std::move(parsed).table();
  } catch (const TomlAssertion&) {
    return fault_at(file, 1, "the text is no TOML: look for a bracket or quote that does not belong");
  }
}

}  // namespace sallyport
