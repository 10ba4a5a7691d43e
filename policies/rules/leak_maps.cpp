// Source maps: beside the code, under another name, inside it, or at an address in it.

#include <algorithm>
#include <set>
#include <vector>

#include "policies/content/source_map.hpp"
#include "policies/rules/leak.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

std::string files_of(std::uint64_t count, std::string_view whose) {
  return thousands(count) + " " + std::string(whose) + (count == 1 ? " file" : " files");
}

// Names of counts in Facts::measures.
constexpr std::string_view measure_maps = "source-maps", measure_urls = "source-maps-with-addresses",
                           measure_with_sources = "source-maps-with-sources",
                           measure_inline = "inline-source-maps";

std::string lines_of(std::uint64_t count) {
  return thousands(count) + (count == 1 ? " line" : " lines");
}

std::string samples(const SourceMapSummary& map) {
  std::string out;
  for (const auto& source : map.sample_sources) out += (out.empty() ? "" : ", ") + source;
  return out.empty() || map.sources_own <= map.sample_sources.size() ? out : out + ", …";
}

// Who has read that a package ships maps need not read it again with every release: those are of tier 1.
int tier_since(const Release& release, std::string_view measure) {
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->measured) return 0;
  const auto before = baseline->measures.find(std::string(measure));
  return before != baseline->measures.end() && before->second > 0 ? 1 : 0;
}

bool carries_text(const SourceMapSummary& map) {
  return map.embedded_own + map.embedded_third_party > 0;
}

// "the text of 1,906 of your files (512,000 lines)"
std::string carried(const SourceMapSummary& map) {
  if (map.embedded_own == 0)
    return "the text of " + files_of(map.embedded_third_party, "third-party") + " (" +
           lines_of(map.embedded_lines) + ")";
  return "the text of " + thousands(map.embedded_own) + " of your files (" +
         lines_of(map.embedded_own_lines) + ")";
}

std::string listed(const SourceMapSummary& map) {
  return (map.sections ? "a source map in sections" : "a source map") +
         (" of " + files_of(map.sources_own, "own")) + " and " +
         files_of(map.sources_third_party, "third-party");
}

// What `target`, found in the file at `path`, names inside the package; empty if that lies outside.
std::string resolve(std::string_view path, std::string_view target) {
  std::string decoded;
  target = target.substr(0, target.find_first_of("?#"));
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto code = target[i] == '%' && i + 2 < target.size()
                          ? from_hex(target.substr(i + 1, 2))
                          : Result<std::string>(std::string(1, target[i]));
    if (!code) return {};
    decoded += *code;
    if (target[i] == '%') i += 2;
  }
  const std::size_t slash = path.rfind('/');
  std::string joined = decoded.starts_with('/') || slash == std::string_view::npos
                           ? decoded
                           : std::string(path.substr(0, slash + 1)) + decoded;
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= joined.size();) {
    const std::size_t end = std::min(joined.find('/', at), joined.size());
    const std::string part = joined.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (parts.empty())
      return {};
    else
      parts.pop_back();
  }
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : "/") + part;
  return out;
}

}  // namespace

void add_map_facts(const Release& release, Facts& facts) {
  std::uint64_t maps = 0, with_sources = 0, inlined = 0, remote = 0;
  for_each_content(release, [&](std::string_view path, std::uint64_t, const FileContent& content) {
    remote += content.map && !content.map->remote_sources.empty() ? 1 : 0;
    for (const InlineMap& map : content.inline_maps) remote += map.map.remote_sources.empty() ? 0 : 1;
    maps += content.map || folded(path).ends_with(".map") ? 1 : 0;
    with_sources += content.map && carries_text(*content.map) ? 1 : 0;
    inlined += content.inline_maps.size();
    for (const InlineMap& map : content.inline_maps) with_sources += carries_text(map.map) ? 1 : 0;
  });
  facts.measures[std::string(measure_urls)] = remote;
  facts.measures[std::string(measure_maps)] = maps;
  facts.measures[std::string(measure_with_sources)] = with_sources;
  facts.measures[std::string(measure_inline)] = inlined;
}

void check_source_map(const Release& release, FindingSink& sink) {
  const int tier = tier_since(release, measure_maps);
  for_each_content(release, [&](std::string_view path, std::uint64_t size, const FileContent& content) {
    const bool named = folded(path).ends_with(".map");
    if (content.map)
      sink.add({.file = path,
                .message = listed(*content.map) + " ships (" + human_bytes(size) +
                           (named ? ")" : "), though its name does not say so"),
                .evidence = samples(*content.map)},
               carries_text(*content.map) ? tier : 1);
    else if (named)
      sink.add({.file = path, .message = "a file named as a source map ships (" + human_bytes(size) + ")"},
               tier);
  });
}

