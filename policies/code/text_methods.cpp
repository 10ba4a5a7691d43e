#include "policies/code/text_methods.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "policies/code/decode.hpp"
#include "storage/base/utf8.hpp"

namespace sallyport {

namespace {

constexpr std::size_t text_bytes_max = 64u << 10;
constexpr std::size_t items_max = 4096;

std::string number_text(double number) {
  char out[32];
  const bool whole = std::fabs(number) < 9e15 && number == std::floor(number);
  const auto end = whole ? std::to_chars(out, out + sizeof out, static_cast<std::int64_t>(number))
                         : std::to_chars(out, out + sizeof out, number);
  return std::string(out, end.ptr);
}

Value limited(std::string text, bool exact) {
  if (text.size() > text_bytes_max) {
    text.resize(text_bytes_max);
    exact = false;
  }
  return Value::of(std::move(text), exact);
}

Value list_of(std::vector<Value> items) {
  Value out;
  out.kind = Value::Kind::list;
  out.items = std::move(items);
  return out;
}

bool is_number(const Value& value) {
  return value.kind == Value::Kind::number;
}

Value from_codes(const std::vector<Value>& codes) {
  std::string out;
  bool exact = true;
  for (const Value& code : codes) {
    if (is_number(code) && code.number >= 0 && code.number < 0x110000) {
      append_utf8(out, static_cast<std::uint32_t>(code.number));
    } else {
      out += Value::hole;
      exact = false;
    }
  }
  return limited(std::move(out), exact);
}

// The range [from, to) of a text or list, as slice() counts.
std::pair<std::size_t, std::size_t> range(std::size_t size, const std::vector<Value>& given, bool lengths) {
  const auto clamp = [size](double at) {
    if (at < 0) at += static_cast<double>(size);
    return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(size)));
  };
  const std::size_t from = !given.empty() && is_number(given[0]) ? clamp(given[0].number) : 0;
  std::size_t to = size;
  if (given.size() > 1 && is_number(given[1]))
    to = lengths ? std::min(size, from + static_cast<std::size_t>(std::clamp(given[1].number, 0.0, 1e9)))
                 : clamp(given[1].number);
  return {from, std::max(from, to)};
}

Value split(const std::string& text, const std::vector<Value>& given) {
  std::vector<Value> parts;
  const bool by_text = !given.empty() && given[0].is_text();
  const bool by_empty_regex =
      !given.empty() && given[0].kind == Value::Kind::regex && given[0].text == "/(?:)/";
  if (!by_text && !by_empty_regex) return {};
  const std::string by = by_text ? given[0].text : "";
  if (by.empty()) {
    for (std::size_t i = 0; i < text.size() && parts.size() < items_max; ++i)
      parts.push_back(Value::of({text[i]}));
    return list_of(std::move(parts));
  }
  std::size_t from = 0;
  for (std::size_t at; parts.size() < items_max && (at = text.find(by, from)) != std::string::npos;
       from = at + by.size())
    parts.push_back(Value::of(text.substr(from, at - from)));
  parts.push_back(Value::of(text.substr(from)));
  return list_of(std::move(parts));
}

Value join(const std::vector<Value>& items, std::string_view by) {
  std::string out;
  bool exact = true;
  for (std::size_t i = 0; i < items.size() && out.size() <= text_bytes_max; ++i) {
    if (i > 0) out += by;
    out += text_of(items[i], exact);
  }
  return limited(std::move(out), exact);
}

// A text that a regular expression stands for, if it has no more meaning; "^" alone is its beginning.
bool plain_regex(std::string_view regex, std::string& text, std::string& any) {
  if (regex.size() < 3) return false;
  regex = regex.substr(1, regex.size() - 2);
  if (regex.size() > 2 && regex.front() == '[' && regex.back() == ']' && regex[1] != '^' &&
      regex.find_first_of("\\-", 1) == std::string_view::npos) {
    any = regex.substr(1, regex.size() - 2);
    return true;
  }
  for (std::size_t i = 0; i < regex.size(); ++i) {
    char c = regex[i];
    if (c == '\\' && i + 1 < regex.size()) {
      c = regex[++i];
      if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return false;
    } else if (std::string_view("^$.*+?()[]{}|\\").find(c) != std::string_view::npos) {
      return false;
    }
    text += c;
  }
  return true;
}

