// The fast reading of code leaves out much of what the close one looks at, and must find the same.

#include "tests/support/code_reading.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "tests/support/seeded_random.hpp"

namespace sallyport {

namespace {

constexpr std::size_t window_bytes = 64u << 10;  // of the tokenizer

// What a program is made of, sense and nonsense.
constexpr std::string_view parts[] = {"a",
                                      "b",
                                      "e",
                                      "t",
                                      "abc",
                                      "x1",
                                      "$_",
                                      "caf\xc3\xa9",
                                      "\\u0065val",
                                      "\xe2\x80\xa8",
                                      "\xc2\xa0",
                                      "#p",
                                      "@d",
                                      "const ",
                                      "let ",
                                      "var ",
                                      "if(",
                                      "while (",
                                      "return ",
                                      "typeof ",
                                      "case ",
                                      "this",
                                      "this[",
                                      "import ",
                                      "import('m')",
                                      " from 'n'",
                                      "export ",
                                      "require",
                                      "require('fs')",
                                      "module",
                                      "eval",
                                      "eval('a')",
                                      "Function",
                                      "process.env",
                                      "globalThis",
                                      "global[",
                                      "window",
                                      "String.fromCharCode(97,98)",
                                      "atob('YWJj')",
                                      "Array",
                                      "constructor",
                                      ".constructor(",
                                      "JSON.stringify(",
                                      "Object.keys(",
                                      "setTimeout('a()')",
                                      "fetch(",
                                      "async ",
                                      "=>",
                                      "=",
                                      "+=",
                                      "==",
                                      "===",
                                      "!=",
                                      "+",
                                      "++",
                                      "-",
                                      "--",
                                      "*",
                                      "**",
                                      "/",
                                      "%",
                                      "&&",
                                      "||",
                                      "??",
                                      "?",
                                      "?.",
                                      ":",
                                      ",",
                                      ";",
                                      ".",
                                      "...",
                                      "!",
                                      "~",
                                      "<",
                                      "<<",
                                      ">",
                                      ">>",
                                      "<!--",
                                      "-->",
                                      "(",
                                      ")",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "(",
                                      ")",
                                      "{",
                                      "}",
                                      "\n",
                                      "\r\n",
                                      "\r",
                                      " ",
                                      "\t",
                                      "  \n  ",
                                      "\x01",
                                      "\\",
                                      "'",
                                      "\"",
                                      "`",
                                      "${",
                                      "}`",
                                      "''",
                                      "'ab'",
                                      "\"c\\\"d\"",
                                      "'\\x61\\u0062'",
                                      "'a\\\nb'",
                                      "`x`",
                                      "`a${'b'}c`",
                                      "`${`${e}`}`",
                                      "['a','b'].join('')",
                                      "['k']",
                                      "[require][0]('m')",
                                      "[eval][",
                                      "[1,2]",
                                      "{a:'b'}",
                                      "{ a, b: c }",
                                      "function f(a){return 'x'}",
                                      "(e,t)=>e+t",
                                      "e=>e.exec('c')",
                                      "'a'+'b'",
                                      "'node:'+t",
                                      "/re/g",
                                      "/[/]\\/x/",
                                      "//c\n",
                                      "/* c */",
                                      "/*\n*/",
                                      "/// <reference types='n' />\n",
                                      "0",
                                      "1.5",
                                      "1e+3",
                                      "0x1F",
                                      ".5",
                                      "1_000n",
                                      "5..a",
                                      "1-1"};

// Of about `size` bytes.
std::string program(SeededRandom& random, std::size_t size) {
  std::string out = random.below(4) == 0 ? "#!/usr/bin/env node\n" : "";
  // A part that comes often fills windows with what is short, or with what is long.
  const std::string_view often = parts[random.below(std::size(parts))];
  while (out.size() < size) {
    out += random.below(3) == 0 ? often : parts[random.below(std::size(parts))];
    if (random.below(400) == 0) out += "'" + std::string(random.below(300), 's') + "'";
    if (random.below(200) == 0) out += std::string(random.below(150), 'w');
    if (random.below(4000) == 0) out += "'" + std::string(random.below(2 * window_bytes), '.') + "'";
  }
  return out;
}

}  // namespace

TEST_CASE("code read fast is code read closely") {
  SeededRandom random(7);
  for (int i = 0; i < 1500; ++i) {
    const std::string text = program(random, random.below(2000));
    REQUIRE_MESSAGE(code_reading(text, false) == code_reading(text, true), text);
  }
}

TEST_CASE("code read fast is code read closely, over the edges of windows") {
  SeededRandom random(11);
  for (int i = 0; i < 40; ++i) {
    const std::string text = program(random, random.below(4 * window_bytes));
    REQUIRE(code_reading(text, false) == code_reading(text, true));
  }
  // Every place of one text at the edge.
  const std::string text =
      "const x=`a${'b'+c}`,caf\xc3\xa9=1.5e+3/2;if(a)/[/]/.test('\\x61')\r\n/*x*/e=>{...t}//";
  for (std::size_t before = 0; before <= text.size() + 4; ++before) {
    const std::string padded = std::string(window_bytes - before, ' ') + text;
    const std::string close = code_reading(padded, true);
    REQUIRE(code_reading(padded, false) == close);
    // Only where the window ends differs from the text alone.
    CodeReading shifted(false);
    shifted.feed(as_bytes(std::string(window_bytes / 2, ' ')));
    shifted.feed(as_bytes(std::string(window_bytes - before - window_bytes / 2, ' ') + text));
    REQUIRE(shifted.finish() == close);
  }
}

TEST_CASE("a text longer than a window is skipped alike, and what follows is read") {
  for (const char quote : {'\'', '"', '`'})
    for (const std::size_t size : {window_bytes / 2, window_bytes, 3 * window_bytes}) {
      const std::string text =
          "a=" + (quote + std::string(size, ';') + quote) + ";require('child_'+'process')";
      const std::string read = code_reading(text, false);
      CHECK(read == code_reading(text, true));
      CHECK(read.find("load child_process") != std::string::npos);
    }
}

TEST_CASE("a token's line is told where it is in the window, after whatever stands before it") {
  for (const std::string_view before :
       {"\n\n", "\r\n\r\n", "/*\n\n*/", "`\n\n`", "'\\\n\\\n'", "//\n//\n", "`${\n}\n`", "/// a\n/// b\n"}) {
    for (const std::size_t blanks : {std::size_t{0}, std::size_t{61}, window_bytes - 3, 2 * window_bytes}) {
      const std::string text = std::string(blanks, ' ') + std::string(before) + "eval";
      CHECK_MESSAGE(
          code_reading(text, false).find("@" + std::to_string(text.size() - 4) + ":3\n") != std::string::npos,
          text.substr(blanks));
    }
  }
}

}  // namespace sallyport
