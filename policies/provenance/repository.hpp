#pragma once
// The repository that a package.json names, in the one form in which attestations name it.

#include <string>
#include <string_view>

namespace sallyport {

// "https://git.example/acme/lib" of what a manifest's `repository` (or its `url`) says:
// "git+https://…/lib.git", "git://…", "ssh://git@…", "git@…:acme/lib.git", "github:acme/lib", "acme/lib". The
// host in lower case, the path as it stands. Empty where it names none.
std::string repository_url(std::string_view written);

}  // namespace sallyport
