#include "policies/code/tokens.hpp"

#include <doctest/doctest.h>

#include <ctime>
#include <string>

namespace sallyport {

namespace {

// Each token as its text, strings in quotes, what else needs a mark with one; fed in pieces of `step` bytes.
std::string read(std::string_view text, std::size_t step = 1u << 20, Tokens::Language language = {},
                 std::string* fault = nullptr) {
  std::string out;
  Tokens tokens(language, [&](std::span<const Token> batch) {
    for (const Token& token : batch) {
      if (!out.empty()) out += ' ';
      switch (token.kind) {
        case Token::Kind::string:
          out += "\"" + decoded(token).substr(0, 40) + "\"";
          break;
        case Token::Kind::template_text:
          out += token.flags & Token::closes_hole ? "}" : "`";
          out += decoded(token).substr(0, 40);
          out += token.flags & Token::opens_hole ? "${" : "`";
          break;
        case Token::Kind::number:
          out += "#" + std::string(token.text);
          break;
        default:
          out += token.text.substr(0, 40);
      }
      if (token.flags & Token::cut) out += "…";
    }
  });
  for (std::size_t at = 0; at < text.size(); at += step) tokens.feed(as_bytes(text.substr(at, step)));
  tokens.finish();
  if (fault != nullptr) *fault = tokens.fault() ? std::string(tokens.fault()->what) : "";
  return out;
}

std::string fault_of(std::string_view text) {
  std::string fault;
  read(text, 1u << 20, {}, &fault);
  return fault;
}

}  // namespace

TEST_CASE("every kind of token") {
  CHECK(read("a+=b?.c??d") == "a += b ?. c ?? d");
  CHECK(read("x=>({...y})") == "x => ( { ... y } )");
  CHECK(read("a?.5:b") == "a ? #.5 : b");
  CHECK(read("1..toString(0x1F,1e+5,1_0n)") == "#1. . toString ( #0x1F , #1e+5 , #1_0n )");
  CHECK(read("'it\\'s' \"\\x61\\u0062\\u{63}\\144\\\n\"") == "\"it's\" \"abcd\"");
  CHECK(read("`a${b}c${`d`}e`") == "`a${ b }c${ `d` }e`");
  CHECK(read("`${{a:1}}`") == "`${ { a : #1 } }`");
  CHECK(read("#!/usr/bin/env node\na") == "a");
  CHECK(read("class A{#x=1}") == "class A { # x = #1 }");
  CHECK(read("größe") == "größe");
}

TEST_CASE("a slash divides or begins a regular expression") {
  CHECK(read("a/b/c") == "a / b / c");
  CHECK(read("a=/b/g.test(c)") == "a = /b/ . test ( c )");
  CHECK(read("return/[/\"]/") == "return /[/\"]/");
  CHECK(read("if(a)/b'/.c()") == "if ( a ) /b'/ . c ( )");
  CHECK(read("(a)/b/c") == "( a ) / b / c");
  CHECK(read("a[0]/2/b") == "a [ #0 ] / #2 / b");
  CHECK(read("a++/2/b") == "a ++ / #2 / b");
  CHECK(read("({})/2/b") == "( { } ) / #2 / b");
  CHECK(read("x={}/2/b") == "x = { } / #2 / b");
  CHECK(read("{}/a'/.b") == "{ } /a'/ . b");
  CHECK(read("x.return/2/b") == "x . return / #2 / b");
  CHECK(read("a=/\\//") == "a = /\\//");
  CHECK(read("a = / 2\n'x'") == "a = / #2 \"x\"");
  CHECK(read("`${a}`/2/b") == "`${ a }` / #2 / b");
}

TEST_CASE("what hides code from a reader hides none from this one") {
  CHECK(read("// c\rcode") == "code");
  CHECK(read("// c\xe2\x80\xa8"
             "code") == "code");
  CHECK(read("a\xc2\xa0"
             "b\xef\xbb\xbf(\xe3\x80\x80"
             "c)") == "a b ( c )");
  CHECK(read("\\u0065v\\u{61}l(x)") == "eval ( x )");
  CHECK(read("ev\\u0061l") == "eval");
  CHECK(read("/**/a/*/ b */(/*\n*/)") == "a ( )");
  CHECK(read("require/*" + std::string(3 << 20, '*') + "*/('x')") == "require ( \"x\" )");
  CHECK(read("'" + std::string(1 << 20, 'x') + "';eval") == "\"" + std::string(40, 'x') + "\"… ; eval");
  CHECK(read("`" + std::string(1 << 20, 'x') + "${eval}`") == "`" + std::string(40, 'x') + "`… eval }`");
  CHECK(read("<div>don't { eval }</div>") == "< div > don ' t { eval } < / div >");
}

TEST_CASE("any split gives the same tokens") {
  std::string text = "#!/bin/x\n";
  for (int i = 0; i < 3000; ++i)
    text += "a" + std::to_string(i) +
            " = `x${ b['q\\'' + /[/]'\"/.y] }` / 2; // z\xe2\x80\xa8/* ' */ \\u0065val\n";
  text += "'" + std::string(100'000, 'l') + "'; /*" + std::string(70'000, '*') + "*/ " +
          std::string(70'000, 'w') + "; `" + std::string(70'000, '$') + "${1}` \xc2\xa0 end";
  const std::string whole = read(text);
  CHECK(whole.ends_with("end"));
  for (const std::size_t step : {1u, 2u, 7u, 511u, 65'536u, 65'537u}) {
    CAPTURE(step);
    CHECK(read(text, step) == whole);
  }
}

TEST_CASE("a word without an end is cut, wherever its letters meet the window") {
  for (const char* letter : {"\xc3\xa9", "\xe4\xb8\xad", "\xef\xb8\x8f", "\xf3\xa0\x81\x81"}) {
    for (const char* before : {"", "x", "xx", "xxx"}) {
      std::string text = before;
      while (text.size() < 300'000) text += letter;
      CAPTURE(text.substr(0, 8));
      CHECK(read(text + " eval").ends_with("… eval"));
    }
  }
}

TEST_CASE("slashes that begin no regular expression are looked at once, not once for each other") {
  for (const std::string& unit : {std::string("/["), std::string("(/["), std::string("=/[a"),
                                  std::string("/'\"["), std::string("/\\/[")}) {
    for (const std::size_t line_bytes : {std::size_t{30'000}, std::size_t{200'000}}) {
      std::string line, text;
      while (line.size() < line_bytes) line += unit;
      while (text.size() < 200'000) text += line + "\n";
      CAPTURE(unit);
      CAPTURE(line_bytes);
      const std::clock_t before = std::clock();
      CHECK(read(text + "eval(x)").ends_with("eval ( x )"));
      CHECK((std::clock() - before) / CLOCKS_PER_SEC < 2);  // a fraction of a second, where it was many
    }
  }
  CHECK(read("x = /[/ ] + y\n/[/]eval/.z") == "x = / [ / ] + y / [ /]eval/ . z");
  CHECK(read("(/[/) + /a]/.b") == "( /[/) + /a]/ . b");
  CHECK(read("(/[/) + [/a/.b,\n /[/]'/.c") == "( / [ / ) + [ /a/ . b , /[/]'/ . c");
}

TEST_CASE("what is unbalanced is said, and read on") {
  CHECK(fault_of("f(a[1], {b: `${c}`})") == "");
  CHECK(fault_of("f(a") == "brackets that are never closed");
  CHECK(fault_of("f)") == "a bracket that nothing opened");
  CHECK(fault_of("f([)") == "brackets that do not match");
  CHECK(fault_of("`a") == "text or a comment that never ends");
  CHECK(fault_of("`a${b") != "");
  CHECK(fault_of("/* a") == "text or a comment that never ends");
  CHECK(fault_of("'a\n'") == "text in quotes that ends with its line");
  CHECK(fault_of("// a") == "");
  CHECK(fault_of(std::string(2 << 20, '[')) == "brackets that nest too deeply to be read");
  CHECK(read("`${(}` eval") == "`${ ( }` eval");
}

}  // namespace sallyport
