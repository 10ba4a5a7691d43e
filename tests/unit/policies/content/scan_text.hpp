#pragma once
// Scans a text as one file of a release; packs one as gzip.

#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <string>

#include "policies/content/content_scan.hpp"

namespace sallyport {

inline std::shared_ptr<const ContentRules> shipped_rules() {
  static const auto rules = ContentRules::build({}, "").value();
  return rules;
}

inline FileBytes bytes_of(const std::string& text) {
  return {text.size(), [&text](std::uint64_t offset, std::span<std::uint8_t> out) -> Result<std::size_t> {
            if (offset >= text.size()) return std::size_t{0};
            const std::size_t count = std::min<std::size_t>(out.size(), text.size() - offset);
            std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
            return count;
          }};
}

inline FileContent scan_text(ContentScan& scan, const std::string& text, std::string_view path = "a.js",
                             std::size_t piece = 262'144) {
  scan.begin_file(path, text.size());
  for (std::size_t at = 0; at < text.size(); at += piece)
    scan.data(as_bytes(std::string_view(text).substr(at, piece)));
  return scan.end_file(bytes_of(text));
}

inline FileContent scan_text(const std::string& text, std::string_view path = "a.js",
                             std::size_t piece = 262'144) {
  ContentScan scan(shipped_rules());
  return scan_text(scan, text, path, piece);
}

inline std::string gzip(const std::string& text) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

}  // namespace sallyport
