// Text that deceives its reader, or was made so that nobody can read it.

#include <algorithm>

#include "policies/rules/code.hpp"
#include "policies/rules/signs.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

template <class Say>  // std::string(const SignGroup&)
void say_each(const Release& release, std::string_view rule, FindingSink& sink, const Say& say) {
  for (const SignGroup& group : sign_groups(release, rule))
    sink.add({.file = group.path,
              .message = say(group) + and_more(group),
              .evidence = group.first->evidence,
              .line = group.first->line,
              .offset = group.first->offset,
              .content_digest = group.digest});
}

}  // namespace

void check_obfuscated_names(const Release& release, FindingSink& sink) {
  constexpr std::string_view rule = "code/obfuscated-names";
  const std::uint64_t names_min = release.thresholds.obfuscated_names_min;
  // A payload may be cut into files that have a few each.
  std::uint64_t few = 0;
  std::string where;
  for (const ReleaseFile& file : release.files) {
    std::uint64_t most = 0;
    std::string path;
    const auto count = [&](std::string_view inner, const FileContent& content) {
      const auto names = content.sign_counts.find(rule);
      if (names == content.sign_counts.end() || names->second <= most) return;
      most = names->second;
      path = inner;
    };
    count(file.entry.inner, file.content);
    for_each_nested(file.content, [&](std::string_view inner, std::uint64_t, const FileContent& content) {
      count(inner, content);
    });
    if (most >= names_min) {
      std::optional<std::uint32_t> line;
      for_each_sign(release, rule, [&](std::string_view at, const FileContent&, const Sign& sign) {
        if (at == path && !line) line = sign.line;
      });
      sink.add({.file = path,
                .message = thousands(most) + " names as an obfuscator makes them (_0x…)",
                .line = line});
    } else if (most > 0) {
      few += most;
      where += (where.empty() ? "" : ", ") + path;
    }
  }
  if (few >= names_min)
    sink.add(
        {.message = thousands(few) + " names as an obfuscator makes them (_0x…), a few in each of " + where});
}

void check_hidden_by_space(const Release& release, FindingSink& sink) {
  say_each(release, "code/hidden-by-space", sink, [](const SignGroup& group) {
    return "something stands behind " + group.first->what + " on one line, where no editor shows it";
  });
}

void check_bidi(const Release& release, FindingSink& sink) {
  say_each(release, "code/bidi", sink, [](const SignGroup& group) {
    return group.first->what + " makes the text look other than it runs";
  });
}

void check_invisible(const Release& release, FindingSink& sink) {
  say_each(release, "code/invisible", sink,
           [](const SignGroup& group) { return group.first->what + ", which nobody sees"; });
}

void check_homoglyph(const Release& release, FindingSink& sink) {
  say_each(release, "code/homoglyph", sink, [](const SignGroup& group) {
    return "\"" + printable(group.first->what, 60) + "\" mixes Latin letters with others that look the same";
  });
}

void check_escapes(const Release& release, FindingSink& sink) {
  say_new(release, "code/escapes", sink, [](const SignGroup& group) {
    return "a string written in " + group.first->what + ", one after another";
  });
}

void check_encoded_blob(const Release& release, FindingSink& sink) {
  say_new(release, "code/encoded-blob", sink,
          [](const SignGroup& group) { return "a long encoded string that holds " + group.first->what; });
}

void check_long_line(const Release& release, FindingSink& sink) {
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->measured) return;
  const std::string measure(measure_longest_line);
  const std::uint64_t line_bytes_max = release.thresholds.long_line_bytes_max;
  const auto longest_of = [&](const Facts& facts) {
    const auto longest = facts.measures.find(measure);
    return longest == facts.measures.end() ? 0 : longest->second;
  };
  const auto had_one = [&](const Facts& facts) { return longest_of(facts) > line_bytes_max; };
  if (had_one(*baseline) || std::any_of(release.history.line.begin(), release.history.line.end(), had_one))
    return;
  std::string path;
  std::uint64_t longest = line_bytes_max;
  for_each_content(release, [&](std::string_view inner, std::uint64_t, const FileContent& content) {
    if (content.map || content.longest_line_bytes <= longest) return;
    longest = content.longest_line_bytes;
    path = inner;
  });
  if (!path.empty())
    sink.add({.file = path,
              .message = "a line of " + thousands(longest) + " characters; the longest in " +
                         baseline->version + " had " + thousands(longest_of(*baseline))});
}

}  // namespace sallyport
