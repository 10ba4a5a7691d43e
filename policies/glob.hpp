#pragma once
// Path patterns as npm's own tools read them (minimatch with dot, nocase and matchBase): *, ?, [a-z], {a,b},
// ** as a whole part, and the +( ?( *( @( groups. A group !(...) matches anything within its part; at the
// very start its '!' negates, as it does there.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace sallyport {

class Glob {
 public:
  // Every text is a pattern. Throws std::length_error where it, or what braces expand it to, is longer than
  // any that was written by hand: 4 KiB, and 1,000 alternatives of 16 KiB in all.
  explicit Glob(std::string_view pattern);

  // `path` is relative, or begins with '/' to meet only patterns that do so too. A pattern of one part
  // matches the last part of any path. `partial`: also true of a folder that something matching may lie
  // below.
  // A path taken apart, to be held against many patterns; it must outlive this.
  struct Path {
    explicit Path(std::string_view path);
    bool root;
    std::vector<std::string_view> parts;
    std::vector<std::string_view> last;  // the last part that is not empty, alone
  };
  bool matches(const Path& path, bool partial = false) const;
  bool matches(std::string_view path, bool partial = false) const { return matches(Path(path), partial); }
  bool negated() const { return negated_; }  // an odd number of '!' in front; matches() is not turned around
  std::size_t alternatives() const { return alternatives_.size(); }  // that its braces expand to
  std::size_t expressions() const;  // of its parts, those that are held compiled: up to 64 KiB each
  bool single_part() const;         // one of its alternatives is a single part (or such a part and a slash)

 private:
  struct Part {
    enum class Kind { literal, any_depth, pattern } kind;
    std::string literal;  // lower case
    std::shared_ptr<const re2::RE2> pattern;
  };
  using Parts = std::vector<Part>;
  static Part part(std::string_view text);
  static bool match(const std::vector<std::string_view>& path, std::size_t path_at, const Parts& parts,
                    std::size_t part_at, bool partial, int& steps);

  std::vector<Parts> alternatives_;
  bool negated_ = false;
};

}  // namespace sallyport
