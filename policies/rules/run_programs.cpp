// Programs a release brings beside its scripts: gyp files, commands on the PATH, machine code, and files that
// are something else than their name says.

#include <algorithm>
#include <map>
#include <set>

#include "policies/content/file_end.hpp"
#include "policies/gyp.hpp"
#include "policies/rules/file_kinds.hpp"
#include "policies/rules/leak.hpp"
#include "policies/rules/run.hpp"
#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using namespace std::string_view_literals;

enum GypTier { new_gyp, runs_commands, runs_commands_at_first };
enum BinTier { new_bin, shadows };
enum NativeTier { new_native, changed_native, nothing_before };

std::string since(const Release& release) {
  const auto& baseline = release.history.baseline;
  return baseline ? "new since " + printable(baseline->version)
                  : "there is no earlier release to compare with";
}

}  // namespace

void check_gyp(const Release& release, FindingSink& sink) {
  const auto& baseline = release.history.baseline;
  const auto shipped = [&](std::string_view path, std::string_view digest) {
    return baseline && std::any_of(baseline->files.begin(), baseline->files.end(), [&](const FileFact& file) {
             return file.path == path && (digest.empty() || file.digest == digest);
           });
  };
  std::set<std::string> known;
  if (baseline && baseline->marks.contains("run/gyp")) known = baseline->marks.at("run/gyp");

  for (const FoundGypCommand& found : gyp_commands(release)) {
    using enum GypCommand::Kind;
    const ReleaseFile* file = release.file(found.path);
    const bool same_file = file != nullptr && shipped(found.path, to_hex(file->entry.digest));
    if (found.command.kind == usual || known.contains(found.digest)) continue;
    // Of a release from before commands were kept, the whole file has to be the same.
    if (baseline && !baseline->measured && same_file) continue;
    std::string message = found.command.kind == substitution
                              ? "a shell runs a command when this file is read: "
                          : found.command.kind == section ? "the build runs commands of its own: "
                                                          : "nobody can tell what it runs: ";
    sink.add({.file = found.path,
              .message = message + printable(found.command.text, 120),
              .evidence = found.command.text,
              .content_digest = found.digest},
             baseline ? runs_commands : runs_commands_at_first);
  }
  for (const ReleaseFile& file : release.files) {
    const std::string& path = file.entry.inner;
    if (!path.ends_with(".gyp") || path.find('/') != path.npos || shipped(path, {})) continue;
    sink.add({.file = path,
              .message = "npm builds it on every machine that installs the package; " + since(release)},
             new_gyp);
  }
}

void check_bin(const Release& release, FindingSink& sink) {
  constexpr std::string_view programs[] = {
      "node",   "nodejs", "npm",     "npx",       "pnpm",      "pnpx",      "yarn",       "yarnpkg",
      "bun",    "bunx",   "deno",    "corepack",  "node-gyp",  "git",       "gh",         "hg",
      "svn",    "ssh",    "scp",     "sftp",      "rsync",     "sh",        "bash",       "zsh",
      "dash",   "fish",   "ksh",     "csh",       "tcsh",      "cmd",       "powershell", "pwsh",
      "curl",   "wget",   "nc",      "python",    "python2",   "python3",   "pip",        "pip3",
      "ruby",   "gem",    "perl",    "php",       "java",      "javac",     "go",         "cargo",
      "rustc",  "gcc",    "g++",     "cc",        "c++",       "clang",     "clang++",    "ld",
      "make",   "cmake",  "docker",  "podman",    "kubectl",   "helm",      "terraform",  "aws",
      "gcloud", "az",     "sudo",    "su",        "doas",      "env",       "cat",        "ls",
      "cp",     "mv",     "rm",      "ln",        "mkdir",     "chmod",     "chown",      "echo",
      "test",   "true",   "false",   "sed",       "awk",       "grep",      "find",       "xargs",
      "tar",    "gzip",   "gunzip",  "zip",       "unzip",     "sort",      "head",       "tail",
      "tee",    "cd",     "pwd",     "date",      "whoami",    "id",        "uname",      "hostname",
      "ps",     "kill",   "crontab", "systemctl", "launchctl", "open",      "xdg-open",   "vi",
      "vim",    "nano",   "less",    "man",       "gpg",       "openssl",   "psql",       "mysql",
      "apt",    "brew",   "dig",     "ping",      "base64",    "sha256sum", "code"};
  const auto& baseline = release.history.baseline;
  // The program itself may be called what it is.
  const std::string_view own = base_name(release.name);
  const auto is_own = [&](std::string_view name) {
    const bool scoped = release.name.starts_with('@');
    return !scoped && (name == own || ((own == "npm" || own == "corepack") && name.starts_with("np")) ||
                       (own == "pnpm" && name == "pnpx") || (own == "bun" && name == "bunx") ||
                       (own == "yarn" && name == "yarnpkg") ||
                       (own == "corepack" && (name.starts_with("pnp") || name.starts_with("yarn"))));
  };
  for (const auto& [name, path] : release.facts.bin) {
    if (baseline && baseline->bin.contains(name)) continue;
    std::string command = folded(name);
    for (const std::string_view end : {".exe"sv, ".cmd"sv, ".bat"sv, ".ps1"sv, ".sh"sv})
      if (command.ends_with(end)) command.resize(command.size() - end.size());
    const std::string identity = name + "\n" + path;
    if (one_of(command, programs) && !is_own(command)) {
      sink.add({.file = "package.json",
                .message = "the command \"" + printable(name) +
                           "\" would stand before the program of that name in "
                           "every script of those who install this",
                .evidence = name + ": " + path,
                .fix = "Give the command a name that no other program has.",
                .content_digest = identity},
               shadows);
    } else if (baseline) {
      sink.add({.file = "package.json",
                .message =
                    "the command \"" + printable(name) + "\" (" + printable(path) + ") is " + since(release),
                .content_digest = identity},
               new_bin);
    }
  }
}

