#pragma once
// One pass over the bytes of every file: keywords of the secret rules, source map comments, magic, maps.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policies/content/file_content.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// The compiled patterns: built once, immutable, shared by every scan on every thread.
class ContentRules {
 public:
  virtual ~ContentRules() = default;
  // The shipped rules and `extra_rule_files` (gitleaks TOML texts). `cache_folder`, if not empty, keeps the
  // compiled database keyed by the rules it was made of. Errors name file, line and key.
  static Result<std::shared_ptr<const ContentRules>> build(const std::vector<std::string>& extra_rule_texts,
                                                           const std::string& cache_folder);
  virtual std::string digest() const = 0;  // changes with any rule; part of the policy digest
};

// The state of one inspection. One thread at a time; memory is bounded whatever passes (under 1 MiB).
class ContentScan {
 public:
  explicit ContentScan(std::shared_ptr<const ContentRules> rules);
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
