#pragma once
// Which modules a source text names, read as a stream: a tokenizer that knows comments, strings, templates
// and regular expressions, so that a mention in a comment is no import. Nothing of the text is kept but the
// string it is in. Throws std::length_error where brackets nest deeper than any real program's.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.hpp"

namespace sallyport {

enum class SourceKind : std::uint8_t { none, script, declaration, style, markup, json };

// By extension: what may import. `shebang` makes a script of a file without one.
SourceKind source_kind(std::string_view path, bool shebang);

struct ModuleReference {
  enum class Place : std::uint8_t {
    module,   // after from, import, require(, import(, require.resolve(, in a <reference types>, or a JSON
              // setting
    command,  // the first text in spawn(, exec( and their like
    other,    // any other string
  };
  std::string_view text;  // without "~"; of a template with ${}, what stands before the first one
  Place place;
  bool prefix;  // of such a template
};

class ModuleReferences {
 public:
  ModuleReferences(SourceKind kind, std::function<void(const ModuleReference&)> found);
  void feed(Bytes bytes);
  void finish();

 private:
  enum class State : std::uint8_t {
    code,
    slash,
    line_comment,
    block_comment,
    block_star,
    html_comment,
    string,
    string_escape,
    template_text,
    template_escape,
    template_dollar,
    regex,
    regex_class,
    regex_escape,
    regex_class_escape
  };
  enum class Last : std::uint8_t { start, word, number, value, punctuation };
  enum Bracket : std::uint8_t {
    round = 1,
    square = 2,
    curly = 3,
    template_hole = 4,
    kind_mask = 7,
    control = 8,
    loads_module = 16,
    runs_command = 32
  };

  void code(char c);
  void take(char c);
  void open(std::uint8_t bracket);
  void close(std::uint8_t kind);
  void begin_text();
  void end_text(bool prefix);
  void end_word();
  void end_comment();
  bool regex_may_begin() const;
  ModuleReference::Place place() const;
  void report(std::string_view text, ModuleReference::Place place, bool prefix);
  void json_text();

  SourceKind kind_;
  std::function<void(const ModuleReference&)> found_;
  State state_ = State::code;
  Last last_ = Last::start;
  char last_char_ = 0;         // of punctuation
  char before_last_char_ = 0;  // to tell ++ from +
  bool last_control_ = false;  // the ')' just seen closed if (...), while (...), for (...)
  std::string word_;           // being read
  std::string last_word_;      // read last, with nothing but blanks and comments after it
  bool word_is_member_ = false;
  char quote_ = 0;
  std::string text_;        // of the string or template being read
  bool text_plain_ = true;  // no escape, not too long
  bool text_done_ = false;  // of a template: the part before the first ${ was reported
  ModuleReference::Place text_place_ = ModuleReference::Place::other;
  std::string comment_;
  std::vector<std::uint8_t> brackets_;
  std::string key_, pending_;  // of JSON
  bool has_pending_ = false;
};

}  // namespace sallyport
