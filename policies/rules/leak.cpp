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
        fix_map,
        {{block, warn, warn}, {block, note, warn}}},
       check_source_map},
      {{"leak/source-map-sources",
        "a source map that carries the text of its sources",
        fix_map,
        {{block, warn, escalate}, {block, note, escalate}}},
       check_source_map_sources},
      {{"leak/inline-source-map",
        "a source map inside a file: as text, or as a data: URL that decodes to one",
        fix_inline,
        {{block, warn, warn}, {block, note, warn}}},
       check_inline_source_map},
      {{"leak/source-map-reference",
        "a comment that names a source map which is not in the package",
        "Build with source maps off, so that no comment is written, or strip the sourceMappingURL comment.",
        {{warn, note, note}}},
       check_source_map_reference},
      {{"leak/source-map-url",
        "a source map or its sources at a URL, in a home folder or on a drive",
        "Build with source maps off, or without sourceRoot and a public map URL (webpack: output.publicPath "
        "and "
        "SourceMapDevToolPlugin; tsc: mapRoot, sourceRoot).",
        {{block, warn, warn}, {block, note, warn}}},
       check_source_map_url},
      {{"leak/source-map-ratio",
        "source maps that are more than half of the package",
        fix_map,
        {{warn, warn, note}, {warn, note, note}}},
       check_source_map_ratio},
      {{"leak/original-source",
        "original source: TypeScript, Vue, Svelte, or src beside dist",
        "Ship what was built alone: name dist in \"files\", and leave src out of it.",
        {{warn, note, note}}},
       check_original_source},
      {{"leak/debug-build",
        "a development build, where the last release was none",
        "Build for production (NODE_ENV=production, webpack: mode production) and publish that.",
        {{warn, note, note}}},
       check_debug_build},
      {{"leak/build-path",
        "paths of the machine that built it, hosts and addresses inside a private network",
        "Build with relative paths, and take internal hosts and addresses out of the code.",
        {{warn, warn, note}, {warn, note, note}}},
       check_build_path},
      {{"leak/secret-file",
        "a file made to hold secrets: .env, .npmrc, private keys, key stores, credentials, state of "
        "infrastructure",
        "Leave the file out of \"files\", and replace the secret if it was ever published.",
        {{block, block, block}}},
       check_secret_file},
      {{"leak/secret",
        "text of a secret: tokens, keys and passwords by their issuers' grammar",
        "Take the secret out of the file and replace it at its issuer: treat it as known to others.",
        {everywhere(block), {block, escalate, block}}},
       check_secret},
      {{"leak/secret-generic",
        "a value that looks like a password or key, new in this release",
        "If it is one, take it out and replace it at its issuer: treat it as known to others.",
        {{warn, note, note}, everywhere(note)}},
       check_secret_generic},
      {{"leak/secret-nested",
        "secrets, secret files and maps with sources inside archives, gzip, base64 or other encodings",
        "Leave the file out of the package or take the secret out of it, and replace the secret at its "
        "issuer.",
        {{block, block, block}, {block, warn, warn}}},
       check_secret_nested},
      {{"leak/vcs",
        "the innards of a version control system",
        "Leave the folder out of the package: list what ships in \"files\".",
        {{block, block, block}}},
       check_vcs},
      {{"leak/ai-state",
        "settings and memory of editors and AI assistants; settings.local.json, which holds a person's own",
        "Leave the file out of the package: list what ships in \"files\".",
        {{warn, warn, note}, {block, block, block}, {warn, note, note}}},
       check_ai_state},
      {{"leak/tests",
        "tests, fixtures, snapshots and coverage",
        "Leave tests out of \"files\": nobody who installs the package runs them.",
        {{warn, note, note}}},
       check_tests},
      {{"leak/internal-doc",
        "notes, plans and office documents of the house",
        "Leave the document out of \"files\", or publish it where such documents are meant to be read.",
        {{warn, note, note}}},
       check_internal_doc},
      {{"leak/junk",
        "rubbish of editors and systems, logs, dumps, databases, packed tarballs",
        "Remove the file from the folder, and list what ships in \"files\".",
        {{warn, note, note}}},
       check_junk},
      {{"leak/build-config",
        "configuration of linters, bundlers and compilers, lock files",
        "List what ships in \"files\"; consumers have no use for how the package is built.",
        {everywhere(note)}},
       check_build_config},
      {{"leak/words",
        "words that your organisation keeps to itself",
        "Take the word out of what ships, or narrow \"files\" so that its file does not.",
        {{escalate, warn, note}}},
       check_words},
      {{"leak/personal-data",
        "data of people: more than 20 e-mail addresses, telephone or identity numbers",
        "Leave the file out of the package, or put made-up data in its place.",
        {{warn, warn, note}}},
       check_personal_data},
  };
  return rules;
}

}  // namespace sallyport
