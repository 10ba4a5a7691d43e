#include "policies/module_references.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "policies/code/fold.hpp"
#include "storage/base/one_of.hpp"

namespace sallyport {

namespace {

constexpr std::size_t kTextMax = 300;  // a package name has at most 214
constexpr std::size_t kBracketsMax = 1 << 16;

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

Tokens::Language language(SourceKind kind) {
  return {.regex = kind != SourceKind::style && kind != SourceKind::json,
          .html_comments = kind == SourceKind::markup,
          .reference_comments = true};
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

struct ModuleReferences::Folded final : CodeUses {
  explicit Folded(const std::function<void(const ModuleReference&)>& sink) : found(sink), fold(*this) {}
  void loads(std::string_view module, CodePlace) override { say(module, ModuleReference::Place::module); }
  void calls(std::string_view, const std::vector<Value>&, CodePlace) override {}
  void refers(std::string_view, How, CodePlace) override {}
  bool hears(std::string_view) override { return false; }
  void says(const Value& text, CodePlace) override {
    // What comes behind the last part that is not known.
    const std::string_view known = std::string_view(text.text).substr(text.text.rfind(Value::hole) + 1);
    if (known.size() <= kTextMax) say(known, ModuleReference::Place::other);
  }
  void names(Word, CodePlace) override {}
  void composes(std::string_view, CodePlace) override {}
  bool passes(std::string_view, std::string_view, CodePlace) override { return false; }
  void sets(std::string_view, const Value&, CodePlace) override {}
  void gives_up(CodePlace) override {}
  void say(std::string_view text, ModuleReference::Place place) const {
    if (!text.empty()) found({text, place, false});
  }

  std::function<void(const ModuleReference&)> found;
  Fold fold;
};

ModuleReferences::ModuleReferences(SourceKind kind, std::function<void(const ModuleReference&)> found,
                                   bool folds)
    : kind_(kind),
      found_(std::move(found)),
      tokens_(
          language(kind),
          [this](std::span<const Token> tokens) {
            for (const Token& token : tokens.subspan(tokens_.repeated())) take(token);
            if (folded_) folded_->fold.take(tokens, tokens_.repeated());
          },
          folds ? Fold::tokens_again : 0) {
  if (folds && (kind == SourceKind::script || kind == SourceKind::markup))
    folded_ = std::make_shared<Folded>(found_);
}

void ModuleReferences::feed(Bytes bytes) {
  if (kind_ != SourceKind::none) tokens_.feed(bytes);
}

void ModuleReferences::finish() {
  if (kind_ == SourceKind::none) return;
  tokens_.finish();
  if (folded_) folded_->fold.finish();
  text_ends(false);
}

void ModuleReferences::take(const Token& token) {
  switch (token.kind) {
    case Token::Kind::comment:
      return comment(token.text);
    case Token::Kind::string:
    case Token::Kind::template_text:
      text(token);
      break;
    case Token::Kind::op:
      punctuation(token);
      break;
    case Token::Kind::word:
    case Token::Kind::number:
    case Token::Kind::regex:
      text_ends(adds_);
      break;
  }
  if (token.kind == Token::Kind::word) {
    word_is_member_ = last_ == Token::Kind::op && last_op_ == op(".");
    last_word_ = token.text.substr(0, kTextMax);
    // Declarations use Node's types without importing them.
    if (kind_ == SourceKind::declaration && (last_word_ == "NodeJS" || last_word_ == "Buffer"))
      report("node:buffer", ModuleReference::Place::module, false);
  } else {
    last_word_.clear();
  }
  last_ = token.kind;
  last_op_ = token.code;
}

void ModuleReferences::punctuation(const Token& token) {
  if (kind_ == SourceKind::json && token.is(op(":")) && text_) {
    key_ = *std::exchange(text_, std::nullopt);
    return;
  }
  const bool adds = token.is(op("+")) && text_ && kind_ != SourceKind::json;
  if (!adds) text_ends(adds_);
  adds_ = adds;
  const bool called = last_ == Token::Kind::word;
  switch (token.code) {
    case op("("): {
      std::uint8_t bracket = round;
      // createRequire(import.meta.url)("name") as well.
      if ((called && is_loader(last_word_)) || (last_ == Token::Kind::op && last_op_ == op(")")))
        bracket |= loads_module;
      if (called && is_runner(last_word_)) bracket |= runs_command;
      return open(bracket);
    }
    case op("["): {
      // define(["a", "b"], ...): an array in a loader's arguments names modules too.
      const bool inherits = !brackets_.empty() && (brackets_.back() & kind_mask) == round;
      return open(static_cast<std::uint8_t>(square | (inherits ? brackets_.back() & loads_module : 0)));
    }
    case op("{"):
      return open(curly);
    case op(")"):
      return close(round);
    case op("]"):
      return close(square);
    case op("}"):
      return close(curly);
    default:
      return;
  }
}

void ModuleReferences::text(const Token& token) {
  if (token.flags & Token::closes_hole) {
    text_ends(adds_);
    close(hole);
    if (token.flags & Token::opens_hole) open(hole);
    return;
  }
  std::string decoded_text = decoded(token);
  if ((token.flags & Token::cut) != 0 || decoded_text.size() > kTextMax) {
    text_ends(adds_);
  } else if (text_ && adds_) {
    *text_ += decoded_text;
    if (text_->size() > kTextMax) text_.reset();
  } else {
    text_ends(false);
    text_place_ = place();
    text_ = std::move(decoded_text);
  }
  adds_ = false;
  if (token.flags & Token::opens_hole) {
    text_ends(true);
    open(hole);
  }
}

// Nothing more belongs to the text: in JSON that of a setting that names modules, or any other.
void ModuleReferences::text_ends(bool goes_on) {
  adds_ = false;
  if (!text_) return;
  const std::string text = *std::exchange(text_, std::nullopt);
  const bool setting = kind_ == SourceKind::json && one_of(key_, {"extends", "preset", "presets", "plugins",
                                                                  "parser", "types", "jsxImportSource"});
  report(text, setting ? ModuleReference::Place::module : text_place_, goes_on);
}

// /// <reference types="node" />
void ModuleReferences::comment(std::string_view comment) {
  constexpr std::string_view mark = "<reference types=";
  const std::size_t types = comment.substr(0, kTextMax).find(mark);
  if (types == std::string_view::npos) return;
  const std::size_t begin = types + mark.size();
  if (begin >= comment.size()) return;
  const std::size_t end = comment.find(comment[begin], begin + 1);
  if (end == std::string_view::npos) return;
  report(comment.substr(begin + 1, end - begin - 1), ModuleReference::Place::module, false);
}

void ModuleReferences::open(std::uint8_t bracket) {
  if (brackets_.size() < kBracketsMax)
    brackets_.push_back(bracket);
  else
    ++too_deep_;
}

void ModuleReferences::close(std::uint8_t kind) {
  if (too_deep_ > 0)
    --too_deep_;
  else if (!brackets_.empty() && (brackets_.back() & kind_mask) == kind)
    brackets_.pop_back();
}

ModuleReference::Place ModuleReferences::place() const {
  using enum ModuleReference::Place;
  if (kind_ == SourceKind::json) return other;
  if (last_ == Token::Kind::word && !word_is_member_ &&
      one_of(last_word_, {"from", "import", "module", "use", "forward"}))
    return module;
  if (brackets_.empty()) return other;
  if ((brackets_.back() & loads_module) != 0) return module;
  return (brackets_.back() & runs_command) != 0 ? command : other;
}

void ModuleReferences::report(std::string_view text, ModuleReference::Place place, bool prefix) {
  if (text.starts_with('~')) text.remove_prefix(1);
  if (!text.empty()) found_({text, place, prefix});
}

}  // namespace sallyport
