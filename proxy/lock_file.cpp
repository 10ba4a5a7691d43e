#include "proxy/lock_file.hpp"

#include <algorithm>
#include <functional>

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/semver.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr int depth_max = 256;

Error unknown(std::string why) {
  return fail(ErrorKind::invalid, "This is no lock file of npm, pnpm, Yarn or Bun that can be read: " + why);
}

// "@acme/lib@^1.0.0" -> "@acme/lib" and "^1.0.0".
std::pair<std::string_view, std::string_view> split(std::string_view descriptor) {
  const auto at = descriptor.find('@', 1);
  if (at == descriptor.npos) return {descriptor, ""};
  return {descriptor.substr(0, at), descriptor.substr(at + 1)};
}

class Collected {
 public:
  void add(std::string_view name, std::string_view version, std::string_view integrity) {
    auto parsed = PackageName::parse(name);
    if (!parsed || !Version::parse(version)) return outside(name, version);
    file_.packages.push_back(
        {std::move(*parsed), std::string(version), parse_integrity(integrity) ? std::string(integrity) : ""});
  }
  void outside(std::string_view name, std::string_view where) {
    file_.elsewhere.push_back(printable(name) + ": " + printable(where));
  }
  LockFile finish() {
    const auto each_once = [](auto& list) {
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
    };
    each_once(file_.packages);
    each_once(file_.elsewhere);
    return std::move(file_);
  }

 private:
  LockFile file_;
};

// Where npm and Yarn say that a tarball came from. A registry's has "/-/" in its path.
bool of_registry(std::string_view resolved) {
  return resolved.empty() || (resolved.starts_with("http") && resolved.find("/-/") != resolved.npos);
}

// --- npm

void npm_packages(const json::object& packages, Collected& found) {
  constexpr std::string_view folder = "node_modules/";
  for (const auto& [key, value] : packages) {
    const std::string_view path = key;
    const json::object* entry = value.if_object();
    const auto at = path.rfind(folder);
    // The project itself, its workspaces, links to them, and what lies in another's tarball.
    if (!entry || at == path.npos || bool_at(*entry, "link").value_or(false) ||
        bool_at(*entry, "inBundle").value_or(false))
      continue;
    const std::string_view name = string_at(*entry, "name").value_or(path.substr(at + folder.size()));
    const std::string_view resolved = string_at(*entry, "resolved").value_or("");
    if (of_registry(resolved))
      found.add(name, string_at(*entry, "version").value_or(""), string_at(*entry, "integrity").value_or(""));
    else
      found.outside(name, resolved);
  }
}

void npm_dependencies(const json::object& dependencies, int depth, Collected& found) {
  if (depth > depth_max) return;
  for (const auto& [key, value] : dependencies) {
    const json::object* entry = value.if_object();
    if (!entry || bool_at(*entry, "bundled").value_or(false)) continue;
    std::string_view name = key, version = string_at(*entry, "version").value_or("");
    if (version.starts_with("npm:")) std::tie(name, version) = split(version.substr(4));
    if (Version::parse(version) && of_registry(string_at(*entry, "resolved").value_or("")))
      found.add(name, version, string_at(*entry, "integrity").value_or(""));
    else
      found.outside(name, version);
    if (const json::object* inner = object_at(*entry, "dependencies"))
      npm_dependencies(*inner, depth + 1, found);
  }
}

// --- Bun

void bun_packages(const json::object& packages, Collected& found) {
  for (const auto& [key, value] : packages) {
    const json::array* entry = value.if_array();
    const json::string* spec = entry && !entry->empty() ? entry->front().if_string() : nullptr;
    if (!spec) continue;
    const auto [name, version] = split(*spec);
    if (version.starts_with("workspace:") || version.starts_with("root:")) continue;
    const json::string* last = entry->back().if_string();
    if (Version::parse(version))
      found.add(name, version, last ? std::string_view(*last) : "");
    else
      found.outside(name, version);
  }
}

Result<LockFile> from_json(std::string_view text) {
  json::parse_options options;  // Bun's has commas before closing brackets
  options.allow_comments = true;
  options.allow_trailing_commas = true;
  options.max_depth = depth_max;
  json::error_code error;
  const json::value document = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  const json::object* root = error ? nullptr : document.if_object();
  if (!root) return unknown("it is broken JSON.");
  if (!root->contains("lockfileVersion")) return unknown("there is no \"lockfileVersion\" in it.");
  Collected found;
  if (const json::object* packages = object_at(*root, "packages")) {
    if (root->contains("workspaces"))
      bun_packages(*packages, found);
    else
      npm_packages(*packages, found);
  } else if (const json::object* dependencies = object_at(*root, "dependencies")) {
    npm_dependencies(*dependencies, 0, found);
  }
  return found.finish();
}

// --- lines: pnpm and Yarn, as these programs write their YAML and no other

struct Line {
  std::size_t indent = 0;
  std::string_view text;  // without indent
};

void each_line(std::string_view text, const std::function<void(const Line&)>& visit) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto indent = line.find_first_not_of(' ');
    if (indent == line.npos || line[indent] == '#') continue;
    visit({indent, line.substr(indent)});
  }
}