Value replace(const std::string& text, const std::vector<Value>& given, bool all) {
  if (given.size() < 2 || !given[1].is_text()) return {};
  std::string what, any;
  if (given[0].is_text()) {
    what = given[0].text;
  } else if (given[0].kind == Value::Kind::regex) {
    if (given[0].text == "/^/") return sum(given[1], Value::of(text));
    if (!plain_regex(given[0].text, what, any)) return {};
    all = true;  // its flags are not kept: who hides text replaces all of it
  } else {
    return {};
  }
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const bool hit = any.empty() ? !what.empty() && text.compare(i, what.size(), what) == 0
                                 : any.find(text[i]) != std::string::npos;
    if (!hit) {
      out += text[i++];
      continue;
    }
    out += given[1].text;
    i += any.empty() ? what.size() : 1;
    if (all) continue;
    out += text.substr(i);
    break;
  }
  return limited(std::move(out), given[1].exact);
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

Value text_method(const Value& receiver, std::string_view name, const std::vector<Value>& given) {
  const std::string& text = receiver.text;
  const auto same = [&](std::string out) { return limited(std::move(out), receiver.exact); };
  if (name == "toString" || name == "valueOf" || name == "normalize" || name == "trim" || name == "trimEnd")
    return receiver;
  if (name == "split") return split(text, given);
  if (name == "concat") {
    Value out = receiver;
    for (const Value& more : given) out = sum(out, more);
    return out;
  }
  if (name == "replace" || name == "replaceAll") return replace(text, given, name == "replaceAll");
  if (name == "slice" || name == "substring" || name == "substr") {
    const auto [from, to] = range(text.size(), given, name == "substr");
    return same(text.substr(from, to - from));
  }
  if (name == "charAt" || name == "at")
    return item_of(receiver, given.empty() || !is_number(given[0]) ? "0" : number_text(given[0].number));
  if (name == "charCodeAt" || name == "codePointAt") {
    const std::size_t at = given.empty() || !is_number(given[0]) || given[0].number < 0
                               ? 0
                               : static_cast<std::size_t>(given[0].number);
    if (at >= text.size()) return {};
    Value code;
    code.kind = Value::Kind::number;
    code.number = static_cast<unsigned char>(text[at]);
    return code;
  }
  if (name == "toLowerCase") return same(lower_case(text));
  if (name == "toUpperCase") {
    std::string out = text;
    for (char& c : out)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
    return same(out);
  }
  if (name == "repeat" && !given.empty() && is_number(given[0])) {
    const auto count = static_cast<std::size_t>(std::clamp(given[0].number, 0.0, double{text_bytes_max + 1}));
    const std::size_t size = std::min(count * text.size(), text_bytes_max + 1);
    std::string out = text.substr(0, size);
    while (out.size() < size) out.append(out, 0, size - out.size());
    return same(std::move(out));
  }
  return {};
}

Value list_method(const Value& receiver, std::string_view name, const std::vector<Value>& given) {
  std::vector<Value> items = receiver.items;
  if (name == "join" || name == "toString") {
    bool exact = true;
    return join(items, given.empty() ? std::string(",") : text_of(given[0], exact));
  }
  if (name == "reverse" || name == "toReversed") {
    std::reverse(items.begin(), items.end());
    return list_of(std::move(items));
  }
  if (name == "concat") {
    for (const Value& more : given) {
      if (more.kind == Value::Kind::list)
        items.insert(items.end(), more.items.begin(), more.items.end());
      else
        items.push_back(more);
    }
    items.resize(std::min(items.size(), items_max));
    return list_of(std::move(items));
  }
  if (name == "slice") {
    const auto [from, to] = range(items.size(), given, false);
    return list_of(
        {items.begin() + static_cast<std::ptrdiff_t>(from), items.begin() + static_cast<std::ptrdiff_t>(to)});
  }
  if (name == "at" && !given.empty() && is_number(given[0]))
    return item_of(receiver, number_text(given[0].number));
  if (name == "pop" && !items.empty()) return items.back();
  if (name == "shift" && !items.empty()) return items.front();
  // .map(c => String.fromCharCode(c)): of numbers nothing else makes text.
  if (name == "map" && !items.empty() && std::all_of(items.begin(), items.end(), is_number)) {
    for (Value& item : items) item = from_codes({item});
    return list_of(std::move(items));
  }
  return {};
}

}  // namespace

