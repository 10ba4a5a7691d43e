#pragma once
// Which modules a source text names, read as a stream of tokens, so that a mention in a comment is no import.
// Texts are taken for what they amount to: require("a" + b) where b is a constant. See code/fold.hpp.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/code/tokens.hpp"

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
  bool prefix;  // of such a template, or of a sum with something else than text
};

class ModuleReferences {
 public:
  // Without `folds` only what is written, and sums of it: that is twice as fast.
  ModuleReferences(SourceKind kind, std::function<void(const ModuleReference&)> found, bool folds = true);
  void feed(Bytes bytes);
  void finish();

 private:
  enum Bracket : std::uint8_t {
    round,
    square,
    curly,
    hole,
    kind_mask = 3,
    loads_module = 4,
    runs_command = 8
  };

  void take(const Token& token);
  void punctuation(const Token& token);
  void text(const Token& token);
  void text_ends(bool goes_on);
  void comment(std::string_view comment);
  void open(std::uint8_t bracket);
  void close(std::uint8_t kind);
  ModuleReference::Place place() const;
  void report(std::string_view text, ModuleReference::Place place, bool prefix);

  SourceKind kind_;
  std::function<void(const ModuleReference&)> found_;
  Tokens tokens_;
  Token::Kind last_ = Token::Kind::comment;
  std::uint16_t last_op_ = 0;
  std::string last_word_;  // empty where something else was last
  bool word_is_member_ = false;
  std::vector<std::uint8_t> brackets_;
  std::uint64_t too_deep_ = 0;
  // A text that the next token may go on with ("a" + "b"), or, in JSON, may make a key.
  std::optional<std::string> text_;
  bool adds_ = false;  // "+" stood behind it
  ModuleReference::Place text_place_ = ModuleReference::Place::other;
  std::string key_;  // of JSON
  struct Folded;     // what is told only by folding: templates with constants, names bound to texts
  std::shared_ptr<Folded> folded_;
};

}  // namespace sallyport
