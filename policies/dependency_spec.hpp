#pragma once
// What the value of a dependency says about where the package comes from, as npm-package-arg tells it apart.

#include <string>
#include <string_view>

namespace sallyport {

struct DependencySpec {
  enum class Kind {
    registry,  // a version, range or dist-tag
    alias,     // npm:name@range
    local,     // a path, file:, link:, portal:, workspace:, catalog:
    remote,    // git, http(s), a repository of a known host, or a scheme nobody knows
  };
  Kind kind = Kind::registry;
  std::string
      target;  // alias: the name it leads to; remote: "host:user/repo#commit" where that much is clear
};

DependencySpec parse_dependency_spec(std::string_view spec);

}  // namespace sallyport
