#include "policies/rules/text_place.hpp"

#include <algorithm>

#include "policies/code/tokens.hpp"
#include "policies/rules/runtime.hpp"

namespace sallyport {

namespace {

TextPlace place_in(const Token& token) {
  using enum Token::Kind;
  if (token.kind == regex) return TextPlace::regex;
  const bool whole = token.kind == string || (token.kind == template_text && token.flags == 0);
  return whole && token.text.find(' ') != token.text.npos ? TextPlace::sentence : TextPlace::code;
}

// Bytes that it takes in the file.
std::uint64_t size_of(const Token& token) {
  const bool quoted = token.kind == Token::Kind::string || token.kind == Token::Kind::template_text;
  return token.text.size() + (quoted ? 2 : 0);
}

}  // namespace

std::map<std::uint64_t, TextPlace> places_in(const Release& release, const ReleaseFile& file,
                                             const std::map<std::uint64_t, std::uint32_t>& lines) {
  std::map<std::uint64_t, TextPlace> out;
  auto next = lines.begin();
  bool unsure = false;  // how far the last token reaches: it was cut, or is shorter than it is written
  // What lies between tokens is a comment.
  const auto take = [&](const Token& token) {
    for (; next != lines.end() && next->first < token.offset; ++next)
      out[next->first] = unsure || next->second == token.line ? TextPlace::code : TextPlace::comment;
    for (; next != lines.end() && next->first < token.offset + size_of(token); ++next)
      out[next->first] = place_in(token);
    unsure = (token.flags & Token::cut) != 0 ||
             (token.kind == Token::Kind::word && (token.flags & Token::escaped) != 0);
  };
  Tokens tokens({}, [&](std::span<const Token> given) {
    if (next != lines.end()) std::for_each(given.begin(), given.end(), take);
  });
  read_file(release, file, [&](Bytes piece) { tokens.feed(piece); });
  tokens.finish();
  for (; next != lines.end(); ++next) out[next->first] = unsure ? TextPlace::code : TextPlace::comment;
  if (tokens.fault())
    for (auto& [offset, place] : out) place = TextPlace::code;
  return out;
}

}  // namespace sallyport
