// What is in the package beside its own files, and under which terms.

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "policies/pack_list.hpp"
#include "policies/rules/file_kinds.hpp"
#include "policies/rules/leak.hpp"
#include "policies/rules/pack.hpp"
#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

std::string listed(const std::set<std::string>& names) {
  std::string out;
  std::size_t told = 0;
  for (const std::string& name : names) {
    if (++told > 5) return out + " and " + thousands(names.size() - 5) + " more";
    out += (out.empty() ? "" : ", ") + printable(name, 80);
  }
  return out;
}

}  // namespace

// Asked of files that nobody has: a list that lets them in is no list.
void check_wide_files(const Release& release, FindingSink& sink) {
  if (release.packaged == nullptr || !release.packaged->files) return;
  const std::vector<std::string> probes = {"sallyport-probe.unlisted", "sallyport-probe/deep/a.unlisted"};
  std::vector<std::string> paths;
  for (const ReleaseFile& file : release.files) paths.push_back(file.entry.inner);
  paths.insert(paths.end(), probes.begin(), probes.end());
  PackList list(*release.packaged, paths);
  std::set<std::string> patterns(release.packaged->files->begin(), release.packaged->files->end());
  // npm takes nothing for "."; pnpm and Yarn take the folder.
  if (!patterns.contains(".") &&
      !std::all_of(probes.begin(), probes.end(), [&](const std::string& path) { return list.admits(path); }))
    return;
  sink.add({.file = "package.json",
            .message = "\"files\" lets in whatever lies in the folder: " + listed(patterns),
            .content_digest = "wide"});
}

void check_dev_dependency(const Release& release, FindingSink& sink) {
  if (release.packaged == nullptr) return;
  const Manifest& manifest = *release.packaged;
  struct Group {
    std::string first;
    std::size_t files = 0;
  };
  std::map<std::string, Group> development;
  Group unasked;
  for (const ReleaseFile& file : release.files) {
    const std::string& path = file.entry.inner;
    const std::string name(bundled_package(path));
    const bool at_root = path.starts_with("node_modules/");
    Group* group = nullptr;
    if (!name.empty() && manifest.dev_dependencies.contains(name) && !manifest.dependencies.contains(name) &&
        !manifest.optional_dependencies.contains(name) && !manifest.peer_dependencies.contains(name))
      group = &development[name];
    else if (at_root && manifest.bundle_dependencies.empty())
      group = &unasked;
    if (group != nullptr && group->files++ == 0) group->first = path;
  }
  for (const auto& [name, group] : development) {
    sink.add({.file = group.first,
              .message = "the development dependency " + printable(name) + " is in the package, " +
                         thousands(group.files) + (group.files == 1 ? " file of it" : " files of it"),
              .content_digest = name});
  }
  if (unasked.files > 0)
    sink.add({.file = unasked.first,
              .message = "node_modules is in the package (" + thousands(unasked.files) +
                         (unasked.files == 1 ? " file" : " files") +
                         "), and bundleDependencies names nothing",
              .content_digest = "node_modules"});
}

void check_bundled(const Release& release, FindingSink& sink) {
  if (release.packaged == nullptr) return;
  const auto& list = release.packaged->bundle_dependencies;
  const std::set<std::string> now(list.begin(), list.end());
  std::optional<std::set<std::string>> before;
  const auto& baseline = release.history.baseline;
  if (baseline && baseline->measured) {
    const auto found = baseline->marks.find("pack/bundled");
    before = found == baseline->marks.end() ? std::set<std::string>() : found->second;
  }
  if (now.empty() && (!before || before->empty())) return;
  std::string message =
      now.empty() ? "nothing is bundled any more" : "the package brings its own copy of " + listed(now);
  if (before && *before != now)
    message +=
        "; " + printable(baseline->version) + " bundled " + (before->empty() ? "nothing" : listed(*before));
  std::string identity = before && *before != now ? "changed" : "present";
  for (const std::string& name : now) identity += "\n" + name;
  sink.add({.file = "package.json", .message = std::move(message), .content_digest = identity});
}

enum LicenseTier { missing, changed, as_free };

// "Apache 2.0" and "Apache-2.0" are one.
std::string spelled(std::string_view license) {
  std::string out;
  for (const char c : folded(license))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) out += c;
  return out;
}

// From one that lets everybody do everything to another such, or to one at all: nothing is taken from
// anybody.
bool is_as_free(std::string_view before, std::string_view now) {
  constexpr std::string_view free[] = {"mit",       "isc",        "bsd",     "bsd2clause", "bsd3clause",
                                       "0bsd",      "bsd0clause", "apache2", "apache20",   "blueoak100",
                                       "unlicense", "cc010",      "wtfpl",   "mit0"};
  const std::string was = spelled(before), is = spelled(now);
  return was == is || (one_of(is, free) && (was.empty() || one_of(was, free)));
}

void check_license(const Release& release, FindingSink& sink) {
  if (release.packaged == nullptr) return;
  const std::string now = release.facts.license.value_or("");
  const bool text = std::any_of(release.files.begin(), release.files.end(), [](const ReleaseFile& file) {
    const std::string path = folded(file.entry.inner);
    return path.find('/') == path.npos && (path.find("licen") != path.npos || path.starts_with("copying") ||
                                           path.starts_with("copyright") || path.starts_with("unlicense"));
  });
  if (now.empty()) {
    sink.add(
        {.file = "package.json",
         .message = text ? "package.json names no license" : "neither a license field nor a license file",
         .content_digest = text ? "no field" : "nothing"},
        missing);
  } else if (!text && now != "UNLICENSED") {
    sink.add({.message = "the license is " + printable(now) + ", and no file has its text",
              .content_digest = "no file"},
             missing);
  }
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->license || *baseline->license == now) return;
  const auto told = [](const std::string& license) { return license.empty() ? "none" : printable(license); };
  const std::string identity = *baseline->license + "\n" + now;
  sink.add({.file = "package.json",
            .message = "the license changed from " + told(*baseline->license) + " to " + told(now),
            .fix = "Have the change of license confirmed by those who may decide it.",
            .content_digest = identity},
           is_as_free(*baseline->license, now) ? as_free : changed);
}

}  // namespace sallyport