namespace {

bool is_native_fact(const FileFact& file) {
  constexpr Magic native[] = {Magic::elf, Magic::pe, Magic::mach_o, Magic::wasm};
  return file.type == ".node" ||
         std::any_of(std::begin(native), std::end(native), [&](Magic m) { return to_text(m) == file.type; });
}

// "prebuilds/addon-v1.2.3.node" and the like keep their place from release to release.
std::string without_numbers(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit)
      out += c;
    else if (out.empty() || out.back() != '#')
      out += '#';
  }
  return out;
}

}  // namespace

// "prebuilds/" of "prebuilds/darwin-arm64/x.node": where a package keeps its addon built for each system. One
// more beside others tells as much as one that changed. Empty: no such place.
std::string_view home_of_builds(std::string_view path) {
  if (!path.ends_with(".node")) return {};
  const std::string_view folder = path.substr(0, path.rfind('/') == path.npos ? 0 : path.rfind('/'));
  const std::size_t name = folder.rfind('/') == folder.npos ? 0 : folder.rfind('/') + 1;
  for (const std::string_view system : {"darwin-"sv, "linux-"sv, "win32-"sv, "android-"sv, "freebsd-"sv})
    if (folder.substr(name).starts_with(system)) return folder.substr(0, name);
  return {};
}

void check_native(const Release& release, FindingSink& sink) {
  const auto& baseline = release.history.baseline;
  std::set<std::string> places, digests, homes;
  if (baseline) {
    for (const FileFact& file : baseline->files) {
      digests.insert(file.digest);
      if (!is_native_fact(file)) continue;
      places.insert(without_numbers(file.path));
      if (const auto home = home_of_builds(file.path); !home.empty()) homes.emplace(home);
    }
  }
  for (const ReleaseFile& file : release.files) {
    const std::string& path = file.entry.inner;
    const Magic magic = file.content.magic;
    const std::string digest = to_hex(file.entry.digest);
    if (digests.contains(digest)) continue;  // the same bytes, wherever they lay
    if (is_native(magic) || (magic == Magic::other_binary && path.ends_with(".node"))) {
      const bool changed = places.contains(without_numbers(path));
      const std::string kind =
          magic == Magic::other_binary ? "an addon" : "a program (" + std::string(to_text(magic)) + ")";
      sink.add({.file = path,
                .message = kind + " that nobody can read; " +
                           (changed ? "it changed since " + printable(baseline->version) : since(release))},
               !baseline                                                      ? nothing_before
               : changed || homes.contains(std::string(home_of_builds(path))) ? changed_native
                                                                              : new_native);
    }
    for_each_nested(file.content, [&](std::string_view inner, std::uint64_t, const FileContent& content) {
      if (!is_native(content.magic)) return;
      const bool changed = baseline && std::any_of(baseline->files.begin(), baseline->files.end(),
                                                   [&](const FileFact& f) { return f.path == path; });
      sink.add(
          {.file = inner,
           .message = "a program (" + std::string(to_text(content.magic)) + ") packed in another file; " +
                      (changed ? "that file changed since " + printable(baseline->version) : since(release))},
          !baseline ? nothing_before
          : changed ? changed_native
                    : new_native);
    });
  }
}

