#pragma once
// The one tokenizer of JavaScript and TypeScript (JSX, styles, pages and JSON tolerated): comments, strings,
// templates, regular expressions told from division, numbers, words with their escapes decoded, hashbang.
// A stream: any split gives the same tokens. It rejects nothing, and says what was unbalanced. Memory is
// bounded (under 2 MiB) whatever passes: the text of a token is cut at token_bytes_max.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/code/words.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

constexpr std::size_t token_bytes_max = 8u << 10;

struct Token {
  enum class Kind : std::uint8_t {
    word,
    number,
    string,         // text between the quotes, as written
    template_text,  // a template, or the part of one before, between or after ${}
    regex,          // with its slashes, without its flags
    op,             // one or two characters, see op(); "..." is op("..")
    comment,        // only where asked for
  };
  enum Flag : std::uint8_t {
    escaped = 1,      // the text has backslashes
    cut = 2,          // the text was longer
    opens_hole = 4,   // of template_text: "${" follows
    closes_hole = 8,  // of template_text: "}" stood before
    control = 16,     // of ")": it closes what if, while, for, with, switch or catch opened
  };
  // What kind of a look the meaning of a program asks of a token: of most of them none.
  enum Role : std::uint8_t {
    acts = 1,        // texts, words that lead somewhere, curly brackets, "=", "=>"
    ends_arrow = 2,  // what may end an arrow's expression
    name = 4,        // matters only if something is known of it ...
    goes_on = 8,     // ... and some only before ".", "[" and "+"
  };

  std::string_view text;  // valid until the sink returns
  std::uint64_t offset = 0;
  std::uint32_t line = 0;  // from 1
  std::uint16_t code = 0;  // of op; of a word the low bits of its hash
  Kind kind = Kind::op;
  std::uint8_t flags = 0;
  Word word = Word::none;
  std::uint8_t role = 0;
  std::uint32_t nesting = 0;  // brackets and holes open behind it

  bool is(std::uint16_t operation) const { return kind == Kind::op && code == operation; }
  bool is(Word one) const { return kind == Kind::word && word == one; }
};

template <std::size_t N>
consteval std::uint16_t op(const char (&text)[N]) {
  static_assert(N == 2 || N == 3);
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(text[0]) | static_cast<std::uint8_t>(text[1])
                                                                             << 8);
}

class Tokens {
 public:
  struct Language {
    bool regex = true;                // styles and JSON have none
    bool html_comments = false;       // <!-- --> spans lines, as in a page
    bool reference_comments = false;  // gives "///" comments as tokens
    // Reads byte by byte, and leaves out no token where a meaning is looked for: the slow reading that tests
    // compare the fast one with.
    bool closely = false;
  };
  using Sink = std::function<void(std::span<const Token>)>;
  struct Fault {
    std::string_view what;  // of static life
    std::uint64_t offset = 0;
    std::uint32_t line = 0;
  };

  // The last `again` tokens of a batch come again at the front of the next one, for who looks back and ahead.
  // The last batch stays valid as long as this object.
  Tokens(Language language, Sink sink, std::size_t again = 0);
  void feed(Bytes bytes);
  void finish();
  // How many of the batch that is being given came before.
  std::size_t repeated() const { return repeated_; }
  // The first thing that a program does not have, known after finish(). Markup among the code (JSX) excuses
  // it.
  const std::optional<Fault>& fault() const { return fault_; }
  bool markup() const { return markup_; }

 private:
  enum class Skip : std::uint8_t { none, string, template_text, line_comment, block_comment, html, word };
  enum Bracket : std::uint8_t {
    round = 1,
    square,
    curly,
    hole,
    kind_mask = 7,
    is_control = 8,
    is_value = 16
  };

  // Sixty-four bytes of the window: bit i speaks of byte i.
  struct Block {
    std::uint64_t starts = 0;  // of words, and all else that is no blank
    std::uint64_t words = 0;   // letters, digits, _ and $
    std::uint64_t stops = 0;   // what may end a text or a line
    std::uint64_t newlines = 0;
    std::uint32_t lines_before = 0;  // of the window
  };
  struct BlocksOf;
  struct LinesOf;
  struct PlainOf;

  void lex(bool last);
  void give(bool last);
  void hold_texts();
  void lex_plain();
  const char* next_stop(const char* from) const;
  std::uint32_t line_at(const char* place) const;
  bool lex_one(bool last);
  bool skip(bool last);
  bool skip_comment(bool last);
  bool lex_word(bool last);
  bool lex_escaped_word(bool last);
  bool lex_number(bool last);
  bool lex_string(char quote, bool last);
  bool lex_template(bool closes_hole, bool last);
  bool lex_slash(bool last);
  bool lex_regex(bool last);
  void lex_bracket();
  void lex_op();
  Token& emit(Token::Kind kind, const char* from, std::size_t size, std::uint8_t flags);
  void begins_list();
  void emit_constant(Token::Kind kind, const char* from, std::size_t size, std::uint8_t flags);
  void emit_op(std::size_t size, std::uint8_t flags);
  void emit_word(const char* text, std::size_t size, std::uint8_t flags);
  void note(std::string_view what);
  void begin_hole();
  bool closes_hole();
  void open(std::uint8_t bracket);
  std::uint8_t close(std::uint8_t kind);
  std::uint8_t close_mismatch(std::uint8_t kind);
  bool regex_may_begin() const;
  bool value_may_begin() const;

  Language language_;
  Sink sink_;
  std::vector<char> buffer_;
  std::vector<Block> blocks_;
  std::size_t filled_ = 0;
  std::uint64_t base_ = 0;       // offset of the buffer's first byte
  std::uint32_t base_line_ = 1;  // ... and its line
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  Skip skip_ = Skip::none;
  char quote_ = 0;
  std::vector<Token> tokens_;  // of which count_ are filled, the first repeated_ again
  std::size_t count_ = 0, repeated_ = 0, again_ = 0;
  std::vector<char> texts_, old_texts_;  // of tokens that come again, once their window is gone
  std::deque<std::string> decoded_;      // words that had escapes
  std::vector<std::uint8_t> brackets_;
  std::uint64_t too_deep_ = 0;  // opened beyond what is kept
  std::uint32_t nesting_ = 0;
  struct {
    Token::Kind kind = Token::Kind::op;
    std::uint16_t code = 0;
    Word word = Word::none;
    bool start = true, member = false, control = false, value = false;  // value: of "}", an object's
  } last_;
  bool markup_ = false;
  std::optional<Fault> fault_;
  // Offsets between which a slash is known to begin no regular expression, and between which "[" is known to
  // begin a class without an end: lines of nothing else would be looked at once for each.
  struct {
    std::uint64_t from = 0, to = 0;
  } no_regex_, no_class_;
};

// The text of a string or a template with its escapes decoded.
std::string decoded(const Token& token);

}  // namespace sallyport
