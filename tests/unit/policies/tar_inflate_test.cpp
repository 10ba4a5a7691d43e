#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "policies/tarball/inflate.hpp"
#include "tests/support/tar_builder.hpp"

using namespace sallyport;

namespace {

struct Inflated {
  std::string bytes;
  std::optional<TarFault> fault;
};

Inflated inflate(std::string_view gz, std::size_t piece_bytes, const TarballLimits& limits = {}) {
  GzipInflater inflater(limits);
  Inflated result;
  const auto sink = [&](Bytes b) {
    result.bytes += as_text(b);
    return true;
  };
  for (std::size_t at = 0; at < gz.size(); at += piece_bytes) {
    // A copy of its own, so that a read past the piece is seen by the sanitizer.
    const std::string piece(gz.substr(at, piece_bytes));
    if (!inflater.feed(as_bytes(piece), sink)) break;
  }
  const bool whole = inflater.finish();
  result.fault = inflater.fault();
  CHECK(whole == !result.fault.has_value());
  return result;
}

std::string sample_text(std::size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(random() % 5000) + " of some text\n";
  return text;
}

constexpr std::size_t splits[] = {1, 2, 3, 7, 9, 10, 11, 511, 512, 513, 4096, 1u << 20};

// A gzip member with the given flags and header fields around the deflated bytes of `gz`.
std::string with_header(const std::string& gz, char flags, std::string_view fields) {
  std::string out = gz.substr(0, 10);
  out[3] = flags;
  return out + std::string(fields) + gz.substr(10);
}

}  // namespace

TEST_CASE("inflates a member whatever its split") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300'000}}) {
    const std::string text = sample_text(size);
    const std::string gz = gzip(text);
    for (const std::size_t n : splits) {
      const Inflated got = inflate(gz, n);
      CHECK_FALSE(got.fault);
      CHECK(got.bytes == text);
    }
  }
}

TEST_CASE("reads the header's facts and passes over its optional parts") {
  std::string gz = gzip("hello");
  gz[4] = 0x10;
  gz[9] = 3;
  const std::string odd = with_header(gz, 4 | 8 | 16,
                                      std::string("\x03\x00"
                                                  "abc"
                                                  "name\0"
                                                  "comment\0",
                                                  18));
  for (const std::size_t n : splits) CHECK(inflate(odd, n).bytes == "hello");
  GzipInflater inflater;
  CHECK(inflater.feed(as_bytes(odd), [](Bytes) { return true; }));
  CHECK(inflater.finish());
  CHECK(inflater.header().mtime == 0x10);
  CHECK(inflater.header().os == 3);
  CHECK(inflater.header().flags == (4 | 8 | 16));
  CHECK(inflater.bytes_in() == odd.size());
  CHECK(inflater.bytes_out() == 5);
}

TEST_CASE("checks the header's own checksum") {
  const std::string header("\x1f\x8b\x08\x02\x00\x00\x00\x00\x00\xff", 10);  // its CRC-32 ends in 0xc990
  const std::string body = gzip("hello").substr(10);
  CHECK(inflate(header + "\x90\xc9" + body, 1).bytes == "hello");
  CHECK(inflate(header + "\x90\xc8" + body, 1).fault->rule == "tar/gzip");
}

TEST_CASE("refuses what is not exactly one gzip member") {
  const std::string gz = gzip(sample_text(5000));
  std::vector<std::pair<const char*, std::string>> bad = {
      {"empty", ""},
      {"zstd", std::string("\x28\xb5\x2f\xfd\x04\x00\x59\x00\x00hello", 14)},
      {"plain tar", clean_package().tar()},
      {"another method", std::string(gz).replace(2, 1, "\x07")},
      {"two members", gz + gz},
      {"an empty second member", gz + gzip("")},
      {"one zero after", gz + std::string(1, '\0')},
      {"many zeros after", gz + std::string(10'000, '\0')},
      {"junk after", gz + "junk"},
      {"endless name", with_header(gz, 8, std::string(5000, 'n') + std::string(1, '\0'))},
      {"an unterminated comment", with_header(gz, 16, std::string(70'000, 'c')).substr(0, 60'000)},
  };
  for (const char flag : {'\x20', '\x40', '\x80'})
    bad.emplace_back("reserved flag", with_header(gz, flag, ""));
  for (std::size_t back = 1; back <= 8; ++back) {
    std::string altered = gz;
    altered[altered.size() - back] = static_cast<char>(altered[altered.size() - back] ^ 1);
    bad.emplace_back("altered checksum or length", altered);
  }
  for (std::size_t n = 1; n < gz.size(); n += 37) bad.emplace_back("truncated", gz.substr(0, n));
  bad.emplace_back("without its last byte", gz.substr(0, gz.size() - 1));
  for (const auto& [what, bytes] : bad) {
    for (const std::size_t n : {std::size_t{1}, std::size_t{513}, bytes.size() + 1}) {
      CAPTURE(what);
      CAPTURE(n);
      const Inflated got = inflate(bytes, n);
      REQUIRE(got.fault);
      CHECK(got.fault->rule == "tar/gzip");
      CHECK(got.fault->fatal);
    }
  }
}

TEST_CASE("a flipped bit anywhere in the deflated bytes never passes as other content") {
  const std::string text = sample_text(3000);
  const std::string gz = gzip(text);
  for (std::size_t at = 10; at < gz.size(); ++at) {
    for (const int bit : {0, 1, 3, 5, 7}) {
      std::string altered = gz;
      altered[at] = static_cast<char>(altered[at] ^ 1 << bit);
      CAPTURE(at);
      // In small pieces too: on damage ISA-L hands back bytes of the piece before.
      for (const std::size_t piece : {1u, 8u, 60u, 4096u}) {
        const Inflated got = inflate(altered, piece);
        CHECK((got.fault || got.bytes == text));  // the last byte may have bits that say nothing
      }
    }
  }
}

TEST_CASE("stops at the limits on size and ratio, inside the loop") {
  const std::string bomb = gzip(std::string(20u << 20, '\0'));
  TarballLimits small;
  small.unpacked_bytes_max = 3u << 20;
  small.ratio_max = 1u << 20;
  for (const std::size_t n : {std::size_t{7}, std::size_t{1} << 20}) {
    const Inflated got = inflate(bomb, n, small);
    REQUIRE(got.fault);
    CHECK(got.fault->rule == "tar/bomb");
    CHECK(got.bytes.size() <= small.unpacked_bytes_max);
  }
  const Inflated ratio = inflate(bomb, 4096);
  REQUIRE(ratio.fault);
  CHECK(ratio.fault->rule == "tar/bomb");
  CHECK(ratio.bytes.size() < 2u << 20);
  CHECK_FALSE(inflate(gzip(std::string(1u << 20, '\0')), 4096).fault);  // under ratio_from_bytes
}

TEST_CASE("a sink that wants no more stops the stream without a fault") {
  GzipInflater inflater;
  CHECK_FALSE(inflater.feed(as_bytes(gzip(sample_text(400'000))), [](Bytes) { return false; }));
  CHECK_FALSE(inflater.fault());
  CHECK_FALSE(inflater.finish());
}
