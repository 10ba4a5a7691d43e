#include "policies/pack_list.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

namespace sallyport {

namespace {

constexpr std::size_t kWorkMax = 4'000'000;  // patterns times files
constexpr std::size_t kPatternsMax = 10'000;
constexpr std::size_t kExpressionsMax = 400;  // each may take 64 KiB

constexpr std::string_view kDefaults[] = {
    ".npmignore",
    ".gitignore",
    "**/.git",
    "**/.svn",
    "**/.hg",
    "**/CVS",
    "**/.git/**",
    "**/.svn/**",
    "**/.hg/**",
    "**/CVS/**",
    "/.lock-wscript",
    "/.wafpickle-*",
    "/build/config.gypi",
    "npm-debug.log",
    "**/.npmrc",
    ".*.swp",
    ".DS_Store",
    "**/.DS_Store/**",
    "._*",
    "**/._*/**",
    "*.orig",
    "/archived-packages/**",
};

// "[^~$]" leaves out the backup files of editors.
constexpr std::string_view kStrict[] = {
    "/.git",
    "!/package.json",
    "!/readme{,.*[^~$]}",
    "!/copying{,.*[^~$]}",
    "!/license{,.*[^~$]}",
    "!/licence{,.*[^~$]}",
    "/.git",
    "/node_modules",
    ".npmrc",
    "/package-lock.json",
    "/yarn.lock",
    "/pnpm-lock.yaml",
    "/bun.lockb",
    // Yarn always takes these as well; saying that they are outside would accuse its users.
    "!/change{s,log}{,.*[^~$]}",
    "!/history{,.*[^~$]}",
    "!/notice{,.*[^~$]}",
};

// The place that `path` names below the package's folder, empty for that folder; nothing if it leads out of
// it.
std::optional<std::string> below_root(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  std::string out;
  for (const std::string_view part : parts) out.append(out.empty() ? "" : "/").append(part);
  return out;
}

}  // namespace

void PackList::add(std::vector<Glob>& rules, const std::string& rule) {
  expressions_ += rules.emplace_back(rule).expressions();
  if (expressions_ > kExpressionsMax)
    throw std::length_error("package.json names files by too many wildcards to judge them");
}

PackList::PackList(const Manifest& manifest, const std::vector<std::string>& paths)
    : bundles_(!manifest.bundle_dependencies.empty()) {
  for (const std::string_view rule : kDefaults) {
    root_.defaults.emplace_back(rule);
    child_defaults_.emplace_back(rule);
  }
  const std::set<std::string_view> files(paths.begin(), paths.end());
  std::set<std::string_view> folders;
  for (const std::string_view path : paths) {
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      folders.insert(path.substr(0, slash));
    }
  }

  std::vector<std::string> strict_first;
  if (manifest.files) {
    if (manifest.files->size() > kPatternsMax || manifest.files->size() * (paths.size() + 1) > kWorkMax) {
      throw std::length_error("\"files\" of package.json has too many patterns to judge");
    }
    root_.files.emplace_back("*");
    for (std::string file : *manifest.files) {
      if (file.starts_with("./")) file.erase(0, 1);
      if (file.ends_with("/*")) file += '*';
      const std::string rule = "!" + file;
      const std::optional<std::string> on_disk =
          below_root(file.substr(std::min(file.find_first_not_of('!'), file.size())));
      if (on_disk && files.contains(*on_disk)) {
        strict_first.push_back(rule);
        // In a folder of the first level, a file named one by one is in whatever the defaults say.
        if (const std::size_t slash = on_disk->find('/');
            slash != std::string::npos && slash == on_disk->rfind('/')) {
          required_.emplace_back(on_disk->substr(0, slash), Glob("!" + on_disk->substr(slash + 1)));
        }
      } else if (on_disk && (on_disk->empty() || folders.contains(*on_disk))) {
        add(root_.files, rule);
        add(root_.files, rule + "/**");
      } else {
        add(root_.files, rule);
      }
    }
  }
  for (auto rule = strict_first.rbegin(); rule != strict_first.rend(); ++rule) add(root_.strict, *rule);
  for (const std::string_view rule : kStrict) root_.strict.emplace_back(rule);
  for (const std::string_view field : {"browser", "module", "main"}) {
    if (const auto path = string_at(manifest.raw, field); path && !path->empty()) {
      add(root_.strict, "!/" + std::string(*path));
    }
  }
  for (const auto& [name, path] : manifest.bin) add(root_.strict, "!/" + path);
  if (const json::object* folders_named = object_at(manifest.raw, "directories");
      folders_named != nullptr && manifest.bin.empty()) {
    // Without `bin`, every file of this folder is a program.
    const auto folder = below_root(string_at(*folders_named, "bin").value_or(std::string_view()));
    for (const std::string_view path : paths) {
      if (!folder || folder->empty() || !path.starts_with(*folder + "/")) continue;
      if (path[folder->size() + 1] != '.') add(root_.strict, "!/" + std::string(path));
    }
  }
  if ((root_.files.size() + root_.strict.size()) * (paths.size() + 1) > kWorkMax) {
    throw std::length_error("package.json names too many files and programs to judge them");
  }
  child_strict_.emplace_back("/.git");
}

