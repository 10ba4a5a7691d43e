#include "storage/base/package_name.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace sallyport {

namespace {

constexpr std::size_t name_bytes_max = 214;

// What encodeURIComponent leaves as it is.
constexpr std::string_view url_safe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";

constexpr std::array<std::string_view, 42> core_modules = {"assert",
                                                           "async_hooks",
                                                           "buffer",
                                                           "child_process",
                                                           "cluster",
                                                           "console",
                                                           "constants",
                                                           "crypto",
                                                           "dgram",
                                                           "diagnostics_channel",
                                                           "dns",
                                                           "domain",
                                                           "events",
                                                           "fs",
                                                           "http",
                                                           "http2",
                                                           "https",
                                                           "inspector",
                                                           "module",
                                                           "net",
                                                           "os",
                                                           "path",
                                                           "perf_hooks",
                                                           "process",
                                                           "punycode",
                                                           "querystring",
                                                           "readline",
                                                           "repl",
                                                           "stream",
                                                           "string_decoder",
                                                           "sys",
                                                           "timers",
                                                           "tls",
                                                           "trace_events",
                                                           "tty",
                                                           "url",
                                                           "util",
                                                           "v8",
                                                           "vm",
                                                           "wasi",
                                                           "worker_threads",
                                                           "zlib"};

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return low;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error refused(std::string_view why) {
  return fail(ErrorKind::invalid, "the package name is not valid: " + std::string(why));
}

}  // namespace

Result<PackageName> PackageName::parse(std::string_view text) {
  if (text.empty()) return refused("it is empty");
  if (text.size() > name_bytes_max) return refused("it is longer than 214 characters");
  std::string_view scope;
  std::string_view base = text;
  if (text.front() == '@') {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return refused("a scope is followed by a slash and a name");
    scope = text.substr(1, slash - 1);
    base = text.substr(slash + 1);
    if (scope.empty()) return refused("its scope is empty");
    // npm's own check lets a scope of dots pass; here it would be a path.
    if (scope.front() == '.') return refused("its scope begins with a dot");
  } else if (text.front() == '-' || text.front() == '_') {
    return refused("it begins with a hyphen or an underscore");
  }
  if (base.empty()) return refused("it is empty");
  if (base.front() == '.') return refused("it begins with a dot");
  if (scope.find_first_not_of(url_safe) != std::string_view::npos ||
      base.find_first_not_of(url_safe) != std::string_view::npos) {
    return refused("it has characters that are not URL-safe");
  }
  if (const std::string low = lower(text); low == "node_modules" || low == "favicon.ico") {
    return refused("npm reserves it");
  }
  return PackageName(std::string(text));
}

Result<PackageName> PackageName::parse_escaped(std::string_view segment) {
  std::string decoded;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') {
      decoded.push_back(segment[i]);
      continue;
    }
    const int high = i + 2 < segment.size() ? hex_value(segment[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_value(segment[i + 2]);
    if (low < 0) return refused("its percent-encoding is broken");
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return parse(decoded);
}

std::string_view PackageName::scope() const {
  if (full_.front() != '@') return {};
  return std::string_view(full_).substr(0, full_.find('/'));
}

std::string_view PackageName::base() const {
  if (full_.front() != '@') return full_;
  return std::string_view(full_).substr(full_.find('/') + 1);
}

std::string PackageName::escaped() const {
  if (full_.front() != '@') return full_;
  return std::string(scope()) + "%2f" + std::string(base());
}

std::string PackageName::tarball_file(std::string_view version) const {
  return std::string(base()) + '-' + std::string(version) + ".tgz";
}

std::string PackageName::tarball_path(std::string_view version) const {
  return '/' + full_ + "/-/" + tarball_file(version);
}

Result<void> check_new_package_name(std::string_view text) {
  const auto name = PackageName::parse(text);
  if (!name.has_value()) return name.error();
  const std::string low = lower(text);
  if (low != text) return refused("a new package has no capital letters in its name");
  if (std::find(core_modules.begin(), core_modules.end(), low) != core_modules.end()) {
    return refused("it is the name of a core module of Node.js");
  }
  if (name->base().find_first_of("~'!()*") != std::string_view::npos) {
    return refused("a new package has none of ~'!()* in its name");
  }
  return {};
}

// matched[i]: the part of the pattern read so far matches the first i characters. One row a step keeps the
// cost at pattern times name, whatever the stars.
bool name_matches(std::string_view pattern, std::string_view name) {
  std::vector<bool> matched(name.size() + 1, false);
  matched[0] = true;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    std::vector<bool> next(name.size() + 1, false);
    if (pattern[p] == '*') {
      const bool across = p + 1 < pattern.size() && pattern[p + 1] == '*';
      if (across) ++p;
      for (std::size_t i = 0; i <= name.size(); ++i) {
        next[i] = matched[i] || (i > 0 && next[i - 1] && (across || name[i - 1] != '/'));
      }
    } else {
      for (std::size_t i = 1; i <= name.size(); ++i) next[i] = matched[i - 1] && name[i - 1] == pattern[p];
    }
    matched.swap(next);
  }
  return matched[name.size()];
}

}  // namespace sallyport
