#pragma once
// The numbers that rules judge by. An operator changes them under [thresholds] of the policy file.

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace sallyport {

struct Thresholds {
  std::uint64_t file_bytes_max = 5ull << 20;
  std::map<std::string, std::uint64_t>
      file_bytes_max_for;  // glob (see glob.hpp) -> its own limit; largest wins
  double file_factor_max = 20;

  double jump_factor = 1.5, jump_factor_high = 3;
  std::uint64_t jump_bytes = 256u << 10, jump_bytes_high = 1u << 20, jump_bytes_alone = 10u << 20;
  double count_factor = 2;
  std::uint64_t count_files = 500;
  double outlier_score = 6, ratio_factor = 3, shrink_factor = 2;

  std::uint64_t source_map_percent = 50;
  std::uint64_t console_debug_calls = 10;
  double console_debug_factor = 5;

  std::uint64_t young_days = 30, young_version_days = 7, young_block_hours = 72;
  std::uint64_t dormant_days = 365, velocity_minutes = 60;

  std::uint64_t obfuscated_names_min = 10, long_line_bytes_max = 5000;
  // Counted while the bytes of a file pass (content/text_signs.hpp).
  std::uint64_t escape_run_min = 20, blank_run_min = 400, encoded_blob_bytes_min = 1000;
  std::uint64_t personal_rows_max = 20;
};

// One of them: what reading, printing and comparing policies go by. `file_bytes_max_for` is beside the table.
struct ThresholdInfo {
  std::string_view key, rule, meaning;
  std::variant<std::uint64_t Thresholds::*, double Thresholds::*> member;
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();  // of a whole number, and the least
  std::uint64_t min = 1;
};
std::span<const ThresholdInfo> threshold_table();

// "5242880", "1.5".
std::string threshold_text(const Thresholds& thresholds, const ThresholdInfo& info);

}  // namespace sallyport
