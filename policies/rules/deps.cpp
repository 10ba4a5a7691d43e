// deps: verification of dependencies.

#include <algorithm>
#include <array>
#include <set>

#include "policies/dependency_spec.hpp"
#include "policies/gyp.hpp"
#include "policies/module_references.hpp"
#include "policies/rules/deps.hpp"
#include "policies/rules/deps_shrinkwrap.hpp"
#include "policies/rules/runtime.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using enum Action;

bool is_of_own_scope(std::string_view own, std::string_view name) {
  return own.starts_with('@') && name.starts_with(own.substr(0, own.find('/') + 1));
}

// Released by the same hands at the same moment, as a repository of many packages does: its own scope's, or
// its builds for platforms, pinned to its own version. Nor does anything import the compiler whose
// declarations are read.
bool is_sibling(const Release& release, const Dependency& dependency) {
  if (dependency.role == DependencyRole::peer && dependency.name == "typescript") return true;
  if (dependency.spec != release.version) return false;
  return is_of_own_scope(release.name, dependency.name) || is_platform_build(dependency.name, release.name);
}

void check_new(const Release& release, FindingSink& sink) {
  for (const Dependency& dependency : new_dependencies(release)) {
    const std::string identity = dependency.name + "@" + dependency.spec;
    const bool stranger =
        is_stranger(release.name, dependency.name, dependency.spec) && !is_sibling(release, dependency);
    sink.add({.file = "package.json",
              .message = "\"" + printable(dependency.name) + "\" (" + printable(dependency.spec) +
                         ") is a new " + std::string(to_text(dependency.role)) + " since " +
                         printable(release.history.baseline->version),
              .content_digest = identity},
             stranger ? 0 : 1);
  }
}

bool is_node_module(std::string_view text) {
  constexpr std::string_view kModules[] = {
      "assert", "buffer",  "child_process",  "crypto", "dns",     "events",
      "fs",     "http",    "http2",          "https",  "net",     "os",
      "path",   "process", "stream",         "tls",    "tty",     "url",
      "util",   "vm",      "worker_threads", "zlib",   "readline"};
  return text.starts_with("node:") ||
         std::find(std::begin(kModules), std::end(kModules), text) != std::end(kModules);
}

// "name" or something below it.
bool names(std::string_view text, std::string_view name) {
  return text.starts_with(name) && (text.size() == name.size() || text[name.size()] == '/');
}

// Looks for uses of one new dependency in what passes.
class Use {
 public:
  explicit Use(const Dependency& dependency) : dependency_(dependency) {
    const std::string_view name = dependency.name;
    base_ = name.substr(name.find('/') == std::string_view::npos ? 0 : name.find('/') + 1);
    // "@types/foo__bar" declares "@foo/bar".
    if (name.starts_with("@types/")) {
      declares_ = base_;
      if (const std::size_t mark = declares_.find("__"); mark != std::string::npos) {
        declares_ = "@" + declares_.substr(0, mark) + "/" + declares_.substr(mark + 2);
      }
    }
  }

  void see(const ModuleReference& reference, SourceKind kind) {
    using enum ModuleReference::Place;
    const std::string_view text = reference.text;
    if (reference.prefix) {
      // import(`@acme/lang-${name}`): the part that is written must name at least a scope or a stem.
      const bool telling = text.size() >= 4 && text.find_first_of("/-") != std::string_view::npos;
      used_ |= reference.place == module && telling && dependency_.name.starts_with(text);
      return;
    }
    switch (reference.place) {
      case module:
        used_ |= names(text, dependency_.name);
        if (kind == SourceKind::declaration && !declares_.empty()) {
          used_ |= names(text, declares_) || (declares_ == "node" && is_node_module(text));
        }
        return;
      case command:
        used_ |= text == base_ || (text.starts_with(base_) && text[base_.size()] == ' ');
        return;
      case other:
        // Native packages are looked up in a table of platforms.
        used_ |= dependency_.role == DependencyRole::optional && names(text, dependency_.name);
        return;
    }
  }

  // Only scripts that run on the consumer's machine count: naming it in "test" uses nothing.
  void see_script(std::string_view script) {
    for (std::size_t at = script.find(base_); at != std::string_view::npos; at = script.find(base_, at + 1)) {
      const auto part_of_name = [&](std::size_t i) {
        const char c = i < script.size() ? script[i] : ' ';
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
      };
      used_ |= !(at > 0 && part_of_name(at - 1)) && !part_of_name(at + base_.size());
    }
  }

  // What "#name" leads to, under whatever conditions.
  void see_imports(const json::value& imports) {
    if (imports.is_string()) used_ |= names(std::string_view(imports.get_string()), dependency_.name);
    if (imports.is_array())
      for (const json::value& each : imports.get_array()) see_imports(each);
    if (imports.is_object())
      for (const auto& [key, each] : imports.get_object()) see_imports(each);
  }

  bool used() const { return used_; }
  const Dependency& dependency() const { return dependency_; }

