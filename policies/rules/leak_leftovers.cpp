// What a build, an editor or a person left in the folder: sources beside what was built of them, tests,
// documents of the house, rubbish, configuration. Known by name, and by magic where a name is easily changed.

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "policies/content/text_patterns.hpp"
#include "policies/rules/file_kinds.hpp"
#include "policies/rules/leak.hpp"
#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using namespace std::string_view_literals;

template <std::size_t N>
bool starts_with_one(std::string_view text, const std::string_view (&starts)[N]) {
  return std::any_of(std::begin(starts), std::end(starts),
                     [&](std::string_view start) { return text.starts_with(start); });
}

// Of a path in lower case: what a bundled dependency holds is its own publisher's.
bool is_bundled(std::string_view path) {
  return !bundled_package(path).empty();
}

// Files that are told of together, at the first of them. The finding is the same as long as the list is.
class Gathering {
 public:
  void add(std::string_view key, std::string_view path) {
    Group& group = groups_[std::string(key)];
    if (group.files++ == 0) group.first = path;
    if (group.files <= 3) group.sample += (group.sample.empty() ? "" : ", ") + printable(path, 60);
    group.names.update(path);
    group.names.update("\n"sv);
  }

  // "<key> is <what>, 12 files of it"; without a key "<what>: a, b, c and 9 more".
  void tell(std::string_view what, FindingSink& sink) {
    for (auto& [key, group] : groups_) {
      std::string message;
      if (key.empty()) {
        message = std::string(what) + ": " + group.sample;
        if (group.files > 3) message += " and " + thousands(group.files - 3) + " more";
      } else {
        message = printable(key) + " is " + std::string(what);
        if (group.files > 1) message += ", " + thousands(group.files) + " files of it";
      }
      const std::string digest = to_hex(group.names.finish());
      sink.add({.file = group.first, .message = std::move(message), .content_digest = digest});
    }
  }

 private:
  struct Group {
    std::string first, sample;
    std::size_t files = 0;
    Sha256Hasher names;
  };
  std::map<std::string, Group> groups_;
};

// The path up to the folder with such a name, "a/test" of "a/test/b.js"; empty: there is none.
template <class IsIt>
std::string_view folder_of(std::string_view path, IsIt is_it) {
  for (std::size_t at = 0, end = path.find('/'); end != path.npos; at = end + 1, end = path.find('/', at)) {
    if (is_it(path.substr(at, end - at))) return path.substr(0, end);
  }
  return {};
}

// A video stream may be called .ts as well, and an empty file tells nothing.
bool is_source(std::string_view path, Magic magic) {
  constexpr std::string_view declarations[] = {".d.ts", ".d.mts", ".d.cts"};
  constexpr std::string_view sources[] = {".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"};
  if (magic != Magic::text && magic != Magic::utf16) return false;
  const std::string_view name = base_name(path);
  // "a.d.css.ts" declares too.
  if (ends_in(name, declarations) || (name.ends_with(".ts") && name.find(".d.") != name.npos)) return false;
  return ends_in(name, sources);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_script(std::string_view path) {
  constexpr std::string_view scripts[] = {".js", ".mjs", ".cjs", ".jsx", ".coffee", ".es6"};
  return ends_in(base_name(path), scripts);
}

// Two lines and more, each with the time in front.
bool is_log(std::string_view text) {
  std::size_t lines = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const std::string_view head = line.substr(0, 32);
    std::size_t at = head.find(':');
    while (at != head.npos && !(at >= 2 && at + 3 < head.size() && head[at + 3] == ':' &&
                                is_digit(head[at - 1]) && is_digit(head[at + 1])))
      at = head.find(':', at + 1);
    if (at == head.npos) return text.empty() && lines > 1;
    ++lines;
  }
  return lines > 1;
}

}  // namespace

