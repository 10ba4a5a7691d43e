#pragma once
// The pass over one file, or over what came out of one (a view). Inside policies/content only.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/code/tell_tales.hpp"
#include "policies/content/content_rules.hpp"
#include "policies/content/content_scan.hpp"
#include "policies/content/encoded_runs.hpp"
#include "policies/content/file_content.hpp"
#include "policies/content/inline_map.hpp"
#include "policies/content/source_map.hpp"
#include "policies/content/text_signs.hpp"

namespace sallyport {

// What the passes of one inspection share.
struct ScanShared {
  std::shared_ptr<const CompiledRules> rules;
  SearchScratch scratch;
  ScanLimits left;  // of what the inspection may spend on second looks
  std::string folder;
  Thresholds thresholds;
};

// Says once why something was not looked at whole.
void add_incomplete(FileContent& content, std::string why);

class FileScan {
 public:
  explicit FileScan(ScanShared& shared);
  ~FileScan();
  FileScan(const FileScan&) = delete;
  FileScan& operator=(const FileScan&) = delete;

  // File after file. Bytes pass through a buffer that always ends at the same places, so that how they came
  // in pieces changes nothing.
  void begin();
  void data(Bytes bytes);
  // `again` reads the same bytes once more.
  FileContent end(const FileBytes& again);
  const TellTaleCounts& tell_tales() const { return tell_tales_; }  // of the file that ended last
  // What was written in another form in it, after end().
  struct Encoded : EncodedRun {
    bool inline_map = false;  // in FileContent::inline_maps already
  };
  const std::vector<Encoded>& encoded() const { return encoded_; }
  // Where behind its start gzip or zip may begin in it; one more than packed_starts_max are all.
  const std::vector<std::uint64_t>& packed() const { return packed_; }
  static constexpr std::size_t packed_starts_max = 1000;

 private:
  struct Window {
    std::uint64_t from, to;
  };
  struct DataMap {
    std::uint64_t offset, payload;
    std::uint32_t line;
    bool base64;
  };
  struct WrappedStart : MapStart {
    std::uint64_t line = 0;
  };

  static int on_match(unsigned id, unsigned long long, unsigned long long to, unsigned, void* self);
  std::size_t comment_rule() const { return windows_.size() - 1; }
  void hit(unsigned id, std::uint64_t to);
  void note(std::size_t rule, std::uint64_t to, std::uint64_t reach);
  void search(bool last);
  void confirm(bool last);
  std::string_view between(std::uint64_t from, std::uint64_t to) const;
  std::uint32_t line_at(std::uint64_t offset);
  void look(std::size_t rule, std::uint64_t from, std::uint64_t to, std::uint64_t sure);
  void look_at_comment(std::uint64_t from, std::uint64_t to);
  void look_for_pattern(std::size_t index, std::uint64_t from, std::uint64_t to, std::uint64_t sure);
  void keep_secret(const SecretRule& rule, std::uint64_t offset, std::string_view secret);
  void keep_sign(const SecretRule& rule, std::uint64_t offset, std::string_view found);
  void note_tell_tale(std::size_t which, std::uint64_t to);
  void note_map_start(std::uint64_t to);
  void read_data_maps(const FileBytes& again);
  void read_wrapped_maps(const FileBytes& again);
  void keep_inline(std::uint64_t offset, std::uint32_t line, const SourceMapSummary& map);

  ScanShared& shared_;
  const CompiledRules& rules_;
  FileContent content_;
  TellTaleCounts tell_tales_;
  std::optional<SourceMapReader> map_;
  TextSigns signs_;
  hs_stream_t* stream_ = nullptr;

  std::vector<std::uint8_t> buffer_;
  std::uint64_t base_ = 0;                            // offset in the file of the buffer's first byte
  std::uint64_t searched_ = 0;                        // ... of the first byte not yet searched
  std::uint64_t lines_ = 0;                           // newlines before the buffer
  std::uint64_t counted_to_ = 0, counted_lines_ = 0;  // where line_at was asked last, and what it found
  bool started_ = false;

  std::vector<std::vector<Window>> windows_;  // by rule, the map comment last
  std::vector<std::uint64_t> settled_;        // by rule: matches before this offset are known
  std::vector<std::size_t> touched_;          // rules with windows
  std::vector<DataMap> data_maps_;
  std::vector<WrappedStart> map_starts_;
  bool map_key_ = false;  // a key that every map has was seen
  EncodedRuns runs_;
  std::vector<Encoded> encoded_;
  std::vector<std::uint64_t> packed_;
};

}  // namespace sallyport
