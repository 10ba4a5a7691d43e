#include "storage/base/semver_range.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <tuple>

namespace sallyport {

namespace {

using Comparator = Range::Comparator;
using Op = Comparator::Op;

constexpr std::size_t text_max = 4096;
constexpr std::size_t version_text_max = 256;           // node-semver's MAX_LENGTH; a leading "v" counts
constexpr std::uint64_t number_max = (1ULL << 53) - 1;  // JavaScript's MAX_SAFE_INTEGER
constexpr std::uint64_t too_large = number_max + 1;

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_build(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string with_single_blanks(std::string_view text) {
  std::string result;
  for (const char c : trimmed(text)) {
    if (!is_blank(c)) {
      result += c;
    } else if (result.back() != ' ') {
      result += ' ';
    }
  }
  return result;
}

// Build metadata goes wherever it stands, as node-semver has it; a "+" without any stays and is refused
// later.
std::string without_build(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::size_t end = at + 1;
    if (text[at] == '+') {
      while (end < text.size() &&
             (is_build(text[end]) ||
              (text[end] == '.' && end > at + 1 && end + 1 < text.size() && is_build(text[end + 1])))) {
        ++end;
      }
    }
    if (end > at + 1) {
      at = end - 1;
    } else {
      result += text[at];
    }
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return parts;
    at = end + separator.size();
  }
}

// "1", "1.x", "1.2.3-beta": what an operator stands before.
struct Partial {
  std::string_view prefix;                  // of "v", "=" and blanks
  std::string_view version;                 // what follows
  std::optional<std::uint64_t> numbers[3];  // none: x, X, * or left out; too_large: above number_max
  bool prerelease = false;

  bool whole() const { return numbers[0] && numbers[1] && numbers[2]; }
  std::uint64_t major() const { return *numbers[0]; }
  std::uint64_t minor() const { return *numbers[1]; }
  std::uint64_t patch() const { return *numbers[2]; }
};

std::optional<Partial> parse_partial(std::string_view text) {
  Partial partial;
  const std::size_t begin = std::min(text.find_first_not_of("v= "), text.size());
  partial.prefix = text.substr(0, begin);
  partial.version = text.substr(begin);
  std::string_view rest = partial.version;
  for (std::size_t i = 0; i < 3; ++i) {
    if (i > 0) {
      if (!rest.starts_with('.')) break;
      rest.remove_prefix(1);
    }
    if (rest.empty()) return {};
    if (rest.front() == 'x' || rest.front() == 'X' || rest.front() == '*') {
      rest.remove_prefix(1);
    } else {
      const auto end =
          static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), is_digit) - rest.begin());
      if (end == 0 || (end > 1 && rest.front() == '0')) return {};
      std::uint64_t value = 0;
      const auto read = std::from_chars(rest.data(), rest.data() + end, value);
      partial.numbers[i] = read.ec == std::errc() ? std::min(value, too_large) : too_large;
      rest.remove_prefix(end);
    }
    if (i == 2 && rest.starts_with('-')) {
      if (Version::parse("0.0.0" + std::string(rest)).has_error()) return {};
      partial.prerelease = true;
      rest = {};
    }
  }
  if (!rest.empty()) return {};
  return partial;
}

// One alternative while it is read. A bound that cannot be (numbers too large) makes the range invalid.
class Bounds {
 public:
  void from(Op op, std::uint64_t major, std::uint64_t minor, std::uint64_t patch, bool completed = false) {
    // ">=0" admits everything.
    if (op == Op::greater_equal && completed && major == 0 && minor == 0 && patch == 0) return;
    add(op, {major, minor, patch, {}, {}}, completed);
  }
  // Below every prerelease of that version too.
  void below(std::uint64_t major, std::uint64_t minor, std::uint64_t patch) {
    add(Op::less, {major, minor, patch, {std::uint64_t{0}}, {}});
  }
  void nothing() { below(0, 0, 0); }
  void version(Op op, std::string_view text, bool completed = false) {
    if (text.size() > version_text_max) {
      sound = false;
      return;
    }
    if (text.starts_with('v')) text.remove_prefix(1);
    auto parsed = Version::parse(text);
    if (parsed.has_error()) {
      sound = false;
    } else {
      add(op, std::move(*parsed), completed);
    }
  }

  Range::Alternative comparators;
  bool sound = true;

 private:
  void add(Op op, Version version, bool completed = false) {
    sound &= std::max({version.major, version.minor, version.patch}) <= number_max;
    comparators.push_back({op, std::move(version), completed});
  }
};

