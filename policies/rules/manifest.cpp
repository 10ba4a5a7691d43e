// manifest: what the registry is told against what is in the tarball, and whether name and version may be so.
//
// Clients change the manifest on its way to the registry without touching the package.json they packed. What
// npm 11 and 12, pnpm, Yarn 1, Yarn and Bun do is tolerated, each in one place below, and nothing else is.

#include <algorithm>
#include <set>

#include "policies/dependency_spec.hpp"
#include "policies/rule.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/semver.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using enum Action;

class Comparison {
 public:
  Comparison(const Release& release, FindingSink& sink)
      : release_(release), told_(*release.published), packed_(*release.packaged), sink_(sink) {}

  void run() {
    if (told_.name != packed_.name) differ("name", quoted(told_.name), quoted(packed_.name));
    if (!same_version()) differ("version", quoted(told_.version), quoted(packed_.version));
    dependencies("dependencies", told_.dependencies, packed_.dependencies);
    dependencies("devDependencies", told_.dev_dependencies, packed_.dev_dependencies);
    dependencies("optionalDependencies", told_.optional_dependencies, packed_.optional_dependencies);
    dependencies("peerDependencies", told_.peer_dependencies, packed_.peer_dependencies);
    scripts();
    bin();
    if (told_.bundle_dependencies != packed_.bundle_dependencies) {
      differ("bundleDependencies", list(told_.bundle_dependencies), list(packed_.bundle_dependencies));
    }
    types();
    for (const std::string_view member :
         {"main", "module", "browser", "exports", "imports", "type", "os", "cpu", "libc", "engines",
          "peerDependenciesMeta", "acceptDependencies", "deprecated"}) {
      const std::string told = raw(told_, member), packed = raw(packed_, member);
      if (told != packed) differ(std::string(member), told, packed);
    }
  }

 private:
  static std::string quoted(std::string_view text) { return "\"" + printable(text) + "\""; }

  static std::string list(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    return out.empty() ? "absent" : printable(out);
  }

  // null, "" and absent say the same to every client.
  static std::string raw(const Manifest& manifest, std::string_view member) {
    const json::value* value = manifest.raw.if_contains(member);
    if (value == nullptr || value->is_null() || *value == "") return "absent";
    return canonical(*value);
  }

  void differ(const std::string& member, const std::string& told, const std::string& packed) {
    constexpr int kFindingsMax = 30;
    if (++found_ > kFindingsMax) return;
    const std::string identity = member + "\n" + told + "\n" + packed;
    sink_.add({.file = "package.json",
               .message = "the registry is told another " + printable(member) +
                          " than the tarball's package.json says: " + printable(told) + " against " +
                          printable(packed),
               .content_digest = identity});
  }

  // npm, Yarn 1 and Bun drop build metadata in the manifest only.
  bool same_version() const {
    if (told_.version == packed_.version) return true;
    const auto told = Version::parse(told_.version), packed = Version::parse(packed_.version);
    return told.has_value() && packed.has_value() && told->text() == packed->text();
  }

  void dependencies(const std::string& member, const DependencyMap& told, const DependencyMap& packed) {
    // npm writes "user/repo" and the URLs of known hosts as "github:user/repo" and "git+https://...". The
    // repository and the commit must be the same; how it is reached may differ.
    entries(member, told, packed, [](const std::string& a, const std::string& b) {
      if (a == b) return true;
      const DependencySpec one = parse_dependency_spec(a), other = parse_dependency_spec(b);
      return one.kind == DependencySpec::Kind::remote && other.kind == one.kind && !one.target.empty() &&
             one.target == other.target;
    });
  }

  template <class Same>
  void entries(const std::string& member, const std::map<std::string, std::string>& told,
               const std::map<std::string, std::string>& packed, Same same) {
    std::set<std::string> names;
    for (const auto& [name, value] : told) names.insert(name);
    for (const auto& [name, value] : packed) names.insert(name);
    for (const std::string& name : names) {
      const auto a = told.find(name), b = packed.find(name);
      if (a != told.end() && b != packed.end() && same(a->second, b->second)) continue;
      differ(member + "." + name, a == told.end() ? "absent" : quoted(a->second),
             b == packed.end() ? "absent" : quoted(b->second));
    }
  }

