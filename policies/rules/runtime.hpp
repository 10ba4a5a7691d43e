#pragma once
// Which files of a release may run where it is installed: code outside of folders for tests and documents,
// and whatever else package.json or such code names. A path hides nothing: a .md that code loads is code.

#include <functional>
#include <set>
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

// The files that `file` loads by a relative path, of `among`.
std::set<const ReleaseFile*> loaded_by(const Release& release, const ReleaseFile& file,
                                       const std::vector<const ReleaseFile*>& among);

// What is kept of the code for the next release: capabilities, and marks of what is reported only once.
void add_code_facts(const Release& release, Facts& facts);

}  // namespace sallyport
