#pragma once
// Which files of a release may run where it is installed: code outside of folders for tests and documents,
// and whatever else package.json or such code names. A path hides nothing: a .md that code loads is code.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policies/release.hpp"

namespace sallyport {

// All bytes of a file once more, in pieces; throws where they cannot be had, which the engine makes a finding
// that holds.
void read_file(const Release& release, const ReleaseFile& file, const std::function<void(Bytes)>& take);

// Only files with capabilities or signs are looked at; the others change nothing.
std::vector<const ReleaseFile*> runtime_files(const Release& release);

// Whether this one file may run, whatever it says.
bool may_run(const Release& release, const ReleaseFile& file);

// Which files a file loads by a relative path. A file is read when it is first asked about, and as tokens
// only where a text in it could name one of those asked for.
class Loads {
 public:
  explicit Loads(const Release& release) : release_(release) {}
  // Of `among`.
  std::set<const ReleaseFile*> of(const ReleaseFile& file, const std::vector<const ReleaseFile*>& among);

 private:
  using Targets = std::set<std::string>;  // paths, as resolved() makes them
  const Targets& mentioned(const ReleaseFile& file);
  const Targets& named(const ReleaseFile& file);

  const Release& release_;
  std::map<const ReleaseFile*, Targets> mentioned_, named_;
};

// What is kept of the code for the next release: capabilities, and marks of what is reported only once.
void add_code_facts(const Release& release, Facts& facts);

}  // namespace sallyport