 private:
  const Dependency& dependency_;
  std::string base_;
  std::string declares_;
  bool used_ = false;
};

void look_for_uses(const Release& release, const ReleaseFile& file, SourceKind kind, std::vector<Use>& uses) {
  ModuleReferences references(kind, [&](const ModuleReference& reference) {
    for (Use& use : uses) use.see(reference, kind);
  });
  read_file(release, file, [&](Bytes piece) { references.feed(piece); });
  references.finish();
}

enum PhantomTier { phantom, phantom_sibling, phantom_no_stranger };

void check_phantom(const Release& release, FindingSink& sink) {
  const std::vector<Dependency> added = new_dependencies(release);
  if (added.empty()) return;
  std::vector<Use> uses(added.begin(), added.end());
  for (const std::string name : {"preinstall", "install", "postinstall"}) {
    const auto script = release.facts.scripts.find(name);
    if (script == release.facts.scripts.end()) continue;
    for (Use& use : uses) use.see_script(script->second);
  }
  // Headers that an addon is built with.
  for (const FoundGypCommand& found : gyp_commands(release))
    for (Use& use : uses) use.see_script(found.command.text);
  if (release.packaged != nullptr)
    if (const json::value* imports = release.packaged->raw.if_contains("imports"))
      for (Use& use : uses) use.see_imports(*imports);
  const auto all_used = [&uses] {
    return std::all_of(uses.begin(), uses.end(), [](const Use& u) { return u.used(); });
  };
  for (const ReleaseFile& file : release.files) {
    if (all_used()) return;
    // What a bundled dependency imports is that dependency's own need.
    if (file.entry.inner.starts_with("node_modules/")) continue;
    const SourceKind kind = source_kind(file.entry.inner, file.content.shebang);
    if (kind != SourceKind::none) look_for_uses(release, file, kind, uses);
  }
  for (const Use& use : uses) {
    if (use.used()) continue;
    const Dependency& dependency = use.dependency();
    const std::string identity = dependency.name + "@" + dependency.spec;
    sink.add(
        {.file = "package.json",
         .message = "\"" + printable(dependency.name) + "\" (" + printable(dependency.spec) + ") is a new " +
                    std::string(to_text(dependency.role)) + ", and no file of the release imports it",
         .content_digest = identity},
        is_sibling(release, dependency)                    ? phantom_sibling
        : is_widely_used(dependency.name, dependency.spec) ? phantom_no_stranger
                                                           : phantom);
  }
}

enum ExoticTier { from_elsewhere, renamed, renamed_before };

void check_exotic(const Release& release, FindingSink& sink) {
  const auto look = [&](const DependencyMap& map, DependencyRole role) {
    for (const auto& [name, text] : map) {
      const DependencySpec spec = parse_dependency_spec(text);
      const std::string identity = name + "@" + text;
      if (spec.kind == DependencySpec::Kind::remote) {
        sink.add({.file = "package.json",
                  .message = std::string(to_text(role)) + " \"" + printable(name) + "\" comes from \"" +
                             printable(text) + "\", past every registry",
                  .content_digest = identity},
                 from_elsewhere);
      } else if (spec.kind == DependencySpec::Kind::alias && spec.target != name) {
        const std::string* before = spec_before(release, name);
        sink.add({.file = "package.json",
                  .message = std::string(to_text(role)) + " \"" + printable(name) + "\" is really \"" +
                             printable(spec.target) + "\"",
                  .fix = "Depend on the package under its own name, or have the alias reviewed.",
                  .content_digest = identity},
                 before != nullptr && parse_dependency_spec(*before).target == spec.target ? renamed_before
                                                                                           : renamed);
      }
    }
  };
  look(release.facts.dependencies, DependencyRole::runtime);
  look(release.facts.optional_dependencies, DependencyRole::optional);
  look(release.facts.peer_dependencies, DependencyRole::peer);
  for (const ShrinkwrapLink& link : shrinkwrap_links(release)) {
    const std::string identity = "shrinkwrap " + link.name + "@" + link.target;
    const bool unreadable = link.kind == ShrinkwrapLink::Kind::unreadable;
    sink.add(
        {.file = "npm-shrinkwrap.json",
         .message =
             unreadable
                 ? "the file decides what clients install, and nobody can tell what: it is " +
                       printable(link.target)
                 : "clients would take \"" + printable(link.name) + "\" from " + printable(link.target) +
                       (link.kind == ShrinkwrapLink::Kind::elsewhere ? ", past every registry"
                                                                     : ", another registry than the rest"),
         .fix = "Make npm-shrinkwrap.json anew from registry dependencies alone, or leave it out.",
         .content_digest = identity},
        link.kind == ShrinkwrapLink::Kind::other_host ? renamed : from_elsewhere);
  }
}

}  // namespace

