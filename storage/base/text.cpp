#include "storage/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace sallyport {

namespace {

struct Character {
  std::size_t bytes = 0;  // 0: the bytes at the front are no character
  std::uint32_t code = 0;
};

// The character at the front of `text` (not empty), as the table of Unicode's section 3.9 allows it: no
// overlong form, no surrogate, nothing past U+10FFFF.
Character front(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = at(0);
  if (lead < 0x80) return {1, lead};
  std::size_t bytes = 0;
  std::uint8_t low = 0x80;  // bounds of the second byte
  std::uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    bytes = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    bytes = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    bytes = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  if (bytes == 0 || text.size() < bytes || at(1) < low || at(1) > high) return {};
  std::uint32_t code = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (at(i) & 0x3Fu);
  }
  return {bytes, code};
}

// What moves a cursor, reorders a line or breaks it.
// Or shows nothing, so that two names look like one.
bool drives_terminal(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xE0000 && code <= 0xE007F);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const Character c = front(text);
    if (c.bytes == 0) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

std::string printable(std::string_view text, std::size_t max) {
  const auto plain_end =
      std::find_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; });
  if (plain_end == text.end() && text.size() <= max) return std::string(text);
  std::string shown;
  while (!text.empty()) {
    const Character c = front(text);
    const bool replaced = c.bytes == 0 || drives_terminal(c.code);
    if (shown.size() + (replaced ? 1 : c.bytes) > max) return shown + "…";
    if (replaced) {
      shown += '?';
    } else {
      shown += text.substr(0, c.bytes);
    }
    text.remove_prefix(std::max<std::size_t>(c.bytes, 1));
  }
  return shown;
}

std::string thousands(unsigned long long n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string human_bytes(unsigned long long bytes) {
  static constexpr std::array<std::string_view, 6> units = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  unsigned long long unit = 1000;
  std::size_t name = 0;
  // 999,950 is "1.0 MB", not "1000.0 kB".
  while (name + 1 < units.size() && bytes >= unit * 1000 - unit / 20) {
    unit *= 1000;
    ++name;
  }
  const unsigned long long whole = bytes / unit;
  const unsigned long long tenths = (bytes % unit + unit / 20) / (unit / 10);
  return std::to_string(whole + tenths / 10) + '.' + std::to_string(tenths % 10) + ' ' +
         std::string(units[name]);
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  static constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (unreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  const std::string_view start = word.substr(0, 64);
  const std::size_t near = std::max<std::size_t>(1, start.size() / 3);
  std::size_t best = near + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(start, std::string_view(candidate).substr(0, 64));
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace sallyport
