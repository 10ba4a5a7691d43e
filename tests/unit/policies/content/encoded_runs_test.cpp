#include "policies/content/encoded_runs.hpp"

#include <doctest/doctest.h>

#include "policies/content/unpacked.hpp"
#include "storage/base/base64.hpp"
#include "tests/support/seeded_random.hpp"

namespace sallyport {
namespace {

std::vector<EncodedRun> runs_of(std::string_view text, std::size_t piece = 1u << 20) {
  EncodedRuns runs;
  runs.begin();
  for (std::size_t at = 0; at < text.size(); at += piece) runs.data(as_bytes(text.substr(at, piece)));
  return runs.finish();
}

std::string unpacked(std::string_view text, const EncodedRun& run) {
  const auto unpacker = run.form == EncodedRun::Form::base64 ? base64_unpacker()
                        : run.form == EncodedRun::Form::hex  ? hex_unpacker()
                                                             : escapes_unpacker();
  std::string out;
  const auto sink = [&](Bytes bytes) {
    out += as_text(bytes);
    return true;
  };
  const auto offset = static_cast<std::size_t>(run.offset);
  unpacker->feed(as_bytes(text.substr(offset, static_cast<std::size_t>(run.length))), sink);
  unpacker->finish(sink);
  return out;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (const EncodedRun& run : runs_of(text)) out += "[" + unpacked(text, run) + "]";
  return out;
}

std::string base64(std::string_view text) {
  return base64_encode(as_bytes(text));
}

const std::string plain = "const password = \"correct horse battery staple, over the hills?\";";

TEST_CASE("base64 is found in quotes, bare, after letters, in lines and with escapes") {
  const std::string code = base64(plain);
  CHECK(decoded("x = \"" + code + "\";") == "[" + plain + "]");
  CHECK(decoded(code) == "[" + plain + "]");
  CHECK(decoded(std::string(1000, ' ') + code + "\n") == "[" + plain + "]");
  for (const std::string& before : {"a", "ab", "abc", "key_", "sha512-"})
    CHECK(decoded(before + code).find("correct horse battery staple") != std::string::npos);
  std::string url = code;
  for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
  CHECK(decoded("'" + url + "'") == "[" + plain + "]");
  const std::string twice = base64(plain + plain + plain);
  for (const std::string& gap : {"\n", "\r\n", "\n    ", "\\n", "\\r\\n"}) {
    std::string lines;
    for (std::size_t at = 0; at < twice.size(); at += 64) lines += twice.substr(at, 64) + gap;
    CHECK(decoded("\"" + lines + "\"") == "[" + plain + plain + plain + "]");
  }
  std::string slashes =
      base64(std::string("\x3f\x3f\x3f>>>\xff\xff\xff>>>\xff\xff\xff>>>\xff\xff\xff>>>\xff\xff\xff") +
             "/////" + plain + "\xff\xfe\xfd\xff\xff");
  const std::size_t slash = slashes.find('/', 40);
  REQUIRE(slash != std::string::npos);
  slashes.insert(slash, "\\");
  CHECK(decoded("\"" + slashes + "\"").find(plain) != std::string::npos);
}

TEST_CASE("hex is found, with and without a mark") {
  const std::string code = to_hex(as_bytes(plain));
  CHECK(decoded("'" + code + "'") == "[" + plain + "]");
  CHECK(decoded("0x" + code) == "[" + plain + "]");
  std::string upper = code;
  for (char& c : upper) c = static_cast<char>(c >= 'a' ? c - 32 : c);
  CHECK(decoded(upper) == "[" + plain + "]");
}

TEST_CASE("escapes that spell letters are found, with what stands around them") {
  for (const std::string& text :
       {R"(x = "\x67\x68p_abc")", R"(x = "\u0067hp_abc")", R"(x = "\u{67}hp_abc")",
        R"(x = "\u{000067}hp_abc")", R"(x = "\147hp_abc")", R"(x = "gh\x70_abc")"}) {
    CAPTURE(text);
    CHECK(decoded(text) == "[x = \"ghp_abc\"]");
  }
  CHECK(decoded("a\\\nb\\x67") == "[abg]");
  const std::string far = std::string(2000, ' ');
  CHECK(runs_of("\\x67" + far + "\\x68").size() == 2);
}

TEST_CASE("what is not text in another form is passed over") {
  for (const std::string& text :
       {std::string("sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/"
                    "SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="),
        std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        std::string(500, '-'), std::string(500, '/'), std::string(500, 'a'),
        std::string("AAAA") + std::string(300, 'A'),
        std::string("node_modules/some-package/lib/with/a/very/long/path/to/its/index"),
        std::string("anIdentifierThatIsLongerThanFortyCharactersBecauseJavaIsLikeThat"),
        std::string(R"(/[\x00-\x1f\x7f\xaa\u00b5]|\u001b\[|\0|\1|\033\[0m/)"),
        std::string(R"("\u003cb\u003e \u0026 \u0027")")}) {
    CAPTURE(text);
    CHECK(runs_of(text).empty());
  }
}

TEST_CASE("packed bytes in base64 count though they are no text") {
  using namespace std::string_literals;
  for (const std::string& start : {"\x1f\x8b\x08\0\0\0\0\0\0\x03"s, "PK\x03\x04\x14\0\0\0\x08\0"s})
    CHECK(runs_of(
              base64(start +
                     "\xd3\x92\xe1\x07\xfa\x9c\xc3\x85\xee\xb7\xa1\x9f\x93\x88\xf2\xc1\xd9\xe4\xa6\xb5\xc7"))
              .size() == 1);
}

TEST_CASE("text of two and four bytes a character counts in base64") {
  std::string wide, wider;
  for (const char c : plain) {
    wide += std::string{c, '\0'};
    wider += std::string{c, '\0', '\0', '\0'};
  }
  CHECK(runs_of(base64(wide)).size() == 1);
  CHECK(runs_of(base64(wider)).size() == 1);
}

TEST_CASE("more runs than are kept are told") {
  EncodedRuns runs;
  runs.begin();
  const std::string one = base64(plain) + ";\n";
  for (std::size_t i = 0; i <= EncodedRuns::runs_max; ++i) runs.data(as_bytes(one));
  CHECK(runs.finish().size() == EncodedRuns::runs_max);
  CHECK(runs.overflowed());
  runs.begin();
  CHECK_FALSE(runs.overflowed());
}

// Texts made of what the parser knows, in any order, cut anywhere.
TEST_CASE("pieces of any size give the same runs") {
  SeededRandom random(20);
  const std::string code = base64(plain + plain);
  const std::vector<std::string> parts = {code,
                                          code.substr(0, 47),
                                          code.substr(3, 33),
                                          to_hex(as_bytes(plain)),
                                          "\n",
                                          "\\n",
                                          "\r\n",
                                          "\\/",
                                          "\\",
                                          "\\\\",
                                          "\\x67",
                                          "\\u0067",
                                          "\\u{67}",
                                          "\\147",
                                          "\\x",
                                          "\\u{",
                                          " ",
                                          "\"",
                                          "=",
                                          "a",
                                          "AAAA",
                                          "0x",
                                          std::string(70, ' '),
                                          std::string(600, '.'),
                                          "word",
                                          "é"};
  for (int round = 0; round < 400; ++round) {
    std::string text;
    for (auto n = random.below(30); n-- > 0;)
      text += parts[static_cast<std::size_t>(random.below(parts.size()))];
    const auto whole = runs_of(text);
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 15u, 16u, 17u, 33u, 64u, 100u}) {
      const auto cut = runs_of(text, piece);
      CAPTURE(text);
      CAPTURE(piece);
      REQUIRE(cut.size() == whole.size());
      for (std::size_t i = 0; i < cut.size(); ++i) {
        CHECK(cut[i].form == whole[i].form);
        CHECK(cut[i].offset == whole[i].offset);
        CHECK(cut[i].length == whole[i].length);
      }
    }
  }
}

