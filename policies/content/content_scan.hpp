#pragma once
// One pass over the bytes of every file: keywords of the secret rules, source map comments, magic, maps.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policies/content/file_content.hpp"
#include "policies/content/words.hpp"
#include "policies/thresholds.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// The compiled patterns: built once, immutable, shared by every scan on every thread.
class ContentRules {
 public:
  virtual ~ContentRules() = default;
  // The shipped rules, `extra_rule_texts` (gitleaks TOML) and the organisation's words. `cache_folder`, if
  // not empty, keeps the compiled database keyed by what it was made of. Errors name file, line and key, or
  // the list and the word.
  static Result<std::shared_ptr<const ContentRules>> build(const std::vector<std::string>& extra_rule_texts,
                                                           const std::string& cache_folder,
                                                           const std::vector<WordList>& words = {});
  virtual std::string digest() const = 0;  // changes with any rule; part of the policy digest
  virtual const std::vector<WordList>& words() const = 0;
};

// What one inspection may spend on second looks, whatever it holds. What exceeds a limit is not looked at,
// and FileContent::incomplete says so.
struct ScanLimits {
  std::uint64_t view_bytes = 64ull << 20;     // of one thing that is packed in another
  std::uint64_t nested_bytes = 256ull << 20;  // in all: bzip2 takes seconds for so many
  std::uint32_t views = 100'000;              // things packed or encoded in others
  std::uint32_t packed_files = 10'000;        // of these, files in archives: each is kept by its name
  std::uint64_t confirm_bytes = 4ull << 30;
  std::uint64_t decode_bytes = 4ull << 30;
};

// The state of one inspection. One thread at a time; memory is bounded whatever passes (under 1 MiB).
class ContentScan {
 public:
  // What is packed in a file and large is unpacked into a file without a name in `scratch_folder`; empty: the
  // system's folder for temporary files.
  explicit ContentScan(std::shared_ptr<const ContentRules> rules, std::string scratch_folder = {},
                       const ScanLimits& limits = {}, const Thresholds& thresholds = {});
  ~ContentScan();
  void begin_file(std::string_view inner_path, std::uint64_t size);
  void data(Bytes bytes);
  // `again` reads the same file once more, to confirm hits with context; hits are settled on return.
  FileContent end_file(const FileBytes& again);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
