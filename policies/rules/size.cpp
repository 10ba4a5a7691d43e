// size: the shape of a release against those before it.

#include <algorithm>

#include "policies/glob.hpp"
#include "policies/rules/size.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

using enum Action;

// A package of a few small files grows twentyfold with its first real one; below this nobody needs to look.
constexpr std::uint64_t kOutlierBytesMin = 64u << 10;

bool exceeds(std::uint64_t now, double factor, std::uint64_t before) {
  return static_cast<double>(now) > factor * static_cast<double>(before);
}

void check_file(const Release& release, FindingSink& sink) {
  std::vector<std::pair<Glob, std::uint64_t>> own_limits;
  for (const auto& [glob, bytes] : release.thresholds.file_bytes_max_for)
    own_limits.emplace_back(Glob(glob), bytes);
  std::uint64_t usual = 0;
  if (!release.history.largest_file_bytes.empty()) usual = median(release.history.largest_file_bytes);

  // A file that large, and of this kind, was there before: whoever let it pass has seen it.
  const auto had_one = [&](const std::string& path, std::uint64_t size, std::uint64_t limit) {
    const auto& baseline = release.history.baseline;
    const auto& files = release.facts.files;
    const auto fact =
        std::find_if(files.begin(), files.end(), [&](const FileFact& f) { return f.path == path; });
    const std::string type = fact == files.end() ? std::string() : fact->type;
    return baseline &&
           std::any_of(baseline->files.begin(), baseline->files.end(), [&](const FileFact& before) {
             return before.type == type && before.size > limit && size <= before.size + before.size / 2;
           });
  };

  for (const ReleaseFile& file : release.files) {
    const std::uint64_t size = file.entry.size;
    std::uint64_t limit = 0;
    for (const auto& [glob, bytes] : own_limits) {
      if (glob.matches(file.entry.inner)) limit = std::max(limit, bytes);
    }
    const bool own = limit != 0;
    if (!own) limit = release.thresholds.file_bytes_max;
    if (size > limit) {
      sink.add({.file = file.entry.inner,
                .message = "one file of " + human_bytes(size) + ", above the limit of " + human_bytes(limit)},
               had_one(file.entry.inner, size, limit) ? 1 : 0);
    } else if (!own && usual != 0 && size >= kOutlierBytesMin &&
               exceeds(size, release.thresholds.file_factor_max, usual)) {
      sink.add({.file = file.entry.inner,
                .message = "one file of " + human_bytes(size) +
                           "; the largest file of earlier releases was " + human_bytes(usual) + " (median)"});
    }
  }
}

void check_jump(const Release& release, FindingSink& sink) {
  if (!release.history.baseline) return;
  const Facts& baseline = *release.history.baseline;
  const std::uint64_t before = baseline.unpacked_bytes, now = release.unpacked_bytes;
  if (now <= before) return;
  const std::uint64_t more = now - before;
  const Thresholds& t = release.thresholds;
  const bool leapt = exceeds(now, t.jump_factor_high, before) && more > t.jump_bytes_high;
  const bool grown =
      (exceeds(now, t.jump_factor, before) && more > t.jump_bytes) || more > t.jump_bytes_alone;
  if (!leapt && !grown) return;
  std::string message =
      "unpacked " + human_bytes(now) + ", against " + human_bytes(before) + " in " + baseline.version;
  if (before > 0)
    message += " (" + thousands(now / before) + "." + std::to_string(now * 10 / before % 10) + " times)";
  sink.add({.message = std::move(message), .content_digest = "unpacked"}, leapt ? 1 : 0);
}

constexpr std::size_t count_slack_files = 10;

void check_count(const Release& release, FindingSink& sink) {
  if (!release.history.baseline) return;
  const Facts& baseline = *release.history.baseline;
  const std::size_t before = baseline.files.size(), now = release.files.size();
  const Thresholds& t = release.thresholds;
  // Twice a handful is a handful.
  const std::size_t more = now - std::min(now, before);
  if (!(exceeds(now, t.count_factor, before) && more > count_slack_files) && more <= t.count_files) return;
  sink.add({.message = thousands(now) + " files, against " + thousands(before) + " in " + baseline.version,
            .content_digest = "files"});
}

