#pragma once
// Reads a text as a stream and says whether it is a source map (ECMA-426: a JSON object with `version: 3` and
// `mappings`, or `sections`), and what it carries. Keeps counts, never the map: under 1 MiB for any input.
//
// It is more lenient than a JSON parser on purpose, so that no reader takes for a map what this one does not:
// a byte order mark or an XSSI prefix may stand before, keys may be escaped, repeated (every reading counts)
// or in any order, and text that breaks off or goes on wrongly is judged by what was read until then.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/content/file_content.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

class SourceMapReader {
 public:
  // Any split into pieces gives the same result. Never throws but for lack of memory.
  void data(Bytes bytes);
  // Nothing that follows can change the result: not JSON, or the object is closed.
  bool done() const { return expect_ == Expect::nothing; }
  // After the last byte: nothing if it was no map.
  std::optional<SourceMapSummary> finish();

 private:
  // Where the next byte that is not inside a string stands.
  enum class Expect : std::uint8_t {
    text,
    xssi,
    first_key,
    key,
    colon,
    value,
    first_element,
    element,
    after_value,
    scalar,
    skipped,
    nothing
  };
  // What is open, as far as it concerns us; everything else is skipped as a whole.
  enum class Frame : std::uint8_t { map, sections, section, sources, contents };
  enum class Key : std::uint8_t { other, version, mappings, sections, sources, contents, source_root, map };
  enum class Text : std::uint8_t { none, key, captured, counted, skipped };

  struct Tally {
    bool version_3 = false, mappings_text = false, mappings_list = false, sources_list = false;
    bool sections_list = false;
  };

  using At = const std::uint8_t*;
  At structure(At at, At end);
  At text(At at, At end);
  At counted_text(At at, At end);
  At skip(At at, At end);
  void count_byte(std::uint8_t byte);
  void begin_text(Text kind);
  void end_text();
  void begin_value(std::uint8_t byte);
  void end_scalar();
  void end_value();
  void open(Frame frame);
  void close();
  void take_source(const std::string& path);
  void take_content();
  void settle_sources();
  void note_remote(const std::string& path);

  static constexpr std::size_t frames_max = 12;  // index maps in index maps: deeper ones are not counted
  static constexpr std::size_t tracked_max = 1 << 17;  // sources matched by index; the others count as own
  static constexpr std::size_t capture_max = 2048;     // bytes of a path or key looked at

  Expect expect_ = Expect::text;
  Text text_ = Text::none;
  std::array<Frame, frames_max> frames_{};
  Tally tally_;  // of the outermost object, which alone decides
  std::size_t depth_ = 0;
  Key key_ = Key::other;
  std::uint64_t skip_depth_ = 0;
  bool skip_in_text_ = false;
  bool xssi_bare_ = true;  // nothing but punctuation on the prefix line so far

  bool escape_ = false;   // the next byte of the text is escaped
  int unicode_left_ = 0;  // digits of \uXXXX to come
  std::uint32_t unicode_ = 0;
  std::string captured_;          // raw bytes of a key, path or scalar
  std::uint64_t text_bytes_ = 0;  // decoded
  std::uint64_t text_lines_ = 0;
  bool text_ends_in_newline_ = false;

  std::vector<std::uint8_t> flags_;   // of each source of the open map, by index
  std::vector<std::uint32_t> lines_;  // of each content read before `sources`
  std::size_t source_index_ = 0, content_index_ = 0;
  bool sources_seen_ = false;

  SourceMapSummary summary_;
  std::uint64_t bytes_ = 0;
};

// Whether an entry of `sources` is another's code or a bundler's own.
bool is_third_party_source(std::string_view path);
// Whether it names a place: a URL of http, s3, r2, gs or file, a home folder, a drive.
bool is_remote_source(std::string_view path);

}  // namespace sallyport
