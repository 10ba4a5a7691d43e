#pragma once
// Source maps inside other files: behind the comment that leads from code to its map (`//#
// sourceMappingURL=…`,
// `//@ …`, `/*# … */`), and as text anywhere: cb({…}), module.exports = {…}, a string of JSON or code.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policies/content/file_content.hpp"

namespace sallyport {

struct MapComment {
  enum class Kind : std::uint8_t { none, reference, data };
  Kind kind = Kind::none;
  std::string target;       // reference: what it names
  bool base64 = false;      // data: how the payload is written
  std::size_t payload = 0;  // data: its first byte, counted from the start of `after`
};

// What the word "sourceMappingURL" between `before` and `after` is. A data: URL counts wherever the word
// stands, since it is decoded before anything is said of it; a reference only in a comment that a browser
// would follow, not in code that writes or searches such comments.
MapComment read_map_comment(std::string_view before, std::string_view after);
constexpr std::size_t map_comment_before = 16, map_comment_after = 1024;

// Decodes the payload of a data: URL from `offset` on until it ends, and reads it as a source map. Stops as
// soon as it cannot be one. Adds the bytes read to `spent`; an error of `file` is the result's.
Result<std::optional<SourceMapSummary>> read_data_map(const FileBytes& file, std::uint64_t offset,
                                                      bool base64, std::uint64_t& spent);

// A key of maps and the start of its value, however often its quotes are escaped; and what every map has.
constexpr std::string_view map_start_expression =
    R"("(version\\*"\s*:\s*(\\*")?3|(sources|sourcesContent|names|sections)\\*"\s*:\s*\[|(file|sourceRoot|mappings)\\*"\s*:\s*\\*"))";
constexpr std::string_view map_key_expression = R"("(mappings|sections)\\*"\s*:)";

struct MapStart {
  std::uint64_t offset = 0;  // of the brace
  int level = 0;             // how often its quotes are escaped, or its backslashes
};
// Whether a brace stands before that key. `text` ends with a match of map_start_expression, at offset `end`
// of the file; of what stands before it as much is needed as is to be looked at.
std::optional<MapStart> map_start(std::string_view text, std::uint64_t end);

struct WrappedMap {
  SourceMapSummary map;
  std::uint64_t end = 0;  // everything before it is the map's
};
// As read_data_map(), of what begins at `start`.
Result<std::optional<WrappedMap>> read_wrapped_map(const FileBytes& file, const MapStart& start,
                                                   std::uint64_t& spent);

}  // namespace sallyport
