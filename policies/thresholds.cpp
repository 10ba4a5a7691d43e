#include "policies/thresholds.hpp"

#include <array>
#include <charconv>

namespace sallyport {

std::span<const ThresholdInfo> threshold_table() {
  using T = Thresholds;
  constexpr std::uint64_t days = 36'500;  // a century: beyond it, instants overflow
  static const ThresholdInfo table[] = {
      {"file_bytes_max", "size/file", "Bytes of the largest file that nobody need look at.",
       &T::file_bytes_max},
      {"file_factor_max", "size/file", "Times the median of earlier releases' largest files.",
       &T::file_factor_max},
      {"jump_factor", "size/jump", "Unpacked size, in times of the last release's, from which it counts.",
       &T::jump_factor},
      {"jump_bytes", "size/jump", "And bytes it must have grown by.", &T::jump_bytes},
      {"jump_factor_high", "size/jump", "The same, for the stricter action.", &T::jump_factor_high},
      {"jump_bytes_high", "size/jump", "And bytes, for the stricter action.", &T::jump_bytes_high},
      {"jump_bytes_alone", "size/jump", "Bytes of growth that count whatever the factor.",
       &T::jump_bytes_alone},
      {"count_factor", "size/count", "Files, in times of the last release's.", &T::count_factor},
      {"count_files", "size/count", "Files more than in the last release.", &T::count_files},
      {"outlier_score", "size/outlier", "Modified z-score of the unpacked size among the last releases.",
       &T::outlier_score},
      {"shrink_factor", "size/shrink", "Times that the last release's unpacked size is of this one's.",
       &T::shrink_factor},
      {"ratio_factor", "size/ratio", "Times that other files beside the code become more, or less.",
       &T::ratio_factor},
      {"source_map_percent", "leak/source-map-ratio", "Percent of the unpacked size that maps may be.",
       &T::source_map_percent, 100},
      {"console_debug_calls", "leak/debug-build", "Calls of console.debug from which they count.",
       &T::console_debug_calls},
      {"console_debug_factor", "leak/debug-build", "And times as many, by size, as in the last release.",
       &T::console_debug_factor},
      {"young_days", "deps/young", "Days since a dependency was first published.", &T::young_days, days},
      {"young_version_days", "deps/young", "Days since the version that an install takes was published.",
       &T::young_version_days, days},
      {"young_block_hours", "deps/young",
       "Hours since a dependency was first published, for the stricter action.", &T::young_block_hours,
       days * 24},
      {"dormant_days", "origin/dormant", "Days since the last release.", &T::dormant_days, days},
      {"velocity_minutes", "origin/velocity", "Minutes within which a second release of a line counts.",
       &T::velocity_minutes, days * 24 * 60},
      {"obfuscated_names_min", "code/obfuscated-names", "Names as an obfuscator makes them that count.",
       &T::obfuscated_names_min},
      {"long_line_bytes_max", "code/long-line", "Bytes of the longest line that is still an ordinary one.",
       &T::long_line_bytes_max},
      {"escape_run_min", "code/escapes", "Escapes one after another that count.", &T::escape_run_min, 1000},
      // Shorter runs within sixty-four bytes are not looked for.
      {"blank_run_min", "code/hidden-by-space", "Blanks on a line behind which nobody looks.",
       &T::blank_run_min, 1'000'000'000, 64},
      {"encoded_blob_bytes_min", "code/encoded-blob", "Characters of an encoded string that count.",
       &T::encoded_blob_bytes_min, 1'000'000'000, 64},
      {"personal_rows_max", "leak/personal-data",
       "Different addresses or numbers of one kind that are no matter.", &T::personal_rows_max, 999},
  };
  return table;
}

std::string threshold_text(const Thresholds& thresholds, const ThresholdInfo& info) {
  return std::visit(
      [&](auto member) {
        std::array<char, 32> text;
        const auto end = std::to_chars(text.data(), text.data() + text.size(), thresholds.*member).ptr;
        return std::string(text.data(), end);
      },
      info.member);
}

}  // namespace sallyport