// "^1.2.3" and "~1.2.3": from there to the next version that may break, or the next minor.
void add_compatible(const Partial& partial, bool caret, Bounds& bounds) {
  if (!partial.numbers[0]) return;
  const std::uint64_t major = partial.major();
  if (!partial.numbers[1]) {
    bounds.from(Op::greater_equal, major, 0, 0, true);
    bounds.below(major + 1, 0, 0);
    return;
  }
  const std::uint64_t minor = partial.minor();
  if (partial.numbers[2]) {
    bounds.version(Op::greater_equal, partial.version);
  } else {
    bounds.from(Op::greater_equal, major, minor, 0, true);
  }
  if (caret && major > 0) {
    bounds.below(major + 1, 0, 0);
  } else if (caret && minor == 0 && partial.numbers[2]) {
    bounds.below(0, 0, partial.patch() + 1);
  } else {
    bounds.below(major, minor + 1, 0);
  }
}

// ">1.2", "<=1", "1.x": the numbers left out are filled in as the operator means it.
void add_x_range(Op op, const Partial& partial, Bounds& bounds) {
  if (!partial.numbers[0]) {
    if (op == Op::less || op == Op::greater) bounds.nothing();
    return;
  }
  const bool major_only = !partial.numbers[1];
  const std::uint64_t major = partial.major();
  const std::uint64_t minor = major_only ? 0 : partial.minor();
  const auto next = major_only ? std::pair(major + 1, std::uint64_t{0}) : std::pair(major, minor + 1);
  switch (op) {
    case Op::less:
      bounds.below(major, minor, 0);
      break;
    case Op::less_equal:
      bounds.below(next.first, next.second, 0);
      break;
    case Op::equal:
      bounds.from(Op::greater_equal, major, minor, 0, true);
      bounds.below(next.first, next.second, 0);
      break;
    case Op::greater_equal:
      bounds.from(Op::greater_equal, major, minor, 0, true);
      break;
    case Op::greater:
      bounds.from(Op::greater_equal, next.first, next.second, 0, true);
      break;
  }
}

Op take_operator(std::string_view& token) {
  constexpr std::pair<std::string_view, Op> operators[] = {{"<=", Op::less_equal},
                                                           {">=", Op::greater_equal},
                                                           {"<", Op::less},
                                                           {">", Op::greater},
                                                           {"=", Op::equal}};
  for (const auto& [text, op] : operators) {
    if (token.starts_with(text)) {
      token.remove_prefix(text.size());
      return op;
    }
  }
  return Op::equal;
}

void add_token(std::string_view token, Bounds& bounds) {
  if (token.empty()) return;
  if (token.front() == '^' || token.front() == '~') {
    const bool caret = token.front() == '^';
    token.remove_prefix(!caret && token.starts_with("~>") ? 2 : 1);
    const auto partial = parse_partial(token);
    bounds.sound &= partial.has_value();
    if (partial) add_compatible(*partial, caret, bounds);
    return;
  }

  std::string_view rest = token;
  const Op op = take_operator(rest);
  if (const auto partial = parse_partial(rest)) {
    const auto& [major, minor, patch] = partial->numbers;
    if ((!major && minor) || (!minor && patch)) {  // "1.x.3"
      bounds.sound = false;
    } else if (partial->whole()) {
      bounds.version(op, rest);
    } else {
      add_x_range(op, *partial, bounds);
    }
    return;
  }
  // npm takes the first star for "any" and drops it with its operator: ">*1.2.3" is 1.2.3 there, and so here.
  const std::size_t star = token.find('*');
  if (star == std::string_view::npos) {
    bounds.sound = false;
    return;
  }
  std::size_t begin = star;
  if (begin > 0 && token[begin - 1] == '=') --begin;
  if (begin > 0 && (token[begin - 1] == '<' || token[begin - 1] == '>')) --begin;
  const std::string joined = std::string(token.substr(0, begin)) + std::string(token.substr(star + 1));
  rest = joined;
  const Op rest_op = take_operator(rest);
  bounds.version(rest_op, rest);
}