namespace {

struct Kind {
  std::string_view extension;
  std::vector<Magic> magic;
};

bool is_picture(Magic magic) {
  return magic == Magic::png || magic == Magic::jpeg || magic == Magic::gif || magic == Magic::webp;
}

// Pictures of kinds that have no magic here: bmp, ico, tiff, avif and heic.
bool starts_like_picture(std::string_view start) {
  return start.starts_with("BM") || start.starts_with("\0\0\1\0"sv) || start.starts_with("II*\0"sv) ||
         start.starts_with("MM\0*"sv) ||
         start.substr(std::min<std::size_t>(4, start.size())).starts_with("ftyp");
}

const std::vector<Magic>* expected(std::string_view extension) {
  using enum Magic;
  static const std::vector<Kind> kinds = {{".png", {png}},
                                          {".jpg", {jpeg}},
                                          {".jpeg", {jpeg}},
                                          {".gif", {gif}},
                                          {".webp", {webp}},
                                          {".pdf", {pdf}},
                                          {".woff", {font}},
                                          {".woff2", {font}},
                                          {".ttf", {font}},
                                          {".otf", {font}},
                                          {".zip", {zip}},
                                          {".jar", {zip}},
                                          {".gz", {gzip}},
                                          {".tgz", {gzip}},
                                          {".tar.gz", {gzip}},
                                          {".wasm", {wasm}},
                                          {".exe", {pe}},
                                          {".dll", {pe}},
                                          {".node", {elf, pe, mach_o}}};
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.extension == extension; });
  return found == kinds.end() ? nullptr : &found->magic;
}

bool is_text_extension(std::string_view extension) {
  constexpr std::string_view names[] = {".js",   ".mjs",   ".cjs",   ".jsx",  ".ts",  ".mts", ".cts", ".tsx",
                                        ".d.ts", ".d.mts", ".d.cts", ".json", ".map", ".md",  ".txt", ".css",
                                        ".scss", ".less",  ".html",  ".htm",  ".xml", ".svg", ".yml", ".yaml",
                                        ".toml", ".csv",   ".lock",  ".vue",  ".sh",  ".py"};
  return one_of(extension, names);
}

// What the name says it is and the bytes say it is not; empty: they agree, or nobody can tell.
std::string lie(const Release& release, const ReleaseFile& file) {
  using enum Magic;
  const Magic magic = file.content.magic;
  const std::string extension = extension_of(file.entry.inner);
  if (magic == none || extension.empty()) return {};
  if (const auto* magics = expected(extension)) {
    if (std::find(magics->begin(), magics->end(), magic) != magics->end()) return {};
    const bool picture = is_picture(magics->front());
    if (picture && (is_picture(magic) ||
                    (magic == other_binary && starts_like_picture(piece_of(release, file.entry, 0, 16)))))
      return {};
    // Fonts, documents and addons come in more kinds than are told apart here.
    if (magic == other_binary && !picture && extension != ".wasm") return {};
    // A drawing under the name of a picture is a slip that browsers forgive.
    return "called " + extension + ", and is " + std::string(to_text(magic));
  }
  if (!is_text_extension(extension) || magic == text || magic == utf16 || magic == other_binary) return {};
  // "BZh" alone is three letters.
  if (magic == bzip2 &&
      piece_of(release, file.entry, 0, 16).substr(0, 10).find("1AY&SY") == std::string::npos)
    return {};
  return "called " + extension + ", and is " + std::string(to_text(magic));
}

// Some bytes of padding are written by honest programs; a camera appends a second picture to the first.
std::string appended(const Release& release, const ReleaseFile& file) {
  constexpr std::uint64_t padding_bytes_max = 16;
  const FileBytes bytes = release.bytes(file.entry);
  const FileEnd end = end_of(file.content.magic, bytes);
  if (end.state == FileEnd::State::broken)
    return "begins like " + std::string(to_text(file.content.magic)) + " and goes on as something else";
  if (end.state != FileEnd::State::known || bytes.size - end.offset <= padding_bytes_max) return {};
  std::vector<std::uint8_t> chunk(64u << 10);
  std::uint64_t at = end.offset;
  while (at < bytes.size) {
    const auto read = bytes.read(at, chunk);
    if (read.has_error()) throw BadResult(read.error());
    if (*read == 0) break;
    const std::string_view part = as_text(Bytes(chunk).first(*read));
    if (at == end.offset && file.content.magic == Magic::jpeg && part.starts_with("\xff\xd8\xff"sv))
      return {};
    if (part.find_first_not_of('\0') != part.npos)
      return human_bytes(bytes.size - end.offset) + " follow behind the end of the " +
             std::string(to_text(file.content.magic));
    at += *read;
  }
  return {};
}

}  // namespace

void check_polyglot(const Release& release, FindingSink& sink) {
  std::set<std::string> shipped;
  if (release.history.baseline)
    for (const FileFact& file : release.history.baseline->files) shipped.insert(file.path + file.digest);
  for (const ReleaseFile& file : release.files) {
    std::string message = lie(release, file);
    if (message.empty() && file.content.magic != Magic::none) message = appended(release, file);
    if (message.empty()) continue;
    const bool same = shipped.contains(file.entry.inner + to_hex(file.entry.digest));
    sink.add({.file = file.entry.inner, .message = std::move(message)}, same ? 1 : 0);
  }
}

}  // namespace sallyport
