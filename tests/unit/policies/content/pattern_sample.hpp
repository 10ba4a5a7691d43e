#pragma once
// Makes text that a regular expression matches, so that no secret, not even a false one, lies in the
// repository.

#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

// The part of RE2's syntax that rules use: literals, classes, groups, alternatives, counts, \b, ^, $.
class PatternSample {
 public:
  PatternSample(std::string_view pattern, std::uint32_t seed) : pattern_(pattern), random_(seed) {}

  std::string make() {
    at_ = 0;
    if (pattern_.starts_with("(?i)")) at_ = 4;
    return alternatives(true);
  }

 private:
  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool more() const { return at_ < pattern_.size(); }

  std::string alternatives(bool used) {
    std::vector<std::string> made;
    made.push_back(sequence(used));
    while (more() && pattern_[at_] == '|') {
      ++at_;
      made.push_back(sequence(used));
    }
    return made[below(made.size())];
  }

  std::string sequence(bool used) {
    std::string out;
    while (more() && pattern_[at_] != '|' && pattern_[at_] != ')') {
      const std::size_t start = at_;
      std::string first = atom();
      const std::size_t after = at_;
      auto [least, most] = count();
      const std::size_t end = at_;
      const std::size_t times = least + (most > least ? below(most - least + 1) : 0);
      for (std::size_t i = 0; i < times; ++i) {
        at_ = start;
        out += i == 0 ? first : atom();
      }
      at_ = end;
      (void)after;
    }
    return used ? out : std::string();
  }

  std::pair<std::size_t, std::size_t> count() {
    if (!more()) return {1, 1};
    switch (pattern_[at_]) {
      case '?':
        ++at_;
        return {0, 1};
      case '*':
        ++at_;
        return {0, 3};
      case '+':
        ++at_;
        return {1, 3};
      case '{': {
        const std::size_t end = pattern_.find('}', at_);
        const std::string text(pattern_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
        const std::size_t comma = text.find(',');
        const std::size_t least = std::stoul(text);
        if (comma == std::string::npos) return {least, least};
        if (comma + 1 == text.size()) return {least, least + 5};
        return {least, std::min(least + 5, std::stoul(text.substr(comma + 1)))};
      }
      default:
        return {1, 1};
    }
  }

  std::string atom() {
    const char c = pattern_[at_++];
    if (c == '^' || c == '$') return {};
    if (c == '.') return "a";
    if (c == '[') return one_of_class();
    if (c == '\\') return escape();
    if (c != '(') return std::string(1, c);
    if (pattern_.substr(at_).starts_with("?:")) at_ += 2;
    std::string out = alternatives(true);
    ++at_;
    return out;
  }

  std::string escape() {
    switch (const char c = pattern_[at_++]) {
      case 'b':
        return {};
      case 's':
        return " ";
      case 'n':
        return "\n";
      case 'r':
        return "\r";
      case 't':
        return "\t";
      case 'd':
        return std::string(1, static_cast<char>('0' + below(10)));
      default:
        return std::string(1, c);
    }
  }

  std::string one_of_class() {
    bool in[256] = {};
    const bool negated = pattern_[at_] == '^';
    if (negated) ++at_;
    for (bool first = true; first || pattern_[at_] != ']'; first = false) {
      char low = pattern_[at_++];
      if (low == '\\') low = escape()[0];
      char high = low;
      if (pattern_[at_] == '-' && pattern_[at_ + 1] != ']') {
        high = pattern_[at_ + 1];
        at_ += 2;
      }
      for (int c = low; c <= high; ++c) in[c] = true;
    }
    ++at_;
    std::string choices;
    for (int c = 0x20; c < 0x7f; ++c)
      if (in[c] != negated) choices += static_cast<char>(c);
    if (choices.empty()) throw std::logic_error("a class without printable members");
    return std::string(1, choices[below(choices.size())]);
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::mt19937 random_;
};

}  // namespace sallyport
