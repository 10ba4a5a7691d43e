#pragma once
// npm-shrinkwrap.json at the root of a package: clients install what it says, whatever package.json does.

#include <string>
#include <vector>

#include "policies/release.hpp"

namespace sallyport {

struct ShrinkwrapLink {
  enum class Kind : std::uint8_t {
    elsewhere,   // no tarball of a registry: git, http, a folder, a URL of another shape
    other_host,  // a registry's shape, but neither a registry known here nor the host of most of the others
    unreadable   // of the file as a whole: nobody can tell what it leads to
  };
  Kind kind;
  std::string name, target;
};

// The first hundred of them. Throws BadResult where the file cannot be read again.
std::vector<ShrinkwrapLink> shrinkwrap_links(const Release& release);

}  // namespace sallyport
