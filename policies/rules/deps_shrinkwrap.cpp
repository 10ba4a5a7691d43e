#include "policies/rules/deps_shrinkwrap.hpp"

#include <algorithm>
#include <map>

#include "storage/base/json.hpp"

namespace sallyport {

namespace {

constexpr std::size_t file_bytes_max = 8u << 20, links_max = 100;

class Reader {
 public:
  explicit Reader(const Release& release) : release_(release) {}

  std::vector<ShrinkwrapLink> read() {
    const ReleaseFile* file = release_.file("npm-shrinkwrap.json");
    if (file == nullptr) return {};
    if (file->entry.size > file_bytes_max) return unreadable("larger than 8 MB");
    const FileBytes bytes = release_.bytes(file->entry);
    std::string text(static_cast<std::size_t>(bytes.size), '\0');
    for (std::size_t have = 0; have < text.size();) {
      const auto read =
          bytes.read(have, {reinterpret_cast<std::uint8_t*>(text.data()) + have, text.size() - have});
      if (read.has_error()) throw BadResult(read.error());
      if (*read == 0) break;
      have += *read;
    }
    const auto value = parse_strict(text, {file_bytes_max, 256});
    if (value.has_error() || !value->is_object()) return unreadable("no strict JSON object");
    if (const json::object* packages = object_at(value->get_object(), "packages")) {
      for (const auto& [path, entry] : *packages)
        if (!path.empty() && entry.is_object()) look(name_of(path, entry.get_object()), entry.get_object());
    }
    if (const json::object* tree = object_at(value->get_object(), "dependencies")) walk(*tree);
    by_host();
    return std::move(links_);
  }

 private:
  static std::vector<ShrinkwrapLink> unreadable(std::string why) {
    return {{ShrinkwrapLink::Kind::unreadable, "npm-shrinkwrap.json", std::move(why)}};
  }

  static std::string name_of(std::string_view path, const json::object& entry) {
    if (const auto name = string_at(entry, "name")) return std::string(*name);
    constexpr std::string_view folder = "node_modules/";
    const std::size_t at = path.rfind(folder);
    return std::string(at == path.npos ? path : path.substr(at + folder.size()));
  }

  void walk(const json::object& tree) {
    for (const auto& [name, entry] : tree) {
      if (!entry.is_object()) continue;
      look(std::string(name), entry.get_object());
      if (const json::object* below = object_at(entry.get_object(), "dependencies")) walk(*below);
    }
  }

  void look(std::string name, const json::object& entry) {
    const std::string_view resolved = string_at(entry, "resolved").value_or("");
    const std::string_view version = string_at(entry, "version").value_or("");
    // The oldest form has the source in `version`, where otherwise a version stands.
    const std::string_view source = !resolved.empty()                   ? resolved
                                    : version.find(':') != version.npos ? version
                                                                        : "";
    if (source.empty() || version.starts_with("npm:")) return;
    const std::string host = registry_host(source);
    if (!host.empty())
      hosts_[host].emplace_back(std::move(name), source);
    else
      add(ShrinkwrapLink::Kind::elsewhere, std::move(name), source);
  }

  // Of "https://<host>/<name>/-/<file>.tgz", in lower case; of anything else nothing.
  static std::string registry_host(std::string_view url) {
    constexpr std::string_view scheme = "https://";
    if (!url.starts_with(scheme)) return {};
    url.remove_prefix(scheme.size());
    const std::size_t slash = url.find('/');
    if (slash == url.npos || url.find("/-/") == url.npos) return {};
    if (!url.substr(0, url.find_first_of("?#")).ends_with(".tgz")) return {};
    std::string host(url.substr(0, slash));
    if (host.find('@') != host.npos) return {};
    std::transform(host.begin(), host.end(), host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return host;
  }

  bool is_known(const std::string& host) const {
    return std::any_of(release_.registries.begin(), release_.registries.end(), [&](const std::string& url) {
      const std::size_t at = url.find("://");
      const std::string_view rest = std::string_view(url).substr(at == url.npos ? 0 : at + 3);
      return rest.substr(0, rest.find('/')) == host;
    });
  }

  // One registry is the rule; a single tarball from another place is what a planted entry looks like.
  void by_host() {
    std::string most;
    for (const auto& [host, entries] : hosts_)
      if (most.empty() || entries.size() > hosts_.at(most).size()) most = host;
    for (const auto& [host, entries] : hosts_) {
      if (host == most || is_known(host)) continue;
      for (const auto& [name, source] : entries) add(ShrinkwrapLink::Kind::other_host, name, source);
    }
  }

  void add(ShrinkwrapLink::Kind kind, std::string name, std::string_view target) {
    const auto same = [&](const ShrinkwrapLink& link) { return link.name == name && link.target == target; };
    if (links_.size() < links_max && std::none_of(links_.begin(), links_.end(), same))
      links_.push_back({kind, std::move(name), std::string(target)});
  }

  const Release& release_;
  std::map<std::string, std::vector<std::pair<std::string, std::string_view>>> hosts_;
  std::vector<ShrinkwrapLink> links_;
};

}  // namespace

std::vector<ShrinkwrapLink> shrinkwrap_links(const Release& release) {
  return Reader(release).read();
}

}  // namespace sallyport
