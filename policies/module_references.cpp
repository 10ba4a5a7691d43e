#include "policies/module_references.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace sallyport {

namespace {

constexpr std::size_t kTextMax = 300;  // a package name has at most 214
constexpr std::size_t kWordMax = 64;
constexpr std::size_t kCommentMax = 300;
constexpr std::size_t kBracketsMax = 1 << 20;

template <std::size_t N>
bool one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '$' || byte >= 0x80;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Functions whose first argument is a module. Bundlers wrap require under names that still say so, and
// minifiers give createRequire's result one or two letters.
bool is_loader(std::string_view word) {
  if (one_of(word, {"resolve", "define", "register", "importScripts", "requireActual", "url"})) return true;
  const std::string name = lower(word);
  return name.find("require") != std::string::npos || name.find("import") != std::string::npos ||
         (word.size() <= 2 && !one_of(word, {"if", "do", "in", "of", "as", "is"}));
}

bool is_runner(std::string_view word) {
  return one_of(word, {"spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync", "fork", "execa",
                       "execaSync", "execaCommand"});
}

bool is_control(std::string_view word) {
  return one_of(word, {"if", "while", "for", "with"});
}

// After these a value begins, so that a slash begins a regular expression.
bool precedes_value(std::string_view word) {
  return one_of(word, {"return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "instanceof",
                       "do", "else", "yield", "await", "default", "extends"});
}

}  // namespace

SourceKind source_kind(std::string_view path, bool shebang) {
  const std::string name = lower(path.substr(path.rfind('/') + 1));
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) return shebang ? SourceKind::script : SourceKind::none;
  for (const std::string_view end : {".d.ts", ".d.mts", ".d.cts"}) {
    if (name.ends_with(end)) return SourceKind::declaration;
  }
  const std::string_view extension = std::string_view(name).substr(dot);
  if (one_of(extension, {".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"}))
    return SourceKind::script;
  if (one_of(extension, {".css", ".scss", ".sass", ".less", ".styl"})) return SourceKind::style;
  if (one_of(extension, {".vue", ".svelte", ".astro", ".html", ".mdx"})) return SourceKind::markup;
  // Manifests and lock files name every dependency whether or not anything uses it.
  const bool lists_packages = one_of(name, {"package.json", "package-lock.json", "npm-shrinkwrap.json",
                                            "bower.json", "deno.json", "jsr.json"});
  if ((extension == ".json" || extension == ".json5" || extension == ".jsonc") && !lists_packages) {
    return SourceKind::json;
  }
  return SourceKind::none;
}

ModuleReferences::ModuleReferences(SourceKind kind, std::function<void(const ModuleReference&)> found)
    : kind_(kind), found_(std::move(found)) {}

void ModuleReferences::feed(Bytes bytes) {
  if (kind_ == SourceKind::none) return;
  for (const char c : as_text(bytes)) take(c);
}

void ModuleReferences::finish() {
  if (kind_ == SourceKind::none) return;
  if (state_ == State::line_comment) end_comment();
  if (state_ == State::code) end_word();
  json_text();
}

