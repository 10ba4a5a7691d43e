#pragma once
// What the expressions of a program amount to, as far as constants tell: 'a' + 'b', templates, escapes,
// joined, split and reversed texts, character codes, base64 and hex, names bound to constants or to require,
// eval, process and their like, computed members. It reads a stream of tokens and looks at most
// `ahead_max` of them forward, so that any text costs bounded memory and time.

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policies/code/tokens.hpp"

namespace sallyport {

struct Value {
  enum class Kind : std::uint8_t { unknown, text, number, list, object, reference, function, regex, either };
  Kind kind = Kind::unknown;
  bool exact = true;  // of a text: false where parts are not known; `hole` stands for each
  double number = 0;
  // Of a reference its path: "eval", "process.env", "module:fs.writeFile" (without "node:"), "?.exec" of
  // something unknown. window, self, globalThis and global are left out of it.
  std::string text;
  std::vector<Value> items;       // of a list or object, or the ones of `either`; of a function: its result
  std::vector<std::string> keys;  // of an object, beside `items`

  static constexpr char hole = '\x01';
  static Value of(std::string text, bool exact = true);
  static Value refer(std::string path);
  bool is_text() const { return kind == Kind::text; }
  bool refers_to(std::string_view path) const { return kind == Kind::reference && text == path; }
};

struct CodePlace {
  std::uint64_t offset = 0;
  std::uint32_t line = 0;
};

inline CodePlace place_of(const Token& token) {
  return {token.offset, token.line};
}

// What a program does with the names that lead somewhere.
class CodeUses {
 public:
  virtual ~CodeUses() = default;
  virtual void loads(std::string_view module, CodePlace place) = 0;
  virtual void calls(std::string_view path, const std::vector<Value>& arguments, CodePlace place) = 0;
  enum class How : std::uint8_t { looked_into, passed_on, enumerated };
  virtual void refers(std::string_view path, How how, CodePlace place) = 0;
  // A string, a sum, a template. Plain strings only where hears() asks for them by what is written.
  virtual bool hears(std::string_view written) = 0;
  virtual void says(const Value& text, CodePlace place) = 0;
  virtual void names(Word member, CodePlace place) = 0;  // a word of WordKind::member, behind any object
  // A text put together of parts, of which all are known.
  virtual void composes(std::string_view text, CodePlace place) = 0;
  // A text that is the last or only thing in the brackets of a call, and what is called: empty where that has
  // no name or is given more. True: what it gives is worth following.
  virtual bool passes(std::string_view callee, std::string_view text, CodePlace place) = 0;
  // x.member = text
  virtual void sets(std::string_view member, const Value& text, CodePlace place) = 0;
  virtual void gives_up(CodePlace place) = 0;  // once: what follows may not be folded, it costs too much
};

class Fold {
 public:
  static constexpr std::size_t ahead_max = 512;
  static constexpr std::size_t back_max = 128;
  // How many tokens of each batch must come again with the next, and stay until finish() after the last.
  static constexpr std::size_t tokens_again = ahead_max + back_max;

  explicit Fold(CodeUses& uses) : uses_(uses) {}
  // Of `tokens` the first `repeated` came before.
  void take(std::span<const Token> tokens, std::size_t repeated);
  void finish();

 private:
  static constexpr Token end_token{};

  struct Deeper {  // as long as it lives
    explicit Deeper(int& depth) : depth_of(++depth) {}
    ~Deeper() { --depth_of; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    int& depth_of;
  };
  struct Binding {
    Value value;
    std::size_t depth = 0;  // of the scope that it ends with
    std::uint64_t scope = 0;
  };
  struct Scope {
    std::uint64_t id = 0;
    bool function = false;
    bool arrow = false;  // of x => expression: ends at a comma, a semicolon or the bracket around it
    std::size_t nesting = 0;
  };

  // The walk over the tokens.
  void walk(std::size_t end);
  struct RolesOf;
  std::uint64_t that_matter(std::size_t count, bool in_arrow) const;
  void step(std::size_t i);
  void step_word(std::size_t i);
  void step_text(std::size_t i);
  void assignment(std::size_t i);
  void bind_pattern(std::size_t close, const Value& from);
  void static_import(std::size_t i);
  bool begins_constant(std::size_t i) const;
  bool leads_somewhere(std::size_t i) const;
  void open_scope(std::size_t i);
  void close_scope();
  bool in_arrow() const { return !scopes_.empty() && scopes_.back().arrow; }
  void end_arrows();
  void shadow_parameters(std::size_t last);
  void shadow(const Token& name);
  bool free_word(std::size_t i) const;
  void evaluate(std::size_t i);
  const Token& at(std::size_t i) const { return i < held_.size() ? held_[i] : end_token; }
  void bind(std::string_view name, std::uint16_t code, Value value);
  const Value* bound(std::string_view name, std::uint16_t code) const;
  const Value* bound_member(const Token& of, std::string_view name) const;

  // Expressions, from pos_ on.
  Value expression();
  Value binary(int precedence);
  Value unary();
  Value postfix();
  Value tail(Value value, std::size_t start);
  Value primary();
  Value word();
  Value template_value();
  Value list();
  Value object();
  Value function(bool arrow);
  std::vector<Value> items(std::uint16_t closing);
  Value sequence();
  Value member(const Value& of, std::string_view name);
  Value call(Value callee, std::vector<Value> arguments, CodePlace place);
  Value load(const Value& module, CodePlace place);
  Value global(std::string_view name);
  Value path_of(std::string_view text);
  void skip_to(std::uint16_t closing);
  void skip_argument();
  bool affords(std::size_t i);
  Value made(Value value);
  void say(const Value& text, std::size_t i);
  bool passes_text(std::size_t i);
  bool mapped(Value& list);
  const Token& now() const { return at(pos_); }
  bool done() const { return pos_ >= limit_; }

  CodeUses& uses_;
  std::span<const Token> held_;
  std::size_t next_ = 0;    // the first token not yet walked
  std::size_t folded_ = 0;  // texts before this one were part of a larger one
  std::size_t pos_ = 0, limit_ = 0;
  int depth_ = 0, mute_ = 0;
  std::uint64_t walked_ = 0, spent_ = 0;  // tokens; spent: looked at by evaluations
  std::uint64_t evaluated_ = 0;           // count of walked tokens up to which evaluations reached
  std::uint64_t made_ = 0;                // bytes of the values that came of it
  bool gave_up_ = false;
  std::vector<Scope> scopes_;
  std::size_t nesting_ = 0;  // brackets open behind the token walked last
  std::uint64_t scope_id_ = 0, too_deep_ = 0;
  // By name, found over the low bits of its hash.
  struct Name {
    std::string text;
    std::vector<Binding> bindings;
    std::uint32_t next = 0;
    std::uint16_t code = 0;
  };
  static constexpr std::size_t buckets = 8192;
  const Name* find_name(std::string_view text, std::uint16_t code) const;
  std::vector<Name> names_{1};  // the first is none
  std::vector<std::uint32_t> first_name_;
  std::size_t bound_bytes_ = 0;
  // By the hash of a name: whether it may stand for anything, for what is worth following, for what holds
  // such things, and whether something is bound to a member of it. A text that binds nothing needs none of
  // its own.
  struct Maybe {
    std::bitset<65536> bound, leads, holds, member;
  };
  static const Maybe maybe_none;
  const Maybe* maybe_ = &maybe_none;
  std::unique_ptr<Maybe> own_maybe_;
  std::uint64_t names_known_ = 0;  // counts the changes of these
};

}  // namespace sallyport
