#pragma once
// The repository that a package.json names, in the one form in which attestations name it.

#include <string>

#include "storage/base/json.hpp"

namespace sallyport {

// "https://git.example/acme/lib" of a manifest's `repository` member, a text or an object with `url`: of
// "git+https://…/lib.git", "git://…", "ssh://git@…", "git@…:acme/lib.git", "github:acme/lib", "acme/lib". The
// host in lower case, the path as it stands. Empty where it names none.
std::string repository_of(const json::object& manifest);

}  // namespace sallyport