std::string_view to_text(DependencyRole role) {
  switch (role) {
    case DependencyRole::runtime:
      return "dependency";
    case DependencyRole::optional:
      return "optional dependency";
    case DependencyRole::peer:
      return "peer dependency";
  }
  return "dependency";
}

std::vector<Dependency> all_dependencies(const Release& release) {
  std::vector<Dependency> out;
  const auto add = [&out](const DependencyMap& map, DependencyRole role) {
    for (const auto& [name, spec] : map) out.push_back({name, spec, role});
  };
  add(release.facts.dependencies, DependencyRole::runtime);
  add(release.facts.optional_dependencies, DependencyRole::optional);
  add(release.facts.peer_dependencies, DependencyRole::peer);
  return out;
}

const std::string* spec_before(const Release& release, const std::string& name) {
  if (!release.history.baseline) return nullptr;
  const Facts& before = *release.history.baseline;
  for (const DependencyMap* map :
       {&before.dependencies, &before.optional_dependencies, &before.peer_dependencies})
    if (const auto found = map->find(name); found != map->end()) return &found->second;
  return nullptr;
}

std::vector<Dependency> new_dependencies(const Release& release) {
  if (!release.history.baseline) return {};
  std::vector<Dependency> out = all_dependencies(release);
  std::erase_if(out, [&release](const Dependency& d) { return spec_before(release, d.name) != nullptr; });
  return out;
}

bool is_stranger(std::string_view own, const std::string& name, const std::string& spec) {
  if (is_widely_used(name, spec)) return false;
  return !is_of_own_scope(own, name) || parse_dependency_spec(spec).kind != DependencySpec::Kind::registry;
}

std::string quoted(const Dependency& dependency) {
  return "\"" + printable(dependency.name) + "\" (" + printable(dependency.spec) + ")";
}

std::span<const Rule> deps_rules() {
  static const Rule rules[] = {
      {{"deps/new",
        "a dependency that the last release did not have",
        "A new dependency runs with all rights of the package; event-stream and axios 1.14.1 were attacked "
        "by adding one.",
        "Have a second person confirm the new dependency: who keeps it, how old it is, what it does.",
        {everywhere(warn), everywhere(note)}},
       check_new},
      {{"deps/phantom",
        "a new dependency that nothing in the release uses",
        "A dependency that no file uses can only be there for what its installation does: axios 1.14.1 "
        "differed from 1.14.0 in nothing else.",
        "Take it out of package.json, or make it a devDependency if only the build needs it.",
        {{block, escalate, warn}, {escalate, note, note}, {warn, note, note}}},
       check_phantom},
      {{"deps/young",
        "a new dependency, or a version of one, that was published only just now",
        "Dependencies made for an attack are registered hours before it (18 in the case of axios), and "
        "malware is mostly found within days: waiting costs little.",
        "Wait until it is older, or pin a version that is; two people must agree to anything sooner.",
        // A package of some age that released a version within hours is no block: repositories of many
        // packages publish them together, and each would stop the next.
        {everywhere(escalate), everywhere(block), {escalate, warn, note}, everywhere(note)}},
       check_young},
      {{"deps/range",
        "a dependency that admits more versions than it has to",
        "A range decides what is installed tomorrow: the wider it is, the more releases that nobody reviewed "
        "may come in.",
        "Name a range within one major version, such as ^1.2.3.",
        {everywhere(warn), {warn, note, note}}},
       check_range},
      {{"deps/exotic",
        "a dependency that comes from git, a URL or under another name",
        "A commit, URL or alias goes past the registry, its digests and its review; the loader of TanStack's "
        "attack came as a git commit.",
        "Publish the dependency to a registry and depend on a version range of it.",
        {everywhere(block), everywhere(warn), everywhere(note)}},
       check_exotic},
      {{"deps/optional-new",
        "a new optional dependency that is no build for a platform",
        "npm installs an optional dependency without a word and ignores its failure, which suits an attacker "
        "(TanStack, May 2026).",
        "Have two people confirm it: an optional dependency is installed unseen, and may fail unseen.",
        {everywhere(escalate)}},
       check_optional_new},
      {{"deps/typo",
        "a new dependency whose name could be taken for a very popular one",
        "Names one letter from popular ones are registered to be installed by mistake, and what they hold "
        "runs at once.",
        "Check that the name is the one you mean.",
        {everywhere(escalate)}},
       check_typo},
      {{"deps/confusion",
        "a name of the organisation's that somebody else could own",
        "Where a name of yours can be had from a public registry, whoever registers it there with a higher "
        "version is installed (dependency confusion, 2021).",
        "Publish the package here first, or correct the name.",
        {everywhere(block), everywhere(escalate)}},
       check_confusion},
      {{"deps/known-bad",
        "a dependency that is known to be malware, or that the operator denies",
        "Others have found it to be malware, or you have said that you do not want it.",
        "Take it out, or pin a version that is not affected.",
        {everywhere(block), everywhere(escalate), everywhere(note)}},
       check_known_bad},
  };
  return rules;
}

}  // namespace sallyport
