#include "policies/content/file_end.hpp"

#include <doctest/doctest.h>

#include <string>

#include "scan_text.hpp"

namespace sallyport {

namespace {

using namespace std::string_literals;
using State = FileEnd::State;

std::string png_chunk(const std::string& type, const std::string& data) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(data.size() >> shift & 0xff);
  return out + type + data + "crc!";
}

const std::string png = "\x89PNG\r\n\x1a\n"s + png_chunk("IHDR", std::string(13, '\0')) +
                        png_chunk("IDAT", std::string(100'000, 'd')) + png_chunk("IEND", "");
const std::string jpeg = "\xff\xd8"s + "\xff\xe0\x00\x04JF"s + "\xff\xda\x00\x03x"s +
                         "coded\xff\x00 data\xff\xd0 more"s + "\xff\xd9"s;
const std::string gif =
    "GIF89a\2\0\2\0\x80\0\0rgbRGB"s + "!\xf9\x04wxyz\0"s + ",\0\0\0\0\2\0\2\0\0\x02\x03pix\0"s + ";"s;
const std::string zip = "PK\3\4"s + std::string(26, '\0') + "PK\5\6"s + std::string(8, '\0') + "\4\0\0\0"s +
                        "\x1a\0\0\0"s + "\2\0hi"s;
const std::string wasm = "\0asm\1\0\0\0"s + "\1\3abc"s + "\0\x81\0z"s;

struct Sample {
  Magic magic;
  const std::string& bytes;
};
const Sample samples[] = {
    {Magic::png, png}, {Magic::jpeg, jpeg}, {Magic::gif, gif}, {Magic::zip, zip}, {Magic::wasm, wasm}};

FileEnd end(Magic magic, const std::string& bytes) {
  return end_of(magic, bytes_of(bytes));
}

}  // namespace

TEST_CASE("a whole file ends at its end, and where something follows before it") {
  for (const Sample& sample : samples) {
    CAPTURE(to_text(sample.magic));
    FileEnd found = end(sample.magic, sample.bytes);
    CHECK(found.state == State::known);
    CHECK(found.offset == sample.bytes.size());
    found = end(sample.magic, sample.bytes + std::string(70'000, '~'));
    if (sample.magic == Magic::wasm) {
      CHECK(found.state == State::broken);  // a section goes to the end or there is none
    } else {
      CHECK(found.state == State::known);
      CHECK(found.offset == sample.bytes.size());
    }
  }
  CHECK(end(Magic::pdf, "%PDF-").state == State::unknown);
}

TEST_CASE("a file cut off anywhere is never taken for whole, and nothing is read outside of it") {
  for (const Sample& sample : samples) {
    CAPTURE(to_text(sample.magic));
    const std::size_t step = sample.bytes.size() > 1000 ? 977 : 1;
    for (std::size_t size = 8; size + 1 < sample.bytes.size(); size += step) {
      CAPTURE(size);
      const FileEnd found = end(sample.magic, sample.bytes.substr(0, size));
      // Behind each section a program may end.
      const bool between = sample.magic == Magic::wasm && (size == 8 || size == 13);
      CHECK((found.state != State::known || between));
    }
  }
}

TEST_CASE("what only begins like a format is broken") {
  CHECK(end(Magic::png, "\x89PNG\r\n\x1a\nrequire('child_process')").state == State::broken);
  CHECK(end(Magic::png, png.substr(0, 33) + "\0\0\0\1"s + "1234" + std::string(20, 'x')).state ==
        State::broken);
  CHECK(end(Magic::gif, "GIF89a=1;alert(document.cookie)").state == State::broken);
  CHECK(end(Magic::jpeg, "\xff\xd8\xff payload").state == State::broken);
  CHECK(end(Magic::jpeg, "\xff\xd8\xff\xd9 no picture at all").state == State::broken);
  CHECK(end(Magic::wasm, "\0asm\1\0\0\0console.log(1)"s).state == State::broken);
  CHECK(end(Magic::wasm, "\0asm\1\0\0\0\1\xff\xff\xff\xff\xff\1"s).state == State::broken);
}

TEST_CASE("the directory that fits is the zip's, whatever is written behind it") {
  const std::string fake =
      "PK\5\6"s + std::string(8, '\0') + "\xff\xff\xff\x0f"s + "\xff\xff\xff\x0f"s + "\0\0"s;
  CHECK(end(Magic::zip, zip + "payload" + fake).offset == zip.size());
  CHECK(end(Magic::zip, "PK\3\4"s + std::string(100, 'x')).state == State::cut_off);
}

}  // namespace sallyport
