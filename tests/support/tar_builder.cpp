#include "tests/support/tar_builder.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace sallyport {

std::string octal(std::uint64_t value, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto at = text.rbegin(); at != text.rend() && value > 0; ++at, value /= 8) {
    *at = static_cast<char>('0' + value % 8);
  }
  return text;
}

std::string tar_padding(std::size_t size) {
  return std::string((512 - size % 512) % 512, '\0');
}

std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;  // blank, '=', line feed
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) ++length;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

std::string TarHeader::block() const {
  std::string b(512, '\0');
  const auto put = [&](std::size_t at, std::size_t width, std::string_view text) {
    text = text.substr(0, width);
    std::copy(text.begin(), text.end(), b.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(0, 100, name);
  put(100, 8, mode);
  put(108, 8, uid);
  put(116, 8, gid);
  put(124, 12, size);
  put(136, 12, mtime);
  put(148, 8, "        ");
  b[156] = type;
  put(157, 100, linkname);
  put(257, 6, magic);
  put(263, 2, version);
  put(265, 32, uname);
  put(297, 32, gname);
  put(329, 8, devmajor);
  put(337, 8, devminor);
  put(345, 155, prefix);
  put(500, 12, tail);
  std::uint64_t sum = 0;
  for (const char c : b) sum += static_cast<unsigned char>(c);
  put(148, 8, checksum ? *checksum : octal(sum, 6) + std::string("\0 ", 2));
  return b;
}

TarBuilder& TarBuilder::entry(TarHeader header, std::string_view body) {
  header.size = octal(body.size(), 11);
  return raw(header.block()).raw(body).raw(tar_padding(body.size()));
}

TarBuilder& TarBuilder::file(std::string_view path, std::string_view content) {
  TarHeader header;
  if (path.size() > 100) {
    const std::size_t cut = path.find('/', path.size() - 101);
    if (cut == path.npos) throw std::invalid_argument("path does not fit ustar; use pax()");
    header.prefix = path.substr(0, cut);
    path = path.substr(cut + 1);
  }
  header.name = path;
  return entry(header, content);
}

TarBuilder& TarBuilder::directory(std::string_view path) {
  TarHeader header;
  header.name = path;
  header.mode = "000755 ";
  header.type = '5';
  return entry(header);
}

TarBuilder& TarBuilder::pax(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string body;
  for (const auto& [key, value] : records) body += pax_record(key, value);
  TarHeader header;
  header.name = "PaxHeader/next";
  header.type = 'x';
  return entry(header, body);
}

TarBuilder& TarBuilder::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

TarBuilder clean_package() {
  return TarBuilder().file("package/package.json", R"({"name":"clean","version":"1.0.0"})");
}

std::string gzip(std::string_view bytes) {
  isal_zstream stream;
  isal_deflate_init(&stream);
  std::string level(ISAL_DEF_LVL1_DEFAULT, '\0');
  stream.level = 1;
  stream.level_buf = reinterpret_cast<std::uint8_t*>(level.data());
  stream.level_buf_size = static_cast<std::uint32_t>(level.size());
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<std::uint32_t>(bytes.size());
  std::string out(bytes.size() + bytes.size() / 8 + 1024, '\0');
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  if (isal_deflate(&stream) != COMP_OK || stream.avail_in != 0)
    throw std::runtime_error("isal_deflate failed");
  out.resize(out.size() - stream.avail_out);
  return out;
}

}  // namespace sallyport
