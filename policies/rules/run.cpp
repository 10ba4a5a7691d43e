// run: what executes on the consumer's machine.

#include <algorithm>
#include <array>
#include <cctype>

#include "policies/dependency_spec.hpp"
#include "policies/rules/deps.hpp"
#include "policies/rules/file_kinds.hpp"
#include "policies/rules/run.hpp"
#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using enum Action;

constexpr std::array<std::string_view, 3> kInstallScripts = {"preinstall", "install", "postinstall"};

// What npm runs for a *.gyp file in the root of a package that names no `install` or `preinstall` itself.
constexpr std::string_view kGypInstall = "node-gyp rebuild";

std::map<std::string, std::string> scripts_run(std::map<std::string, std::string> scripts,
                                               const Facts& facts) {
  const bool gyp = std::any_of(facts.files.begin(), facts.files.end(), [](const FileFact& file) {
    return file.path.ends_with(".gyp") && file.path.find('/') == std::string::npos;
  });
  if (gyp && !scripts.contains("install") && !scripts.contains("preinstall"))
    scripts.emplace("install", kGypInstall);
  return scripts;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at; (at = text.find_first_not_of(' ')) != text.npos;) {
    text.remove_prefix(at);
    const std::size_t end = std::min(text.find(' '), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

bool runs_own_file(const Release& release, std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  const std::string file(path);
  return release.file(file) != nullptr || release.file(file + ".js") != nullptr ||
         release.file(file + "/index.js") != nullptr;
}

enum ScriptTier { new_script, changed_own, changed_build };

// A command line without anything that a shell would read into it.
bool is_plain(std::string_view command) {
  return std::all_of(command.begin(), command.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view(" ._-=/").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// What a script has run that another took the place of: tools that build an addon or fetch the one built for
// this release, or a program that is in the release for everybody to read.
ScriptTier tier_of_change(const Release& release, std::string_view script) {
  constexpr std::string_view builders[] = {
      "node-gyp",         "node-gyp-build", "node-gyp-build-optional-packages",
      "prebuild-install", "node-pre-gyp",   "cmake-js"};
  ScriptTier tier = changed_build;
  while (!script.empty()) {
    const std::size_t end = std::min(script.find_first_of("|&;"), script.size());
    const std::vector<std::string_view> words = words_of(script.substr(0, end));
    const bool plain = is_plain(script.substr(0, end));
    script.remove_prefix(std::min(script.find_first_not_of("|&;", end), script.size()));
    if (words.empty()) continue;
    if (!plain) return new_script;
    if (one_of(words[0], builders)) continue;
    if (words[0] != "node" || words.size() < 2 || !runs_own_file(release, words[1])) return new_script;
    tier = changed_own;
  }
  return tier;
}

void check_install_script(const Release& release, FindingSink& sink) {
  const Manifest* manifest = release.packaged != nullptr ? release.packaged : release.published;
  if (manifest == nullptr) return;
  const auto scripts = scripts_run(manifest->scripts, release.facts);
  for (const std::string_view name : kInstallScripts) {
    const auto script = scripts.find(std::string(name));
    if (script == scripts.end() || script->second.empty()) continue;
    std::string message = "runs \"" + printable(script->second) + "\" on every machine that installs it; ";
    ScriptTier tier = new_script;
    if (const auto& baseline = release.history.baseline) {
      const auto ran = scripts_run(baseline->scripts, *baseline);
      const auto before = ran.find(script->first);
      if (before != ran.end() && before->second == script->second) continue;
      message += before == ran.end() ? "the script is new since " : "the script changed since ";
      message += printable(baseline->version);
      if (before != ran.end()) tier = tier_of_change(release, script->second);
    } else {
      message += "there is no earlier release to compare with";
    }
    const std::string identity = script->first + "\n" + script->second;
    sink.add({.file = "package.json",
              .message = std::string(name) + " " + message,
              .evidence = script->second,
              .content_digest = identity},
             tier);
  }
}

std::map<std::string, std::string> code_of(const Facts& facts) {
  std::map<std::string, std::string> out;
  for (const FileFact& file : facts.files) {
    if (is_code_type(file.type)) out.emplace(file.path, file.digest);
  }
  return out;
}

// What a stolen account's release changes: a dependency that was not there, or what runs at install. That
// ranges moved or scripts of the developers changed is how a repository of many packages releases.
bool brings_something_in(std::string_view own, const Facts& before, const Facts& now) {
  const auto new_name = [&](const DependencyMap& was, const DependencyMap& is) {
    return std::any_of(is.begin(), is.end(), [&](const auto& entry) {
      if (!was.contains(entry.first)) return is_stranger(own, entry.first, entry.second);
      return (parse_dependency_spec(entry.second).kind != DependencySpec::Kind::registry &&
              was.at(entry.first) != entry.second);
    });
  };
  const auto ran = scripts_run(before.scripts, before), runs = scripts_run(now.scripts, now);
  const auto new_script = [&](std::string_view name) {
    const auto is = runs.find(std::string(name)), was = ran.find(std::string(name));
    return is != runs.end() && !is->second.empty() && (was == ran.end() || was->second != is->second);
  };
  return new_name(before.dependencies, now.dependencies) ||
         new_name(before.optional_dependencies, now.optional_dependencies) ||
         new_name(before.peer_dependencies, now.peer_dependencies) ||
         std::any_of(kInstallScripts.begin(), kInstallScripts.end(), new_script);
}

void check_manifest_only(const Release& release, FindingSink& sink) {
  if (!release.history.baseline) return;
  const Facts &before = *release.history.baseline, &now = release.facts;
  std::string changed;
  const auto compare = [&changed](const auto& a, const auto& b, std::string_view name) {
    if (a == b) return;
    if (!changed.empty()) changed += ", ";
    changed += name;
  };
  compare(before.scripts, now.scripts, "scripts");
  compare(before.dependencies, now.dependencies, "dependencies");
  compare(before.optional_dependencies, now.optional_dependencies, "optionalDependencies");
  compare(before.peer_dependencies, now.peer_dependencies, "peerDependencies");
  if (changed.empty() || code_of(before) != code_of(now)) return;
  const bool serious = brings_something_in(release.name, before, now);
  sink.add(
      {.file = "package.json",
       .message = changed + " changed since " + printable(before.version) + ", and not one byte of code" +
                  (serious ? ": this is the shape of a stolen account's release" : "")},
      serious ? 0 : 1);
}

}  // namespace

std::span<const Rule> run_rules() {
  static const Rule rules[] = {
      {{"run/install-script",
        "a script that runs at install was added or changed",
        "It runs on every laptop and build machine that installs, with the rights of its user, before "
        "anybody has loaded the package: most attacks on npm start here, from eslint-scope to Shai-Hulud.",
        "Remove the install script, or have the change reviewed and waived.",
        {{block, escalate, warn}, {escalate, warn, note}, {warn, note, note}}},
       check_install_script},
      {{"run/gyp",
        "a gyp file is new, or has commands run on the machines that install it",
        "npm builds a gyp file without any script in package.json, and commands in it run while it is only "
        "read: Phantom Gyp needed 157 bytes.",
        "Ship prebuilt addons instead, or have what the gyp file runs reviewed.",
        // With nothing before it, an open package whose build has always been so is not refused for it.
        {everywhere(escalate), everywhere(block), {block, escalate, block}}},
       check_gyp},
      {{"run/bin",
        "a command that is new, or bears the name of a program",
        "Commands are put on the PATH of scripts; one that is called like git or node runs in its place.",
        "Have the new command reviewed: it comes before others of its name in the scripts of those who "
        "install it.",
        {everywhere(note), everywhere(block)}},
       check_bin},
      {{"run/manifest-only",
        "scripts or dependencies changed while no code did",
        "A release that changes what is installed or run, and no code, is what a thief of a token makes: "
        "cline 2.3.0 and axios 1.14.1 did.",
        "Have a second person confirm why the dependency or script is needed without a change of code.",
        {everywhere(escalate), everywhere(note)}},
       check_manifest_only},
      {{"run/native",
        "machine code or WebAssembly, new or changed",
        "Nobody can read a binary in review; eslint-config-prettier was stolen to ship one DLL.",
        "Have a second person confirm where the binary was built and from what.",
        {everywhere(escalate), {warn, note, note}, everywhere(note)}},
       check_native},
      {{"run/polyglot",
        "a file that is something else than its name says, or has more behind its end",
        "Reviewers and scanners go by names: a program called a picture, or data behind a picture's end, is "
        "hidden from both (xz, 2024).",
        "Name the file for what it is, and ship nothing behind its end.",
        {everywhere(escalate), everywhere(note)}},
       check_polyglot},
  };
  return rules;
}

}  // namespace sallyport
