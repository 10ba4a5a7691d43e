#pragma once
// Which paths an archive may hold, and when two of them are one to some file system or client.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sallyport {

// tar/path's tiers: refused; unusual enough to be looked at; a name that Windows cannot keep; one that says
// more than it has to, in a way that all readers take alike.
enum class PathTier { refused = 0, non_ascii = 1, windows = 2, dotted = 3 };

struct PathFlaw {
  PathTier tier;
  std::string message;
};

// What is wrong with `path` as the path of an archive entry (no trailing slash); empty: nothing.
std::vector<PathFlaw> check_path(std::string_view path);

std::size_t path_depth(std::string_view path);  // components

// What is left when the client has stripped the first component: "package/lib/a.js" -> "lib/a.js".
std::string_view inner_path(std::string_view path);

// "a/./b" -> "a/b": every reader takes both for one. Nothing else is changed.
std::string without_dots(std::string_view path);

// Paths with the same fold are one path to some client or file system: NFC, case folding, "./", "//",
// trailing dots and blanks, ".gitignore" as ".npmignore".
std::string fold_path(std::string_view path);

// Remembers the (inner) paths of an archive by a 64-bit hash of their fold: a false alarm by chance takes
// some 2^32 entries. Some 20 bytes a path and a directory.
class PathClaims {
 public:
  enum class Conflict { none, same_path, file_as_directory };

  Conflict claim_file(std::string_view inner);
  Conflict claim_directory(std::string_view inner);
  // A name that only readers without pax support see for the file `inner`. Truncated names may coincide
  // with one another; with a real path they must not.
  Conflict claim_shadow(std::string_view shadow, std::string_view inner);

 private:
  enum class Kind : std::uint8_t { file, directory, implied_directory };
  Conflict claim_parents(std::string_view fold);

  std::unordered_map<std::uint64_t, Kind> claims_;
  std::unordered_set<std::uint64_t> shadows_;
};

}  // namespace sallyport