  void scripts() {
    std::map<std::string, std::string> packed = packed_.scripts;
    const auto told = [this](const char* name, std::string_view text) {
      const auto found = told_.scripts.find(name);
      return found != told_.scripts.end() && found->second == text;
    };
    // npm and Yarn 1 name what a *.gyp file in the root makes clients run anyway; Yarn 1 beside a
    // `preinstall` too.
    if (!packed.contains("install") && told("install", "node-gyp rebuild") && ships_gyp()) {
      packed["install"] = "node-gyp rebuild";
    }
    // npm fills in `start` where there is a server.js; nothing runs it at install.
    if (!packed.contains("start") && told("start", "node server.js")) packed["start"] = "node server.js";
    entries("scripts", told_.scripts, packed,
            [](const std::string& a, const std::string& b) { return a == b || a == without_bin_path(b); });
  }

  bool ships_gyp() const {
    return std::any_of(release_.files.begin(), release_.files.end(), [](const ReleaseFile& file) {
      return file.entry.inner.ends_with(".gyp") && file.entry.inner.find('/') == std::string::npos;
    });
  }

  // npm takes "node_modules/.bin/" off the front of a script: that folder is on its PATH.
  static std::string without_bin_path(std::string script) {
    std::string_view rest = script;
    if (rest.starts_with("./") || rest.starts_with(".\\")) rest.remove_prefix(2);
    for (const std::string_view part : {"node_modules", ".bin"}) {
      if (!rest.starts_with(part)) return script;
      rest.remove_prefix(part.size());
      if (rest.empty() || (rest.front() != '/' && rest.front() != '\\')) return script;
      rest.remove_prefix(1);
    }
    return std::string(rest);
  }

  // A string `bin` and paths with "./" were evened out when both were read. What is left: npm and Yarn 1
  // expand `directories.bin` to the files of that folder.
  void bin() {
    const json::object* directories = object_at(packed_.raw, "directories");
    const auto folder = directories == nullptr ? std::nullopt : string_at(*directories, "bin");
    if (folder && packed_.bin.empty()) {
      json::object as_bin = {{"name", "x"}, {"version", "1.0.0"}, {"bin", {{"x", *folder}}}};
      const auto read = Manifest::from(std::move(as_bin));  // for npm's reading of the path
      const std::string root = read.has_value() && read->bin.contains("x") ? read->bin.at("x") + "/" : "";
      for (const auto& [name, path] : told_.bin) {
        const bool inside = path.starts_with(root) && path.substr(path.rfind('/') + 1) == name;
        if (!inside) differ("bin." + name, quoted(path), "absent");
      }
      return;
    }
    entries("bin", told_.bin, packed_.bin, [](const std::string& a, const std::string& b) { return a == b; });
  }

  // npm names the declarations beside `main` where package.json names none.
  void types() {
    const std::string told = raw(told_, "types"), packed = raw(packed_, "types");
    const std::string told_typings = raw(told_, "typings"), packed_typings = raw(packed_, "typings");
    if (told_typings != packed_typings) differ("typings", told_typings, packed_typings);
    if (told == packed) return;
    if (packed == "absent" && packed_typings == "absent" && told == "\"" + types_beside_main() + "\"") return;
    differ("types", told, packed);
  }

  std::string types_beside_main() const {
    std::string main(string_at(packed_.raw, "main").value_or("index.js"));
    while (main.starts_with("./")) main.erase(0, 2);
    const std::size_t slash = main.rfind('/') == std::string::npos ? 0 : main.rfind('/') + 1;
    const std::size_t dot = main.rfind('.');
    if (dot != std::string::npos && dot > slash) main.resize(dot);
    return "./" + main + ".d.ts";
  }

  const Release& release_;
  const Manifest &told_, &packed_;
  FindingSink& sink_;
  int found_ = 0;
};

void check_confusion(const Release& release, FindingSink& sink) {
  if (release.published != nullptr && release.packaged != nullptr) Comparison(release, sink).run();
}

// Where there is no manifest to read, tar/manifest says so; there is no name or version to judge.
bool is_nameless(const Release& release) {
  return release.packaged == nullptr && release.published == nullptr;
}

void check_name(const Release& release, FindingSink& sink) {
  if (is_nameless(release)) return;
  const auto name = PackageName::parse(release.name);
  if (name.has_error()) {
    sink.add({.file = "package.json", .message = name.error().message, .content_digest = release.name});
    return;
  }
  // A package that exists keeps its name, whatever new ones may be called.
  if (!release.history.baseline) {
    if (const auto fit = check_new_package_name(release.name); fit.has_error()) {
      sink.add({.file = "package.json", .message = fit.error().message, .content_digest = release.name});
    }
  }
  const auto& scopes = release.publisher_scopes;
  if (!scopes.empty() && std::find(scopes.begin(), scopes.end(), name->scope()) == scopes.end()) {
    std::string allowed;
    for (const std::string& scope : scopes) allowed += (allowed.empty() ? "" : ", ") + scope;
    const std::string identity = "scope " + release.name;
    sink.add({.file = "package.json",
              .message =
                  printable(release.name) + " is outside the publisher's scopes (" + printable(allowed) + ")",
              .fix = "Name the package within a scope you may publish to.",
              .content_digest = identity});
  }
}

