#include "policies/content/text_signs.hpp"

#include <doctest/doctest.h>

#include "scan_text.hpp"
#include "storage/base/base64.hpp"

namespace sallyport {
namespace {

std::vector<Sign> signs_of(const FileContent& content, std::string_view rule) {
  std::vector<Sign> out;
  for (const Sign& sign : content.signs)
    if (sign.rule == rule) out.push_back(sign);
  return out;
}

std::size_t count(const std::string& text, std::string_view rule) {
  const FileContent content = scan_text(text);
  const auto found = content.sign_counts.find(rule);
  return found == content.sign_counts.end() ? 0 : found->second;
}

bool has(const std::string& text, std::string_view rule) {
  return count(text, rule) > 0;
}

std::string times(int n, const std::string& text) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

std::string names(int n, const std::string& between = "=1;\n") {
  std::string out;
  for (int i = 0; i < n; ++i) out += "_0x" + std::to_string(100 + i) + "af" + between;
  return out;
}

// Text that is not a repetition, so that its base64 is none either.
std::string program(std::size_t bytes) {
  std::string out;
  for (int i = 0; out.size() < bytes; ++i)
    out += "function f" + std::to_string(i) + "(a){return a+" + std::to_string(i * 7919) + "}\n";
  return out.substr(0, bytes);
}

std::string noise(std::size_t bytes) {
  std::string out;
  std::uint64_t state = 88172645463325252u;
  for (std::size_t i = 0; i < bytes; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    out += static_cast<char>(state >> 24);
  }
  return out;
}

}  // namespace

TEST_CASE("characters that turn the direction of text are seen, marks of right-to-left script are not") {
  for (const char* character : {"\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068"})
    CHECK(count("let a = 1; /*" + std::string(character) + "*/", "code/bidi") == 1);
  CHECK_FALSE(has("\u200e\u200f \u061c \u2029 \u2028 \u2065 \u206a \u202c \u2069 \u2029\u202f", "code/bidi"));
  CHECK_FALSE(has("'\\u202e'", "code/bidi"));
  const FileContent content = scan_text("one\ntwo \u202e three");
  REQUIRE(content.signs.size() == 1);
  CHECK(content.signs[0].line == 2);
  CHECK(content.signs[0].offset == 8);
  CHECK(content.signs[0].what == "U+202E");
}

TEST_CASE("what is not shown is seen between letters and in runs") {
  CHECK(has("const to\u200bken = 1", "code/invisible"));
  CHECK(has("const to\ufeffken = 1", "code/invisible"));
  CHECK(has("const to\u2060\u200dken = 1", "code/invisible"));
  CHECK(has("x = '" + times(8, "\u200b\u200c") + "'", "code/invisible"));
  CHECK(has("x = '" + times(2, "\ufe0f\ufe0e") + "'", "code/invisible"));
  CHECK(has("x = '" + times(9, "\ufe0f") + "\ufe0e'", "code/invisible"));
  CHECK(has("x = '" + times(16, "\ufe0f") + "'", "code/invisible"));
  CHECK_FALSE(has("x = '\u267f" + times(15, "\ufe0f") + "'", "code/invisible"));
  CHECK(count("x = '" + times(40, "\ufe0f\ufe0e") + "'", "code/invisible") == 1);
  CHECK(has("x = '" + times(300, "\U000e0105\U000e0120") + "'", "code/invisible"));
  CHECK(has("x = '\U000e0041\U000e0042'", "code/invisible"));
  CHECK(has("x = '\U0001f3f4" + times(500, "\U000e0061") + "\U000e007f'", "code/invisible"));
}

TEST_CASE("scripts and emoji that need joiners and selectors keep them") {
  CHECK_FALSE(has("\ufeffvar a", "code/invisible"));                                       // byte order mark
  CHECK_FALSE(has("می\u200cخواهم क्\u200dष", "code/invisible"));                            // Persian, Hindi
  CHECK_FALSE(has("👩\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 ©\ufe0f", "code/invisible"));  // emoji
  CHECK_FALSE(has("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "code/invisible"));
  CHECK_FALSE(has("* \u200b/ and @\u200bparam", "code/invisible"));
  CHECK_FALSE(has("'\\n\u200bfoo'", "code/invisible"));
}

TEST_CASE("names that mix scripts so that nobody sees it") {
  CHECK(has("consol\u0435.log(1)", "code/homoglyph"));
  CHECK(has("req.\u0430uthToken", "code/homoglyph"));
  CHECK(has("\u0430\u0440\u0440l\u0435()", "code/homoglyph"));
  CHECK(has("is\u041eK", "code/homoglyph"));
  CHECK(has("pr\u03bfcess", "code/homoglyph"));
  const FileContent content = scan_text("a;\nconsol\u0435.log(1)");
  REQUIRE(content.signs.size() == 1);
  CHECK(content.signs[0].evidence == "consol[U+0435]");
  CHECK(content.signs[0].line == 2);
}

TEST_CASE("other scripts beside Latin are no deception") {
  CHECK_FALSE(has("Δt µs kΩ λx πr2 σ_x dθ νx", "code/homoglyph"));
  CHECK_FALSE(has("/[a-zа-я]/ /[a-zA-Zа-яА-Я]/ /[А-Яа-яA-Za-z]/ /[а-уa-z]/", "code/homoglyph"));
  CHECK_FALSE(has("'\\nа' '\\tсуре'", "code/homoglyph"));
  CHECK_FALSE(has("URLа APIе", "code/homoglyph"));
  CHECK_FALSE(has("Пример: добавьте Reactа и Cюда тоже, Bсе", "code/homoglyph"));
  CHECK_FALSE(has("abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфхцчшщъыьэюя", "code/homoglyph"));
  CHECK_FALSE(has("сос", "code/homoglyph"));
}

TEST_CASE("code behind four hundred blanks is seen, whatever the blanks") {
  CHECK(has("a();" + std::string(400, ' ') + "evil()", "code/hidden-by-space"));
  CHECK_FALSE(has("a();" + std::string(399, ' ') + "evil()", "code/hidden-by-space"));
  CHECK(has(std::string(400, '\t') + "evil()", "code/hidden-by-space"));
  CHECK(has(times(400, "\u00a0") + "evil()", "code/hidden-by-space"));
  CHECK(has(times(400, "\u3000") + "evil()", "code/hidden-by-space"));
  CHECK(has(times(134, " \t\u2003") + "evil()", "code/hidden-by-space"));
  CHECK(has(times(150, "  \u200b\u00a0") + "evil()", "code/hidden-by-space"));
  CHECK(has(std::string(400, ' ') + "\u044b = evil()", "code/hidden-by-space"));
  CHECK_FALSE(has(std::string(5000, ' ') + "\nb()" + std::string(5000, ' ') + "\r\n" + std::string(900, ' '),
                  "code/hidden-by-space"));
  const auto signs =
      signs_of(scan_text("1\n2\n" + std::string(1000, ' ') + "evil()"), "code/hidden-by-space");
  REQUIRE(signs.size() == 1);
  CHECK(signs[0].line == 3);
  CHECK(signs[0].offset == 1004);
  CHECK(signs[0].what == "1,000 blanks");
  CHECK(signs[0].evidence == "evil()");
}

TEST_CASE("runs of escapes are seen from twenty on") {
  CHECK(count("'" + times(20, "\\x61") + "'", "code/escapes") == 1);
  CHECK_FALSE(has("'" + times(19, "\\x61") + "'", "code/escapes"));
  CHECK(has("'" + times(7, "\\x61\\u0062\\u{1F600}") + "'", "code/escapes"));
  CHECK(has("\"" + times(20, "\\\\x61") + "\"", "code/escapes"));  // within a string within a string
  CHECK_FALSE(has("/[" + times(40, "\\u0300-\\u036f") + "]/", "code/escapes"));
  CHECK_FALSE(has(times(40, "\\xzz\\u12"), "code/escapes"));
  CHECK(count("'" + times(30'000, "\\x61") + "' '" + times(25, "\\u0063") + "'", "code/escapes") == 2);
  // Letters of other scripts, most of them.
  CHECK_FALSE(has("'" + times(25, "\\u1234") + "'", "code/escapes"));
  CHECK_FALSE(has("'" + times(20, "\\u0434\\u{1F600}") + "'", "code/escapes"));
  CHECK(has("'" + times(25, "\\u1234\\u1235\\u0061") + "'", "code/escapes"));
  CHECK(has("'" + times(25, "\\u00e4") + "'", "code/escapes"));
  // The digest is that of the whole run.
  const auto digest = [](const std::string& text) { return scan_text(text).signs.at(0).digest; };
  CHECK(digest(times(200, "\\x61") + "\\x62") != digest(times(200, "\\x61") + "\\x63"));
  CHECK(digest("a" + times(200, "\\x61")) == digest("bcd\n" + times(200, "\\x61")));
}

TEST_CASE("encoded strings are judged by what they hold") {
  const auto blob = [](const std::string& bytes) { return "x=\"" + base64_encode(as_bytes(bytes)) + "\""; };
  const auto what = [](const std::string& text) {
    const auto signs = signs_of(scan_text(text), "code/encoded-blob");
    return signs.empty() ? std::string() : signs[0].what;
  };
  const std::string code = program(3000);
  CHECK(what(blob(code)) == "JavaScript");
  CHECK(what(blob(program(750))) == "JavaScript");
  CHECK(what(blob(program(740))).empty());
  CHECK(what(blob(gzip(noise(3000)))) == "gzip");
  CHECK(what(blob("MZ" + noise(3000))) == "a Windows program");
  CHECK(what(blob("\x7f"
                  "ELF" +
                  noise(3000))) == "a Linux program");
  CHECK(what(blob(times(100, "Lorem ipsum dolor sit amet, consetetur."))) == "text");
  CHECK(what(blob(noise(3000))).empty());
  CHECK(what(blob(std::string("\0asm\1\0\0\0", 8) + noise(3000))).empty());
  std::string wide;
  for (const char c : code) wide += std::string(1, c) + '\0';
  CHECK(what(blob(wide)) == "JavaScript");
  CHECK(what("x='" + base64url_encode(as_bytes(code)) + "'") == "JavaScript");
  CHECK(what("const x = `" + base64_encode(as_bytes(code)) + "`") == "JavaScript");
  CHECK(what("x='" + to_hex(as_bytes(code)) + "'") == "JavaScript");
  // Wrapped as PEM is, within a template.
  std::string wrapped;
  for (std::size_t i = 0; i < 4000; i += 76) wrapped += base64_encode(as_bytes(code)).substr(i, 76) + "\n";
  CHECK(what("x=`" + wrapped + "`") == "JavaScript");
  CHECK(what("url(data:text/plain;base64," + base64_encode(as_bytes(code)) + ")").empty());
  CHECK(what("x=\"" + std::string(5000, 'a') + "\"").empty());
  const FileContent big = scan_text("\n" + blob(program(900'000)));
  REQUIRE(big.signs.size() == 1);
  CHECK(big.signs[0].line == 2);
  CHECK(big.signs[0].offset == 4);
}

TEST_CASE("names of obfuscators are counted, each once") {
  CHECK(count(names(12), "code/obfuscated-names") == 12);
  CHECK(count(names(12) + names(12), "code/obfuscated-names") == 12);
  CHECK(count(names(12, "/* " + program(200) + " */"), "code/obfuscated-names") == 12);
  CHECK(count("_0x _0x1 0x1234 __0 _0xghij _0x12z4 a_0x12 _0X12AF", "code/obfuscated-names") == 2);
}

TEST_CASE("the longest line is measured") {
  CHECK(scan_text("").longest_line_bytes == 0);
  CHECK(scan_text("ab\nabcd\n\na").longest_line_bytes == 4);
  CHECK(scan_text("ab\nabcd\n\nabcde").longest_line_bytes == 5);
  CHECK(scan_text("a\n" + std::string(200'000, 'x') + "\n" + std::string(6000, 'y')).longest_line_bytes ==
        200'000);
  CHECK(scan_text(noise(100'000)).longest_line_bytes == 0);
}

TEST_CASE("addresses of people are counted, not those of authors, examples and packages") {
  const auto rows = [](int n, const std::string& before, const std::string& after) {
    std::string out;
    for (int i = 0; i < n; ++i) out += before + "p" + std::to_string(i) + after + "\n";
    return out;
  };
  CHECK(count(rows(21, "7,", "@mail.acme.com,x"), "leak/personal-data") == 21);
  CHECK_FALSE(has(rows(20, "7,", "@mail.acme.com,x"), "leak/personal-data"));
  CHECK_FALSE(has(rows(30, "Jo <", "@acme.com>"), "leak/personal-data"));
  CHECK_FALSE(has(rows(30, "", "@example.com"), "leak/personal-data"));
  CHECK_FALSE(has(rows(30, "icon", "@2x.png"), "leak/personal-data"));
  CHECK_FALSE(has(rows(30, "lib", "@1.2.3"), "leak/personal-data"));
  CHECK_FALSE(has(times(100, "a@acme.com\n"), "leak/personal-data"));
  std::string phones, ids;
  for (int i = 10; i < 40; ++i) {
    phones += "\"+1 (415) 555-26" + std::to_string(i) + "\",";
    ids += "x," + std::to_string(100 + i) + "-12-34" + std::to_string(i) + "\n";
  }
  CHECK(count(phones, "leak/personal-data") == 30);
  CHECK(count(ids, "leak/personal-data") == 30);
  CHECK_FALSE(has(times(100, "2024-01-02 a+1234567890 x-100-12-3456-7\n"), "leak/personal-data"));
}

TEST_CASE("account numbers are counted where their check digits hold, in any form and across blocks") {
  // BE: its two last digits are the rest by 97 of the ten before, and so the check digits are easily had.
  const auto accounts = [](int n, bool right, bool apart) {
    std::string out = "name,account\n";
    for (int i = 0; i < n; ++i) {
      std::string bban = std::to_string(5390075470 + i * 7919);
      const auto rest = std::stoull(bban) % 97;
      bban += (rest < 10 ? "0" : "") + std::to_string(rest);
      const auto check = 98 - (std::stoull(bban) % 97 * 1'000'000 + 111400) % 97;
      std::string iban = "BE" + std::string(check < 10 ? "0" : "") + std::to_string(check) + bban;
      if (!right) iban.back() = iban.back() == '9' ? '0' : static_cast<char>(iban.back() + 1);
      if (apart)
        for (std::size_t at = 12; at > 0; at -= 4) iban.insert(at, " ");
      out += "p" + std::to_string(i) + ";" + iban + "\n";
    }
    return out;
  };
  for (const bool apart : {false, true}) {
    CHECK(count(accounts(21, true, apart), "leak/personal-data") == 21);
    CHECK_FALSE(has(accounts(20, true, apart), "leak/personal-data"));
    CHECK_FALSE(has(accounts(100, false, apart), "leak/personal-data"));
  }
  const std::string rows = accounts(30, true, false);
  for (std::size_t shift = 0; shift < 64; ++shift)
    CHECK(count(std::string(shift, '\n') + rows, "leak/personal-data") == 30);
  CHECK_FALSE(has(times(50, accounts(1, true, false)), "leak/personal-data"));  // one, again and again
  // A table with an example of each country.
  std::string examples;
  for (const char* country :
       {"AT", "BA", "BE", "CH", "CR", "CZ", "DE", "DK", "EE", "ES", "FI", "FO", "GE", "GL", "GR",
        "HR", "HU", "IL", "IS", "LI", "LT", "LU", "ME", "MR", "PL", "PT", "RS", "SE", "SI", "SK"}) {
    for (int length = 10; length <= 24; ++length) {
      const std::string bban = std::string(static_cast<std::size_t>(length), '1');
      unsigned rest = 0;
      const std::string digits =
          bban + std::to_string(country[0] - 'A' + 10) + std::to_string(country[1] - 'A' + 10);
      for (const char c : digits + "00") rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
      examples +=
          std::string(country) + (98 - rest < 10 ? "0" : "") + std::to_string(98 - rest) + bban + "\n";
    }
  }
  CHECK_FALSE(has(examples, "leak/personal-data"));
  CHECK(count(examples + accounts(60, true, false), "leak/personal-data") == 90);
}

TEST_CASE("from where signs count is the policy's to say") {
  const auto counted = [](const std::string& text, std::string_view rule, auto member, std::uint64_t value) {
    Thresholds thresholds;
    thresholds.*member = value;
    ContentScan scan(shipped_rules(), {}, {}, thresholds);
    const FileContent content = scan_text(scan, text);
    const auto found = content.sign_counts.find(rule);
    return found == content.sign_counts.end() ? 0 : found->second;
  };
  using T = Thresholds;
  std::string people;
  for (int i = 0; i < 12; ++i) people += "p" + std::to_string(i) + "@mail.acme.com\n";
  const struct {
    std::string text;
    std::string_view rule;
    std::uint64_t T::* member;
    std::uint64_t last;  // with which it counts
  } cases[] = {{people, "leak/personal-data", &T::personal_rows_max, 11},
               {"'" + times(30, "\\x61") + "'", "code/escapes", &T::escape_run_min, 30},
               {"'" + times(12, "\\x61") + "'", "code/escapes", &T::escape_run_min, 12},
               {"a();" + std::string(90, ' ') + "b()", "code/hidden-by-space", &T::blank_run_min, 90},
               {"a();" + std::string(900, ' ') + "b()", "code/hidden-by-space", &T::blank_run_min, 900},
               {"x='" + base64_encode(as_bytes(program(300))) + "'", "code/encoded-blob",
                &T::encoded_blob_bytes_min, 400},
               {"x='" + base64_encode(as_bytes(program(9000))) + "'", "code/encoded-blob",
                &T::encoded_blob_bytes_min, 12'000}};
  for (const auto& c : cases) {
    CAPTURE(c.rule);
    CHECK(counted(c.text, c.rule, c.member, c.last) > 0);
    CHECK(counted(c.text, c.rule, c.member, c.last + 1) == 0);
  }
}

TEST_CASE("values given to names of secrets are seen, words and paths are not") {
  const std::string value = "q7Rz2Lx9Vb4Nw8Kd1Tm5";
  for (const char* text :
       {"const apiKey = \"%\";", "{\"client_secret\": \"%\"}", "password:'%'", "DB_TOKEN=%\n"}) {
    std::string line(text);
    line.replace(line.find('%'), 1, value);
    const auto signs = signs_of(scan_text("\n" + line), "leak/secret-generic");
    REQUIRE(signs.size() == 1);
    CHECK(signs[0].line == 2);
    CHECK(signs[0].evidence.find(value) == std::string::npos);
    CHECK(signs[0].evidence.find("q7Rz…") != std::string::npos);
  }
  for (const char* text :
       {"const name = \"q7Rz2Lx9Vb4Nw8Kd1Tm5\"", "token = \"passwordResetLink22\"",
        "token = \"aaaaaaaaaaaaaaaa1212\"", "f(token, \"q7Rz2Lx9Vb4Nw8Kd1Tm5\")",
        "\"authorKey\": \"q7Rz2Lx9Vb4Nw8Kd1Tm5\"", "publicToken = \"q7Rz2Lx9Vb4Nw8Kd1Tm5\""})
    CHECK_FALSE(has(text, "leak/secret-generic"));
}

TEST_CASE("a picture or an archive shows nothing by chance, and hides nothing in a text") {
  std::string binary = noise(3 << 20);
  for (std::size_t at = 1000; at < binary.size(); at += 5000) binary.replace(at, 3, "\u202e");
  CHECK(scan_text(binary).signs.empty());
  // Code with binary around it is still code.
  CHECK(has(binary + "\nconst access = 'admin'; if (x) { // \u202e then\n", "code/bidi"));
}

TEST_CASE("how the bytes come, and where the signs lie, changes nothing") {
  const std::string all = std::string(40, '-') + "to\u200bken consol\u0435.log \u202e '" +
                          times(40, "\\x61") + "' " + names(11) + std::string(450, ' ') +
                          "evil();\nconst apiKey = \"q7Rz2Lx9Vb4Nw8Kd1Tm5\";\nx=\"" +
                          base64_encode(as_bytes(program(2000))) + "\";\n🏴\U000e0067\U000e0062\U000e0065";
  const auto shape = [](const FileContent& content, std::uint64_t shift) {
    std::string out;
    for (const Sign& sign : content.signs)
      out += std::string(sign.rule) + "|" + sign.what + "|" + std::to_string(sign.offset - shift) + "|" +
             std::to_string(sign.line) + "|" + sign.digest + "\n";
    return out;
  };
  const std::string plain = shape(scan_text(all), 0);
  CHECK(std::count(plain.begin(), plain.end(), '\n') == 9);
  ContentScan scan(shipped_rules());
  for (const std::size_t before : {1u, 63u, 64u, 5000u, 65'536u, 114'688u - 600u, 114'688u - 1u,
                                   114'688u + 98'304u - 1300u, 1'048'576u, 17'000'000u}) {
    const std::string text = std::string(before, ';') + all;
    CHECK(shape(scan_text(scan, text), before) == plain);
    if (before > 70'000) continue;
    for (const std::size_t piece : {1u, 7u, 64u, 4096u})
      CHECK(shape(scan_text(scan, text, "a.png", piece), before) == plain);
  }
}

TEST_CASE("of many signs the first are kept, and a digest of all the others") {
  const auto text = [](int last) {
    std::string out;
    for (int i = 0; i < 100; ++i)
      out += "'" + times(20, "\\x61") + "\\x" + std::to_string(10 + i % 80) + "'\n";
    return out + "'" + times(20, "\\x62") + "\\x" + std::to_string(last) + "'";
  };
  const FileContent one = scan_text(text(33)), other = scan_text(text(34));
  CHECK(one.sign_counts.at("code/escapes") == 101);
  REQUIRE(one.signs.size() == 21);
  CHECK(one.signs[20].what == sign_rest);
  CHECK(one.signs[19].digest == other.signs[19].digest);
  CHECK(one.signs[20].digest != other.signs[20].digest);
}

}  // namespace sallyport
