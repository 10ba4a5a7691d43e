// A release against several before it, and its make-up against the last one's.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "policies/rules/file_kinds.hpp"
#include "policies/rules/size.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::size_t line_releases_min = 5, line_releases_max = 10;
constexpr double mad_floor = 0.02;             // of the median: releases of one size are no yardstick
constexpr double normal_consistency = 0.6745;  // makes the MAD of a normal distribution its deviation

// A few kilobytes more of documents or code turn the make-up of a small package over.
constexpr std::uint64_t ratio_slack_bytes = 32u << 10;

std::string one_decimal(double number) {
  const auto tenths = static_cast<unsigned long long>(std::llround(number * 10));
  return thousands(tenths / 10) + "." + std::to_string(tenths % 10);
}

struct MakeUp {
  std::uint64_t code = 0, other = 0;
  double ratio() const {
    return static_cast<double>(other + ratio_slack_bytes) / static_cast<double>(code + ratio_slack_bytes);
  }
};

MakeUp make_up(const Facts& facts) {
  MakeUp out;
  for (const FileFact& file : facts.files) (is_code_type(file.type) ? out.code : out.other) += file.size;
  return out;
}

// The folder or dotfile at which a path leaves what is known, e.g. "docs/" or "lib/.env"; empty: it does not.
std::string_view new_part(const std::set<std::string, std::less<>>& known, std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = path.find('/', at);
    const std::size_t end = slash == path.npos ? path.size() : slash + 1;
    const bool top_folder = at == 0 && slash != path.npos;
    if ((top_folder || path[at] == '.') && !known.contains(path.substr(0, end))) return path.substr(0, end);
    at = end;
  }
  return {};
}

}  // namespace

std::uint64_t median(std::vector<std::uint64_t> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void check_outlier(const Release& release, FindingSink& sink) {
  const auto& line = release.history.line;
  if (line.size() < line_releases_min) return;
  std::vector<std::uint64_t> sizes, distances;
  for (std::size_t i = 0; i < std::min(line.size(), line_releases_max); ++i)
    sizes.push_back(line[i].unpacked_bytes);
  const std::uint64_t usual = median(sizes);
  for (const std::uint64_t size : sizes) distances.push_back(size > usual ? size - usual : usual - size);
  const double spread =
      std::max(static_cast<double>(median(distances)), mad_floor * static_cast<double>(usual));
  if (release.unpacked_bytes <= usual || spread <= 0) return;
  const double score = normal_consistency * static_cast<double>(release.unpacked_bytes - usual) / spread;
  if (score <= release.thresholds.outlier_score) return;
  sink.add({.message = "unpacked " + human_bytes(release.unpacked_bytes) + ", where the last " +
                       std::to_string(sizes.size()) + " releases of this line had " + human_bytes(usual) +
                       " (median; modified z-score " + one_decimal(score) + ")",
            .content_digest = "outlier"});
}

void check_shrink(const Release& release, FindingSink& sink) {
  if (!release.history.baseline) return;
  const std::uint64_t before = release.history.baseline->unpacked_bytes, now = release.unpacked_bytes;
  if (static_cast<double>(before) <= release.thresholds.shrink_factor * static_cast<double>(now)) return;
  sink.add({.message = "unpacked " + human_bytes(now) + ", against " + human_bytes(before) + " in " +
                       printable(release.history.baseline->version),
            .content_digest = "shrink"});
}

void check_ratio(const Release& release, FindingSink& sink) {
  if (!release.history.baseline) return;
  const MakeUp before = make_up(*release.history.baseline), now = make_up(release.facts);
  const double change = now.ratio() / before.ratio();
  const double factor = release.thresholds.ratio_factor;
  if (change <= factor && change >= 1 / factor) return;
  const auto told = [](const MakeUp& m) {
    return human_bytes(m.other) + " beside " + human_bytes(m.code) + " of code";
  };
  sink.add(
      {.message = "the make-up changed " + one_decimal(std::max(change, 1 / change)) + "-fold: " + told(now) +
                  ", against " + told(before) + " in " + printable(release.history.baseline->version),
       .content_digest = "ratio"},
      // Where code went, or the rest shrank with it, nothing came in beside it.
      change < 1 || now.other <= before.other + ratio_slack_bytes ? 1 : 0);
}

void check_new_path(const Release& release, FindingSink& sink) {
  if (!release.history.baseline) return;
  std::set<std::string, std::less<>> known;
  for (const FileFact& file : release.history.baseline->files) {
    const std::string_view path = file.path;
    for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      known.emplace(path.substr(0, slash + 1));
    known.emplace(path);
  }
  std::map<std::string_view, std::pair<std::string_view, std::size_t>> fresh;  // part -> first file, files
  for (const FileFact& file : release.facts.files) {
    if (const auto part = new_part(known, file.path); !part.empty())
      ++fresh.try_emplace(part, file.path, 0).first->second.second;
  }
  for (const auto& [part, files] : fresh) {
    std::string message = printable(part) + " is new since " + printable(release.history.baseline->version);
    if (files.second > 1) message += ", " + thousands(files.second) + " files of it";
    sink.add({.file = files.first, .message = std::move(message), .content_digest = part});
  }
}

}  // namespace sallyport
