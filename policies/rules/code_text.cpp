// Text that deceives its reader, or was made so that nobody can read it.

#include <algorithm>
#include <map>
#include <unordered_map>

#include "policies/content/number_table.hpp"
#include "policies/content/text_signs.hpp"
#include "policies/module_references.hpp"
#include "policies/rules/code.hpp"
#include "policies/rules/file_kinds.hpp"
#include "policies/rules/runtime.hpp"
#include "policies/rules/signs.hpp"
#include "policies/rules/text_place.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

// Release::file for who asks of every file.
class FilesByPath {
 public:
  explicit FilesByPath(const Release& release) : release_(release) {}
  const ReleaseFile* at(std::string_view path) {
    if (files_.empty())
      for (const ReleaseFile& file : release_.files) files_.emplace(file.entry.inner, &file);
    const auto found = files_.find(path);
    return found == files_.end() ? nullptr : found->second;
  }

 private:
  const Release& release_;
  std::unordered_map<std::string_view, const ReleaseFile*> files_;  // the first of a path
};

// Whether files run is found by reading all code: asked once of each, and of a few.
class Running {
 public:
  explicit Running(const Release& release) : release_(release), files_(release) {}
  bool contains(std::string_view path) {
    constexpr std::size_t asked_max = 20;
    const std::string outer(path.substr(0, path.find('!')));
    if (const auto known = asked_.find(outer); known != asked_.end()) return known->second;
    const ReleaseFile* file = files_.at(outer);
    if (file == nullptr || asked_.size() >= asked_max) return true;
    return asked_[outer] = may_run(release_, *file);
  }

 private:
  const Release& release_;
  FilesByPath files_;
  std::map<std::string, bool> asked_;
};

bool is_document(std::string_view path) {
  const std::string name = folded(path);
  constexpr std::string_view ends[] = {".md", ".markdown", ".mdx", ".txt", ".rst", ".adoc"};
  return std::any_of(std::begin(ends), std::end(ends),
                     [&](std::string_view end) { return name.ends_with(end); });
}

// Where the signs of a rule stand in the programs of a release, found by reading those anew: a few of them.
class Places {
 public:
  Places(const Release& release, std::string_view rule) : release_(release), files_(release), rule_(rule) {}
  TextPlace of(std::string_view path, const Sign& sign) {
    constexpr std::size_t read_max = 20;
    // What was unpacked cannot be read again; beyond the first signs nobody knows where they stand.
    const ReleaseFile* file = files_.at(path);
    if (file == nullptr || sign.what == sign_rest) return TextPlace::code;
    const SourceKind kind = source_kind(path, file->content.shebang);
    if (kind != SourceKind::script && kind != SourceKind::declaration) return TextPlace::code;
    auto known = read_.find(path);
    if (known == read_.end()) {
      if (read_.size() >= read_max) return TextPlace::code;
      std::map<std::uint64_t, std::uint32_t> lines;
      for (const Sign& each : file->content.signs)
        if (each.rule == rule_ && each.what != sign_rest) lines[each.offset] = each.line;
      known = read_.emplace(path, places_in(release_, *file, lines)).first;
    }
    const auto place = known->second.find(sign.offset);
    return place == known->second.end() ? TextPlace::code : place->second;
  }

 private:
  const Release& release_;
  FilesByPath files_;
  std::string_view rule_;
  std::map<std::string, std::map<std::uint64_t, TextPlace>, std::less<>> read_;
};

// A table of Markdown sets its columns apart with blanks. Where code loads the file, it is code.
bool is_row_of_table(Running& running, std::string_view path, const Sign& sign) {
  const std::string name = folded(path);
  if (!name.ends_with(".md") && !name.ends_with(".markdown")) return false;
  if (!sign.evidence.starts_with('|') && sign.what != sign_rest) return false;
  return !running.contains(path);
}

// Names deceive where they run or name a package; unpacked from a string, bytes make such words by chance.
bool is_name_of_nothing(Running& running, std::string_view path) {
  if (path.find("!base64") != std::string_view::npos || path.find("!hex") != std::string_view::npos)
    return true;
  return base_name(path) != "package.json" && !running.contains(path);
}

// Texts in Arabic or Hebrew come with embeddings of their direction, and JSON runs nothing. Overrides and
// isolates, which reorder what is shown around them, are for no text.
bool is_text_of_its_direction(std::string_view path, const Sign& sign) {
  const std::string name = folded(path);
  if (!name.ends_with(".json") || base_name(name) == "package.json") return false;
  const bool embedding = sign.what == "U+202A" || sign.what == "U+202B";
  const bool right_to_left = std::any_of(sign.evidence.begin(), sign.evidence.end(), [](char c) {
    const auto lead = static_cast<unsigned char>(c);
    return lead >= 0xD6 && lead <= 0xDB;  // of U+0580 to U+06FF in UTF-8
  });
  return (embedding && right_to_left) || sign.what == sign_rest;
}

