#include "storage/base/base64.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <vector>

#include "tests/support/seeded_random.hpp"

using namespace sallyport;

namespace {

struct Outcome {
  bool valid = false;
  std::string bytes;
  std::string message;
  bool operator==(const Outcome&) const = default;
};

// Decodes `text` in chunks of the given sizes (the last one repeats), into a buffer that is no larger than
// the decoder's promise, so that a store past it is an error of the sanitizer.
Outcome decode(std::string_view text, bool use_avx2, const std::vector<std::size_t>& sizes) {
  Base64Decoder decoder(use_avx2);
  Outcome outcome;
  for (std::size_t i = 0; !text.empty(); ++i) {
    const std::string_view chunk = text.substr(0, sizes[std::min(i, sizes.size() - 1)]);
    text.remove_prefix(chunk.size());
    std::vector<std::uint8_t> out(Base64Decoder::decoded_max(chunk.size()));
    const auto written = decoder.update(chunk, out.data());
    if (written.has_error()) {
      outcome.message = written.error().message;
      return outcome;
    }
    outcome.bytes.append(reinterpret_cast<const char*>(out.data()), *written);
  }
  const auto end = decoder.finish();
  outcome.valid = end.has_value();
  if (end.has_error()) outcome.message = end.error().message;
  return outcome;
}

std::vector<bool> paths() {
  return Base64Decoder::has_avx2() ? std::vector<bool>{false, true} : std::vector<bool>{false};
}

std::string openssl_encode(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int n =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(n));
  return text;
}

}  // namespace

TEST_CASE("base64 of the standard's examples") {
  const std::vector<std::pair<std::string, std::string>> examples = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"},
                                                                     {"\xfb\xff", "+/8="}};
  for (const auto& [bytes, text] : examples) {
    CHECK(base64_encode(as_bytes(bytes)) == text);
    CHECK(base64_decode(text).value() == bytes);
  }
  CHECK(base64url_encode(as_bytes("\xfb\xff")) == "-_8");
  CHECK(base64url_encode(as_bytes("f")) == "Zg");
}

TEST_CASE("what OpenSSL encodes is decoded on every path, however it is cut") {
  SeededRandom random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string bytes = random_bytes(random, size);
    const std::string text = openssl_encode(bytes);
    REQUIRE(base64_encode(as_bytes(bytes)) == text);
    for (const bool avx2 : paths()) {
      CAPTURE(size);
      CAPTURE(avx2);
      for (const std::size_t chunk : {1u, 2u, 3u, 5u, 31u, 44u, 45u, 64u, 1000u}) {
        const Outcome outcome = decode(text, avx2, {chunk});
        REQUIRE(outcome.valid);
        REQUIRE(outcome.bytes == bytes);
      }
      for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const Outcome outcome = decode(text, avx2, {std::max<std::size_t>(cut, 1), 100'000});
        REQUIRE(outcome.bytes == bytes);
      }
    }
  }
}

TEST_CASE("what is not canonical base64 is refused") {
  for (const char* text :
       {"Z",        "Zg",       "Zg=",      "Zm8",   "Zm9vY", "Zg===",     "====",     "=",     "Z===",
        "Zm9v=",    "Zm9v====", "Zg==Zg==", "Zg== ", " Zg==", "Zg==\n",    "Zm9v\n",   "Zm 9v", "Zm\n9v",
        "Zm9v\r\n", "Zh==",     "Zm9=",     "Zg=a",  "Zg=A",  "QUJD-junk", "QUI=QUJD", "Zm-v",  "Zm_v",
        "Zm9\xC3",  "Zm9v!",    "Zm.v",     "Zm9@",  "Zm9[",  "Zm9`",      "Zm9{",     "Zm9:"}) {
    CAPTURE(text);
    CHECK(base64_decode(text).has_error());
  }
  CHECK(base64_decode(std::string_view("Zm9\0", 4)).has_error());
}

TEST_CASE("both paths agree on any byte at any place") {
  if (!Base64Decoder::has_avx2()) return;
  SeededRandom random(2);
  const std::string valid = openssl_encode(random_bytes(random, 94));  // 128 characters, the last two '='
  for (std::size_t at = 0; at < valid.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text = valid;
      text[at] = static_cast<char>(c);
      const Outcome scalar = decode(text, false, {text.size()});
      REQUIRE(decode(text, true, {text.size()}) == scalar);
      // Cut inside the text the verdict is the same.
      REQUIRE(decode(text, true, {random.below(127) + 1, 7}).valid == scalar.valid);
    }
  }
}

TEST_CASE("an error names the character") {
  const std::string text = std::string(1000, 'A') + "*AAA";
  for (const bool avx2 : paths()) {
    const Outcome outcome = decode(text, avx2, {333});
    CHECK(outcome.message.find("character 1000") != std::string::npos);
  }
}