void check_original_source(const Release& release, FindingSink& sink) {
  std::set<std::string> built;  // what has a dist/: "" or "packages/a/"
  for (const ReleaseFile& file : release.files) {
    const std::string path = folded(file.entry.inner);
    const auto dist = folder_of(path, [](std::string_view name) { return name == "dist"; });
    if (!dist.empty()) built.emplace(dist.substr(0, dist.size() - 4));
  }
  Gathering sources, beside;
  for_each_content(release, [&](std::string_view inner, std::uint64_t, const FileContent& content) {
    const std::string path = folded(inner);
    if (is_bundled(path)) return;
    if (is_source(path, content.magic)) {
      const std::size_t slash = inner.find('/');
      sources.add(slash == inner.npos ? ""sv : inner.substr(0, slash), inner);
    } else if (is_script(path)) {
      const auto src = folder_of(path, [](std::string_view name) { return name == "src"; });
      if (!src.empty() && built.contains(std::string(src.substr(0, src.size() - 3))))
        beside.add(inner.substr(0, src.size()), inner);
    }
  });
  sources.tell("original source", sink);
  beside.tell("source beside what was built of it in dist", sink);
}

void check_tests(const Release& release, FindingSink& sink) {
  constexpr std::string_view folders[] = {
      "test",      "tests",        "__test__",        "__tests__", "spec",     "specs",     "__specs__",
      "__mocks__", "__fixtures__", "fixtures",        "fixture",   "testdata", "test-data", "__snapshots__",
      "coverage",  ".nyc_output",  "__testfixtures__"};
  constexpr std::string_view files[] = {
      "lcov.info", "coverage-final.json", "clover.xml", "test.js", "tests.js", "test.mjs", "test.cjs",
      "test.ts"};
  constexpr std::string_view code[] = {".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts"};
  Gathering in_folders, single;
  for_each_content(release, [&](std::string_view inner, std::uint64_t, const FileContent&) {
    const std::string path = folded(inner);
    if (is_bundled(path)) return;
    const auto folder = folder_of(path, [&](std::string_view name) { return one_of(name, folders); });
    if (!folder.empty()) return in_folders.add(inner.substr(0, folder.size()), inner);
    const std::string_view name = base_name(path);
    const std::string_view stem = name.substr(0, name.rfind('.'));
    const bool test = stem.ends_with(".test") || stem.ends_with(".spec") || stem.ends_with("_test");
    if (one_of(name, files) || name.ends_with(".snap") || (test && ends_in(name, code)))
      single.add("", inner);
  });
  in_folders.tell("for tests", sink);
  single.tell("files of tests", sink);
}

void check_internal_doc(const Release& release, FindingSink& sink) {
  constexpr std::string_view names[] = {"notes",
                                        "note",
                                        "todo",
                                        "todos",
                                        "to-do",
                                        "design",
                                        "design-doc",
                                        "roadmap",
                                        "runbook",
                                        "runbooks",
                                        "playbook",
                                        "postmortem",
                                        "post-mortem",
                                        "incident",
                                        "internal",
                                        "internals",
                                        "minutes",
                                        "meeting-notes",
                                        "release-checklist",
                                        "onboarding",
                                        "scratchpad",
                                        "brainstorm"};
  constexpr std::string_view texts[] = {"",      ".md",  ".markdown", ".mdx", ".txt",    ".rst",
                                        ".adoc", ".org", ".html",     ".rtf", ".textile"};
  constexpr std::string_view office[] = {".doc",  ".docx", ".docm", ".xls", ".xlsx",   ".xlsm", ".ppt",
                                         ".pptx", ".odt",  ".ods",  ".odp", ".pages",  ".vsd",  ".vsdx",
                                         ".msg",  ".eml",  ".one",  ".mpp", ".numbers"};
  for_each_content(release, [&](std::string_view inner, std::uint64_t, const FileContent& content) {
    const std::string path = folded(inner);
    if (is_bundled(path)) return;
    const std::string_view name = base_name(path);
    const std::size_t dot = std::min(name.rfind('.'), name.size());
    const bool keynote = name.ends_with(".key") && content.magic == Magic::zip;
    if (ends_in(name, office) || keynote) {
      sink.add({.file = inner, .message = "an office document, which is written for people of the house"});
    } else if (one_of(name.substr(0, dot), names) && one_of(name.substr(dot), texts)) {
      sink.add({.file = inner, .message = "a document of the kind that is written for people of the house"});
    } else if (one_of(name.substr(dot), texts) && name.find("licen") == name.npos &&
               name.find("eula") == name.npos) {
      // Code comments say it of functions, and licenses of everything.
      const auto sign = std::find_if(content.signs.begin(), content.signs.end(),
                                     [](const Sign& s) { return s.rule == sign_internal; });
      if (sign == content.signs.end()) return;
      sink.add({.file = inner,
                .message = "the text says " + sign->what,
                .evidence = sign->evidence,
                .line = sign->line,
                .offset = sign->offset,
                .content_digest = sign->digest});
    }
  });
}

