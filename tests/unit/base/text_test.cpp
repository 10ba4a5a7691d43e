#include "storage/base/text.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace sallyport;

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (const char* text : {"", "abc", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x92\xA9", "\xEF\xBF\xBF",
                           "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) {
    CHECK(is_utf8(text));
  }
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "a\xC3z"}) {
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("what is printed drives no terminal") {
  CHECK(printable("plain \xC3\xA4\xE2\x82\xAC") == "plain \xC3\xA4\xE2\x82\xAC");
  CHECK(printable("\x1b[31mred\x07") == "?[31mred?");
  CHECK(printable("a\nb\r\tc\x7f") == "a?b??c?");
  CHECK(printable("a\xC2\x9Bm") == "a?m");                  // C1: a one-character CSI
  CHECK(printable("a\xE2\x80\xAEgnp.exe") == "a?gnp.exe");  // right-to-left override
  CHECK(printable("a\xE2\x81\xA6z") == "a?z");              // isolate
  CHECK(printable("a\xE2\x80\xA8z") == "a?z");              // line separator
  CHECK(printable("lo\xE2\x80\x8B"
                  "dash") == "lo?dash");                         // without width
  CHECK(printable("a\xE2\x81\xA0z\xF3\xA0\x81\x81") == "a?z?");  // word joiner, tag
  CHECK(printable("a\xFF\xC3z") == "a??z");
}

TEST_CASE("what stands in a URL is escaped byte by byte") {
  CHECK(percent_encoded("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encoded("@acme/lib") == "%40acme%2Flib");
  CHECK(percent_encoded("a b&c=d?#%+") == "a%20b%26c%3Dd%3F%23%25%2B");
  CHECK(percent_encoded(std::string_view("\0\xC3\xA4\xFF", 4)) == "%00%C3%A4%FF");
}

TEST_CASE("a long text is cut between characters") {
  CHECK(printable("abcdef", 6) == "abcdef");
  CHECK(printable("abcdefg", 6) == "abcdef…");
  CHECK(printable("abcde\xC3\xA4", 6) == "abcde…");
  CHECK(printable(std::string(1000, 'a')).size() == 200 + std::string("…").size());
}

TEST_CASE("numbers and sizes as people read them") {
  CHECK(thousands(0) == "0");
  CHECK(thousands(999) == "999");
  CHECK(thousands(1906) == "1,906");
  CHECK(thousands(512000) == "512,000");
  CHECK(thousands(1234567890) == "1,234,567,890");
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1000) == "1.0 kB");
  CHECK(human_bytes(1949) == "1.9 kB");
  CHECK(human_bytes(1999) == "2.0 kB");
  CHECK(human_bytes(59'800'000) == "59.8 MB");
  CHECK(human_bytes(999'949) == "999.9 kB");
  CHECK(human_bytes(999'950) == "1.0 MB");
  CHECK(human_bytes(18'446'744'073'709'551'615ULL) == "18.4 EB");
}

TEST_CASE("the nearest word is told when one is near") {
  const std::array<std::string, 3> keys = {"listen", "public_url", "upstreams"};
  CHECK(nearest("lisen", keys) == "listen");
  CHECK(nearest("public-url", keys) == "public_url");
  CHECK(nearest("upstream", keys) == "upstreams");
  CHECK(nearest("zebra", keys).empty());
  CHECK(nearest("", keys).empty());
  CHECK(nearest(std::string(100'000, 'x'), keys).empty());
}
