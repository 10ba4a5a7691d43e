#pragma once
// Scans a text as one file of a release.

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "policies/content/content_scan.hpp"
#include "tests/support/tar_builder.hpp"  // gzip

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

}  // namespace sallyport
