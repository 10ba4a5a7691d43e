#include "policies/manifest.hpp"

#include <algorithm>

#include "storage/base/text.hpp"

namespace sallyport {

namespace {

// npm's reading of a path in `bin`: separators and drive colons are slashes, the path is resolved as if the
// package were the root of the file system, so that "./", "/" and ".." in front mean nothing.
std::string npm_path(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find_first_of("/\\:", begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    begin = end + 1;
  }
  std::string path;
  for (const std::string_view part : parts) {
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

std::string base_name(std::string_view text) {
  const std::string path = npm_path(text);
  return path.substr(path.rfind('/') + 1);
}

Error wrong(std::string_view member, std::string_view wanted) {
  return fail(ErrorKind::invalid,
              "package.json: \"" + printable(member) + "\" must be " + std::string(wanted) + ".");
}

// null counts as absent: every client takes it so.
const json::value* present(const json::object& raw, std::string_view key) {
  const json::value* value = raw.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::map<std::string, std::string>> string_map(const json::object& raw, std::string_view key) {
  std::map<std::string, std::string> out;
  const json::value* value = present(raw, key);
  if (value == nullptr) return out;
  if (!value->is_object()) return wrong(key, "an object of strings");
  for (const auto& [name, member] : value->get_object()) {
    if (!member.is_string()) return wrong(std::string(key) + "." + std::string(name), "a string");
    out.emplace(name, member.get_string());
  }
  return out;
}

Result<std::map<std::string, std::string>> bin_map(const json::object& raw, std::string_view name) {
  std::map<std::string, std::string> out;
  const auto put = [&out](std::string_view key, std::string_view path) {
    std::string base = base_name(key), target = npm_path(path);
    if (!base.empty() && !target.empty()) out.insert_or_assign(std::move(base), std::move(target));
  };
  const json::value* value = present(raw, "bin");
  if (value == nullptr) return out;
  if (value->is_string()) {
    put(name, value->get_string());
  } else if (value->is_array()) {
    for (const json::value& path : value->get_array()) {
      if (!path.is_string()) return wrong("bin", "a string or an object of strings");
      put(path.get_string(), path.get_string());
    }
  } else if (value->is_object()) {
    for (const auto& [key, path] : value->get_object()) {
      if (!path.is_string()) return wrong("bin." + std::string(key), "a string");
      put(key, path.get_string());
    }
  } else {
    return wrong("bin", "a string or an object of strings");
  }
  return out;
}

// A list of names, `true` for all dependencies, or (old) an object whose keys count.
Result<std::vector<std::string>> bundle_list(const json::object& raw, const DependencyMap& dependencies) {
  std::vector<std::string> out;
  const json::value* value = raw.if_contains("bundleDependencies");
  if (value == nullptr) value = raw.if_contains("bundledDependencies");
  if (value == nullptr || value->is_null() || *value == false) return out;
  if (value->is_array()) {
    for (const json::value& item : value->get_array()) {
      if (!item.is_string()) return wrong("bundleDependencies", "a list of names");
      out.emplace_back(item.get_string());
    }
  } else if (*value == true) {
    for (const auto& [name, spec] : dependencies) out.push_back(name);
  } else if (value->is_object()) {
    for (const auto& [name, ignored] : value->get_object()) out.emplace_back(name);
  } else {
    return wrong("bundleDependencies", "a list of names");
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

Result<Manifest> Manifest::parse(std::string_view text) {
  auto value = parse_strict(text);
  if (value.has_error()) {
    return fail(value.error().kind, "package.json: " + value.error().message, value.error().detail);
  }
  if (!value->is_object()) return fail(ErrorKind::invalid, "package.json must be a JSON object.");
  return from(std::move(value->get_object()));
}

Result<Manifest> Manifest::from(json::object raw) {
  Manifest m;
  const auto name = string_at(raw, "name");
  if (!name || name->empty()) return wrong("name", "a string");
  const auto version = string_at(raw, "version");
  if (!version || version->empty()) return wrong("version", "a string");
  m.name = *name;
  m.version = *version;

  const std::pair<std::string_view, std::map<std::string, std::string>*> maps[] = {
      {"dependencies", &m.dependencies},
      {"devDependencies", &m.dev_dependencies},
      {"optionalDependencies", &m.optional_dependencies},
      {"peerDependencies", &m.peer_dependencies},
      {"scripts", &m.scripts},
  };
  for (const auto& [key, target] : maps) {
    auto read = string_map(raw, key);
    if (read.has_error()) return read.error();
    *target = std::move(*read);
  }
  auto bundled = bundle_list(raw, m.dependencies);
  if (bundled.has_error()) return bundled.error();
  m.bundle_dependencies = std::move(*bundled);
  // npm adds what is bundled but not listed, and drops from `dependencies` what is optional as well.
  for (const std::string& bundle : m.bundle_dependencies) m.dependencies.try_emplace(bundle, "*");
  for (const auto& [optional, spec] : m.optional_dependencies) m.dependencies.erase(optional);

  auto bin = bin_map(raw, m.name);
  if (bin.has_error()) return bin.error();
  m.bin = std::move(*bin);

  if (const json::object* peers = object_at(raw, "peerDependenciesMeta")) {
    for (const auto& [peer, meta] : *peers) {
      if (meta.is_object() && bool_at(meta.get_object(), "optional").value_or(false)) {
        m.optional_peers.emplace_back(peer);
      }
    }
    std::sort(m.optional_peers.begin(), m.optional_peers.end());
  }
  // npm ignores a `files` that is no list, and members of it that are no text.
  if (const json::array* files = array_at(raw, "files")) {
    m.files.emplace();
    for (const json::value& pattern : *files) {
      if (pattern.is_string()) m.files->emplace_back(pattern.get_string());
    }
  }
  // npm refuses any truthy `private`, so a string "false" is private as well.
  if (const json::value* flag = present(raw, "private")) {
    m.is_private = !(*flag == false || *flag == "" || *flag == 0);
  }
  m.raw = std::move(raw);
  return m;
}

}  // namespace sallyport
