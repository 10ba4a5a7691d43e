#include "policies/tarball/path_rules.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <memory>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

// Calls `visit` with each component of a path, empty ones included.
template <class Visit>
void each_component(std::string_view path, Visit visit) {
  for (;;) {
    const std::size_t slash = path.find('/');
    visit(path.substr(0, slash));
    if (slash == path.npos) return;
    path.remove_prefix(slash + 1);
  }
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

// NFC of the case-folded text without the characters that file systems ignore.
std::string fold_unicode(std::string_view text) {
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE |
                                                          UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                               static_cast<utf8proc_ssize_t>(text.size()), &mapped, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length < 0) return lower_ascii(text);  // not UTF-8: refused as a path anyway
  return {reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length)};
}

// Controls, and characters that turn the direction of text or break its lines where a name is shown.
bool has_control(std::string_view text) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t c = 0;
    const utf8proc_ssize_t n = utf8proc_iterate(at, left, &c);
    if (n <= 0) return true;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
        c == 0x200e || c == 0x200f || c == 0x061c || c == 0xfeff) {
      return true;
    }
    at += n;
    left -= n;
  }
  return false;
}

bool is_windows_device(std::string_view component) {
  std::string base = lower_ascii(component.substr(0, component.find('.')));
  while (!base.empty() && base.back() == ' ') base.pop_back();
  constexpr std::array devices = {"con", "prn", "aux", "nul", "conin$", "conout$"};
  if (std::find(devices.begin(), devices.end(), base) != devices.end()) return true;
  return base.size() == 4 && (base.starts_with("com") || base.starts_with("lpt")) && base[3] >= '0' &&
         base[3] <= '9';
}

std::uint64_t hash_of(std::string_view fold) {
  return std::hash<std::string_view>{}(fold);
}

}  // namespace

std::vector<PathFlaw> check_path(std::string_view path) {
  std::vector<PathFlaw> flaws;
  const auto refuse = [&](const char* message) { flaws.push_back({PathTier::refused, message}); };
  if (path.empty()) {
    refuse("the path is empty");
    return flaws;
  }
  if (path.find('\0') != path.npos) refuse("the path holds a NUL");
  if (!is_utf8(path)) {
    refuse("the path is not UTF-8");
  } else if (has_control(path)) {
    refuse("the path holds control characters");
  }
  if (path.find('\\') != path.npos) refuse("the path holds a backslash, which Windows takes as a separator");
  if (path.front() == '/') refuse("the path is absolute");
  bool parent = false, drive = false, empty_or_dot = false, dotted = false, device = false, lost = false;
  each_component(path, [&](std::string_view c) {
    parent |= c == "..";
    // First, it would be what clients strip; last, it would make a directory of a file.
    const bool between = c.data() != path.data() && c.data() + c.size() != path.data() + path.size();
    dotted |= c == "." && between;
    empty_or_dot |= c.empty() || (c == "." && !between);
    drive |= c.size() >= 2 && is_letter(c[0]) && c[1] == ':';
    device |= is_windows_device(c);
    lost |= c.find_first_of("<>:\"|?*") != c.npos ||
            (!c.empty() && c != "." && (c.back() == '.' || c.back() == ' '));
  });
  if (parent) refuse("the path climbs with \"..\"");
  if (drive) refuse("the path begins with a drive letter");
  if (empty_or_dot && path.front() != '/') refuse("the path holds an empty or \".\" component");
  if (dotted && flaws.empty())
    flaws.push_back({PathTier::dotted, "the path holds a \".\" component, which says nothing"});
  if (!is_ascii(path) && (flaws.empty() || dotted))
    flaws.push_back({PathTier::non_ascii, "the path is not plain ASCII"});
  if (device) {
    flaws.push_back({PathTier::windows, "the path names a device of Windows"});
  } else if (lost && !parent && !drive && !empty_or_dot) {
    flaws.push_back({PathTier::windows, "the path cannot be kept as it is on Windows"});
  }
  return flaws;
}

std::size_t path_depth(std::string_view path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
}

std::string_view inner_path(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == path.npos ? std::string_view{} : path.substr(slash + 1);
}

std::string without_dots(std::string_view path) {
  std::string out;
  bool first = true;
  each_component(path, [&](std::string_view c) {
    if (c == ".") return;
    if (!first) out += '/';
    first = false;
    out += c;
  });
  return out;
}

std::string fold_path(std::string_view path) {
  const std::string folded = is_ascii(path) ? lower_ascii(path) : fold_unicode(path);
  std::string out;
  out.reserve(folded.size());
  each_component(folded, [&](std::string_view c) {
    const std::size_t kept = c.find_last_not_of(". ");
    if (kept != c.npos) c = c.substr(0, kept + 1);
    if (c.empty() || c == ".") return;
    if (!out.empty()) out += '/';
    out += c;
  });
  // The client renames it, unless it has seen a .npmignore there before.
  constexpr std::string_view git = ".gitignore";
  if (out == git || out.ends_with("/.gitignore"))
    out.replace(out.size() - git.size(), git.size(), ".npmignore");
  return out;
}

PathClaims::Conflict PathClaims::claim_parents(std::string_view fold) {
  for (std::size_t at = fold.find('/'); at != fold.npos; at = fold.find('/', at + 1)) {
    const auto [claim, fresh] = claims_.try_emplace(hash_of(fold.substr(0, at)), Kind::implied_directory);
    if (!fresh && claim->second == Kind::file) return Conflict::file_as_directory;
  }
  return Conflict::none;
}

PathClaims::Conflict PathClaims::claim_file(std::string_view inner) {
  const std::string fold = fold_path(inner);
  const std::uint64_t hash = hash_of(fold);
  const Conflict parents = claim_parents(fold);
  if (parents != Conflict::none) return parents;
  const auto [claim, fresh] = claims_.try_emplace(hash, Kind::file);
  if (!fresh) return claim->second == Kind::file ? Conflict::same_path : Conflict::file_as_directory;
  return shadows_.contains(hash) ? Conflict::same_path : Conflict::none;
}

PathClaims::Conflict PathClaims::claim_directory(std::string_view inner) {
  const std::string fold = fold_path(inner);
  const Conflict parents = claim_parents(fold);
  if (parents != Conflict::none) return parents;
  const auto [claim, fresh] = claims_.try_emplace(hash_of(fold), Kind::directory);
  if (fresh) return Conflict::none;
  if (claim->second == Kind::file) return Conflict::file_as_directory;
  if (claim->second == Kind::directory) return Conflict::same_path;
  claim->second = Kind::directory;
  return Conflict::none;
}

PathClaims::Conflict PathClaims::claim_shadow(std::string_view shadow, std::string_view inner) {
  const std::string fold = fold_path(shadow);
  if (fold == fold_path(inner)) return Conflict::none;
  const auto claim = claims_.find(hash_of(fold));
  if (claim != claims_.end() && claim->second == Kind::file) return Conflict::same_path;
  shadows_.insert(hash_of(fold));
  return Conflict::none;
}

}  // namespace sallyport