enum VersionTier { not_semver, below_tag, prerelease_as_latest, skips_majors };

void check_version(const Release& release, FindingSink& sink) {
  if (is_nameless(release)) return;
  const auto say = [&](std::string message, std::string_view fix, VersionTier tier) {
    const std::string identity = std::to_string(tier) + " " + release.version;
    sink.add({.file = "package.json", .message = std::move(message), .fix = fix, .content_digest = identity},
             tier);
  };
  for (const std::string* text :
       {&release.version, release.packaged ? &release.packaged->version : nullptr}) {
    if (text == nullptr) continue;
    if (const auto parsed = Version::parse(*text); parsed.has_error()) {
      say("\"" + printable(*text) + "\" is not a semantic version", {}, not_semver);
      return;
    }
  }
  const Version version = *Version::parse(release.version);
  if (release.history.tag_target) {
    const auto target = Version::parse(*release.history.tag_target);
    if (target.has_value() && version < *target) {
      say("the tag " + printable(release.tag) + " would move back from " +
              printable(*release.history.tag_target) + " to " + printable(release.version),
          "Publish older lines under a tag of their own (npm publish --tag).", below_tag);
    }
  }
  if (version.is_prerelease() && release.tag == "latest") {
    say("a prerelease would become what everybody installs by default",
        "Publish prereleases under a tag of their own (npm publish --tag next).", prerelease_as_latest);
  }
  if (const auto& baseline = release.history.baseline) {
    const auto before = Version::parse(baseline->version);
    if (before.has_value() && version.major > before->major + 1) {
      say("the version jumps from " + printable(baseline->version) + " to " + printable(release.version),
          "Use the next major version; a far jump is how a substituted package outbids the real one.",
          skips_majors);
    }
  }
}

// What everybody installs by default goes forward only.
void check_tag(const Release& release, FindingSink& sink) {
  if (release.tag != "latest" || !release.history.tag_target) return;
  const auto target = Version::parse(*release.history.tag_target), version = Version::parse(release.version);
  if (target.has_error() || version.has_error() || !(*version < *target)) return;
  const std::string identity = *release.history.tag_target + " " + release.version;
  sink.add(
      {.file = "package.json",
       .message =
           "latest would " +
           std::string(version->major < target->major ? "fall to an older major line" : "move backwards") +
           ": from " + printable(*release.history.tag_target) + " to " + printable(release.version),
       .content_digest = identity});
}

}  // namespace

std::span<const Rule> manifest_rules() {
  static const Rule rules[] = {
      {{"manifest/confusion",
        "the registry is told something else than the tarball's package.json says",
        "npm shows and resolves by what the registry was told, and runs what the tarball says: a difference "
        "hides scripts and dependencies from all who look (manifest confusion, 2023).",
        "Publish with an unmodified client straight from the folder or tarball that was packed.",
        {everywhere(block)}},
       check_confusion},
      {{"manifest/name",
        "the package's name is not one that may be published",
        "A name that some system or client writes otherwise collides with another, and one outside the "
        "publisher's scopes is somebody else's.",
        "Use a lower-case, URL-safe name within your own scope.",
        {everywhere(block)}},
       check_name},
      {{"manifest/version",
        "the version is not valid, or out of line with what was released",
        "Ranges pick the highest version: one that is out of line is installed at once and cannot be "
        "overtaken, as 99.x was in dependency confusion and 6.6.6 in faker.",
        "Write the version as MAJOR.MINOR.PATCH, for example with npm version.",
        {everywhere(block), everywhere(warn), everywhere(warn), everywhere(warn)}},
       check_version},
      {{"manifest/tag",
        "latest moves backwards or to an older major line",
        "Everybody who installs without a version gets what latest points at: a backport under it takes them "
        "back, fixes and all (0.30.x after 1.4.0).",
        "Publish older lines under a tag of their own (npm publish --tag).",
        {everywhere(escalate)}},
       check_tag},
  };
  return rules;
}

}  // namespace sallyport
