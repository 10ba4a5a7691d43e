#include "policies/provenance/repository.hpp"

#include <doctest/doctest.h>

namespace sallyport {

TEST_CASE("a repository is one, however package.json writes it") {
  for (const char* text :
       {"https://github.com/acme/lib", "https://github.com/acme/lib/", "git+https://github.com/acme/lib.git",
        "git://github.com/acme/lib.git", "ssh://git@github.com/acme/lib.git",
        "git+ssh://git@github.com/acme/lib", "git@github.com:acme/lib.git", "github:acme/lib", "acme/lib",
        "acme/lib#main", "https://GitHub.com/acme/lib", "https://user:secret@github.com/acme/lib.git"}) {
    CAPTURE(text);
    CHECK(repository_url(text) == "https://github.com/acme/lib");
  }
  CHECK(repository_url("gitlab:acme/group/lib") == "https://gitlab.com/acme/group/lib");
  CHECK(repository_url("bitbucket:acme/lib") == "https://bitbucket.org/acme/lib");
  CHECK(repository_url("https://git.example:8443/acme/lib") == "https://git.example:8443/acme/lib");
}

TEST_CASE("what names no repository is none") {
  for (const char* text : {"", "lib", "https://", "https://github.com", "https://github.com/",
                           "git@github.com:", "#main", "a/b/c", ".git", "://"}) {
    CAPTURE(text);
    CHECK(repository_url(text).empty());
  }
}

}  // namespace sallyport