// Whether a sign stands in a table of numbers (content/number_table.hpp): of a few, which are read again.
class NumberTables {
 public:
  explicit NumberTables(const Release& release) : release_(release) {}
  bool contain(std::string_view path, const Sign& sign) {
    constexpr std::size_t read_max = 100;
    constexpr std::uint64_t reach = 64u << 10;  // the longest such line in use has 27 KB
    const ReleaseFile* file = release_.file(path);
    if (file == nullptr || sign.what == sign_rest || ++read_ > read_max) return false;
    const std::uint64_t from = sign.offset - std::min(sign.offset, reach);
    const std::string text = piece_of(release_, file->entry, from, static_cast<std::size_t>(2 * reach));
    const auto at = static_cast<std::size_t>(sign.offset - from);
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (at >= end || (end == text.size() && from + end < file->entry.size)) return false;
    const std::size_t start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return is_number_table(std::string_view(text).substr(start, end - start), at - start);
  }

 private:
  const Release& release_;
  std::size_t read_ = 0;
};

// No program is shown to anybody as text, and tables of such characters are in many. What may be code as well
// ("MZ" begins both) is not excused.
bool is_machine_code(FilesByPath& files, std::string_view path) {
  const ReleaseFile* file = files.at(path);
  return file != nullptr && is_native(file->content.magic) &&
         source_kind(path, file->content.shebang) == SourceKind::none;
}

template <class Say>  // std::string(const SignGroup&)
void say_each(const Release& release, std::string_view rule, FindingSink& sink, const Say& say,
              const SignFilter& wanted = {}, int tier = 0) {
  FilesByPath files(release);
  for (const SignGroup& group : sign_groups(release, rule, wanted)) {
    if (is_machine_code(files, group.path)) continue;
    sink.add({.file = group.path,
              .message = say(group) + and_more(group),
              .evidence = group.first->evidence,
              .line = group.first->line,
              .offset = group.first->offset,
              .content_digest = group.digest},
             tier);
  }
}

// Tier 1 for signs that `excused` says, 0 for the others.
template <class Say>
void say_apart(const Release& release, std::string_view rule, FindingSink& sink, const Say& say,
               const SignFilter& excused) {
  say_each(release, rule, sink, say, [&](auto path, const Sign& sign) { return !excused(path, sign); });
  say_each(release, rule, sink, say, excused, 1);
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
  constexpr std::string_view rule = "code/hidden-by-space";
  enum Tier { hidden, of_no_matter, in_document };
  Running running(release);
  Places places(release, rule);
  const auto tier_of = [&](std::string_view path, const Sign& sign) {
    if (is_row_of_table(running, path, sign) || places.of(path, sign) == TextPlace::comment)
      return of_no_matter;
    return is_document(path) && !running.contains(path) ? in_document : hidden;
  };
  for (const Tier tier : {hidden, of_no_matter, in_document})
    say_each(
        release, rule, sink,
        [](const SignGroup& group) {
          return "something stands behind " + group.first->what + " on one line, where no editor shows it";
        },
        [&](std::string_view path, const Sign& sign) { return tier_of(path, sign) == tier; }, tier);
}

void check_bidi(const Release& release, FindingSink& sink) {
  NumberTables tables(release);
  say_apart(
      release, "code/bidi", sink,
      [](const SignGroup& group) { return group.first->what + " makes the text look other than it runs"; },
      [&](std::string_view path, const Sign& sign) {
        return is_text_of_its_direction(path, sign) || tables.contain(path, sign);
      });
}

void check_invisible(const Release& release, FindingSink& sink) {
  // One character between letters is a slip in texts for people, where runs carry data still.
  constexpr std::string_view rule = "code/invisible";
  Running running(release);
  Places places(release, rule);
  say_apart(
      release, rule, sink, [](const SignGroup& group) { return group.first->what + ", which nobody sees"; },
      [&](std::string_view path, const Sign& sign) {
        const bool slip = sign.what.ends_with(" between letters");
        if (!slip && sign.what != sign_rest) return false;
        return places.of(path, sign) != TextPlace::code || (is_document(path) && !running.contains(path));
      });
}

void check_homoglyph(const Release& release, FindingSink& sink) {
  constexpr std::string_view rule = "code/homoglyph";
  NumberTables tables(release);
  Running running(release);
  Places places(release, rule);
  say_apart(
      release, rule, sink,
      [](const SignGroup& group) {
        return "\"" + printable(group.first->what, 60) +
               "\" mixes Latin letters with others that look the same";
      },
      [&](std::string_view path, const Sign& sign) {
        return places.of(path, sign) != TextPlace::code || is_name_of_nothing(running, path) ||
               tables.contain(path, sign);
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
