#include "policies/content/number_table.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "policies/content/regex.hpp"

namespace sallyport {

bool is_number_table(std::string_view line, std::size_t at) {
  constexpr std::ptrdiff_t table_bytes_min = 1024;  // beyond ASCII
  const auto beyond_ascii = [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; };
  if (std::count_if(line.begin(), line.end(), beyond_ascii) < table_bytes_min) return false;
  // Without these no comment or template ends before the line does, and nothing looks like code.
  constexpr std::string_view of_code = " \t()[]{`/*";
  for (; at < line.size() && line[at] != '"' && line[at] != '\''; ++at) {
    if (line[at] == '\\')
      ++at;
    else if (of_code.find(line[at]) != of_code.npos)
      return false;
  }
  if (at >= line.size()) return false;
  static const Regex rest(R"re(["'](?:\.split\((?:""|'')\)\.map\()re"
                          R"re((?:\(?[A-Za-z_$]{1,2}\)? ?=> ?|function ?\([A-Za-z_$]{1,2}\) ?\{ ?return ))re"
                          R"re([A-Za-z_$]{1,2}\.(?:charCodeAt|codePointAt)\(0\);? ?\}?\))?\)*[,;]*\r?)re");
  return re2::RE2::FullMatch(re2::StringPiece(line.data() + at, line.size() - at), rest.compiled());
}

}  // namespace sallyport