TEST_CASE("unpackers give the same whatever pieces they are fed") {
  SeededRandom random(21);
  const auto run = [](Unpacker& unpacker, const std::string& text, std::size_t piece) {
    std::string out;
    const auto sink = [&](Bytes bytes) {
      out += as_text(bytes);
      return true;
    };
    for (std::size_t at = 0; at < text.size(); at += piece)
      if (!unpacker.feed(as_bytes(std::string_view(text).substr(at, piece)), sink)) return out;
    unpacker.finish(sink);
    return out;
  };
  const std::vector<std::string> parts = {"QUJD",
                                          "\\",
                                          "/",
                                          "\n",
                                          "u0041",
                                          "u{1F600}",
                                          "x4",
                                          "1",
                                          "07",
                                          "é",
                                          "=",
                                          "n",
                                          std::string("\xff\xfe"),
                                          std::string("A\0", 2),
                                          std::string("\0A", 2),
                                          "\xd8\x3d",
                                          "\xde\x00"};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (auto n = random.below(40); n-- > 0;)
      text += parts[static_cast<std::size_t>(random.below(parts.size()))];
    for (const auto make :
         {base64_unpacker, hex_unpacker, escapes_unpacker, utf16_unpacker, utf32_unpacker}) {
      const std::string whole = run(*make(), text, text.size() + 1);
      for (const std::size_t piece : {1u, 2u, 3u, 5u, 11u}) CHECK(run(*make(), text, piece) == whole);
    }
  }
}

}  // namespace
}  // namespace sallyport