void check_junk(const Release& release, FindingSink& sink) {
  constexpr std::string_view names[] = {
      ".ds_store",       "thumbs.db",       "ehthumbs.db",    "desktop.ini",     ".directory",
      ".localized",      ".spotlight-v100", ".apdisk",        "nohup.out",       ".project",
      ".classpath",      "npm-debug.log",   "yarn-error.log", "lerna-debug.log", ".eslintcache",
      ".stylelintcache", ".viminfo",        ".bash_history",  ".zsh_history",    ".node_repl_history",
      ".python_history", ".psql_history",   ".lesshst",       ".wget-hsts"};
  constexpr std::string_view ends[] = {"~",
                                       ".swp",
                                       ".swo",
                                       ".swn",
                                       ".bak",
                                       ".orig",
                                       ".rej",
                                       ".tmp",
                                       ".log",
                                       ".dmp",
                                       ".mdmp",
                                       ".dump",
                                       ".stackdump",
                                       ".hprof",
                                       ".heapsnapshot",
                                       ".heapprofile",
                                       ".cpuprofile",
                                       ".pid",
                                       ".har",
                                       ".pcap",
                                       ".pcapng",
                                       ".sqlite",
                                       ".sqlite3",
                                       ".sqlite-wal",
                                       ".db3",
                                       ".mdb",
                                       ".accdb",
                                       ".ldf",
                                       ".sublime-workspace",
                                       ".iml",
                                       ".tgz",
                                       ".tar.gz",
                                       ".sql.gz",
                                       ".rdb"};
  Gathering found;
  for (const ReleaseFile& file : release.files) {
    const std::string path = folded(file.entry.inner);
    if (is_bundled(path)) continue;
    const std::string_view name = base_name(path);
    const Magic magic = file.content.magic;
    const bool log =
        name.find(".log.") != name.npos && name.find_last_not_of("0123456789") < name.rfind('.') + 1;
    const bool editor = name.starts_with("._") || name.starts_with(".#") ||
                        (name.starts_with('#') && name.ends_with('#')) || name.starts_with(".nfs");
    const bool core = (name == "core" || name.starts_with("core.")) && magic == Magic::elf;
    if (one_of(name, names) || ends_in(name, ends) || log || editor || core || magic == Magic::sqlite ||
        magic == Magic::tar ||
        (!file.content.secrets.empty() && is_log(piece_of(release, file.entry, 0, 16u << 10))))
      found.add("", file.entry.inner);
  }
  found.tell("rubbish, logs, dumps, databases or packed tarballs", sink);
}

