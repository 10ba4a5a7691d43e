#pragma once
// What was seen in the bytes of one file, whatever its name, while they passed.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// A source map (ECMA-426 version 3), read as a stream: nothing of its text is kept.
struct SourceMapSummary {
  bool sections = false;          // an index map
  std::uint64_t bytes = 0;        // of the map's own text
  std::uint64_t sources_own = 0;  // entries of `sources` not under node_modules or a bundler's runtime
  std::uint64_t sources_third_party = 0;
  std::uint64_t embedded_own = 0;  // of these, the ones with non-null sourcesContent
  std::uint64_t embedded_third_party = 0;
  std::uint64_t embedded_bytes = 0;  // decoded length of sourcesContent
  std::uint64_t embedded_lines = 0;
  std::uint64_t embedded_own_lines = 0;
  std::vector<std::string> sample_sources;  // up to 5 own ones, printable
  std::string source_root;                  // printable, cut to 500 bytes
  std::vector<std::string> remote_sources;  // up to 5 of sources/sourceRoot that are URLs (http, s3, r2, gs,
                                            // file) or home and drive paths
};

struct InlineMap {  // sourceMappingURL=data: that decodes to a map
  std::uint64_t offset = 0;
  std::uint32_t line = 0;
  SourceMapSummary map;
};

struct MapReference {  // sourceMappingURL= that names something else
  std::uint64_t offset = 0;
  std::uint32_t line = 0;
  std::string target;  // cut to 500 bytes
};

struct SecretHit {
  std::string rule_id;  // of the secret rule, e.g. "aws-access-token"
  std::string description;
  std::uint64_t offset = 0;
  std::uint32_t line = 0;
  std::string redacted;     // first characters and length only
  std::string fingerprint;  // sha256 hex of the secret
};

// Magic type, by content: what a rename does not hide.
enum class Magic : std::uint8_t {
  none,
  text,
  gzip,
  zip,
  tar,
  zstd,
  xz,
  bzip2,
  wasm,
  elf,
  pe,
  mach_o,
  png,
  jpeg,
  gif,
  webp,
  pdf,
  font,
  java_class,
  sqlite,
  utf16,
  utf32,
  other_binary
};
std::string_view to_text(Magic magic);

// Something in a file that a rule speaks of, found while its bytes passed.
struct Sign {
  std::string_view rule;  // its id, of static life: "code/bidi"
  std::string what;       // a few words for the message; may be empty
  std::uint64_t offset = 0;
  std::uint32_t line = 0;
  std::string evidence;  // redacted where it could be a secret
  std::string digest;    // sha256 hex of what stands there, for the fingerprint and Facts::marks
};

// What a program could do with this file: each capability at the first place that shows it.
struct Capability {
  std::string name;  // "network", "process", "eval", …
  std::uint64_t offset = 0;
  std::uint32_t line = 0;
  std::string evidence;
};

struct FileContent {
  Magic magic = Magic::none;
  std::optional<SourceMapSummary> map;  // the file as a whole is a source map
  std::vector<InlineMap> inline_maps;
  std::vector<MapReference> map_references;
  std::vector<SecretHit> secrets;  // the first of them
  std::uint64_t secrets_more = 0;  // found beyond these
  bool shebang = false;
  std::vector<Sign> signs;                                // the first of each rule; sign_counts has them all
  std::map<std::string_view, std::uint64_t> sign_counts;  // by rule id
  std::vector<Capability> capabilities;                   // of code, by name, each once
  // Paths that the code puts together, so that no plain search would find them.
  std::vector<std::string> composed_paths;
  std::uint64_t longest_line_bytes = 0;
  // A finding that must hold because something could not be looked at whole (a limit, an error): why.
  std::vector<std::string> incomplete;
  // Found in what the file contains packed or encoded, with a path that leads there: "x.zip!inner/.env",
  // "lib/a.js!base64@1234" (the offset in lib/a.js).
  struct Nested;
  std::vector<Nested> nested;
};
struct FileContent::Nested {
  std::string path;
  FileContent content;
  std::uint64_t size = 0;
  bool decoded = false;  // text in another form, which has no name of its own
};

// Bytes of one file that has passed already, for a second look.
struct FileBytes {
  std::uint64_t size = 0;
  std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::uint8_t> out)> read;
};

}  // namespace sallyport