// The text in quotes at the front, or all of it up to one of `ends`.
std::string_view word(std::string_view text, std::string_view ends) {
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    const auto close = text.find(text.front(), 1);
    return close == text.npos ? "" : text.substr(1, close - 1);
  }
  return text.substr(0, text.find_first_of(ends));
}

// The value of `name` in a line like `name: value` or `name value`; nothing where it is another line.
std::optional<std::string_view> value_of(std::string_view name, std::string_view line) {
  if (!line.starts_with(name)) return {};
  line.remove_prefix(name.size());
  if (line.starts_with(':')) line.remove_prefix(1);
  if (!line.starts_with(' ')) return {};
  return word(line.substr(1), " ");
}

// The value of `name` in `{name: value, …}`.
std::string_view flow_value(std::string_view name, std::string_view flow) {
  for (const char before : {'{', ' ', ','}) {
    const std::string wanted = before + std::string(name) + ": ";
    if (const auto at = flow.find(wanted); at != flow.npos)
      return word(flow.substr(at + wanted.size()), ",}");
  }
  return {};
}

LockFile from_pnpm(std::string_view text) {
  Collected found;
  bool in_packages = false;
  std::string_view key;
  each_line(text, [&](const Line& line) {
    if (line.indent == 0) in_packages = line.text == "packages:";
    if (!in_packages) return;
    if (line.indent == 2) {
      key = line.text.ends_with(':') ? word(line.text.substr(0, line.text.size() - 1), "") : "";
      if (key.starts_with('/')) key.remove_prefix(1);  // v6
      key = key.substr(0, key.find('('));              // the peers it is installed with
      return;
    }
    constexpr std::string_view resolution = "resolution: ";
    if (line.indent != 4 || key.empty() || !line.text.starts_with(resolution)) return;
    const auto [name, version] = split(key);
    const std::string_view tarball = flow_value("tarball", line.text);
    const std::string_view integrity = flow_value("integrity", line.text);
    if (Version::parse(version) && of_registry(tarball) && !integrity.empty())
      found.add(name, version, integrity);
    else
      found.outside(name, version);
    key = {};
  });
  return found.finish();
}

LockFile from_yarn1(std::string_view text) {
  Collected found;
  std::string_view descriptor, version, resolved, integrity;
  const auto take = [&] {
    if (descriptor.empty()) return;
    auto [name, range] = split(descriptor);
    if (range.starts_with("npm:")) name = split(range.substr(4)).first;
    std::string said(integrity);
    // Before Yarn wrote digests of its own, a sha1 stood at the end of the address.
    if (const auto hash = resolved.find('#'); said.empty() && hash != resolved.npos)
      if (auto sha1 = from_hex(resolved.substr(hash + 1)); sha1 && sha1->size() == Sha1().bytes.size())
        said = "sha1-" + base64_encode(as_bytes(*sha1));
    if (!resolved.empty() && of_registry(resolved))
      found.add(name, version, said);
    else
      found.outside(name, resolved.empty() ? range : resolved);
  };
  each_line(text, [&](const Line& line) {
    if (line.indent == 0) {
      take();
      descriptor = word(line.text, ",:");
      version = resolved = integrity = {};
    } else if (line.indent == 2) {
      if (auto value = value_of("version", line.text)) version = *value;
      if (auto value = value_of("resolved", line.text)) resolved = *value;
      if (auto value = value_of("integrity", line.text)) integrity = *value;
    }
  });
  take();
  return found.finish();
}

// Its checksums are of the archives that it makes of tarballs, and no help here.
LockFile from_berry(std::string_view text) {
  Collected found;
  each_line(text, [&](const Line& line) {
    const auto resolution = line.indent == 2 ? value_of("resolution", line.text) : std::nullopt;
    if (!resolution) return;
    const auto [name, from] = split(*resolution);
    // What it patches has an entry of its own.
    for (const std::string_view here : {"workspace:", "link:", "portal:", "patch:"})
      if (from.starts_with(here)) return;
    constexpr std::string_view npm = "npm:";
    if (from.starts_with(npm))
      found.add(name, from.substr(npm.size(), from.find("::") - npm.size()), "");
    else
      found.outside(name, from);
  });
  return found.finish();
}

}  // namespace

Result<LockFile> parse_lock_file(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == text.npos) return unknown("it is empty.");
  if (text[start] == '{') return from_json(text);
  if (text.starts_with("lockfileVersion:")) {
    const std::string_view version =
        word(text.substr(std::min(text.find_first_not_of(' ', 16), text.size())), "\r\n");
    if (version.starts_with("6.") || version.starts_with("9.")) return from_pnpm(text);
    return unknown("pnpm's format " + printable(version, 20) + " is not one of 6 and 9: write it anew.");
  }
  if (text.find("\n__metadata:") != text.npos || text.starts_with("__metadata:")) return from_berry(text);
  if (text.find("# yarn lockfile v1") != text.npos) return from_yarn1(text);
  return unknown("nothing in it says which.");
}

}  // namespace sallyport