void check_source_map_sources(const Release& release, FindingSink& sink) {
  const int tier = tier_since(release, measure_with_sources);
  for_each_content(release, [&](std::string_view path, std::uint64_t, const FileContent& content) {
    if (content.map && carries_text(*content.map))
      sink.add({.file = path,
                .message = "source map carries " + carried(*content.map),
                .evidence = samples(*content.map),
                .offset = 0},
               tier);
    for (const InlineMap& map : content.inline_maps)
      if (carries_text(map.map))
        sink.add({.file = path,
                  .message = "inline source map carries " + carried(map.map),
                  .evidence = samples(map.map),
                  .line = map.line,
                  .offset = map.offset},
                 tier);
  });
}

void check_inline_source_map(const Release& release, FindingSink& sink) {
  const int tier = tier_since(release, measure_inline);
  for_each_content(release, [&](std::string_view path, std::uint64_t, const FileContent& content) {
    for (const InlineMap& map : content.inline_maps)
      sink.add({.file = path,
                .message = listed(map.map) + " is inside the file (" + human_bytes(map.map.bytes) + ")",
                .evidence = samples(map.map),
                .line = map.line,
                .offset = map.offset},
               tier);
  });
}

void check_source_map_reference(const Release& release, FindingSink& sink) {
  std::set<std::string_view> shipped;
  for (const ReleaseFile& file : release.files) shipped.insert(file.entry.inner);
  for_each_content(release, [&](std::string_view path, std::uint64_t, const FileContent& content) {
    std::set<std::string_view> told;
    for (const MapReference& reference : content.map_references) {
      if (is_remote_source(reference.target) || !told.insert(reference.target).second) continue;
      const std::string inner = resolve(path, reference.target);
      if (shipped.contains(inner)) continue;
      sink.add({.file = path,
                .message = "a comment names the source map " + printable(reference.target) +
                           ", which is not in the package",
                .line = reference.line,
                .offset = reference.offset});
    }
  });
}

void check_source_map_url(const Release& release, FindingSink& sink) {
  const int tier = tier_since(release, measure_urls);
  for_each_content(release, [&](std::string_view path, std::uint64_t, const FileContent& content) {
    std::set<std::string_view> told;
    for (const MapReference& reference : content.map_references)
      if (is_remote_source(reference.target) && told.insert(reference.target).second)
        sink.add({.file = path,
                  .message = "a comment says where the source map is to be had",
                  .evidence = printable(reference.target),
                  .line = reference.line,
                  .offset = reference.offset});
    const auto map = [&](const SourceMapSummary& summary, std::optional<std::uint32_t> line,
                         std::uint64_t offset) {
      if (summary.remote_sources.empty()) return;
      std::string where;
      for (const auto& source : summary.remote_sources) where += (where.empty() ? "" : ", ") + source;
      sink.add({.file = path,
                .message = "the source map says where its sources are to be had",
                .evidence = where,
                .line = line,
                .offset = offset},
               tier);
    };
    if (content.map) map(*content.map, {}, 0);
    for (const InlineMap& inline_map : content.inline_maps)
      map(inline_map.map, inline_map.line, inline_map.offset);
  });
}

void check_source_map_ratio(const Release& release, FindingSink& sink) {
  std::uint64_t bytes = 0;
  for (const ReleaseFile& file : release.files) {
    std::uint64_t of_file = 0;
    if (file.content.map || folded(file.entry.inner).ends_with(".map")) of_file = file.entry.size;
    // Written in base64 a map takes four bytes for three of its own.
    for (const InlineMap& map : file.content.inline_maps) of_file += map.map.bytes / 3 * 4;
    bytes += std::min(of_file, file.entry.size);
  }
  // Sizes are held far below the one whose hundredfold would overflow.
  if (bytes == 0 || bytes * 100 <= release.unpacked_bytes * release.thresholds.source_map_percent) return;
  sink.add({.message = "source maps are " + human_bytes(bytes) + " of the " +
                       human_bytes(release.unpacked_bytes) + " that the package unpacks to",
            .content_digest = "source maps above half"},
           std::max(tier_since(release, measure_maps), tier_since(release, measure_inline)));
}

}  // namespace sallyport