// "1.2 - 2"; false where it is nothing of that kind.
bool add_hyphen_range(std::string_view text, Bounds& bounds) {
  const std::size_t hyphen = text.find(" - ");
  if (hyphen == std::string_view::npos) return false;
  if (text.ends_with(' ')) text.remove_suffix(1);
  const auto side = [](std::string_view half) {
    while (half.starts_with(' ')) half.remove_prefix(1);
    return parse_partial(half);
  };
  if (text.size() < hyphen + 3) return false;
  const auto low = side(text.substr(0, hyphen));
  const auto high = side(text.substr(hyphen + 3));
  if (!low || !high) return false;

  const auto exact = [&](Op op, const Partial& partial, bool completed) {
    bounds.sound &= partial.prefix.empty() || partial.prefix == "v";
    bounds.version(op, partial.version, completed);
  };
  if (low->numbers[0]) {
    if (low->whole()) {
      exact(Op::greater_equal, *low, !low->prerelease);
    } else {
      bounds.from(Op::greater_equal, low->major(), low->numbers[1].value_or(0), 0, true);
    }
  }
  if (high->numbers[0]) {
    if (high->whole() && high->prerelease) {
      bounds.version(Op::less_equal, high->version);
    } else if (high->whole()) {
      exact(Op::less_equal, *high, false);
    } else if (high->numbers[1]) {
      bounds.below(high->major(), high->minor() + 1, 0);
    } else {
      bounds.below(high->major() + 1, 0, 0);
    }
  }
  return true;
}

// An operator and a version may be one blank apart.
bool lone_operator(std::string_view token) {
  constexpr std::array alone = {"<", ">", "=", "<=", ">=", "^", "~", "~>"};
  return std::find(alone.begin(), alone.end(), token) != alone.end();
}

Bounds parse_alternative(std::string_view text) {
  Bounds bounds;
  if (add_hyphen_range(text, bounds)) return bounds;
  const auto words = split(text, " ");
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string token(words[i]);
    if (lone_operator(token) && i + 1 < words.size()) {
      const bool compatible = token == "^" || token == "~";  // "~ > 1.2" is written too
      token += words[++i];
      if (compatible && lone_operator(words[i]) && i + 1 < words.size()) token += words[++i];
    }
    add_token(token, bounds);
  }
  return bounds;
}

auto numbers(const Version& version) {
  return std::tie(version.major, version.minor, version.patch);
}

bool admits(const Comparator& comparator, const Version& version, bool include_prerelease) {
  if (comparator.completed && include_prerelease) return numbers(version) >= numbers(comparator.version);
  const auto order = compare(version, comparator.version);
  switch (comparator.op) {
    case Op::less:
      return order < 0;
    case Op::less_equal:
      return order <= 0;
    case Op::equal:
      return order == 0;
    case Op::greater_equal:
      return order >= 0;
    case Op::greater:
      return order > 0;
  }
  return false;
}

bool admits(const Range::Alternative& alternative, const Version& version, bool include_prerelease) {
  const auto admitted = [&](const Comparator& c) { return admits(c, version, include_prerelease); };
  if (!std::all_of(alternative.begin(), alternative.end(), admitted)) return false;
  if (include_prerelease || !version.is_prerelease()) return true;
  return std::any_of(alternative.begin(), alternative.end(), [&](const Comparator& c) {
    return c.version.is_prerelease() && numbers(c.version) == numbers(version);
  });
}

bool admits_every_release(const Range::Alternative& alternative) {
  return std::all_of(alternative.begin(), alternative.end(), [](const Comparator& c) {
    return c.op == Op::greater_equal && c.version.text() == "0.0.0";
  });
}

// The first version at or after a lower bound.
Version first_of(const Comparator& comparator) {
  Version version = comparator.version;
  if (comparator.op == Op::greater) {
    if (version.is_prerelease()) {
      version.prerelease.emplace_back(std::uint64_t{0});
    } else {
      ++version.patch;
    }
  }
  return version;
}

// Where an alternative begins, if it has a lower bound.
std::optional<Version> lowest(const Range::Alternative& alternative) {
  std::optional<Version> low;
  for (const Comparator& c : alternative) {
    if (c.op == Op::less || c.op == Op::less_equal) continue;
    Version first = first_of(c);
    if (!low || *low < first) low = std::move(first);
  }
  return low;
}

}  // namespace

Result<Range> Range::parse(std::string_view text) {
  const auto refused = [](std::string_view why) {
    return fail(ErrorKind::invalid,
                "the version range is not one that npm reads, such as ^1.2.3 or >=1 <3: " + std::string(why));
  };
  if (text.size() > text_max) return refused("it is longer than 4096 characters");
  Range range;
  const std::string single_blanks = with_single_blanks(text);
  for (const std::string_view part : split(single_blanks, "||")) {
    Bounds bounds = parse_alternative(without_build(trimmed(part)));
    if (!bounds.sound) return refused("\"" + std::string(trimmed(part)) + "\" is no range");
    range.any_ |= admits_every_release(bounds.comparators);
    range.alternatives_.push_back(std::move(bounds.comparators));
  }
  return range;
}

