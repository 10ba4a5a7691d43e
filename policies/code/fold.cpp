#include "policies/code/fold.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "policies/code/text_methods.hpp"
#include "policies/content/byte_block.hpp"
#include "storage/base/one_of.hpp"

namespace sallyport {

namespace {

constexpr std::size_t scopes_max = 1u << 16;
constexpr std::size_t names_max = 20'000;
constexpr std::size_t bound_bytes_max = 4u << 20;
constexpr std::size_t pattern_max = 64;
// A few bytes can ask for a text of 64 KiB, again and again: what is made may be this much, and so much more
// for each token read.
constexpr std::uint64_t made_bytes_min = 8u << 20, made_bytes_a_token = 512;
constexpr std::size_t value_bytes_max = 128u << 10;  // of a value that a name keeps
constexpr std::size_t grown_bytes_max = 4u << 10;    // of a text that grows by +=

// Whether a reference is worth following under another name: most globals lead nowhere.
bool leads(std::string_view path) {
  if (path == "?.constructor") return true;
  const std::string_view root = path.substr(0, std::min(path.find_first_of(".:"), path.size()));
  if (root == "module") {
    if (!path.starts_with("module:")) return path == "module";
    path.remove_prefix(7);
    const std::string_view name = path.substr(0, std::min(path.find_first_of("/."), path.size()));
    return one_of(
        name, {"?",    "child_process",  "module", "fs",    "fs-extra",    "graceful-fs", "os",     "path",
               "util", "http",           "https",  "http2", "net",         "tls",         "dgram",  "dns",
               "vm",   "worker_threads", "buffer", "url",   "querystring", "undici",      "cluster"});
  }
  if (root == "process")
    return path == "process" || path == "process.env" || path == "process.env.HOME" ||
           path == "process.env.USERPROFILE" ||
           one_of(path, {"process.binding", "process._linkedBinding", "process.dlopen",
                         "process.getBuiltinModule", "process.mainModule"});
  if (root == "global" || root == "this") return path == root;
  return !one_of(root, {"?", "Object", "JSON", "Array", "setTimeout", "setInterval", "setImmediate"});
}

std::size_t weight_of(const Value& value) {
  std::size_t bytes = sizeof value + value.text.size();
  for (const Value& item : value.items) bytes += weight_of(item);
  for (const std::string& key : value.keys) bytes += key.size();
  return bytes;
}

}  // namespace

const Fold::Maybe Fold::maybe_none;

Value Value::of(std::string text, bool exact) {
  Value out;
  out.kind = Kind::text;
  out.text = std::move(text);
  out.exact = exact;
  return out;
}

Value Value::refer(std::string path) {
  Value out;
  out.kind = Kind::reference;
  out.text = std::move(path);
  return out;
}

void Fold::take(std::span<const Token> tokens, std::size_t repeated) {
  const std::size_t gone = held_.size() - repeated;
  next_ -= gone;
  folded_ -= std::min(folded_, gone);
  held_ = tokens;
  if (held_.size() > ahead_max) walk(held_.size() - ahead_max);
}

void Fold::finish() {
  walk(held_.size());
}

// Most tokens change nothing. Which ones may is told of many at once, without a branch for each, and told
// again where it has changed.
void Fold::walk(std::size_t end) {
  while (next_ < end) {
    const std::size_t count = std::min<std::size_t>(64, end - next_), from = next_;
    const bool arrow = in_arrow();
    const std::uint64_t names_known = names_known_;
    const auto same = [&] { return in_arrow() == arrow && names_known_ == names_known; };
    for (std::uint64_t some = that_matter(count, arrow); some != 0 && same(); some &= some - 1) {
      const std::size_t i = from + static_cast<std::size_t>(std::countr_zero(some));
      walked_ += i - next_;
      next_ = i;
      step(i);
      ++walked_;
      ++next_;
    }
    if (!same()) continue;
    walked_ += from + count - next_;
    next_ = from + count;
  }
}

struct Fold::RolesOf {
  struct Masks {
    std::uint64_t matter, names;
  };
  [[gnu::always_inline]] static Masks run(const Token* tokens, std::size_t count, unsigned mask) {
    alignas(64) std::array<std::uint8_t, block_bytes> roles{};
    if (count == block_bytes)
      for (std::size_t i = 0; i < block_bytes; ++i) roles[i] = tokens[i].role;
    else
      for (std::size_t i = 0; i < count; ++i) roles[i] = tokens[i].role;
    ByteBlock block;
    sallyport::load(block, roles.data());
    return {bits((block & static_cast<std::uint8_t>(mask)) != 0),
            bits((block & std::uint8_t{Token::name}) != 0)};
  }
};

// Bit i speaks of the token at next_ + i: false where step() would do nothing.
std::uint64_t Fold::that_matter(std::size_t count, bool in_arrow) const {
  const Token* const tokens = held_.data() + next_;
  const unsigned mask = Token::acts | (in_arrow ? Token::ends_arrow : 0u);
  RolesOf::Masks roles = run_wide<RolesOf>(tokens, count, mask);
  std::uint64_t out = roles.matter, names = roles.names;
  for (; names != 0; names &= names - 1) {
    const int i = std::countr_zero(names);
    const std::uint16_t code = tokens[i].code;
    const bool goes_on = (at(next_ + static_cast<std::size_t>(i) + 1).role & Token::goes_on) != 0;
    const unsigned matters = maybe_->leads[code] | unsigned{goes_on && maybe_->bound[code]};
    out |= std::uint64_t{matters} << i;
  }
  return out;
}

// What asks more tokens than before has to be in their roles, see emit_op() and its like in tokens.cpp.
void Fold::step(std::size_t i) {
  const Token& token = held_[i];
  nesting_ = token.nesting;
  switch (token.kind) {
    case Token::Kind::word:
      return step_word(i);
    case Token::Kind::template_text:
      if ((token.flags & Token::closes_hole) != 0) end_arrows();
      [[fallthrough]];
    case Token::Kind::string:
      return step_text(i);
    case Token::Kind::op:
      break;
    default:
      return;
  }
  switch (token.code) {
    case op("{"):
      return open_scope(i);
    case op("}"):
      return close_scope();
    case op(")"):
    case op("]"):
      return end_arrows();
    case op(","):
    case op(";"):
      while (in_arrow() && scopes_.back().nesting == nesting_) scopes_.pop_back();
      return;
    case op("=>"):
      if (!at(i + 1).is(op("{"))) open_scope(i);
      return;
    case op("="):
    case op("+="):
      return assignment(i);
    case op("["): {
      // [require][0](…)
      if (i >= folded_ && at(i + 1).kind == Token::Kind::word && at(i + 2).is(op("]")) &&
          at(i + 3).is(op("[")) && kind_of(at(i + 1).word) == WordKind::root)
        return evaluate(i);
      // ['a', 'b'].join(''): only where something is done with it.
      if (i < folded_ || (at(i + 1).kind != Token::Kind::string && at(i + 1).kind != Token::Kind::number))
        return;
      std::size_t to = i + 1;
      while (to < i + ahead_max &&
             (at(to).kind == Token::Kind::string || at(to).kind == Token::Kind::number || at(to).is(op(","))))
        ++to;
      if (at(to).is(op("]")) && (at(to + 1).is(op(".")) || at(to + 1).is(op("[")))) evaluate(i);
      return;
    }
    default:
      return;
  }
}

// At "{", or at "=>" before an expression.
void Fold::open_scope(std::size_t i) {
  if (scopes_.size() >= scopes_max) {
    too_deep_ += held_[i].is(op("{"));
    return;
  }
  const bool arrow = held_[i].is(op("=>"));
  const std::size_t before = arrow ? i : i - 1;  // of the first token no harm: there is none
  const bool is_arrow = at(before).is(op("=>"));
  const bool function = is_arrow || (at(before).is(op(")")) && (at(before).flags & Token::control) == 0);
  scopes_.push_back({++scope_id_, function, arrow, nesting_});
  if (function) shadow_parameters(is_arrow ? before - 1 : before);
}

void Fold::close_scope() {
  while (!scopes_.empty() && scopes_.back().arrow) scopes_.pop_back();
  if (too_deep_ > 0)
    --too_deep_;
  else if (!scopes_.empty())
    scopes_.pop_back();
  end_arrows();
}

void Fold::end_arrows() {
  while (!scopes_.empty() && scopes_.back().arrow && scopes_.back().nesting > nesting_) scopes_.pop_back();
}

// A parameter hides what the same name was bound to; from the last token before the body back.
void Fold::shadow_parameters(std::size_t last) {
  if (at(last).kind == Token::Kind::word) return shadow(held_[last]);
  std::size_t depth = 0;
  for (std::size_t i = last, count = 0; i < held_.size() && count < pattern_max; --i, ++count) {
    const Token& token = held_[i];
    if (token.is(op(")"))) ++depth;
    if (token.is(op("(")) && --depth == 0) return;
    if (token.kind == Token::Kind::word && !at(i + 1).is(op("=")) && !at(i + 1).is(op(":"))) shadow(token);
  }
}

void Fold::shadow(const Token& name) {
  if (name.word == Word::none && maybe_->bound[name.code] && bound(name.text, name.code) != nullptr)
    bind(name.text, name.code, Value());
}

// Whether the word stands for what it names: no member, no key, no declaration.
bool Fold::free_word(std::size_t i) const {
  if (i == 0) return true;
  const Token& before = held_[i - 1];
  if (before.kind == Token::Kind::op) {
    if (before.code == op(".") || before.code == op("?.")) return held_[i - 1].text.size() == 3;  // "..."
    if ((before.code == op("{") || before.code == op(",")) && at(i + 1).is(op(":"))) return false;
    return true;
  }
  if (before.kind != Token::Kind::word) return true;
  return before.word != Word::word_function && before.word != Word::word_class &&
         before.word != Word::word_const && before.word != Word::word_let && before.word != Word::word_var;
}

// Whether a root word is worth following from here: most uses of some are not.
bool Fold::leads_somewhere(std::size_t i) const {
  const Token& next = at(i + 1);
  const bool dot = next.is(op(".")) || next.is(op("?."));
  const Token& name = at(i + 2);
  switch (held_[i].word) {
    case Word::word_Object:
      return dot && one_of(name.text, {"keys", "entries", "values", "assign", "fromEntries", "getPrototypeOf",
                                       "getOwnPropertyDescriptor"});
    case Word::word_JSON:
      return dot && name.text == "stringify";
    case Word::word_String:
      return dot ? name.text.starts_with("from") : next.is(op("["));
    case Word::word_setTimeout:
    case Word::word_setInterval:
    case Word::word_setImmediate:
      return next.is(op("(")) &&
             (name.kind == Token::Kind::string || name.kind == Token::Kind::template_text ||
              name.is(Word::word_atob) || name.is(Word::word_Buffer) || name.is(Word::word_String) ||
              name.is(Word::word_unescape) || name.is(Word::word_decodeURIComponent));
    case Word::word_globalThis:
    case Word::word_global:
    case Word::word_window:
    case Word::word_self:
    case Word::word_top:
    case Word::word_parent:
    case Word::word_frames:
      return dot ? name.word != Word::none || maybe_->bound[name.code] : next.is(op("["));
    case Word::word_module:
      return dot || next.is(op("["));
    case Word::word_Function:
      return next.is(op("(")) || next.is(op("?.")) || next.kind == Token::Kind::template_text ||
             (dot && one_of(name.text, {"call", "apply", "bind", "constructor"}));
    default:
      return true;
  }
}

void Fold::step_word(std::size_t i) {
  const Token& token = held_[i];
  const WordKind kind = kind_of(token.word);
  switch (kind) {
    case WordKind::value:
    case WordKind::control:
      return;
    case WordKind::keyword:
      if (token.word == Word::word_import) {
        if (at(i + 1).is(op("(")) || at(i + 1).is(op(".")))
          evaluate(i);
        else
          static_import(i);
      } else if (token.word == Word::word_from && at(i + 1).kind == Token::Kind::string) {
        load(Value::of(decoded(at(i + 1))), place_of(at(i + 1)));
      } else if (token.word == Word::word_this && at(i + 1).is(op("["))) {
        evaluate(i);
      }
      return;
    case WordKind::member:
      uses_.names(token.word, place_of(token));
      if (token.word == Word::word_constructor && i > 0 && !free_word(i)) {
        const Token& next = at(i + 1);
        if (next.is(op("(")) || next.is(op(".")) || next.is(op("["))) {
          pos_ = i + 1;
          limit_ = std::min(i + ahead_max, held_.size());
          tail(Value::refer("?.constructor"), i);
        }
        return;
      }
      if (free_word(i) && (at(i + 1).is(op("(")) || maybe_->bound[token.code])) evaluate(i);
      return;
    case WordKind::root:
      // [x].map(Function)
      if (token.word == Word::word_Function && at(i + 1).is(op(")")) && i > 1 && at(i - 1).is(op("(")) &&
          one_of(at(i - 2).text, {"map", "then", "forEach", "flatMap"}))
        uses_.refers("?.Function", CodeUses::How::passed_on, place_of(token));
      if (free_word(i) &&
          (leads_somewhere(i) || (maybe_->bound[token.code] && bound(token.text, token.code))))
        evaluate(i);
      return;
    case WordKind::none:
      break;
  }
  const bool looked_into = at(i + 1).is(op(".")) || at(i + 1).is(op("["));
  if (!maybe_->leads[token.code] && !(looked_into && maybe_->holds[token.code]) && !at(i + 1).is(op("+")))
    return;
  if (!free_word(i)) return;
  const Token& next = at(i + 1);
  const Value* value = bound(token.text, token.code);
  if (value == nullptr) {
    if (next.is(op(".")) && bound_member(token, at(i + 2).text)) evaluate(i);
    return;
  }
  switch (value->kind) {
    case Value::Kind::reference:
    case Value::Kind::function:
    case Value::Kind::either:
      return evaluate(i);
    case Value::Kind::object:
    case Value::Kind::list:
      if (next.is(op(".")) || next.is(op("["))) evaluate(i);
      return;
    case Value::Kind::text:
      if (next.is(op("+")) && i >= folded_) step_text(i);
      return;
    default:
      return;
  }
}

// A text, or a name bound to one: says what it amounts to with all that is added to it.
void Fold::step_text(std::size_t i) {
  const Token& token = held_[i];
  if (i < folded_ || (token.flags & Token::closes_hole) != 0) return;
  const Token &before = at(i - 1), &next = at(i + 1);
  const bool computed = before.is(op("["));
  const bool more = next.is(op("+")) || next.is(op(".")) || next.is(op("?.")) || next.is(op("[")) ||
                    (token.flags & Token::opens_hole) != 0;
  if (before.is(Word::word_import) && !more) load(Value::of(decoded(token)), place_of(token));
  if (!more && !computed) {
    passes_text(i);
    if (token.kind != Token::Kind::word && ((token.flags & Token::escaped) != 0 || uses_.hears(token.text)))
      uses_.says(Value::of(decoded(token), (token.flags & Token::cut) == 0), place_of(token));
    return;
  }
  if (!affords(i)) return;
  pos_ = i;
  limit_ = std::min(i + ahead_max, held_.size());
  depth_ = 0;
  const Value value = binary(9);
  spent_ += pos_ - i;
  if (!value.is_text()) return;
  folded_ = std::max(folded_, pos_);
  say(value, i);
  if (!computed || !value.exact || !now().is(op("]"))) return;
  // x['ev' + 'al'] of an x that nobody knows
  ++pos_;
  tail(member(Value::refer("?"), value.text), i);
}

// Text that is made to be evaluated again and again, or to grow, is not folded once it has cost many times
// its size.
bool Fold::affords(std::size_t i) {
  const bool dear = spent_ > 32 * walked_ + 1'000'000 && walked_ < evaluated_;
  if (!dear && made_ <= made_bytes_min + made_bytes_a_token * walked_) return true;
  if (!gave_up_) uses_.gives_up(place_of(held_[i]));
  gave_up_ = true;
  return false;
}

// What the tokens from i to pos_ amount to.
void Fold::say(const Value& text, std::size_t i) {
  uses_.says(text, place_of(held_[i]));
  if (text.exact && pos_ > i + 1) uses_.composes(text.text, place_of(held_[i]));
}

// load('child_process'), whatever load is: the string at i is the last that a call is given.
bool Fold::passes_text(std::size_t i) {
  const bool last = at(i - 1).is(op(","));
  if (i < 2 || !at(i + 1).is(op(")")) || held_[i].text.size() > 200) return false;
  if (!last && !at(i - 1).is(op("("))) return false;
  const Token& callee = last ? end_token : held_[i - 2];
  const std::string_view name = callee.kind == Token::Kind::word ? callee.text : std::string_view();
  if (!last && name.empty() && !callee.is(op(")")) && !callee.is(op("]"))) return false;
  const bool escaped = (held_[i].flags & Token::escaped) != 0;
  const std::string plain = escaped ? decoded(held_[i]) : std::string();
  const std::string_view text = escaped ? plain : held_[i].text;
  if (!uses_.passes(name, text, place_of(held_[i]))) return false;
  pos_ = i + 2;
  limit_ = std::min(i + ahead_max, held_.size());
  depth_ = 0;
  tail(Value::refer("module:" + std::string(text.starts_with("node:") ? text.substr(5) : text)), i);
  return true;
}

Value Fold::made(Value value) {
  made_ += weight_of(value);
  return value;
}

void Fold::evaluate(std::size_t i) {
  if (!affords(i)) return;
  pos_ = i;
  limit_ = std::min(i + ahead_max, held_.size());
  depth_ = 0;
  const bool muted = i > 0 && held_[i - 1].is(Word::word_typeof);
  mute_ += muted;
  Value value = postfix();
  // (0, eval)(…): what parentheses give is called.
  while (!done() && now().is(op(")")) &&
         (value.kind == Value::Kind::reference || value.kind == Value::Kind::function) &&
         (at(pos_ + 1).is(op("(")) || at(pos_ + 1).is(op(".")) || at(pos_ + 1).is(op("[")))) {
    ++pos_;
    value = tail(std::move(value), i);
  }
  mute_ -= muted;
  spent_ += pos_ - i + 1;
  evaluated_ = std::max(evaluated_, walked_ + (pos_ - i));
  if (value.is_text()) {
    folded_ = std::max(folded_, pos_);
    say(value, i);
  }
}

// Whether what stands at i may amount to something, by a cheap look.
bool Fold::begins_constant(std::size_t i) const {
  const Token &token = at(i), &next = at(i + 1);
  switch (token.kind) {
    case Token::Kind::string:
    case Token::Kind::template_text:
      return true;
    case Token::Kind::word:
      if (token.word == Word::word_await || token.word == Word::word_new) return begins_constant(i + 1);
      if (token.word == Word::word_import || token.word == Word::word_this) return true;
      if (token.word == Word::word_function)
        return (next.is(op("(")) && at(i + 2).is(op(")")) && at(i + 4).is(Word::word_return));
      if (kind_of(token.word) == WordKind::root || kind_of(token.word) == WordKind::member) return true;
      if (maybe_->bound[token.code]) return true;
      // What may hand a module on: load('m').
      if (next.is(op("(")) && at(i + 2).kind == Token::Kind::string && at(i + 3).is(op(")"))) return true;
      // What a compiler wraps a module in: __toESM(require('m')).
      return next.is(op("(")) && (at(i + 2).is(Word::word_require) ||
                                  (at(i + 2).kind == Token::Kind::word && at(i + 3).is(op("(")) &&
                                   at(i + 4).is(Word::word_require)));
    case Token::Kind::op:
      if (token.code == op("(") || token.code == op("[")) {
        if (next.is(op(")"))) return at(i + 2).is(op("=>"));
        if (next.kind == Token::Kind::word && at(i + 2).is(op("=>"))) return true;  // (x => …)(…)
        return next.kind == Token::Kind::string || next.kind == Token::Kind::number ||
               (next.kind == Token::Kind::word && begins_constant(i + 1)) || next.is(op("(")) ||
               next.is(op("["));
      }
      if (token.code == op("{")) return at(i + 2).is(op(":")) && begins_constant(i + 3);
      return false;
    default:
      return false;
  }
}

void Fold::assignment(std::size_t i) {
  if (i == 0) return;
  if (!begins_constant(i + 1)) {
    if (held_[i - 1].is(op("}"))) return bind_pattern(i - 1, Value());
    // A name that is declared again is another one.
    const Token& before = at(i - 2);
    if (held_[i - 1].kind == Token::Kind::word && held_[i].code == op("=") &&
        (before.is(op(",")) || before.is(Word::word_const) || before.is(Word::word_let) ||
         before.is(Word::word_var)))
      shadow(held_[i - 1]);
    return;
  }
  if (!affords(i)) return;
  const Token& target = held_[i - 1];
  const bool pattern = target.is(op("}"));
  if (target.kind != Token::Kind::word && !pattern) return;
  pos_ = i + 1;
  limit_ = std::min(i + ahead_max, held_.size());
  depth_ = 0;
  Value value = expression();
  spent_ += pos_ - i;
  evaluated_ = std::max(evaluated_, walked_ + (pos_ - i));
  if (value.is_text()) {
    say(value, i + 1);
    folded_ = std::max(folded_, pos_);
    if (!pattern && i > 1 && at(i - 2).is(op("."))) uses_.sets(target.text, value, place_of(target));
  }
  if (pattern) return bind_pattern(i - 1, value);
  if (value.kind == Value::Kind::unknown || value.kind == Value::Kind::regex) return;
  const bool is_member = i > 1 && (held_[i - 2].is(op(".")) || held_[i - 2].is(op("?.")));
  std::string name(target.text);
  std::uint16_t code = target.code;
  if (is_member) {
    if (value.kind != Value::Kind::reference || i < 3 || held_[i - 3].kind != Token::Kind::word) return;
    if (i > 3 && held_[i - 4].is(op("."))) return;
    name = std::string(held_[i - 3].text) + "." + name;
    code = held_[i - 3].code;
  } else if (held_[i].code == op("+=")) {
    const Value* before = bound(name, code);
    if (before == nullptr) return;
    value = made(sum(*before, value));
    if (value.text.size() > grown_bytes_max) return bind(name, code, Value());
    uses_.says(value, place_of(target));
    if (value.is_text() && value.exact) uses_.composes(value.text, place_of(target));
  } else if (value.refers_to("this") && kind_of(target.word) != WordKind::root) {
    return;
  }
  bind(name, code, std::move(value));
}

// { a, b: c, 'd': e } = value, from its closing bracket back.
void Fold::bind_pattern(std::size_t close, const Value& from) {
  std::size_t open = close;
  while (open > 0 && close - open < pattern_max && !held_[open].is(op("{"))) --open;
  if (!held_[open].is(op("{"))) return;
  for (std::size_t i = open + 1; i < close; ++i) {
    const Token& key = held_[i];
    if (key.kind != Token::Kind::word && key.kind != Token::Kind::string) continue;
    // { constructor: { constructor: make } }
    if (key.is(Word::word_constructor) && held_[i + 1].is(op(":")) && held_[i + 2].is(op("{")))
      uses_.refers("?.Function", CodeUses::How::looked_into, place_of(key));
    const bool renamed = held_[i + 1].is(op(":")) && held_[i + 2].kind == Token::Kind::word;
    const Token& name = renamed ? held_[i + 2] : key;
    const Value value = member(from, decoded(key));
    if (value.kind == Value::Kind::reference)
      uses_.refers(value.text, CodeUses::How::looked_into, place_of(key));
    if (name.kind == Token::Kind::word && value.kind != Value::Kind::unknown)
      bind(name.text, name.code, value);
    while (i < close && !held_[i].is(op(","))) ++i;
  }
}

// Binds what `import a, { b as c } from 'm'` and `import * as d from 'm'` bring in; the load itself is seen
// at `from`.
void Fold::static_import(std::size_t i) {
  std::size_t to = i + 1;
  while (to < i + ahead_max && !at(to).is(Word::word_from) && at(to).kind != Token::Kind::string &&
         !at(to).is(op(";")) && to < held_.size())
    ++to;
  if (!at(to).is(Word::word_from) || at(to + 1).kind != Token::Kind::string) return;
  std::string module = decoded(at(to + 1));
  if (module.starts_with("node:")) module.erase(0, 5);
  const std::string path = module == "process" ? module : "module:" + module;
  bool braces = false;
  for (std::size_t k = i + 1; k < to; ++k) {
    const Token& token = held_[k];
    braces = token.is(op("{")) || (braces && !token.is(op("}")));
    if (token.kind != Token::Kind::word || token.word == Word::word_as) continue;
    const bool renamed = braces && held_[k + 1].is(Word::word_as) && at(k + 2).kind == Token::Kind::word;
    const Token& name = renamed ? held_[k + 2] : token;
    Value value = Value::refer(path);
    if (braces && token.word != Word::word_default) value = member(value, token.text);
    bind(name.text, name.code, std::move(value));
    if (renamed) k += 2;
  }
}

const Fold::Name* Fold::find_name(std::string_view text, std::uint16_t code) const {
  if (first_name_.empty()) return nullptr;
  for (std::uint32_t i = first_name_[code % buckets]; i != 0; i = names_[i].next)
    if (names_[i].code == code && names_[i].text == text) return &names_[i];
  return nullptr;
}

void Fold::bind(std::string_view name, std::uint16_t code, Value value) {
  using enum Value::Kind;
  if (value.kind == reference && !leads(value.text)) return;
  const std::size_t bytes = weight_of(value);
  if (bytes > value_bytes_max || bound_bytes_ + bytes > bound_bytes_max) return;
  const Name* known = find_name(name, code);
  if (known == nullptr) {
    if (names_.size() >= names_max) return;
    if (first_name_.empty()) first_name_.resize(buckets);
    std::uint32_t& first = first_name_[code % buckets];
    names_.push_back({std::string(name), {}, first, code});
    first = static_cast<std::uint32_t>(names_.size() - 1);
    known = &names_.back();
  }
  std::size_t depth = scopes_.size();
  while (depth > 0 && !scopes_[depth - 1].function) --depth;
  const std::uint64_t scope = depth == 0 ? 0 : scopes_[depth - 1].id;
  auto& all = names_[static_cast<std::size_t>(known - names_.data())].bindings;
  const auto ended = [&](const Binding& b) {
    return b.depth > scopes_.size() || (b.depth > 0 && scopes_[b.depth - 1].id != b.scope);
  };
  while (!all.empty() && (ended(all.back()) || all.back().scope == scope)) {
    bound_bytes_ -= weight_of(all.back().value);
    all.pop_back();
  }
  if (all.size() >= 16) return;
  if (!own_maybe_) {
    own_maybe_ = std::make_unique<Maybe>();
    maybe_ = own_maybe_.get();
  }
  const auto know = [&](std::bitset<65536>& names) {
    names_known_ += !names[code];
    names[code] = true;
  };
  know(own_maybe_->bound);
  if (name.find('.') != std::string_view::npos) own_maybe_->member[code] = true;
  if (value.kind == object || value.kind == list)
    know(own_maybe_->holds);
  else if (value.kind != text && value.kind != number)
    know(own_maybe_->leads);
  bound_bytes_ += bytes;
  all.push_back({std::move(value), depth, scope});
}

const Value* Fold::bound_member(const Token& of, std::string_view name) const {
  if (!maybe_->member[of.code]) return nullptr;
  return bound(std::string(of.text) + "." + std::string(name), of.code);
}

const Value* Fold::bound(std::string_view name, std::uint16_t code) const {
  if (!maybe_->bound[code]) return nullptr;
  const Name* known = find_name(name, code);
  if (known == nullptr) return nullptr;
  for (auto b = known->bindings.rbegin(); b != known->bindings.rend(); ++b) {
    if (b->depth <= scopes_.size() && (b->depth == 0 || scopes_[b->depth - 1].id == b->scope))
      return &b->value;
  }
  return nullptr;
}

}  // namespace sallyport