// Types that carry source, run by themselves, or hide other files.
bool is_telling(std::string_view type) {
  constexpr std::string_view kNames[] = {
      ".map", ".wasm", ".node", ".dll", ".so",   ".dylib", ".exe",  ".sh",  ".bash",    ".zsh",
      ".bat", ".cmd",  ".ps1",  ".gyp", ".gypi", ".tgz",   ".tar",  ".gz",  ".zip",     ".tar.gz",
      ".zst", ".xz",   ".bz2",  ".7z",  ".rar",  ".jar",   ".asar", ".br",  ".vbs",     ".vbe",
      ".hta", ".wsf",  ".jse",  ".lnk", ".scr",  ".msi",   ".pyc",  ".jsc", ".command", ".desktop",
  };
  constexpr Magic kMagic[] = {Magic::wasm, Magic::elf,   Magic::pe,        Magic::mach_o,
                              Magic::gzip, Magic::zip,   Magic::tar,       Magic::zstd,
                              Magic::xz,   Magic::bzip2, Magic::java_class};
  return std::find(std::begin(kNames), std::end(kNames), type) != std::end(kNames) ||
         std::any_of(std::begin(kMagic), std::end(kMagic), [type](Magic m) { return to_text(m) == type; });
}

void check_new_type(const Release& release, FindingSink& sink) {
  constexpr int kFindingsMax = 20;
  std::set<std::string> seen = release.history.types_seen;
  if (release.history.baseline) {
    for (const FileFact& file : release.history.baseline->files) seen.insert(file.type);
  }
  if (seen.empty()) return;  // the first release: everything is new
  int plain = 0;
  for (const FileFact& file : release.facts.files) {
    if (!seen.insert(file.type).second) continue;
    const bool telling = is_telling(file.type);
    // Endless made-up extensions must not bury the telling ones.
    if (!telling && ++plain > kFindingsMax) continue;
    const std::string what = file.type.empty() ? "without an extension" : "of type " + file.type;
    sink.add({.file = file.path,
              .message = "the first file " + what + " in this package's recent releases",
              .content_digest = file.type},
             file.type == ".map" ? 2
             : telling           ? 1
                                 : 0);
  }
}

}  // namespace

std::span<const Rule> size_rules() {
  static const Rule rules[] = {
      {{"size/file",
        "one file is unusually large",
        "A file of many megabytes is rarely code: maps, dumps, bundles of malware and forgotten archives are "
        "(claude-code's map was 59.8 MB, Shai-Hulud's bundle 10 MB).",
        "Leave the file out of \"files\", or set its limit under [thresholds.file_bytes_max_for] of the "
        "policy.",
        {everywhere(warn), everywhere(note)}},
       check_file},
      {{"size/jump",
        "the unpacked package grew far beyond the last release",
        "Real releases change their size by one per cent; a package that grows by half carries something "
        "new, be it a source map, a bundle or a payload.",
        "Compare the file list with the last release and take out what does not belong.",
        {everywhere(warn), everywhere(escalate)}},
       check_jump},
      {{"size/outlier",
        "the unpacked size stands out of the last releases of its line",
        "Measured against its own last releases, a size may stand out that a comparison with one of them "
        "does not show.",
        "Compare the file list with the last release and take out what does not belong.",
        {everywhere(warn)}},
       check_outlier},
      {{"size/shrink",
        "less than half of the last release",
        "A release that loses half of itself was packed from the wrong folder, before the build, or wiped by "
        "its author, as faker was.",
        "Check that the right folder was packed, after a whole build.",
        {everywhere(note)}},
       check_shrink},
      {{"size/count",
        "many more files than in the last release",
        "Hundreds of new files are a folder that was not meant to ship: sources, tests, node_modules.",
        "Compare the file list with the last release and take out what does not belong.",
        {everywhere(warn)}},
       check_count},
      {{"size/ratio",
        "three times more, or less, beside the code than in the last release",
        "When what is not code grows past the code, maps, data or archives came in; claude-code's map turned "
        "the proportion over.",
        "Compare the file list with the last release: source maps, data and documents count as other than "
        "code.",
        {everywhere(warn), everywhere(note)}},
       check_ratio},
      {{"size/new-type",
        "a kind of file that recent releases never shipped",
        "The first map, program or archive in a package's life is how leaks and droppers look before "
        "anything else about them is known.",
        "Check that this kind of file is meant to ship; narrow \"files\" if it is not.",
        {everywhere(note), everywhere(escalate), {escalate, note, escalate}}},
       check_new_type},
      {{"size/new-path",
        "a top-level folder or dotfile that the last release did not have",
        "A folder or dotfile at the top that was never there is where leftovers of tools and hooks of "
        "attackers lie (LiteLLM's start-up file).",
        "Check that it is meant to ship; narrow \"files\" if it is not.",
        {everywhere(note)}},
       check_new_path},
  };
  return rules;
}

}  // namespace sallyport