void ModuleReferences::take(char c) {
  switch (state_) {
    case State::code:
      return code(c);
    case State::slash:
      if (c == '/' || c == '*') {
        state_ = c == '/' ? State::line_comment : State::block_comment;
        comment_.clear();
        return;
      }
      if (regex_may_begin()) {
        state_ = State::regex;
        return take(c);
      }
      state_ = State::code;
      before_last_char_ = last_char_;
      last_ = Last::punctuation;
      last_char_ = '/';
      last_word_.clear();
      return code(c);
    case State::line_comment:
      if (c == '\n') {
        end_comment();
        state_ = State::code;
      } else if (comment_.size() < kCommentMax) {
        comment_ += c;
      }
      return;
    case State::block_comment:
      if (c == '*') state_ = State::block_star;
      return;
    case State::block_star:
      if (c != '*') state_ = c == '/' ? State::code : State::block_comment;
      return;
    case State::html_comment:
      comment_ = comment_.substr(comment_.size() < 2 ? 0 : comment_.size() - 2) + c;
      if (comment_ == "-->") state_ = State::code;
      return;
    case State::string:
      if (c == '\\') {
        state_ = State::string_escape;
      } else if (c == quote_) {
        end_text(false);
      } else if (c == '\n') {  // no string spans lines: this was none (text of a page, a broken file)
        state_ = State::code;
        last_ = Last::value;
      } else if (text_.size() < kTextMax) {
        text_ += c;
      } else {
        text_plain_ = false;
      }
      return;
    case State::string_escape:
      text_plain_ = false;
      state_ = State::string;
      return;
    case State::template_text:
    case State::template_dollar:
      if (state_ == State::template_dollar && c == '{') {
        if (!text_done_ && text_plain_) {
          text_.pop_back();
          report(text_, text_place_, true);
        }
        last_ = Last::punctuation;
        last_char_ = '{';
        last_word_.clear();
        state_ = State::code;
        return open(template_hole);
      }
      state_ = c == '$' ? State::template_dollar : State::template_text;
      if (c == '\\') {
        state_ = State::template_escape;
      } else if (c == '`') {
        quote_ = '`';
        end_text(false);
      } else if (text_.size() < kTextMax) {
        text_ += c;
      } else {
        text_plain_ = false;
      }
      return;
    case State::template_escape:
      text_plain_ = false;
      state_ = State::template_text;
      return;
    case State::regex:
    case State::regex_class:
      if (c == '\n') {  // a regular expression ends with its line
        state_ = State::code;
        last_ = Last::value;
      } else if (c == '\\') {
        state_ = state_ == State::regex ? State::regex_escape : State::regex_class_escape;
      } else if (state_ == State::regex && c == '/') {
        state_ = State::code;
        last_ = Last::value;
        last_word_.clear();
      } else if (c == '[') {
        state_ = State::regex_class;
      } else if (c == ']') {
        state_ = State::regex;
      }
      return;
    case State::regex_escape:
      state_ = State::regex;
      return;
    case State::regex_class_escape:
      state_ = State::regex_class;
      return;
  }
}

void ModuleReferences::code(char c) {
  if (is_word(c)) {
    if (word_.empty()) word_is_member_ = last_ == Last::punctuation && last_char_ == '.';
    if (word_.size() < kWordMax) word_ += c;
    return;
  }
  end_word();
  if (is_blank(c)) return;
  if (c == '/' && kind_ != SourceKind::json) {
    state_ = State::slash;
    return;
  }
  if (c == '"' || c == '\'' || c == '`') {
    quote_ = c;
    return begin_text();
  }
  if (kind_ == SourceKind::json) {
    if (c == ':' && has_pending_) {
      key_ = pending_;
      has_pending_ = false;
    } else {
      json_text();
    }
  }
  if (kind_ == SourceKind::markup && c == '-' && last_char_ == '-' && before_last_char_ == '!') {
    comment_.clear();
    state_ = State::html_comment;
  }
  bool control_closed = false;
  if (c == '(') {
    std::uint8_t bracket = round;
    const bool called = last_ == Last::word;
    if (called && is_control(last_word_) && !word_is_member_) bracket |= control;
    // createRequire(import.meta.url)("name") as well.
    if ((called && is_loader(last_word_)) || (last_ == Last::punctuation && last_char_ == ')'))
      bracket |= loads_module;
    if (called && is_runner(last_word_)) bracket |= runs_command;
    open(bracket);
  } else if (c == '[') {
    // define(["a", "b"], ...): an array in a loader's arguments names modules too.
    const bool inherits = !brackets_.empty() && (brackets_.back() & kind_mask) == round;
    open(static_cast<std::uint8_t>(square | (inherits ? brackets_.back() & loads_module : 0)));
  } else if (c == '{') {
    open(curly);
  } else if (c == ')') {
    control_closed = !brackets_.empty() && (brackets_.back() & control) != 0;
    close(round);
  } else if (c == ']') {
    close(square);
  } else if (c == '}') {
    if (!brackets_.empty() && (brackets_.back() & kind_mask) == template_hole) {
      brackets_.pop_back();
      text_.clear();
      text_done_ = true;
      state_ = State::template_text;
      return;
    }
    close(curly);
  }
  before_last_char_ = last_ == Last::punctuation ? last_char_ : '\0';
  last_ = Last::punctuation;
  last_char_ = c;
  last_control_ = control_closed;
  last_word_.clear();
}

