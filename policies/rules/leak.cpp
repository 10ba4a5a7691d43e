// leak: what was never meant to ship. The catalogue of the family; the checks are in the files beside this
// one.

#include "policies/rules/leak.hpp"

namespace sallyport {

namespace {

using enum Action;

constexpr std::string_view fix_map =
    "Build with source maps off (bun: --sourcemap=none; esbuild, rollup, vite: sourcemap false; webpack: "
    "devtool "
    "false; tsc: sourceMap false) or leave *.map out of \"files\".";
constexpr std::string_view fix_inline =
    "Build without inline source maps (bun: --sourcemap=none; esbuild: no --sourcemap=inline; rollup, vite: "
    "sourcemap false; webpack: no inline or eval devtool; tsc: inlineSourceMap false).";

}  // namespace

std::span<const Rule> leak_rules() {
  static const Rule rules[] = {
      {{"leak/source-map",
        "a source map, under any name",
        "A source map leads from the shipped bundle back to the sources; one of 59.8 MB gave away "
        "claude-code 2.1.88. A name other than .map hides it from lists of files, not from those who look.",
        fix_map,
        {{block, warn, warn}, {block, note, warn}}},
       check_source_map},
      {{"leak/source-map-sources",
        "a source map that carries the text of its sources",
        "Such a map is the source code itself, comments and private packages included, and what was once "
        "published cannot be taken back (claude-code 2.1.88: 1,906 files).",
        fix_map,
        {{block, warn, escalate}, {block, note, escalate}}},
       check_source_map_sources},
      {{"leak/inline-source-map",
        "a source map inside a file: as text, or as a data: URL that decodes to one",
        "No list of files shows a map that is a line of the bundle: in February 2025 the sources of "
        "claude-code left as the last line of cli.mjs.",
        fix_inline,
        {{block, warn, warn}, {block, note, warn}}},
       check_inline_source_map},
      {{"leak/source-map-reference",
        "a comment that names a source map which is not in the package",
        "The comment says that a map was built: it may lie beside the script on a server, or ship with the "
        "next release by mistake.",
        "Build with source maps off, so that no comment is written, or strip the sourceMappingURL comment.",
        {{warn, note, note}}},
       check_source_map_reference},
      {{"leak/source-map-url",
        "a source map or its sources at a URL, in a home folder or on a drive",
        "It tells anybody where sources are kept, or who built them and in which folder; an object store "
        "that is named this way has been found open.",
        "Build with source maps off, or without sourceRoot and a public map URL (webpack: output.publicPath "
        "and "
        "SourceMapDevToolPlugin; tsc: mapRoot, sourceRoot).",
        {{block, warn, warn}, {block, note, warn}}},
       check_source_map_url},
      {{"leak/source-map-ratio",
        "source maps that are more than half of the package",
        "Where most of a package is maps, the build's defaults decided what ships, not its authors; in "
        "claude-code 2.1.88 the map was twelve times the bundle.",
        fix_map,
        {{warn, warn, note}, {warn, note, note}}},
       check_source_map_ratio},
      {{"leak/original-source",
        "original source: TypeScript, Vue, Svelte, or src beside dist",
        "Consumers need what was built; sources carry comments, names and unfinished work, and come along "
        "when a folder is packed as it is.",
        "Ship what was built alone: name dist in \"files\", and leave src out of it.",
        {{warn, note, note}}},
       check_original_source},
      {{"leak/debug-build",
        "a development build, where the last release was none",
        "A development build carries checks, names and eval wrappers that were meant for the authors alone, "
        "and shows that the release did not come out of the production build.",
        "Build for production (NODE_ENV=production, webpack: mode production) and publish that.",
        {{warn, note, note}}},
       check_debug_build},
      {{"leak/build-path",
        "paths of the machine that built it, hosts and addresses inside a private network",
        "Paths, hosts and addresses tell an attacker who builds, where, and what a network is called inside.",
        "Build with relative paths, and take internal hosts and addresses out of the code.",
        {{warn, warn, note}, {warn, note, note}}},
       check_build_path},
      {{"leak/secret-file",
        "a file made to hold secrets: .env, .npmrc, private keys, key stores, credentials, state of "
        "infrastructure",
        "Such a file is made of live credentials, and npm packs most of them unless told not to: .npmrc, "
        ".env.production and service accounts were all published this way.",
        "Leave the file out of \"files\", and replace the secret if it was ever published.",
        {{block, block, block}}},
       check_secret_file},
      {{"leak/secret",
        "text of a secret: tokens, keys and passwords by their issuers' grammar",
        "Programs read every release of the registry for tokens within minutes; a secret that was published "
        "is a secret of others, also after the release is gone.",
        "Take the secret out of the file and replace it at its issuer: treat it as known to others.",
        {everywhere(block), {block, escalate, block}}},
       check_secret},
      {{"leak/secret-generic",
        "a value that looks like a password or key, new in this release",
        "Passwords without an issuer's grammar are told by their place and their disorder alone; those that "
        "a release adds are the ones its author just typed.",
        "If it is one, take it out and replace it at its issuer: treat it as known to others.",
        {{warn, note, note}, everywhere(note)}},
       check_secret_generic},
      {{"leak/secret-nested",
        "secrets, secret files and maps with sources inside archives, gzip, base64 or other encodings",
        "What is packed within a file ships as well: an archive with a PEM key was published so, and the "
        "payload of xz lay in a compressed test fixture.",
        "Leave the file out of the package or take the secret out of it, and replace the secret at its "
        "issuer.",
        {{block, block, block}, {block, warn, warn}}},
       check_secret_nested},
      {{"leak/vcs",
        "the innards of a version control system",
        "The folder of a version control system holds all of history, deleted secrets included, and often "
        "the credentials of its remote.",
        "Leave the folder out of the package: list what ships in \"files\".",
        {{block, block, block}}},
       check_vcs},
      {{"leak/ai-state",
        "settings and memory of editors and AI assistants; settings.local.json, which holds a person's own",
        "Assistants keep allowed commands, notes and tokens in these files: 33 of 428 published "
        "settings.local.json held live credentials.",
        "Leave the file out of the package: list what ships in \"files\".",
        {{warn, warn, note}, {block, block, block}, {warn, note, note}}},
       check_ai_state},
      {{"leak/tests",
        "tests, fixtures, snapshots and coverage",
        "Tests and fixtures hold real-looking data, hosts and accounts, and nobody reads them in review, "
        "which is why the payload of xz was put there.",
        "Leave tests out of \"files\": nobody who installs the package runs them.",
        {{warn, note, note}}},
       check_tests},
      {{"leak/internal-doc",
        "notes, plans and office documents of the house",
        "Plans and notes say what a house has not announced, and were written for readers inside it.",
        "Leave the document out of \"files\", or publish it where such documents are meant to be read.",
        {{warn, note, note}}},
       check_internal_doc},
      {{"leak/junk",
        "rubbish of editors and systems, logs, dumps, databases, packed tarballs",
        "Such files show that a working folder was packed; logs, dumps and swap files hold what was on the "
        "machine, once a chat token in run.log.",
        "Remove the file from the folder, and list what ships in \"files\".",
        {{warn, note, note}}},
       check_junk},
      {{"leak/build-config",
        "configuration of linters, bundlers and compilers, lock files",
        "It does no harm by itself, and shows that more is packed than consumers need: the next such file "
        "may be a worse one.",
        "List what ships in \"files\"; consumers have no use for how the package is built.",
        {everywhere(note)}},
       check_build_config},
      {{"leak/words",
        "words that your organisation keeps to itself",
        "Only you know your code names, customers and hosts; found in text, maps and binaries alike, they "
        "were what readers of leaked sources searched for first.",
        "Take the word out of what ships, or narrow \"files\" so that its file does not.",
        {{escalate, warn, note}}},
       check_words},
      {{"leak/personal-data",
        "data of people: more than 20 e-mail addresses, telephone or identity numbers",
        "Rows of people's addresses and numbers are an export or a fixture made of one; to publish them is a "
        "breach of data protection.",
        "Leave the file out of the package, or put made-up data in its place.",
        {{warn, warn, note}}},
       check_personal_data},
  };
  return rules;
}

}  // namespace sallyport
