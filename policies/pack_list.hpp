#pragma once
// Which files `files` of a package.json lets into the tarball, by the semantics of npm-packlist 10: the walk
// over folders, its default exclusions and what is always in are followed step by step, because the order of
// its rules decides. Verified against npm itself by tests/integration/packlist_test.py.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policies/glob.hpp"
#include "policies/manifest.hpp"

namespace sallyport {

class PackList {
 public:
  // `paths`: the files of the tarball, below its first component. Whether a member of `files` names a file, a
  // folder or is a pattern is decided by them. Throws std::length_error where judging would take too long.
  PackList(const Manifest& manifest, const std::vector<std::string>& paths);

  // Whether npm, or another client's packer, would have taken `path` on account of package.json. Without
  // `files` everything is admitted but what npm always leaves out. A .npmignore is not seen (it never ships)
  // and could only have taken more away.
  bool admits(std::string_view path);

 private:
  struct Rules {
    std::vector<Glob> defaults, files, strict;
  };
  void add(std::vector<Glob>& rules, const std::string& rule);
  static bool filter(const std::vector<Glob>& rules, bool included, std::string_view entry, bool partial,
                     std::string_view base);
  bool root_filter(std::string_view entry, bool partial, bool in_child) const;
  bool walk_filter(std::string_view entry, bool partial);
  bool folder_walked(std::string_view folder);

  Rules root_;
  std::size_t expressions_ = 0;                         // of what the manifest says
  std::vector<std::pair<std::string, Glob>> required_;  // folder, and a file of it that is named one by one
  std::vector<Glob> child_defaults_, child_strict_;
  std::map<std::string, bool, std::less<>> walked_;  // folder -> whether npm steps into it
  bool bundles_ = false;
};

}  // namespace sallyport