void ModuleReferences::end_word() {
  if (word_.empty()) return;
  last_ = std::isdigit(static_cast<unsigned char>(word_.front())) != 0 ? Last::number : Last::word;
  last_word_.swap(word_);
  word_.clear();
  // Declarations use Node's types without importing them.
  if (kind_ == SourceKind::declaration && (last_word_ == "NodeJS" || last_word_ == "Buffer")) {
    report("node:buffer", ModuleReference::Place::module, false);
  }
}

void ModuleReferences::end_comment() {
  // /// <reference types="node" />
  const std::size_t types = comment_.find("<reference types=");
  if (!comment_.starts_with('/') || types == std::string::npos) return;
  const std::size_t begin = types + std::string_view("<reference types=").size();
  if (begin >= comment_.size()) return;
  const std::size_t end = comment_.find(comment_[begin], begin + 1);
  if (end == std::string::npos) return;
  report(std::string_view(comment_).substr(begin + 1, end - begin - 1), ModuleReference::Place::module,
         false);
}

void ModuleReferences::open(std::uint8_t bracket) {
  if (brackets_.size() >= kBracketsMax) throw std::length_error("brackets nest too deeply to be read");
  brackets_.push_back(bracket);
}

void ModuleReferences::close(std::uint8_t kind) {
  if (!brackets_.empty() && (brackets_.back() & kind_mask) == kind) brackets_.pop_back();
}

bool ModuleReferences::regex_may_begin() const {
  if (kind_ == SourceKind::style || kind_ == SourceKind::json) return false;
  switch (last_) {
    case Last::start:
      return true;
    case Last::number:
    case Last::value:
      return false;
    case Last::word:
      return !word_is_member_ && precedes_value(last_word_);
    case Last::punctuation:
      break;
  }
  if (last_char_ == ')') return last_control_;
  if (last_char_ == ']') return false;
  if (last_char_ == '<') return false;                                                            // </tag>
  if ((last_char_ == '+' || last_char_ == '-') && before_last_char_ == last_char_) return false;  // i++ / 2
  return true;  // after '}' too: a statement ended far more often than an object is divided
}

ModuleReference::Place ModuleReferences::place() const {
  using enum ModuleReference::Place;
  if (last_ == Last::word && !word_is_member_ &&
      one_of(last_word_, {"from", "import", "module", "use", "forward"})) {
    return module;
  }
  if (brackets_.empty()) return other;
  if ((brackets_.back() & loads_module) != 0) return module;
  return (brackets_.back() & runs_command) != 0 ? command : other;
}

void ModuleReferences::begin_text() {
  text_.clear();
  text_plain_ = true;
  text_done_ = false;
  text_place_ = place();
  state_ = quote_ == '`' ? State::template_text : State::string;
}

void ModuleReferences::end_text(bool prefix) {
  state_ = State::code;
  if (text_plain_ && !text_done_) {
    if (kind_ == SourceKind::json) {
      pending_ = text_;
      has_pending_ = true;
    } else {
      report(text_, text_place_, prefix);
    }
  }
  last_ = Last::value;
  last_word_.clear();
}

// A string of JSON that turned out to be a value: of a setting that names modules, or any other.
void ModuleReferences::json_text() {
  if (!has_pending_) return;
  has_pending_ = false;
  const bool setting =
      one_of(key_, {"extends", "preset", "presets", "plugins", "parser", "types", "jsxImportSource"});
  report(pending_, setting ? ModuleReference::Place::module : ModuleReference::Place::other, false);
}

void ModuleReferences::report(std::string_view text, ModuleReference::Place place, bool prefix) {
  if (text.starts_with('~')) text.remove_prefix(1);
  if (!text.empty()) found_({text, place, prefix});
}

}  // namespace sallyport
