// What package.json points at has to be there: main, module, types, exports, bin. The names in capitals are
// publint's, so that its documentation can be looked up.
//
// Without main or a command the package does not work. That declarations or a subpath are not there is a note
// unless the last release had them: one in fifteen popular packages names such a file by mistake and for
// years.

#include <algorithm>
#include <set>
#include <span>

#include "policies/rules/pack.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr int depth_max = 24;  // of conditions in conditions

// The conditions that runtimes, bundlers and TypeScript set by themselves. Under a name of the author's own
// ("source", "@acme/dev") nobody looks who was not told to.
bool is_common_condition(std::string_view name) {
  constexpr std::string_view names[] = {
      "default",  "import",      "require",    "node",         "node-addons",  "module-sync", "browser",
      "types",    "module",      "worker",     "workerd",      "edge-light",   "deno",        "bun",
      "electron", "development", "production", "react-native", "react-server", "style",       "script"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names) || name.starts_with("types@");
}

// "./lib/../a" -> "a"; what leaves the package comes out as it is, and is found nowhere.
std::string resolved(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return std::string(path);
      out.resize(out.find('/') == std::string::npos ? 0 : out.rfind('/'));
      continue;
    }
    out += (out.empty() ? "" : "/") + std::string(part);
  }
  return out;
}

// The files of one release, as entry points are looked up among them.
class Files {
 public:
  void add(std::string path) { paths_.insert(std::move(path)); }
  bool has(const std::string& path) const { return paths_.contains(path); }

  // The file, with an extension, or the index of a folder.
  bool loads(std::string_view path, std::span<const std::string_view> ends) const {
    const std::string base = resolved(path);
    return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) {
      if (base.empty()) return end.starts_with('/') && has(std::string(end.substr(1)));
      if (path.ends_with('/') && !end.starts_with('/')) return false;
      return has(base + std::string(end));
    });
  }

  // What `exports` names: no extension is added; "*" stands for any text, slashes too, and for the same one
  // where it stands twice.
  bool exports(std::string_view path) const {
    const std::size_t star = path.find('*');
    if (star == path.npos && !path.ends_with('/')) return has(resolved(path));
    std::string head(path.substr(0, star));
    if (head.starts_with("./")) head.erase(0, 2);
    const std::string_view tail = star == path.npos ? std::string_view() : path.substr(path.rfind('*') + 1);
    for (auto file = paths_.lower_bound(head); file != paths_.end() && file->starts_with(head); ++file) {
      if (file->size() > head.size() + tail.size() && file->ends_with(tail)) return true;
    }
    return false;
  }

 private:
  std::set<std::string> paths_;
};

constexpr std::string_view script_ends[] = {"",     ".js",       ".json",       ".node",      ".mjs",
                                            ".cjs", "/index.js", "/index.json", "/index.node"};
constexpr std::string_view declaration_ends[] = {"",       ".d.ts",  ".ts",         ".tsx",
                                                 ".d.mts", ".d.cts", "/index.d.ts", "/index.ts"};

enum Tier { broken, untidy };

class EntryPoints {
 public:
  EntryPoints(const Release& release, FindingSink& sink) : manifest_(*release.packaged), sink_(sink) {
    for (const ReleaseFile& file : release.files) now_.add(file.entry.inner);
    if (!release.history.baseline) return;
    for (const FileFact& file : release.history.baseline->files) before_.add(file.path);
  }

  void run() {
    for (const std::string_view field : {"main", "module"}) {
      const auto path = string_at(manifest_.raw, field);
      if (path && !path->empty() && !now_.loads(*path, script_ends)) missing(field, *path, broken);
    }
    for (const std::string_view field : {"types", "typings"}) {
      const auto path = string_at(manifest_.raw, field);
      if (path && !path->empty() && !declares(now_, *path))
        missing(field, *path, declares(before_, *path) ? broken : untidy);
    }
    if (const json::value* exports = manifest_.raw.if_contains("exports"))
      look(*exports, "exports", depth_max);
    for (const auto& [name, path] : manifest_.bin) {
      if (!now_.has(path)) missing("bin." + name, path, broken);
    }
  }

 private:
  // Declarations may stand beside the script that is named.
  static bool declares(const Files& files, std::string_view path) {
    return files.loads(path, declaration_ends) ||
           (path.ends_with(".js") && files.has(resolved(path.substr(0, path.size() - 3)) + ".d.ts"));
  }

  void missing(std::string_view field, std::string_view path, Tier tier) {
    say("FILE_DOES_NOT_EXIST", field, path, "is not in the package", tier);
  }

  void say(std::string_view code, std::string_view field, std::string_view target, std::string_view why,
           Tier tier) {
    constexpr int findings_max = 20;
    if (++found_ > findings_max) return;
    const std::string identity = std::string(field) + "\n" + std::string(target);
    sink_.add({.file = "package.json",
               .message = printable(field, 120) + " names \"" + printable(target, 120) + "\", which " +
                          std::string(why) + " (" + std::string(code) + ")",
               .content_digest = identity},
              tier);
  }

  void look(const json::value& value, const std::string& where, int depth) {
    if (depth == 0) return say("FIELD_INVALID_VALUE_TYPE", where, "…", "nests too deep to be read", broken);
    if (value.is_string()) {
      target(std::string_view(value.get_string()), where);
    } else if (value.is_array()) {
      alternatives(value.get_array(), where, depth);
    } else if (value.is_object()) {
      for (const auto& [key, member] : value.get_object()) {
        const std::string_view name = key;
        if (!name.starts_with('.') && !is_common_condition(name)) continue;
        look(member, where + "[\"" + std::string(name) + "\"]", depth - 1);
      }
    }
  }

  // The first that is there is taken: nothing is missing unless all are.
  void alternatives(const json::array& list, const std::string& where, int depth) {
    const bool any = std::any_of(list.begin(), list.end(), [this](const json::value& value) {
      return !value.is_string() || now_.exports(std::string_view(value.get_string()));
    });
    for (const json::value& value : list) {
      if (!any || !value.is_string()) look(value, where, depth - 1);
    }
  }

  void target(std::string_view path, const std::string& where) {
    if (!path.starts_with("./"))
      return say("EXPORTS_VALUE_INVALID", where, path, "does not begin with \"./\"", untidy);
    if (now_.exports(path)) return;
    const Tier tier = before_.exports(path) ? broken : untidy;
    if (path.find('*') != path.npos)
      say("EXPORTS_GLOB_NO_MATCHED_FILES", where, path, "matches no file of the package", tier);
    else
      missing(where, path, tier);
  }

  const Manifest& manifest_;
  FindingSink& sink_;
  Files now_, before_;
  int found_ = 0;
};

}  // namespace

void check_entry_points(const Release& release, FindingSink& sink) {
  if (release.packaged != nullptr) EntryPoints(release, sink).run();
}

}  // namespace sallyport
