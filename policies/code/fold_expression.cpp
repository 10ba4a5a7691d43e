// The expressions of fold.hpp: what stands at pos_ and what it amounts to.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "policies/code/fold.hpp"
#include "policies/code/text_methods.hpp"
#include "storage/base/one_of.hpp"

namespace sallyport {

namespace {

constexpr int depth_max = 40;
constexpr std::size_t items_max = 4096;
constexpr std::size_t steps_max = 20'000;  // tokens looked at for all items of a list
// The text of a function that some object's constructor made: of an error's, nothing is called.
constexpr std::string_view made_by_constructor = "constructor";

bool is_global_object(std::string_view name) {
  return one_of(name, {"globalThis", "global", "window", "self", "top", "parent", "frames"});
}

double number_of(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  if (digits.ends_with('n')) digits.pop_back();
  const char kind = digits.size() > 1 && digits[0] == '0' ? static_cast<char>(digits[1] | 0x20) : '\0';
  const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
  if (base != 10) {
    std::uint64_t number = 0;
    std::from_chars(digits.data() + 2, digits.data() + digits.size(), number, base);
    return static_cast<double>(number);
  }
  double number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

int precedence_of(const Token& token) {
  if (token.kind != Token::Kind::op) return 0;
  switch (token.code) {
    case op("||"):
    case op("??"):
      return 1;
    case op("&&"):
      return 2;
    case op("|"):
      return 3;
    case op("^"):
      return 4;
    case op("&"):
      return 5;
    case op("=="):
    case op("!="):
      return 6;
    case op("<"):
    case op(">"):
    case op("<="):
    case op(">="):
      return 7;
    case op("<<"):
      return 8;
    case op("+"):
    case op("-"):
      return 9;
    case op("*"):
    case op("/"):
    case op("%"):
      return 10;
    default:
      return 0;
  }
}

Value either(Value a, Value b) {
  if (a.kind == Value::Kind::unknown) return b;
  if (b.kind == Value::Kind::unknown) return a;
  Value out;
  out.kind = Value::Kind::either;
  out.items = {std::move(a), std::move(b)};
  return out;
}

Value number_value(double number) {
  if (!std::isfinite(number)) return {};
  Value out;
  out.kind = Value::Kind::number;
  out.number = number;
  return out;
}

Value operate(std::uint16_t code, Value a, Value b) {
  if (code == op("||") || code == op("??")) return either(std::move(a), std::move(b));
  if (code == op("&&")) return b;
  if (code == op("+") && !(a.kind == Value::Kind::number && b.kind == Value::Kind::number)) return sum(a, b);
  if (a.kind != Value::Kind::number || b.kind != Value::Kind::number) return {};
  const auto whole = [](double d) {
    return std::fabs(d) < 9e15 ? static_cast<std::int32_t>(static_cast<std::int64_t>(d)) : 0;
  };
  const std::int32_t x = whole(a.number), y = whole(b.number);
  switch (code) {
    case op("+"):
      return number_value(a.number + b.number);
    case op("-"):
      return number_value(a.number - b.number);
    case op("*"):
      return number_value(a.number * b.number);
    case op("/"):
      return number_value(b.number == 0 ? 0 : a.number / b.number);
    case op("%"):
      return number_value(b.number == 0 ? 0 : std::fmod(a.number, b.number));
    case op("|"):
      return number_value(x | y);
    case op("^"):
      return number_value(x ^ y);
    case op("&"):
      return number_value(x & y);
    case op("<<"):
      return number_value(static_cast<std::int32_t>(static_cast<std::uint32_t>(x) << (y & 31)));
    default:
      return {};
  }
}

}  // namespace

Value Fold::expression() {
  if (depth_ >= depth_max || done()) return {};
  const Deeper deeper(depth_);
  if (now().kind == Token::Kind::word && at(pos_ + 1).is(op("=>"))) {
    pos_ += 2;
    return function(true);
  }
  const std::size_t start = pos_;
  Value value = binary(1);
  if (now().is(op("?")) && !done()) {
    ++pos_;
    Value yes = expression();
    if (now().is(op(":"))) ++pos_;
    value = either(std::move(yes), expression());
  } else if (now().is(op("=")) && !done()) {
    const Token& target = at(start);
    const bool simple = pos_ == start + 1 && target.kind == Token::Kind::word;
    ++pos_;
    value = expression();
    if (simple && value.kind != Value::Kind::unknown) bind(target.text, target.code, value);
  }
  return value;
}

Value Fold::binary(int lowest) {
  Value left = unary();
  while (!done()) {
    const int precedence = precedence_of(now());
    if (precedence < lowest || precedence == 0) break;
    const std::uint16_t code = now().code;
    ++pos_;
    Value right = binary(precedence + 1);
    left = made(operate(code, std::move(left), std::move(right)));
  }
  return left;
}

Value Fold::unary() {
  if (depth_ >= depth_max || done()) return {};
  const Deeper deeper(depth_);
  const Token& token = now();
  if (token.kind == Token::Kind::op) {
    const bool sign = token.is(op("-")) || token.is(op("+"));
    if (sign || token.is(op("!")) || token.is(op("~")) || token.is(op("++")) || token.is(op("--"))) {
      ++pos_;
      Value value = unary();
      if (value.kind != Value::Kind::number || !sign) return {};
      if (token.code == op("-")) value.number = -value.number;
      return value;
    }
  } else if (token.is(Word::word_typeof) || token.is(Word::word_void) || token.is(Word::word_delete)) {
    ++pos_;
    ++mute_;
    unary();
    --mute_;
    return {};
  } else if (token.is(Word::word_await) || token.is(Word::word_new) || token.is(Word::word_yield)) {
    ++pos_;
    return unary();
  }
  return postfix();
}

Value Fold::postfix() {
  const std::size_t start = pos_;
  return tail(primary(), start);
}

Value Fold::tail(Value value, std::size_t start) {
  const CodePlace place = place_of(at(start));
  std::string_view first = pos_ == start + 1 && at(start).kind == Token::Kind::word ? at(start).text : "";
  bool called = false;
  while (!done()) {
    const Token& token = now();
    std::string_view name;
    std::string computed;
    if (token.is(op(".")) || token.is(op("?."))) {
      const Token& next = at(pos_ + 1);
      if (next.is(op("(")) || next.is(op("["))) {
        ++pos_;
        continue;
      }
      if (next.kind != Token::Kind::word) break;
      name = next.text;
      pos_ += 2;
      if (!first.empty()) {
        if (const Value* known = bound_member(at(start), name)) {
          value = made(*known);
          first = {};
          continue;
        }
      }
    } else if (token.is(op("["))) {
      ++pos_;
      const Value index = sequence();
      skip_to(op("]"));
      bool exact = true;
      computed = text_of(index, exact);
      name = computed;
      if (!exact || name.empty()) {
        value = value.kind == Value::Kind::reference && value.text == "process.env"
                    ? Value::refer("process.env.?")
                    : Value();
        first = {};
        called = false;
        continue;
      }
      if (value.refers_to("this")) value = global(name), name = {};
    } else if (token.is(op("("))) {
      value = call(std::move(value), items(op(")")), place);
      first = {};
      called = true;
      continue;
    } else if (token.kind == Token::Kind::template_text && (token.flags & Token::closes_hole) == 0) {
      std::vector<Value> texts;
      texts.push_back(template_value());
      value = call(std::move(value), std::move(texts), place);
      first = {};
      called = true;
      continue;
    } else if (token.is(op("++")) || token.is(op("--"))) {
      ++pos_;
      continue;
    } else {
      break;
    }
    first = {};
    called = false;
    if (name.empty()) continue;
    if (now().is(op("?.")) && at(pos_ + 1).is(op("("))) ++pos_;
    if (value.kind == Value::Kind::list && name == "map" && now().is(op("(")) && mapped(value)) {
      called = true;
      continue;
    }
    if (now().is(op("(")) && !done() && value.kind != Value::Kind::reference &&
        value.kind != Value::Kind::object && value.kind != Value::Kind::either) {
      std::vector<Value> given = items(op(")"));
      value = value.kind == Value::Kind::function && name == "call" && !value.items.empty()
                  ? value.items[0]
                  : made(call_method(value, name, given));
      called = true;
      continue;
    }
    value = member(value, name);
  }
  const auto report = [&](const Value& found) {
    if (found.kind != Value::Kind::reference || called || mute_ > 0 || found.text == "?" ||
        found.text == "this")
      return;
    const Token &before = at(start - 1), &after = now();
    const bool passed = before.is(op("(")) || before.is(op(",")) || before.is(op("..")) ||
                        before.is(op(":")) || before.is(Word::word_return);
    const bool ends =
        after.is(op(")")) || after.is(op(",")) || after.is(op("}")) || after.is(op("]")) || after.is(op(";"));
    using enum CodeUses::How;
    // with (process): all its members are names.
    if (before.is(op("(")) && at(start - 2).is(Word::word_with))
      uses_.refers(found.text + ".?", looked_into, place);
    const bool each = before.is(Word::word_in) || before.is(Word::word_of);
    uses_.refers(found.text,
                 !ends    ? looked_into
                 : each   ? enumerated
                 : passed ? passed_on
                          : looked_into,
                 place);
  };
  report(value);
  if (value.kind == Value::Kind::either)
    for (const Value& item : value.items) report(item);
  return value;
}

Value Fold::primary() {
  if (done()) return {};
  const Token& token = now();
  switch (token.kind) {
    case Token::Kind::string:
      ++pos_;
      return Value::of(decoded(token), (token.flags & Token::cut) == 0);
    case Token::Kind::template_text:
      return (token.flags & Token::closes_hole) != 0 ? Value() : template_value();
    case Token::Kind::number:
      ++pos_;
      return number_value(number_of(token.text));
    case Token::Kind::regex: {
      ++pos_;
      Value value;
      value.kind = Value::Kind::regex;
      value.text = token.text;
      return value;
    }
    case Token::Kind::word:
      return word();
    case Token::Kind::comment:
      return {};
    case Token::Kind::op:
      break;
  }
  if (token.code == op("(")) {
    ++pos_;
    Value value;
    if (!now().is(op(")"))) value = sequence();
    skip_to(op(")"));
    if (!now().is(op("=>"))) return value;
    ++pos_;
    return function(true);
  }
  if (token.code == op("[")) return list();
  if (token.code == op("{")) return object();
  return {};
}

Value Fold::word() {
  const Token& token = now();
  ++pos_;
  switch (token.word) {
    case Word::word_function:
      return function(false);
    case Word::word_async:
      if (now().is(Word::word_function)) {
        ++pos_;
        return function(false);
      }
      if (now().kind == Token::Kind::word && at(pos_ + 1).is(op("=>"))) {
        pos_ += 2;
        return function(true);
      }
      return now().is(op("(")) ? primary() : Value();
    case Word::word_class:
      while (!done() && !now().is(op("{")) && !now().is(op("}")) && !now().is(op(";"))) ++pos_;
      if (now().is(op("{"))) {
        ++pos_;
        skip_to(op("}"));
      }
      return {};
    case Word::word_this:
      return Value::refer("this");
    case Word::word_null:
    case Word::word_undefined:
    case Word::word_true:
    case Word::word_false:
      return {};
    default:
      break;
  }
  if (const Value* value = bound(token.text, token.code)) return made(*value);
  // As global() has it, at less cost: none of the words that lead somewhere.
  if (token.word == Word::none && token.text != "Array") return Value::refer("?");
  return global(token.text);
}

// What a name means that nothing here binds.
Value Fold::global(std::string_view name) {
  if (is_global_object(name)) return Value::refer("global");
  char padded[40] = {};
  if (name.empty() || name.size() > 30) return Value::refer("?");
  name.copy(padded, name.size());
  const WordKind kind = kind_of(find_word(padded, name.size(), word_hash(padded, name.size())));
  const bool known =
      kind == WordKind::root || kind == WordKind::member || name == "import" || name == "Array";
  return Value::refer(known ? std::string(name) : "?");
}

Value Fold::template_value() {
  Value out = Value::of("");
  for (bool first = true; !done(); first = false) {
    const Token& token = now();
    if (token.kind != Token::Kind::template_text || (!first && (token.flags & Token::closes_hole) == 0)) {
      // The hole held more than an expression: on to where it ends.
      int depth = 0;
      for (; !done(); ++pos_) {
        if (now().kind != Token::Kind::template_text) continue;
        if ((now().flags & Token::closes_hole) != 0 && depth-- == 0) break;
        if ((now().flags & Token::opens_hole) != 0) ++depth;
      }
      if (done()) break;
      continue;
    }
    ++pos_;
    out = sum(out, Value::of(decoded(token), (token.flags & Token::cut) == 0));
    if ((token.flags & Token::opens_hole) == 0) return out;
    out = made(sum(out, sequence()));
  }
  out.exact = false;
  return out;
}

// a, b, c: the last.
Value Fold::sequence() {
  Value value = expression();
  while (now().is(op(",")) && !done()) {
    ++pos_;
    value = expression();
  }
  return value;
}

Value Fold::list() {
  Value out;
  out.kind = Value::Kind::list;
  out.items = items(op("]"));
  return out;
}

// From an opening bracket to behind the closing one.
std::vector<Value> Fold::items(std::uint16_t closing) {
  std::vector<Value> out;
  ++pos_;
  while (!done() && !now().is(closing)) {
    const bool spread = now().is(op(".."));
    if (spread) ++pos_;
    Value item = expression();
    if (!now().is(op(",")) && !now().is(closing)) skip_argument();
    if (out.size() < items_max) {
      if (spread && item.is_text()) item = call_method(item, "split", {Value::of("")});
      if (spread && item.kind == Value::Kind::list)
        out.insert(out.end(), item.items.begin(), item.items.end());
      else
        out.push_back(std::move(item));
    }
    if (!now().is(op(","))) break;
    ++pos_;
  }
  skip_to(closing);
  return out;
}

Value Fold::object() {
  Value out;
  out.kind = Value::Kind::object;
  ++pos_;
  while (!done() && !now().is(op("}"))) {
    const Token& key = now();
    std::string name;
    Value value;
    bool known = false;
    if (key.is(op("["))) {
      ++pos_;
      bool exact = true;
      name = text_of(sequence(), exact);
      skip_to(op("]"));
      known = exact;
    } else if (key.is(op(".."))) {
      ++pos_;
      expression();
    } else if (key.kind == Token::Kind::word || key.kind == Token::Kind::string ||
               key.kind == Token::Kind::number) {
      name = decoded(key);
      ++pos_;
      known = true;
      if (key.kind == Token::Kind::word && (now().is(op(",")) || now().is(op("}")))) {
        --pos_;
        value = word();
      }
    }
    if (known && now().is(op(":"))) {
      ++pos_;
      value = expression();
    }
    if (!now().is(op(",")) && !now().is(op("}"))) skip_argument();
    if (known && value.kind != Value::Kind::unknown && out.items.size() < items_max) {
      out.keys.push_back(std::move(name));
      out.items.push_back(std::move(value));
    }
    if (!now().is(op(","))) break;
    ++pos_;
  }
  skip_to(op("}"));
  return out;
}

// Behind `function`, or behind the arrow. What it returns is known where that is all it does.
Value Fold::function(bool arrow) {
  Value out;
  out.kind = Value::Kind::function;
  if (!arrow) {
    while (now().is(op("*")) || now().kind == Token::Kind::word) ++pos_;
    if (now().is(op("("))) {
      ++pos_;
      skip_to(op(")"));
    }
  }
  if (!now().is(op("{"))) {
    if (arrow) {
      Value result = expression();
      if (result.kind != Value::Kind::unknown) out.items.push_back(std::move(result));
    }
    return out;
  }
  ++pos_;
  if (now().is(Word::word_return)) {
    ++pos_;
    Value result = sequence();
    if (result.kind != Value::Kind::unknown) out.items.push_back(std::move(result));
  }
  skip_to(op("}"));
  return out;
}

// [1, 2].map(c => …) at its bracket: what a callback of one expression gives for each, or a function that is
// called by reference. False, and nothing taken, where it is neither.
bool Fold::mapped(Value& list) {
  const std::size_t open = pos_;
  std::size_t body = pos_ + 1;
  if (at(body).kind == Token::Kind::word && at(body + 1).is(op(")"))) {
    if (const Value* known = bound(at(body).text, at(body).code);
        known == nullptr || known->kind == Value::Kind::reference) {
      const Value callee = known != nullptr ? *known : global(at(body).text);
      if (callee.text == "?" || list.items.size() > 16) return false;
      const CodePlace place = place_of(at(body));
      for (Value& item : list.items) item = call(callee, {std::move(item)}, place);
      pos_ = body + 2;
      return true;
    }
    return false;
  }
  const bool function = at(body).is(Word::word_function);
  body += function;
  const bool round = at(body).is(op("("));
  body += round;
  const Token& name = at(body);
  if (name.kind != Token::Kind::word || (function && !round)) return false;
  if (round)
    while (body < limit_ && !at(body).is(op(")"))) ++body;
  body += 1;
  if (!function && !at(body++).is(op("=>"))) return false;
  if (at(body).is(op("{")) && !at(body++ + 1).is(Word::word_return)) return false;
  body += at(body).is(Word::word_return);
  const Value* const known = bound(name.text, name.code);
  const Value before = known != nullptr ? *known : Value();
  ++mute_;
  std::size_t steps = 0;
  for (Value& item : list.items) {
    if (steps > steps_max) break;
    bind(name.text, name.code, std::exchange(item, Value()));
    pos_ = body;
    item = made(expression());
    steps += pos_ - body + 1;
  }
  made_ += 256 * steps;
  --mute_;
  bind(name.text, name.code, before);
  pos_ = open + 1;
  skip_to(op(")"));
  return true;
}

void Fold::skip_to(std::uint16_t closing) {
  int depth = 0;
  for (; !done(); ++pos_) {
    const Token& token = now();
    if (token.kind != Token::Kind::op) continue;
    if (depth == 0 && token.code == closing) {
      ++pos_;
      return;
    }
    if (token.code == op("(") || token.code == op("[") || token.code == op("{"))
      ++depth;
    else if ((token.code == op(")") || token.code == op("]") || token.code == op("}")) && depth-- == 0)
      return;
  }
}

// To the next comma, or the bracket that ends the list.
void Fold::skip_argument() {
  int depth = 0;
  for (; !done(); ++pos_) {
    const Token& token = now();
    if (token.kind != Token::Kind::op) continue;
    if (depth == 0 && token.code == op(",")) return;
    if (token.code == op("(") || token.code == op("[") || token.code == op("{"))
      ++depth;
    else if ((token.code == op(")") || token.code == op("]") || token.code == op("}")) && depth-- == 0)
      return;
  }
}

// ---- what members and calls amount to

Value Fold::member(const Value& of, std::string_view name) {
  switch (of.kind) {
    case Value::Kind::object:
      for (std::size_t i = of.keys.size(); i-- > 0;)
        if (of.keys[i] == name) return of.items[i];
      return name == "constructor" ? Value::refer("?.constructor") : Value();
    case Value::Kind::text:
    case Value::Kind::list:
      return name == "constructor" ? Value::refer("?.constructor") : item_of(of, name);
    case Value::Kind::function:
    case Value::Kind::number:
      if (name != "constructor") return {};
      return Value::refer(of.kind == Value::Kind::function ? "Function" : "?.constructor");
    case Value::Kind::either: {
      Value out;
      for (const Value& item : of.items) out = either(std::move(out), member(item, name));
      return out;
    }
    case Value::Kind::reference:
      break;
    default:
      return name == "constructor" ? Value::refer("?.constructor") : Value();
  }
  const std::string& path = of.text;
  if (path == "global") {
    if (is_global_object(name)) return of;
    const Value known = global(name);
    return known.text == "?" ? Value::refer("global." + std::string(name)) : known;
  }
  if (name == "constructor" && (path.ends_with(".constructor") || path == "Function" || path == "String" ||
                                path == "Array" || path == "Object" || path == "eval" || path == "require"))
    return Value::refer("Function");
  if (name == "require" && (path == "module" || path.ends_with(".mainModule") || path.ends_with(".main") ||
                            path.ends_with(".parent") || path == "this"))
    return Value::refer("require");
  if ((name == "default" && path.starts_with("module:")) || name == "__proto__") return of;
  if (path.size() > 300) return Value::refer("?");
  std::string longer;
  longer.reserve(path.size() + 1 + name.size());
  longer.append(path).append(1, '.').append(name);
  return Value::refer(std::move(longer));
}

Value Fold::load(const Value& module, CodePlace place) {
  if (module.kind == Value::Kind::either) {
    Value out;
    for (const Value& item : module.items) out = either(std::move(out), load(item, place));
    return out;
  }
  if (!module.is_text() || !module.exact) return Value::refer("module:?");
  std::string_view name = module.text;
  if (name.starts_with("node:")) name.remove_prefix(5);
  if (mute_ == 0) uses_.loads(name, place);
  return Value::refer(name == "process" ? "process" : "module:" + std::string(name));
}

// What a text names, as eval(text) or Function('return ' + text)() would give it.
Value Fold::path_of(std::string_view text) {
  while (!text.empty() && (text.back() == ';' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (text == "this") return Value::refer("global");
  Value value;
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view name = text.substr(0, dot);
    const auto is_name = [](char c) { return (c | 0x20) >= 'a' ? (c | 0x20) <= 'z' : c == '_' || c == '$'; };
    if (!std::all_of(name.begin(), name.end(), is_name)) return {};
    value = first ? global(name) : member(value, name);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return value;
}

Value Fold::call(Value callee, std::vector<Value> given, CodePlace place) {
  if (callee.kind == Value::Kind::either) {
    Value out;
    for (const Value& item : callee.items) out = either(std::move(out), call(item, given, place));
    return out;
  }
  if (callee.kind == Value::Kind::function) {
    if (callee.text == made_by_constructor && mute_ == 0) uses_.calls("?.constructor()", given, place);
    return callee.items.empty() ? Value() : callee.items[0];
  }
  if (callee.kind != Value::Kind::reference) return {};
  const std::string& path = callee.text;
  const auto without = [&path](std::string_view end) {
    return Value::refer(path.substr(0, path.size() - end.size()));
  };
  if (path.ends_with(".bind")) return without(".bind");
  if (path.ends_with(".call")) {
    if (!given.empty()) given.erase(given.begin());
    return call(without(".call"), std::move(given), place);
  }
  if (path.ends_with(".apply") && path != "Reflect.apply") {
    std::vector<Value> items;
    if (given.size() > 1 && given[1].kind == Value::Kind::list) items = given[1].items;
    return call(without(".apply"), std::move(items), place);
  }
  if (path == "?" && given.size() == 1 && given[0].is_text() && given[0].exact)
    return uses_.passes({}, given[0].text, place)
               ? Value::refer("module:" + given[0].text.substr(given[0].text.starts_with("node:") ? 5 : 0))
               : Value();
  if (path == "?")
    return !given.empty() && given[0].kind == Value::Kind::reference && given[0].text.starts_with("module:")
               ? given[0]
               : Value();
  const auto argument = [&given](std::size_t i) { return i < given.size() ? given[i] : Value(); };
  if (path == "Reflect.apply") return call(argument(0), argument(2).items, place);
  if (path == "Reflect.construct") return call(argument(0), argument(1).items, place);
  if (path == "Reflect.get") return argument(1).is_text() ? member(argument(0), argument(1).text) : Value();
  if (path == "require" || path == "import" || path == "process.getBuiltinModule" ||
      path.ends_with("._load")) {
    const Value module = argument(0);
    if (path == "import" && module.is_text() && module.text.starts_with("data:") && mute_ == 0)
      uses_.calls("eval", {Value::of(data_url_text(module.text), module.exact)}, place);
    return load(module, place);
  }
  if (path.ends_with("createRequire")) return Value::refer("require");
  if (mute_ == 0) uses_.calls(path, given, place);
  if (path == "eval" && argument(0).is_text() && argument(0).exact) return path_of(argument(0).text);
  if (path == "Function" || path == "?.constructor") {
    Value made;
    made.kind = Value::Kind::function;
    if (path == "?.constructor") made.text = made_by_constructor;
    if (!given.empty() && given.back().is_text() && given.back().exact) {
      std::string_view body = given.back().text;
      if (body.starts_with("return ")) {
        Value result = path_of(body.substr(7));
        if (result.kind != Value::Kind::unknown) made.items.push_back(std::move(result));
      }
    }
    return made;
  }
  if (path == "module:util.promisify") return argument(0);
  // What leads somewhere is taken for its own prototype.
  if (path == "Object.getPrototypeOf" || path == "Reflect.getPrototypeOf") return argument(0);
  if (path == "Object.getOwnPropertyDescriptor" && argument(1).is_text()) {
    Value out;
    out.kind = Value::Kind::object;
    out.keys = {"value"};
    out.items = {member(argument(0), argument(1).text)};
    return out;
  }
  return made(built_in(path, given));
}

}  // namespace sallyport
