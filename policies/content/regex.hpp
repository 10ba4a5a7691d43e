#pragma once
// An expression in RE2's syntax over bytes, compiled when it is first needed: most never are, and compiling
// all of them is a good part of a start.

#include <memory>
#include <mutex>
#include <string>

namespace re2 {
class RE2;
}

namespace sallyport {

class Regex {
 public:
  explicit Regex(std::string pattern);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  // Any thread. Throws std::runtime_error where RE2 cannot use the pattern: a search that cannot be made must
  // not look like one that found nothing.
  const re2::RE2& compiled() const;
  // Why RE2 cannot use the pattern; empty if it can. Compiles it.
  std::string fault() const;

 private:
  const re2::RE2& once() const;

  std::string pattern_;
  mutable std::once_flag flag_;
  mutable std::unique_ptr<const re2::RE2> compiled_;
};

}  // namespace sallyport
