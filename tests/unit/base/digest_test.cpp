#include "storage/base/digest.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "storage/base/base64.hpp"

using namespace sallyport;

TEST_CASE("digests of the standard's examples") {
  CHECK(to_hex(sha1(as_bytes("abc"))) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha512(as_bytes("abc"))) ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("pieces hash as the whole does, on several threads at once") {
  const std::string text(100'003, 'x');
  const Sha512 whole = sha512(as_bytes(text));
  std::vector<std::thread> threads;
  std::vector<Sha512> seen(4);
  for (std::size_t t = 0; t < seen.size(); ++t) {
    threads.emplace_back([&, t] {
      Sha512Hasher hasher;
      for (std::size_t at = 0; at < text.size(); at += 997 + t)
        hasher.update(std::string_view(text).substr(at, 997 + t));
      CHECK(sha512(as_bytes(text)) == whole);  // a one-shot in between has a context of its own
      seen[t] = hasher.finish();
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& digest : seen) CHECK(digest == whole);
}

TEST_CASE("hexadecimal text is read in either case and refused when it is not") {
  CHECK(from_hex("00fFa0").value() == std::string("\x00\xff\xa0", 3));
  CHECK(from_hex("abc").has_error());
  CHECK(from_hex("0g").has_error());
  const Sha512 digest = sha512(as_bytes("abc"));
  CHECK(sha512_from_hex(to_hex(digest)).value() == digest);
  CHECK(sha512_from_hex("ab").has_error());
}

TEST_CASE("an integrity value names its strongest digest") {
  const Sha512 strong = sha512(as_bytes("abc"));
  const Sha1 weak = sha1(as_bytes("abc"));
  const std::string sha512_text = to_integrity(strong);
  const std::string sha1_text = "sha1-" + base64_encode(weak.bytes);
  CHECK(sha512_text.starts_with("sha512-3a81oZNherrMQXNJriBBMRLm"));

  for (const std::string& text :
       {sha512_text, sha1_text + " " + sha512_text, sha512_text + "\n" + sha1_text,
        "  " + sha512_text + "?opt=1  ", "sha3-xyz " + sha512_text, sha512_text + " " + sha512_text}) {
    CAPTURE(text);
    const auto integrity = parse_integrity(text);
    REQUIRE(integrity.has_value());
    CHECK(integrity->algorithm == "sha512");
    CHECK(as_bytes(integrity->digest).size() == 64);
    CHECK(equal_constant_time(integrity->digest, as_text(strong.bytes)));
  }
  CHECK(parse_integrity(sha1_text).value().algorithm == "sha1");
}

TEST_CASE("an integrity value that does not say which bytes are meant is refused") {
  const std::string one = to_integrity(sha512(as_bytes("one")));
  const std::string two = to_integrity(sha512(as_bytes("two")));
  for (const std::string& text :
       {std::string(), std::string("   "), std::string("sha512"), std::string("md5-AAAA"),
        std::string("sha512-"), std::string("sha512-AAAA"), one + "=", one.substr(0, 20), one + " " + two,
        one + " sha512-AAAA", "SHA512" + one.substr(6)}) {
    CAPTURE(text);
    CHECK(parse_integrity(text).has_error());
  }
}

TEST_CASE("a comparison in constant time compares") {
  CHECK(equal_constant_time("abc", "abc"));
  CHECK(equal_constant_time("", ""));
  CHECK_FALSE(equal_constant_time("abc", "abd"));
  CHECK_FALSE(equal_constant_time("abc", "ab"));
}
