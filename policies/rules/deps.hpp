#pragma once
// What the rules of the dependencies share; their catalogue is deps.cpp.

#include <string>
#include <string_view>
#include <vector>

#include "policies/rule.hpp"

namespace sallyport {

enum class DependencyRole : std::uint8_t { runtime, optional, peer };
std::string_view to_text(DependencyRole role);  // "dependency", "optional dependency", …

struct Dependency {
  std::string name, spec;
  DependencyRole role;
};

// Everything that an install brings with it: runtime and optional dependencies, required peers.
std::vector<Dependency> all_dependencies(const Release& release);
// What the release asks for and the baseline did not, under whatever heading it had it; nothing where there
// is no baseline.
std::vector<Dependency> new_dependencies(const Release& release);

// What the baseline asks for under this name, under whatever heading; null: nothing, or no baseline.
const std::string* spec_before(const Release& release, const std::string& name);

// "@esbuild/linux-x64" of esbuild, "@img/sharp-darwin-arm64" of sharp, "turbo-linux-64" of turbo: the builds
// of one native package, each for a system.
bool is_platform_build(std::string_view name, std::string_view own);

// The first finding of a dependency names it so: `"name" (^1.2.3)`.
std::string quoted(const Dependency& dependency);

// deps_outside.cpp: what only the gate knows
void check_young(const Release& release, FindingSink& sink);
void check_confusion(const Release& release, FindingSink& sink);
void check_known_bad(const Release& release, FindingSink& sink);

// deps_specs.cpp: ranges and names as they stand in package.json
void check_range(const Release& release, FindingSink& sink);
void check_optional_new(const Release& release, FindingSink& sink);
void check_typo(const Release& release, FindingSink& sink);

// One of the several thousand packages that most others are made of, taken from a registry under its own name
// (widely_used_names.txt): no stranger, whoever names it. How young its version is, deps/young judges.
bool is_widely_used(const std::string& name, const std::string& spec);

// Neither that nor of the scope of `own`, which only its publishers can publish in.
bool is_stranger(std::string_view own, const std::string& name, const std::string& spec);

// The very popular name that `name` could be taken for and what they differ in ("one letter"), or nothing.
struct Lookalike {
  std::string popular;
  std::string_view by;
};
std::optional<Lookalike> lookalike(std::string_view name);

}  // namespace sallyport
