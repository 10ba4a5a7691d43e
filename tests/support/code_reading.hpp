#pragma once
// All that is made of a text read as code, as one text: its tokens, then what their expressions amount to.
// Read closely or fast, fed whole or in pieces, it must be the same.

#include <string>

#include "policies/code/fold.hpp"

namespace sallyport {

class CodeReading final : public CodeUses {
 public:
  explicit CodeReading(bool closely)
      : tokens_(
            {.reference_comments = true, .closely = closely},
            [this](std::span<const Token> batch) {
              for (const Token& token : batch.subspan(tokens_.repeated())) take(token);
              fold_.take(batch, tokens_.repeated());
            },
            Fold::tokens_again) {}

  void feed(Bytes bytes) { tokens_.feed(bytes); }
  std::string finish() {
    tokens_.finish();
    fold_.finish();
    std::string out = tokens_read_ + meaning_;
    if (const auto& fault = tokens_.fault())
      put(out, std::string(fault->what), CodePlace{fault->offset, fault->line});
    return out + (tokens_.markup() ? "markup" : "");
  }

  void loads(std::string_view module, CodePlace place) override {
    put(meaning_, "load " + std::string(module), place);
  }
  void calls(std::string_view path, const std::vector<Value>& given, CodePlace place) override {
    std::string call = "call " + std::string(path);
    for (const Value& value : given) call += " (" + shown(value) + ")";
    put(meaning_, call, place);
  }
  void refers(std::string_view path, How how, CodePlace place) override {
    put(meaning_, "use " + std::to_string(static_cast<int>(how)) + " " + std::string(path), place);
  }
  bool hears(std::string_view written) override { return written.size() % 2 == 0; }
  void says(const Value& text, CodePlace place) override { put(meaning_, "say " + shown(text), place); }
  void names(Word member, CodePlace place) override {
    put(meaning_, "name " + std::to_string(static_cast<int>(member)), place);
  }
  void composes(std::string_view text, CodePlace place) override {
    put(meaning_, "compose " + std::string(text), place);
  }
  bool passes(std::string_view callee, std::string_view text, CodePlace place) override {
    put(meaning_, "pass " + std::string(text) + " to " + std::string(callee), place);
    return text.size() % 2 == 0;
  }
  void sets(std::string_view member, const Value& text, CodePlace place) override {
    put(meaning_, "set " + std::string(member) + " " + shown(text), place);
  }
  void gives_up(CodePlace place) override { put(meaning_, "gives up", place); }

 private:
  static std::string shown(const Value& value) {
    std::string out = std::to_string(static_cast<int>(value.kind)) + (value.exact ? " " : "~") + value.text;
    for (const Value& item : value.items) out += "[" + shown(item) + "]";
    for (const std::string& key : value.keys) out += "," + key;
    return out;
  }
  static void put(std::string& out, const std::string& text, CodePlace place) {
    out += text + " @" + std::to_string(place.offset) + ":" + std::to_string(place.line) + "\n";
  }
  void take(const Token& token) {
    put(tokens_read_,
        std::string(token.text) + " " + std::to_string(static_cast<int>(token.kind)) + " " +
            std::to_string(token.code) + " " + std::to_string(token.flags) + " " +
            std::to_string(static_cast<int>(token.word)) + " " + std::to_string(token.nesting),
        place_of(token));
  }

  std::string tokens_read_, meaning_;
  Fold fold_{*this};
  Tokens tokens_;
};

inline std::string code_reading(std::string_view text, bool closely) {
  CodeReading reading(closely);
  reading.feed(as_bytes(text));
  return reading.finish();
}

}  // namespace sallyport
