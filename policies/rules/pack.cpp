// pack: how the package was put together.

#include <algorithm>
#include <cctype>
#include <set>

#include "policies/dependency_spec.hpp"
#include "policies/pack_list.hpp"
#include "policies/rules/pack.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using enum Action;

void check_files_allowlist(const Release& release, FindingSink& sink) {
  if (release.packaged == nullptr || release.packaged->files) return;
  sink.add({.file = "package.json",
            .message = "package.json has no \"files\", so whatever lies in the folder ships (" +
                       thousands(release.files.size()) + (release.files.size() == 1 ? " file)" : " files)"),
            .content_digest = "no files"});
}

void check_outside_files(const Release& release, FindingSink& sink) {
  constexpr std::size_t kFindingsMax = 20;  // a tier; the last one counts the rest
  if (release.packaged == nullptr || !release.packaged->files) return;
  std::vector<std::string> paths;
  for (const ReleaseFile& file : release.files) paths.push_back(file.entry.inner);
  PackList list(*release.packaged, paths);

  std::set<std::string_view> known;
  const auto& baseline = release.history.baseline;
  if (baseline) {
    for (const FileFact& file : baseline->files) known.insert(file.path);
  }
  // Tier 0: nothing to compare with; 1: new since the baseline; 2: the baseline had it.
  std::vector<std::string_view> outside[3];
  for (const std::string& path : paths) {
    if (!list.admits(path)) outside[!baseline ? 0 : known.contains(path) ? 2 : 1].push_back(path);
  }
  for (const int tier : {0, 1, 2}) {
    const std::string since =
        tier == 1 && baseline ? ", and " + printable(baseline->version) + " did not have it" : "";
    for (std::size_t i = 0; i < outside[tier].size() && i < kFindingsMax; ++i) {
      const std::size_t rest = outside[tier].size() - i - 1;
      const bool last = i + 1 == kFindingsMax && rest > 0;
      sink.add({.file = outside[tier][i],
                .message = "\"files\" of package.json does not admit this file" + since +
                           (last ? "; the same is true of " + thousands(rest) + " more" : "")},
               tier);
    }
  }
}

const std::pair<std::string_view, const DependencyMap Manifest::*> kRuntimeMaps[] = {
    {"dependencies", &Manifest::dependencies},
    {"optionalDependencies", &Manifest::optional_dependencies},
    {"peerDependencies", &Manifest::peer_dependencies},
};

void check_local_dependency(const Release& release, FindingSink& sink) {
  for (const Manifest* manifest : {release.packaged, release.published}) {
    if (manifest == nullptr) continue;
    bool found = false;
    for (const auto& [member, map] : kRuntimeMaps) {
      for (const auto& [name, spec] : manifest->*map) {
        if (parse_dependency_spec(spec).kind != DependencySpec::Kind::local) continue;
        found = true;
        const std::string identity = name + "@" + spec;
        sink.add({.file = "package.json",
                  .message = std::string(member) + "." + printable(name) + " is \"" + printable(spec) +
                             "\", which nobody else can install",
                  .content_digest = identity});
      }
    }
    if (found) return;  // the published manifest repeats it
  }
}

// Host, port and path of a registry URL, without what does not change where it leads.
std::string registry_place(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos)
    url.remove_prefix(scheme + 3);
  while (url.ends_with('/')) url.remove_suffix(1);
  std::string place(url);
  const auto host_end = place.begin() + static_cast<std::ptrdiff_t>(std::min(place.find('/'), place.size()));
  std::transform(place.begin(), host_end, place.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return place;
}

// The registry that package.json itself says this package is for: a scope's setting goes before the general
// one.
std::optional<std::string_view> configured_registry(const Manifest& manifest) {
  const json::object* config = object_at(manifest.raw, "publishConfig");
  if (config == nullptr) return std::nullopt;
  if (const std::size_t slash = manifest.name.find('/'); slash != std::string::npos) {
    if (auto scoped = string_at(*config, manifest.name.substr(0, slash) + ":registry")) return scoped;
  }
  return string_at(*config, "registry");
}

