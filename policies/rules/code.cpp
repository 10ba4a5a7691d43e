// code: what a release's code hides, and what it could do on the machine that runs it. The catalogue of the
// family; the checks are in the files beside this one.

#include "policies/rules/code.hpp"

namespace sallyport {

namespace {

using enum Action;

constexpr std::string_view fix_hidden =
    "Take the characters out, or write them as escapes (\\uXXXX), so that a reader sees what runs.";
constexpr std::string_view fix_unreadable =
    "Ship code that can be read, or have a second engineer find out what this does and acknowledge it.";
constexpr std::string_view fix_attack =
    "Find out who put it there; if it is meant, have a second engineer confirm it and waive the finding.";

}  // namespace

std::span<const Rule> code_rules() {
  static const Rule rules[] = {
      {{"code/obfuscated-names",
        "names as an obfuscator makes them, ten or more of _0x…",
        "Ship the code as your bundler writes it; if a dependency brought this in, do not ship that "
        "dependency.",
        {{block, escalate, escalate}}},
       check_obfuscated_names},
      {{"code/escapes",
        "long runs of \\x or \\u escapes that the last release did not have",
        fix_unreadable,
        {everywhere(warn), everywhere(note)}},
       check_escapes},
      {{"code/hidden-by-space",
        "code out of sight, behind 400 or more blanks on its line",
        "Find out who put it there; take it out and publish from a clean checkout.",
        {everywhere(block), everywhere(note), {escalate, warn, note}}},
       check_hidden_by_space},
      {{"code/long-line",
        "the first line above 5,000 characters in this package",
        "If the build now minifies, say so in the release; otherwise find what was added to that line.",
        {everywhere(note)}},
       check_long_line},
      {{"code/encoded-blob",
        "a string of base64 that holds code, text or a program, new in this release",
        fix_unreadable,
        {everywhere(escalate), everywhere(note), {warn, note, note}}},
       check_encoded_blob},
      {{"code/capability",
        "something that the code can do and could not in the last release",
        "Have a second person confirm that the release needs it: read the code at the place named.",
        {everywhere(warn), everywhere(escalate), {warn, note, note}}},
       check_capability},
      {{"code/exfiltration",
        "credentials or the whole environment, with a way out beside them",
        fix_attack,
        {{block, escalate, escalate}}},
       check_exfiltration},
      {{"code/download-and-run",
        "a program that is fetched and run",
        "Ship what is needed in the package, or depend on it; do not run what a URL answers.",
        {{block, escalate, escalate}}},
       check_download_and_run},
      {{"code/self-publish",
        "code that publishes packages and rewrites package.json",
        fix_attack,
        {{block, escalate, escalate}}},
       check_self_publish},
      {{"code/persistence",
        "code that writes what runs later: settings of tools, shell profiles, services",
        fix_attack,
        {{block, escalate, escalate}}},
       check_persistence},
      {{"code/bidi",
        "characters that change the direction in which code is shown",
        fix_hidden,
        {everywhere(block), {warn, note, note}}},
       check_bidi},
      {{"code/invisible",
        "characters that are not shown: within words, or in runs that carry data",
        fix_hidden,
        {everywhere(block), everywhere(note)}},
       check_invisible},
      {{"code/homoglyph",
        "a name that mixes Latin with letters of another script that look the same",
        "Write the name in one script.",
        {everywhere(escalate), {warn, note, note}}},
       check_homoglyph},
      {{"code/unparsable",
        "JavaScript that is neither script nor module",
        "Look at the place named: a build that broke the file, or text made to mislead those who read it.",
        {everywhere(warn)}},
       check_unparsable},
  };
  return rules;
}

}  // namespace sallyport
