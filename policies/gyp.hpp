#pragma once
// What *.gyp files have a machine run: npm has node-gyp read the one in the root of a package at every
// install.

#include <string>
#include <string_view>
#include <vector>

#include "policies/release.hpp"

namespace sallyport {

struct GypCommand {
  enum class Kind : std::uint8_t {
    substitution,  // a shell runs it while the file is read
    usual,         // one that asks Node for the headers of a well-known package, and does nothing else
    section,       // actions and their like: run by the build
    unreadable
  };
  Kind kind;
  std::string text;  // the string that has it, or the name of the section
};

struct GypFile {
  std::vector<GypCommand> commands;
  std::vector<std::string> paths;  // strings that could name other files it is made of
};

// A gyp file is one Python literal: strings that stand side by side are one, escapes are undone.
GypFile read_gyp(std::string_view text);

struct FoundGypCommand {
  std::string path;  // of the file
  GypCommand command;
  std::string digest;  // of the command, or of the whole file where that is a section
};

// Of the *.gyp files in the root and whatever they are made of, under any name; of every *.gyp and *.gypi
// where the release has an install script, which may build any of them.
std::vector<FoundGypCommand> gyp_commands(const Release& release);

}  // namespace sallyport
