#include "policies/content/spool.hpp"

#include <doctest/doctest.h>

#include "scan_text.hpp"
#include "tests/support/temp_folder.hpp"

namespace sallyport {
namespace {

std::string all_of(const FileBytes& file, std::size_t piece) {
  std::string out;
  std::vector<std::uint8_t> block(piece);
  for (;;) {
    const auto read = file.read(out.size(), block);
    REQUIRE(read.has_value());
    if (*read == 0) return out;
    out += as_text(Bytes(block).first(*read));
  }
}

TEST_CASE("a spool gives back what it was given, small and large") {
  const TempFolder folder;
  for (const std::size_t size : {0u, 1u, 65'536u, 65'537u, 300'000u}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * 7 + i / 251);
    for (const std::size_t piece : {1'000u, 65'536u, 400'000u}) {
      Spool spool(folder.path());
      for (std::size_t at = 0; at < size; at += piece)
        REQUIRE(spool.append(as_bytes(std::string_view(text).substr(at, piece))).has_value());
      CHECK(spool.size() == size);
      CHECK(spool.bytes().size == size);
      CHECK(all_of(spool.bytes(), 777) == text);
      CHECK(all_of(spool.bytes(), 100'000) == text);
    }
  }
}

TEST_CASE("a spool without a place for its file fails, and what was packed holds") {
  Spool spool("/does/not/exist");
  CHECK(spool.append(as_bytes(std::string(60'000, 'a'))).has_value());
  CHECK_FALSE(spool.append(as_bytes(std::string(60'000, 'a'))).has_value());

  ContentScan scan(shipped_rules(), "/does/not/exist");
  CHECK(scan_text(scan, gzip("small")).incomplete.empty());
  const FileContent content = scan_text(scan, gzip(std::string(200'000, 'a')));
  REQUIRE(content.incomplete.size() == 1);
  CHECK(content.incomplete[0].find("no room") != std::string::npos);
}

}  // namespace
}  // namespace sallyport