std::string text_of(const Value& value, bool& exact) {
  switch (value.kind) {
    case Value::Kind::text:
      exact = exact && value.exact;
      return value.text;
    case Value::Kind::number:
      return number_text(value.number);
    case Value::Kind::list: {
      const Value joined = join(value.items, ",");
      exact = exact && joined.exact;
      return joined.text;
    }
    case Value::Kind::reference:
      if (value.text == "process.env.HOME" || value.text == "process.env.USERPROFILE") return "~";
      exact = false;
      return std::string(1, Value::hole);
    case Value::Kind::either:
      exact = false;
      return value.items.empty() ? std::string(1, Value::hole) : text_of(value.items[0], exact);
    default:
      exact = false;
      return std::string(1, Value::hole);
  }
}

Value sum(const Value& a, const Value& b) {
  const auto can = [](const Value& v) { return v.is_text() || v.kind == Value::Kind::list; };
  if (!can(a) && !can(b)) return {};
  bool exact = true;
  std::string text = text_of(a, exact);
  text += text_of(b, exact);
  return limited(std::move(text), exact);
}

Value item_of(const Value& value, std::string_view index) {
  std::int64_t at = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), at);
  if (error != std::errc() || end != index.data() + index.size()) return {};
  const std::size_t size = value.is_text() ? value.text.size() : value.items.size();
  if (at < 0) at += static_cast<std::int64_t>(size);
  if (at < 0 || static_cast<std::size_t>(at) >= size) return {};
  if (value.is_text()) return Value::of({value.text[static_cast<std::size_t>(at)]}, value.exact);
  return value.items[static_cast<std::size_t>(at)];
}

Value call_method(const Value& receiver, std::string_view name, const std::vector<Value>& given) {
  if (receiver.is_text()) return text_method(receiver, name, given);
  if (receiver.kind == Value::Kind::list) return list_method(receiver, name, given);
  if (receiver.kind == Value::Kind::number && name == "toString") {
    const bool wide = !given.empty() && is_number(given[0]) && given[0].number == 36;
    if (!wide) return Value::of(number_text(receiver.number));
    std::string out;
    for (auto rest = static_cast<std::uint64_t>(std::clamp(receiver.number, 0.0, 9e15)); rest > 0; rest /= 36)
      out.insert(out.begin(), "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36]);
    return Value::of(out);
  }
  return {};
}

Value built_in(std::string_view path, const std::vector<Value>& given) {
  static const Value none;
  const Value& first = given.empty() ? none : given[0];
  if (path == "String.fromCharCode" || path == "String.fromCodePoint") return from_codes(given);
  if (path == "atob" && first.is_text()) return limited(lenient_base64(first.text), first.exact);
  if (path == "decodeURIComponent" || path == "decodeURI" || path == "unescape")
    return first.is_text() ? limited(percent_decoded(first.text), first.exact) : Value();
  if (path == "Buffer.from" || path == "Buffer" || path == "module:buffer.Buffer.from") {
    if (first.kind == Value::Kind::list) return from_codes(first.items);
    if (!first.is_text()) return {};
    const std::string coding = given.size() > 1 && given[1].is_text() ? lower_case(given[1].text) : "utf8";
    if (coding.starts_with("base64")) return limited(lenient_base64(first.text), first.exact);
    if (coding == "hex") return limited(lenient_hex(first.text), first.exact);
    return first;
  }
  if (path == "module:buffer.atob") return built_in("atob", given);
  if (path == "String" || path == "String.raw" || path == "module:url.fileURLToPath")
    return first.is_text() ? first : Value();
  if (path == "module:os.homedir") return Value::of("~");
  if (path == "module:path.join" || path == "module:path.resolve" || path == "module:path.posix.join")
    return join(given, "/");
  return {};
}

std::string data_url_text(std::string_view url) {
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos) return {};
  const bool base64 = url.substr(0, comma).ends_with(";base64");
  return base64 ? lenient_base64(url.substr(comma + 1)) : percent_decoded(url.substr(comma + 1));
}

}  // namespace sallyport
