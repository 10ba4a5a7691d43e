#include "policies/content/iban.hpp"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

constexpr std::size_t group = 4;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}

// Characters of an account number in this country; 0: it has none.
std::size_t length_in(std::string_view country) {
  // As the register of IBANs has them; in order.
  static constexpr std::pair<std::string_view, std::size_t> lengths[] = {
      {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
      {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
      {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
      {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
      {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
      {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
      {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
      {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
      {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
      {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
      {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
      {"YE", 30}};
  const auto* const found =
      std::lower_bound(std::begin(lengths), std::end(lengths), country,
                       [](const auto& row, std::string_view c) { return row.first < c; });
  return found != std::end(lengths) && found->first == country ? found->second : 0;
}

// With the first four characters behind the others and letters as 10 to 35, it is 1 modulo 97.
bool checks(std::string_view number) {
  unsigned rest = 0;
  for (std::size_t i = 0; i < number.size(); ++i) {
    const char c = number[(i + group) % number.size()];
    rest = is_digit(c) ? rest * 10 + static_cast<unsigned>(c - '0')
                       : rest * 100 + static_cast<unsigned>(c - 'A') + 10;
    rest %= 97;
  }
  return rest == 1;
}

}  // namespace

std::string iban_at(std::string_view text) {
  const std::size_t length = length_in(text.substr(0, 2));
  if (length == 0) return {};
  const bool apart = text.size() > group && text[group] == ' ';
  std::string number;
  std::size_t at = 0;
  for (; at < text.size() && number.size() < length; ++at) {
    if (apart && !number.empty() && number.size() % group == 0 && text[at] == ' ' && text[at - 1] != ' ')
      continue;
    if (!is_digit(text[at]) && !is_capital(text[at])) return {};
    if (apart && at % (group + 1) == group) return {};
    number += text[at];
  }
  if (number.size() < length || !is_digit(number[2]) || !is_digit(number[3])) return {};
  const char next = at < text.size() ? text[at] : ' ';
  if (is_digit(next) || is_capital(next) || (next >= 'a' && next <= 'z') || next == '_') return {};
  return checks(number) ? number : std::string();
}

}  // namespace sallyport