void check_build_config(const Release& release, FindingSink& sink) {
  constexpr std::string_view names[] = {"tslint.json",
                                        "makefile",
                                        "dockerfile",
                                        ".dockerignore",
                                        ".editorconfig",
                                        ".travis.yml",
                                        ".gitlab-ci.yml",
                                        "appveyor.yml",
                                        ".appveyor.yml",
                                        "azure-pipelines.yml",
                                        "jenkinsfile",
                                        ".npmignore",
                                        ".gitignore",
                                        ".gitattributes",
                                        ".gitmodules",
                                        ".mailmap",
                                        ".jshintrc",
                                        ".jshintignore",
                                        ".jscsrc",
                                        ".jslintrc",
                                        "bower.json",
                                        "component.json",
                                        "package-lock.json",
                                        "yarn.lock",
                                        "pnpm-lock.yaml",
                                        "bun.lockb",
                                        "bun.lock",
                                        "npm-shrinkwrap.json",
                                        "turbo.json",
                                        "nx.json",
                                        "lerna.json",
                                        ".swcrc",
                                        ".browserslistrc",
                                        "biome.json",
                                        "biome.jsonc",
                                        "dprint.json",
                                        "renovate.json",
                                        ".npmpackagejsonlintrc",
                                        "pnpm-workspace.yaml",
                                        "rush.json",
                                        ".codeclimate.yml",
                                        ".coveralls.yml",
                                        "codecov.yml",
                                        ".codecov.yml",
                                        ".nvmrc",
                                        ".node-version",
                                        ".tool-versions",
                                        ".watchmanconfig",
                                        ".flowconfig",
                                        ".yo-rc.json",
                                        "docker-compose.yml",
                                        "docker-compose.yaml",
                                        "vercel.json",
                                        "netlify.toml",
                                        "sonar-project.properties"};
  constexpr std::string_view starts[] = {".eslintrc",
                                         ".eslintignore",
                                         "eslint.config.",
                                         ".prettierrc",
                                         ".prettierignore",
                                         "prettier.config.",
                                         ".babelrc",
                                         "babel.config.",
                                         "webpack.",
                                         "rollup.config",
                                         "vite.config.",
                                         "vitest.config.",
                                         "vitest.workspace",
                                         "jest.config.",
                                         "karma.conf",
                                         "gulpfile.",
                                         "gruntfile.",
                                         ".nycrc",
                                         ".mocharc",
                                         ".stylelintrc",
                                         "stylelint.config.",
                                         "commitlint.config.",
                                         ".commitlintrc",
                                         ".lintstagedrc",
                                         "lint-staged.config.",
                                         ".releaserc",
                                         "release.config.",
                                         "tsup.config.",
                                         "tsdown.config.",
                                         "rolldown.config.",
                                         "esbuild.config.",
                                         "esbuild.js",
                                         "esbuild.mjs",
                                         "rspack.config.",
                                         "postcss.config.",
                                         "tailwind.config.",
                                         "playwright.config.",
                                         "cypress.config.",
                                         "typedoc.",
                                         "api-extractor",
                                         "build.config.",
                                         "unbuild.config.",
                                         ".size-limit",
                                         ".czrc",
                                         ".huskyrc",
                                         "jsdoc.json",
                                         ".jsdoc",
                                         "ava.config.",
                                         "wdio.conf",
                                         "protractor.conf",
                                         "knip.",
                                         ".c8rc",
                                         ".taprc",
                                         ".xo-config"};
  constexpr std::string_view folders[] = {".github",    ".circleci",  ".husky", ".gitlab",
                                          ".buildkite", ".changeset", ".yarn",  ".storybook"};
  Gathering found;
  for (const ReleaseFile& file : release.files) {
    const std::string path = folded(file.entry.inner);
    if (is_bundled(path)) continue;
    const std::string_view name = base_name(path);
    const bool compiler = (name.starts_with("tsconfig") || name.starts_with("jsconfig")) &&
                          (name.ends_with(".json") || name.ends_with(".jsonc"));
    // A package may be for the tool that reads such a name: in a folder of its own it is what it ships.
    const bool at_root = path.find('/') == path.npos;
    const auto folder = folder_of(path, [&](std::string_view part) { return one_of(part, folders); });
    if (!folder.empty() || compiler || name.ends_with(".tsbuildinfo") || one_of(name, names) ||
        (at_root && starts_with_one(name, starts)))
      found.add("", file.entry.inner);
  }
  found.tell("configuration of the build", sink);
}

}  // namespace sallyport