// One list of ignore rules over one entry, as ignore-walk's filterEntry does. `base`: the entry's last part
// where the entry lies deeper than the folder of these rules, else empty.
bool PackList::filter(const std::vector<Glob>& rules, bool included, std::string_view entry, bool partial,
                      std::string_view base) {
  // A path as it is, and from the root.
  struct Forms {
    explicit Forms(std::string path)
        : text("/" + std::move(path)), rooted(text), plain(std::string_view(text).substr(1)) {}
    bool match(const Glob& rule, bool partial) const {
      return rule.matches(rooted, partial) || rule.matches(plain, partial);
    }
    const std::string text;
    const Glob::Path rooted, plain;
  };
  const std::string path(entry), name(base);
  const Forms whole(path);
  std::optional<Forms> folder, last, last_folder;
  if (partial) {
    folder.emplace(path + "/");
    last.emplace(name);
    last_folder.emplace(name + "/");
  }
  const auto may_hold = [](const Forms& file, const Forms& as_folder, const Glob& rule) {
    return as_folder.match(rule, false) || (rule.negated() && file.match(rule, true));
  };
  for (const Glob& rule : rules) {
    if (rule.negated() == included) continue;  // it could change nothing
    bool match = whole.match(rule, false);
    if (!match && partial)
      match = may_hold(whole, *folder, rule) ||
              (!base.empty() && rule.single_part() && may_hold(*last, *last_folder, rule));
    if (match) included = rule.negated();
  }
  return included;
}

bool PackList::root_filter(std::string_view entry, bool partial, bool in_child) const {
  const std::string_view base = in_child ? entry.substr(entry.rfind('/') + 1) : std::string_view();
  bool included = filter(root_.defaults, true, entry, partial, base);
  included = filter(root_.files, included, entry, partial, base);
  return filter(root_.strict, included, entry, partial, base);
}

// The filters from the root down to the folder that holds `entry`, each seeing the path from itself on.
bool PackList::walk_filter(std::string_view entry, bool partial) {
  bool included = root_filter(entry, partial, entry.find('/') != std::string_view::npos);
  for (std::size_t slash = entry.find('/'); slash != std::string_view::npos;
       slash = entry.find('/', slash + 1)) {
    const std::string_view folder = entry.substr(0, slash), rest = entry.substr(slash + 1);
    if (!included) return false;
    const std::string_view base =
        rest.find('/') == std::string_view::npos ? std::string_view() : rest.substr(rest.rfind('/') + 1);
    included = filter(child_defaults_, included, rest, partial, base);
    included = filter(child_strict_, included, rest, partial, base);
    for (const auto& [required_folder, rule] : required_) {
      if (required_folder == folder) included = filter({rule}, included, rest, partial, base);
    }
  }
  return included;
}

bool PackList::folder_walked(std::string_view folder) {
  if (const auto known = walked_.find(folder); known != walked_.end()) return known->second;
  const std::size_t slash = folder.rfind('/');
  const bool walked = (slash == std::string_view::npos || folder_walked(folder.substr(0, slash))) &&
                      walk_filter(folder, true);
  return walked_.emplace(folder, walked).first->second;
}

bool PackList::admits(std::string_view path) {
  if (bundles_ && path.starts_with("node_modules/")) return true;
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos && !folder_walked(path.substr(0, slash))) return false;
  return walk_filter(path, false);
}

}  // namespace sallyport