bool Range::matches(const Version& version, bool include_prerelease) const {
  // Beside "*" the other alternatives count for nothing: "* || 1.0.0-beta" has no prerelease.
  if (any_ && !include_prerelease) return !version.is_prerelease();
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Alternative& a) { return admits(a, version, include_prerelease); });
}

std::optional<Version> Range::min() const {
  const Version first, first_prerelease{0, 0, 0, {std::uint64_t{0}}, {}};
  if (matches(first)) return first;
  if (matches(first_prerelease)) return first_prerelease;
  std::optional<Version> least;
  for (const Alternative& alternative : alternatives_) {
    auto low = lowest(alternative);
    if (low && matches(*low) && (!least || *low < *least)) least = std::move(low);
  }
  return least;
}

bool Range::is_pin() const {
  return std::all_of(alternatives_.begin(), alternatives_.end(), [](const Alternative& alternative) {
    return std::any_of(alternative.begin(), alternative.end(),
                       [](const Comparator& c) { return c.op == Op::equal; });
  });
}

std::vector<Range::Majors> Range::majors() const {
  const decltype(Version::prerelease) below_all = {std::uint64_t{0}};
  std::vector<Majors> spans;
  for (const Alternative& alternative : alternatives_) {
    // "<0.0.0-j" admits prereleases of nothing, "<0.0.0" not even those.
    const bool of_nothing = std::any_of(alternative.begin(), alternative.end(), [](const Comparator& c) {
      return c.version.is_prerelease() && c.version.major + c.version.minor + c.version.patch == 0;
    });
    const Version nothing = of_nothing ? Version{0, 0, 0, below_all, {}} : Version();
    const Version low = lowest(alternative).value_or(nothing);
    std::uint64_t last = unbounded;
    bool empty = false;
    for (const Comparator& c : alternative) {
      empty |= !admits(c, low, true);
      if (c.op == Op::greater_equal || c.op == Op::greater) continue;
      // "<2.0.0" and "<2.0.0-0" end with 1, "<2.0.0-rc.1" does not.
      const auto& v = c.version;
      const bool first_of_major =
          v.minor == 0 && v.patch == 0 && (v.prerelease.empty() || v.prerelease == below_all);
      const bool ends_before = c.op == Op::less && v.major > 0 && first_of_major;
      last = std::min(last, v.major - (ends_before ? 1 : 0));
    }
    if (!empty) spans.push_back({low.major, std::max(low.major, last)});
  }
  std::sort(spans.begin(), spans.end(), [](const Majors& a, const Majors& b) { return a.first < b.first; });
  std::vector<Majors> joined;
  for (const Majors& span : spans) {
    if (!joined.empty() && (joined.back().last == unbounded || span.first <= joined.back().last + 1)) {
      joined.back().last = std::max(joined.back().last, span.last);
    } else {
      joined.push_back(span);
    }
  }
  return joined;
}

std::optional<Version> max_satisfying(std::span<const Version> versions, const Range& range,
                                      bool include_prerelease) {
  const Version* best = nullptr;
  for (const Version& version : versions) {
    if (range.matches(version, include_prerelease) && (best == nullptr || *best < version)) best = &version;
  }
  if (best == nullptr) return {};
  return *best;
}

bool widens(const Range& before, const Range& after) {
  using Spans = std::vector<Range::Majors>;
  const auto covers = [](const Spans& outer, const Spans& inner) {
    return std::all_of(inner.begin(), inner.end(), [&](const Range::Majors& one) {
      return std::any_of(outer.begin(), outer.end(), [&](const Range::Majors& wide) {
        return wide.first <= one.first && one.last <= wide.last;
      });
    });
  };
  const auto count = [](const Spans& spans) {
    std::uint64_t total = 0;
    for (const Range::Majors& span : spans) {
      if (span.last == Range::unbounded) return Range::unbounded;
      total += span.last - span.first + 1;
    }
    return total;
  };
  const Spans old_spans = before.majors(), new_spans = after.majors();
  return !covers(old_spans, new_spans) &&
         (covers(new_spans, old_spans) || count(new_spans) > count(old_spans));
}

}  // namespace sallyport