void check_private(const Release& release, FindingSink& sink) {
  const Manifest* manifest = release.packaged;
  if (manifest == nullptr) return;
  if (manifest->is_private) {
    sink.add({.file = "package.json",
              .message = "package.json says \"private\": true, so this package is not meant to be published",
              .content_digest = "private"});
  }
  // A scoped package that is published as restricted is not public, whatever its upstream.
  const json::object* config = object_at(manifest->raw, "publishConfig");
  const bool restricted = manifest->name.starts_with('@') && config != nullptr &&
                          string_at(*config, "access").value_or("") == "restricted";
  if (release.public_upstream && !restricted &&
      string_at(manifest->raw, "license").value_or("") == "UNLICENSED") {
    sink.add(
        {.file = "package.json",
         .message = "the license is UNLICENSED, and this release would go to a public upstream",
         .fix =
             "Publish it to a registry of your own, set \"publishConfig\": {\"access\": \"restricted\"}, or "
             "give it a license.",
         .content_digest = "unlicensed"});
  }
  // Clients follow publishConfig.registry, so a release that says another place came here by a flag on the
  // command line, most likely by mistake. Where the names of this place are not known, nothing can be said.
  if (const auto registry = configured_registry(*manifest); registry && !release.registries.empty()) {
    const std::string place = registry_place(*registry);
    const bool here = std::any_of(release.registries.begin(), release.registries.end(),
                                  [&](const std::string& own) { return registry_place(own) == place; });
    if (!here) {
      const std::string identity = "registry " + place;
      sink.add({.file = "package.json",
                .message = "publishConfig names another registry: " + printable(*registry),
                .fix = "Publish it where publishConfig says, or correct publishConfig.registry.",
                .content_digest = identity});
    }
  }
}

}  // namespace

std::span<const Rule> pack_rules() {
  static const Rule rules[] = {
      {{"pack/files-allowlist",
        "package.json has no \"files\" list",
        "Without \"files\" everything in the folder ships that no ignore file names, so that each new file "
        "is a leak until somebody thinks of it.",
        "List what should ship in \"files\" of package.json, for example [\"dist\"].",
        {{warn, note, note}}},
       check_files_allowlist},
      {{"pack/outside-files",
        "a file that \"files\" of package.json does not admit",
        "npm would not have packed it: the tarball was made or changed by another tool, or a stray file came "
        "in by a way that \"files\" does not hold.",
        "Pack with npm so that \"files\" is followed, or add the file to \"files\" if it is meant to ship.",
        {{warn, warn, note}, {block, warn, note}, {warn, note, note}}},
       check_outside_files},
      {{"pack/wide-files",
        "\"files\" of package.json lets everything in",
        "A list that admits everything is no list: the next file in the folder ships as well.",
        "Name the folders and files that should ship, for example [\"dist\"].",
        {everywhere(note)}},
       check_wide_files},
      {{"pack/dev-dependency",
        "development dependencies, or a node_modules nobody asked for, in the package",
        "Code of tools that only build ships unread, and with versions that no lock file and no audit of the "
        "consumer sees.",
        "Leave node_modules out, or name in \"bundleDependencies\" what is meant to be bundled.",
        {{warn, note, note}}},
       check_dev_dependency},
      {{"pack/bundled",
        "copies of other packages ship within this one",
        "A bundled copy is installed as it is: no registry, digest or advisory is asked about it, and "
        "changes in it look like changes of this package.",
        "Depend on the packages instead, or have what is bundled reviewed file by file.",
        {everywhere(warn)}},
       check_bundled},
      {{"pack/local-dependency",
        "a dependency on a folder, workspace or catalog was left in",
        "Nobody else has that folder or workspace, so that installs fail, or take whatever lies at the path "
        "on another machine.",
        "Publish with the tool that manages the workspace, or write a version range.",
        {everywhere(block)}},
       check_local_dependency},
      {{"pack/entry-points",
        "package.json points at files that are not in the package",
        "The package will not load where it is installed; most often the wrong folder was packed, or the "
        "build did not run.",
        "Build before packing, and see that \"files\" lets in what main, exports, types and bin name.",
        {everywhere(warn), everywhere(note)}},
       check_entry_points},
      {{"pack/license",
        "no license, or another one than before",
        "Consumers may not use what nobody licensed to them, and a license that changes between releases is "
        "a decision somebody should have made knowingly.",
        "Name the license in package.json and ship its text as LICENSE.",
        {everywhere(note), everywhere(warn), {warn, note, note}}},
       check_license},
      {{"pack/private",
        "package.json says that it is not to be published here",
        "Somebody wrote into package.json that it must not leave: a release past that sentence is a mistake "
        "or somebody else's doing.",
        "Take \"private\" out of package.json if this package is meant to be published.",
        {everywhere(block)}},
       check_private},
  };
  return rules;
}

}  // namespace sallyport
