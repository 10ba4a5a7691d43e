#pragma once
// The numbers that rules judge by. An operator changes them under [thresholds] of the policy file.

#include <cstdint>
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

  std::uint64_t young_days = 30, young_version_days = 7, young_block_hours = 72;
  std::uint64_t dormant_days = 365, velocity_minutes = 60;
};

// One of them: what reading, printing and comparing policies go by. `file_bytes_max_for` is beside the table.
struct ThresholdInfo {
  std::string_view key, rule, meaning;
  std::variant<std::uint64_t Thresholds::*, double Thresholds::*> member;
};
std::span<const ThresholdInfo> threshold_table();

// "5242880", "1.5".
std::string threshold_text(const Thresholds& thresholds, const ThresholdInfo& info);

}  // namespace sallyport
