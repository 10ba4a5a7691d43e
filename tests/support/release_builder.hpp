#pragma once
// A release as the rules see it, built by hand: no archive, no scan, only what a test names.

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/release.hpp"
#include "policies/rule.hpp"

namespace sallyport {

class ReleaseBuilder {
 public:
  // Of "@acme/lib" with this package.json (name and version are added where it has none) and nothing else.
  explicit ReleaseBuilder(std::string_view package_json = "{}", std::string_view version = "1.2.3");
  ReleaseBuilder& file(std::string_view path, std::string_view text, Magic magic = Magic::text);
  ReleaseBuilder& scanned(std::string_view path,
                          std::string_view text);                       // with what a content scan sees in it
  ReleaseBuilder& big_file(std::string_view path, std::uint64_t size);  // its bytes cannot be read
  ReleaseBuilder& published(std::string_view manifest);  // what the registry is told, completed likewise
  ReleaseBuilder& after(ReleaseBuilder& previous);       // its facts are the baseline
  Release& release();                                    // built at the first call; refers to this builder

 private:
  std::string version_;
  std::optional<Manifest> packaged_, published_;
  std::deque<TarEntry> entries_;
  std::deque<FileContent> contents_;
  std::deque<std::string> texts_;
  std::optional<Facts> baseline_;
  std::optional<Release> release_;
};

struct Said {
  std::string file, message, evidence, fix, identity;
  int tier = 0;
};

// What one rule says of a release.
std::vector<Said> ask(std::string_view rule, const Release& release);
inline std::vector<Said> ask(std::string_view rule, ReleaseBuilder& builder) {
  return ask(rule, builder.release());
}

}  // namespace sallyport
