#include "storage/base/semver.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace sallyport {

namespace {

constexpr std::size_t text_max = 256;                   // node-semver's MAX_LENGTH
constexpr std::uint64_t number_max = (1ULL << 53) - 1;  // JavaScript's MAX_SAFE_INTEGER
constexpr std::size_t uint64_digits = std::numeric_limits<std::uint64_t>::digits10;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_identifier(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}
bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_digit);
}
bool leading_zero(std::string_view digits) {
  return digits.size() > 1 && digits.front() == '0';
}

// The text up to the next of `stops`; it and the stop itself are taken from `rest`'s front.
std::string_view take_until(std::string_view& rest, char stop) {
  const std::size_t at = rest.find(stop);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return part;
}

std::optional<std::uint64_t> core_number(std::string_view digits) {
  if (digits.empty() || !all_digits(digits) || leading_zero(digits) || digits.size() > uint64_digits)
    return {};
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (value > number_max) return {};
  return value;
}

using Identifier = std::variant<std::uint64_t, std::string>;

std::strong_ordering order(const std::string& a, const std::string& b) {
  return a.compare(b) <=> 0;
}

// Numbers come before words. A string of digits is a number too long for 64 bits: longer is greater.
std::strong_ordering compare_identifiers(const Identifier& a, const Identifier& b) {
  const auto* small_a = std::get_if<std::uint64_t>(&a);
  const auto* small_b = std::get_if<std::uint64_t>(&b);
  if (small_a != nullptr && small_b != nullptr) return *small_a <=> *small_b;
  const bool number_a = small_a != nullptr || all_digits(std::get<std::string>(a));
  const bool number_b = small_b != nullptr || all_digits(std::get<std::string>(b));
  if (number_a != number_b) return number_a ? std::strong_ordering::less : std::strong_ordering::greater;
  if (small_a != nullptr) return std::strong_ordering::less;
  if (small_b != nullptr) return std::strong_ordering::greater;
  const auto& long_a = std::get<std::string>(a);
  const auto& long_b = std::get<std::string>(b);
  if (number_a && long_a.size() != long_b.size()) return long_a.size() <=> long_b.size();
  return order(long_a, long_b);
}

}  // namespace

Result<Version> Version::parse(std::string_view text) {
  const auto refused = [](std::string_view why) {
    return fail(ErrorKind::invalid,
                "the version is not a semantic version such as 1.2.3 or 1.2.3-beta.1: " + std::string(why));
  };
  if (text.size() > text_max) return refused("it is longer than 256 characters");

  Version version;
  const std::size_t plus = text.find('+');
  std::string_view rest = text.substr(0, plus);
  if (plus != std::string_view::npos) {
    std::string_view build = text.substr(plus + 1);
    version.build = std::string(build);
    do {
      const bool last = build.find('.') == std::string_view::npos;
      const std::string_view part = take_until(build, '.');
      if (part.empty() || !std::all_of(part.begin(), part.end(), is_identifier)) {
        return refused("its build part is not dot-separated letters, digits and hyphens");
      }
      if (last) break;
    } while (true);
  }

  const std::size_t dash = rest.find('-');
  std::string_view core = rest.substr(0, dash);
  if (std::count(core.begin(), core.end(), '.') != 2) return refused("it must begin with three numbers");
  for (std::uint64_t* number : {&version.major, &version.minor, &version.patch}) {
    const auto value = core_number(take_until(core, '.'));
    if (!value) return refused("it must begin with three numbers without leading zeros, up to 2^53-1");
    *number = *value;
  }

  if (dash != std::string_view::npos) {
    std::string_view prerelease = rest.substr(dash + 1);
    while (true) {
      const bool last = prerelease.find('.') == std::string_view::npos;
      const std::string_view part = take_until(prerelease, '.');
      if (part.empty() || !std::all_of(part.begin(), part.end(), is_identifier)) {
        return refused("its prerelease part is not dot-separated letters, digits and hyphens");
      }
      if (all_digits(part) && leading_zero(part))
        return refused("a number of its prerelease has a leading zero");
      if (all_digits(part) && part.size() <= uint64_digits) {
        std::uint64_t value = 0;
        std::from_chars(part.data(), part.data() + part.size(), value);
        version.prerelease.emplace_back(value);
      } else {
        version.prerelease.emplace_back(std::string(part));
      }
      if (last) break;
    }
  }
  return version;
}

std::string Version::text() const {
  std::string text = std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
  char separator = '-';
  for (const Identifier& part : prerelease) {
    text += separator;
    separator = '.';
    if (const auto* number = std::get_if<std::uint64_t>(&part)) {
      text += std::to_string(*number);
    } else {
      text += std::get<std::string>(part);
    }
  }
  return text;
}

std::string Version::text_with_build() const {
  return build.empty() ? text() : text() + '+' + build;
}

std::strong_ordering compare(const Version& a, const Version& b) {
  if (const auto c = a.major <=> b.major; c != 0) return c;
  if (const auto c = a.minor <=> b.minor; c != 0) return c;
  if (const auto c = a.patch <=> b.patch; c != 0) return c;
  // A release comes after its prereleases.
  if (a.prerelease.empty() || b.prerelease.empty()) return a.prerelease.empty() <=> b.prerelease.empty();
  const std::size_t common = std::min(a.prerelease.size(), b.prerelease.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (const auto c = compare_identifiers(a.prerelease[i], b.prerelease[i]); c != 0) return c;
  }
  return a.prerelease.size() <=> b.prerelease.size();
}

}  // namespace sallyport
