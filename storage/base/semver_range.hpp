#pragma once
// Ranges of versions as npm writes them in dependencies: node-semver's grammar without `loose`.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/base/semver.hpp"

namespace sallyport {

class Range {
 public:
  // "^1.2", "~1.2.3", "1.x", ">=1 <3", "1.2 - 2", alternatives with "||"; "" and "*" are every version. A tag
  // such as "latest" is no range. ASCII, at most 4096 characters; versions in it are bounded as
  // Version::parse bounds them.
  static Result<Range> parse(std::string_view text);

  // A prerelease is admitted only by an alternative that names a prerelease of the same three numbers, unless
  // prereleases are included.
  bool matches(const Version& version, bool include_prerelease = false) const;

  // The lowest version admitted; none where nothing is ("<0.0.0-0").
  std::optional<Version> min() const;

  bool is_any() const { return any_; }  // every release: "", "*", ">=0.0.0", "1 || *"
  bool is_pin() const;                  // exact versions only: "1.2.3", "1.2.3 || 1.2.4"

  // The major versions of which something is admitted, apart and rising.
  struct Majors {
    std::uint64_t first, last;  // both admitted; `last` is `unbounded` for ">=1"
    bool operator==(const Majors&) const = default;
  };
  static constexpr std::uint64_t unbounded = ~0ULL;
  std::vector<Majors> majors() const;

  struct Comparator {
    enum class Op { less, less_equal, equal, greater_equal, greater } op;
    Version version;
    bool completed =
        false;  // `>=` with numbers filled in or read from "a - b": prereleases, when included, count
  };
  using Alternative = std::vector<Comparator>;  // all must admit

 private:
  std::vector<Alternative> alternatives_;
  bool any_ = false;
};

std::optional<Version> max_satisfying(std::span<const Version> versions, const Range& range,
                                      bool include_prerelease = false);

// Does `after` admit a major that `before` does not, and more of them? "^1" to "^2" is a move, not a
// widening;
// "^1" to ">=1", to "^1 || ^2" and to ">=2" are.
bool widens(const Range& before, const Range& after);

}  // namespace sallyport
