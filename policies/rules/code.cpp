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
        "No bundler writes such names, obfuscators do, and in npm they come with malware: the wallet hook of "
        "chalk and debug had them.",
        "Ship the code as your bundler writes it; if a dependency brought this in, do not ship that "
        "dependency.",
        {{block, escalate, escalate}}},
       check_obfuscated_names},
      {{"code/escapes",
        "long runs of \\x or \\u escapes that the last release did not have",
        "Text that is written as escapes throughout is text that somebody did not want to be read or "
        "searched for.",
        fix_unreadable,
        {everywhere(warn), everywhere(note)}},
       check_escapes},
      {{"code/hidden-by-space",
        "code out of sight, behind 400 or more blanks on its line",
        "Blanks push code out of the window of an editor and of a review; no formatter writes it so.",
        "Find out who put it there; take it out and publish from a clean checkout.",
        {everywhere(block), everywhere(note), {escalate, warn, note}}},
       check_hidden_by_space},
      {{"code/long-line",
        "the first line above 5,000 characters in this package",
        "A reviewer sees the beginning of such a line, and diffs do not show what changed in it: "
        "flatmap-stream's payload was only in the minified file.",
        "If the build now minifies, say so in the release; otherwise find what was added to that line.",
        {everywhere(note)}},
       check_long_line},
      {{"code/encoded-blob",
        "a string of base64 that holds code, text or a program, new in this release",
        "Code in base64 is code that no reader, linter or search sees before it runs.",
        fix_unreadable,
        {everywhere(escalate), everywhere(note), {warn, note, note}}},
       check_encoded_blob},
      {{"code/capability",
        "something that the code can do and could not in the last release",
        "What a package can do rarely changes; when a formatter learns to use the network or start programs, "
        "it was attacked more often than extended (node-ipc, connect-kit).",
        "Have a second person confirm that the release needs it: read the code at the place named.",
        {everywhere(warn), everywhere(escalate), {warn, note, note}}},
       check_capability},
      {{"code/exfiltration",
        "credentials or the whole environment, with a way out beside them",
        "Who reads .npmrc or the whole environment and sends something is taking credentials: eslint-scope "
        "and LiteLLM were attacked for that.",
        fix_attack,
        {{block, escalate, escalate}}},
       check_exfiltration},
      {{"code/download-and-run",
        "a program that is fetched and run",
        "What is fetched is chosen later, by whoever holds the URL, and no review of the release sees it "
        "(ua-parser-js, rspack).",
        "Ship what is needed in the package, or depend on it; do not run what a URL answers.",
        {{block, escalate, escalate}}},
       check_download_and_run},
      {{"code/self-publish",
        "code that publishes packages and rewrites package.json",
        "That is how a worm spreads: Shai-Hulud published itself with each token that it found.",
        fix_attack,
        {{block, escalate, escalate}}},
       check_self_publish},
      {{"code/persistence",
        "code that writes what runs later: settings of tools, shell profiles, services",
        "What is written there runs later and outlives the package's removal: assistants' settings, editors' "
        "tasks, workflows and services were all used so.",
        fix_attack,
        {{block, escalate, escalate}}},
       check_persistence},
      {{"code/bidi",
        "characters that change the direction in which code is shown",
        "With them, code is shown in another order than it runs (Trojan Source): no review can find what it "
        "does not show.",
        fix_hidden,
        {everywhere(block), {warn, note, note}}},
       check_bidi},
      {{"code/invisible",
        "characters that are not shown: within words, or in runs that carry data",
        "Nothing is shown where they stand; names that look alike differ, and whole programs have been "
        "carried by them.",
        fix_hidden,
        {everywhere(block), everywhere(note)}},
       check_invisible},
      {{"code/homoglyph",
        "a name that mixes Latin with letters of another script that look the same",
        "Two names that look the same are two things to a computer: a reader takes one for the other.",
        "Write the name in one script.",
        {everywhere(escalate), {warn, note, note}}},
       check_homoglyph},
      {{"code/unparsable",
        "JavaScript that is neither script nor module",
        "A file that no engine reads was broken by its build, or is there to throw off the tools that look "
        "for malware.",
        "Look at the place named: a build that broke the file, or text made to mislead those who read it.",
        {everywhere(warn)}},
       check_unparsable},
  };
  return rules;
}

}  // namespace sallyport
