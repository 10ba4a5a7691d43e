// Rules over what package.json says of dependencies: how wide their ranges are, and whose names they look
// like.

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_map>
#include <unordered_set>

#include "policies/dependency_spec.hpp"
#include "policies/rules/deps.hpp"
#include "storage/base/semver_range.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::string_view kPopularNames =
#include "popular_names.inc"
    ;

constexpr std::string_view kWidelyUsedNames[] = {
#include "widely_used_names.inc"
};

constexpr std::size_t kEditLengthMin = 6;    // a letter of a shorter name is chance
constexpr std::size_t kSwapLengthMin = 5;    // two letters exchanged are chance less often
constexpr std::size_t kDoubleLengthMin = 4;  // a key struck twice is hardly ever chance
constexpr std::size_t kAffixLengthMin = 4;
constexpr std::size_t kSeparatorLengthMin = 5;

// Of the part that a registry reads: "^1" of "npm:other@^1".
std::string range_text(const std::string& spec) {
  const DependencySpec parsed = parse_dependency_spec(spec);
  if (parsed.kind == DependencySpec::Kind::registry) return spec;
  if (parsed.kind != DependencySpec::Kind::alias) return {};
  const std::size_t at = spec.find('@', spec.find(parsed.target) + parsed.target.size());
  return at == std::string::npos ? "*" : spec.substr(at + 1);
}

bool is_from_registry(const std::string& spec) {
  const auto kind = parse_dependency_spec(spec).kind;
  return kind == DependencySpec::Kind::registry || kind == DependencySpec::Kind::alias;
}

enum RangeTier { too_wide, harmless };
struct Looseness {
  std::string message;  // empty: nothing is wrong with the range
  int tier = too_wide;
};

Looseness looseness(const Dependency& dependency, const std::string* before) {
  const auto now = Range::parse(range_text(dependency.spec));
  if (now.has_error()) return {"follows a tag: whatever it names on a day is installed"};
  // As all of DefinitelyTyped's declarations name one another.
  const bool types =
      dependency.name.starts_with("@types/") && is_widely_used(dependency.name, dependency.spec);
  if (now->is_any()) return {"admits every version there will ever be", types ? harmless : too_wide};
  if (before == nullptr || !is_from_registry(*before)) return {};
  const auto then = Range::parse(range_text(*before));
  if (then.has_error()) return {};
  const std::string was = " (it was \"" + printable(*before) + "\")";
  if (then->is_pin() && !now->is_pin())
    return {"was pinned and is a range now" + was, widens(*then, *now) ? too_wide : harmless};
  if (widens(*then, *now)) return {"admits other major versions than before" + was};
  return {};
}

std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> out(1);
  for (const char c : name) {
    if (c == '-' || c == '_' || c == '.' || c == '/' || c == '@')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

std::string_view base_of(std::string_view name) {
  return name.substr(name.starts_with('@') && name.find('/') != name.npos ? name.find('/') + 1 : 0);
}

std::string_view scope_of(std::string_view name) {
  return name.starts_with('@') && name.find('/') != name.npos ? name.substr(1, name.find('/') - 1)
                                                              : std::string_view();
}

std::string stripped(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != '-' && c != '_' && c != '.') out += c;
  return out;
}

// Letters that eyes take for others, as the others.
std::string folded(std::string_view name) {
  static const std::pair<std::string_view, std::string_view> pairs[] = {
      {"rn", "m"},     {"vv", "w"},     {"0", "o"},      {"1", "l"},      {"3", "e"},      {"5", "s"},
      {"\u0430", "a"}, {"\u0435", "e"}, {"\u043e", "o"}, {"\u0440", "p"}, {"\u0441", "c"}, {"\u0443", "y"},
      {"\u0445", "x"}, {"\u0456", "i"}, {"\u0455", "s"}, {"\u03bf", "o"}, {"\u0131", "i"}};
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    const auto* const found = std::find_if(std::begin(pairs), std::end(pairs), [&](const auto& pair) {
      return name.substr(i).starts_with(pair.first);
    });
    if (found == std::end(pairs)) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i++])));
    } else {
      out += found->second;
      i += found->first.size();
    }
  }
  return out;
}

// Two neighbours exchanged.
bool swapped(std::string_view a, std::string_view b) {
  if (a.size() != b.size() || a == b) return false;
  const std::size_t i =
      static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin());
  return i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] && a.substr(i + 2) == b.substr(i + 2);
}

// One letter added, left out or changed, or two neighbours exchanged.
bool one_edit_apart(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (a == b || b.size() - a.size() > 1) return false;
  std::size_t i = 0;
  while (i < a.size() && a[i] == b[i]) ++i;
  if (a.size() < b.size()) return a.substr(i) == b.substr(i + 1);
  if (a.substr(i + 1) == b.substr(i + 1)) return true;
  return swapped(a, b);
}

// A letter of `b` written twice: "reactt".
bool doubled(std::string_view a, std::string_view b) {
  if (a.size() != b.size() + 1) return false;
  const std::size_t i =
      static_cast<std::size_t>(std::mismatch(b.begin(), b.end(), a.begin()).first - b.begin());
  return i > 0 && a[i] == a[i - 1] && a.substr(i + 1) == b.substr(i);
}

class PopularNames {
 public:
  PopularNames() {
    for (std::size_t at = 0; at < kPopularNames.size();) {
      const std::size_t end = std::min(kPopularNames.find('\n', at), kPopularNames.size());
      if (const auto line = kPopularNames.substr(at, end - at); !line.empty() && line[0] != '#') add(line);
      at = end + 1;
    }
  }

  std::optional<Lookalike> like(std::string_view name) const {
    const std::string lower = lowered(name);
    if (all_.contains(lower)) {
      if (lower == name) return {};
      return Lookalike{lower, "capital letters"};
    }
    if (const std::string plain = folded(name); plain != lower && all_.contains(plain))
      return Lookalike{plain, "letters that look alike"};
    if (!scope_of(name).empty()) return like_scope(lower);
    const auto found = [](const auto& map, const std::string& key, std::string_view by) {
      const auto at = map.find(key);
      return at == map.end() ? std::optional<Lookalike>() : Lookalike{std::string(at->second), by};
    };
    if (const auto flat = found(flattened_, lower, "the scope")) return flat;
    if (const auto affix = found(affixed_, lower, "what stands before or after it")) return affix;
    if (const std::string bare = stripped(lower); bare.size() >= kSeparatorLengthMin)
      if (const auto joined = found(stripped_, bare, "hyphens")) return joined;
    for (const std::string_view popular : unscoped_)
      if ((popular.size() >= kEditLengthMin && one_edit_apart(lower, popular)) ||
          (popular.size() >= kSwapLengthMin && swapped(lower, popular)) ||
          (popular.size() >= kDoubleLengthMin && doubled(lower, popular)))
        return Lookalike{std::string(popular), "one letter"};
    return {};
  }

 private:
  static std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
  }

  // "@bable/core" beside "@babel/core": the same name in a scope that is nearly the same.
  std::optional<Lookalike> like_scope(const std::string& name) const {
    for (const std::string_view popular : scoped_) {
      if (base_of(popular) != base_of(name)) continue;
      const std::string_view scope = scope_of(name), theirs = scope_of(popular);
      if (theirs.size() + 1 >= kEditLengthMin &&
          (one_edit_apart(scope, theirs) || stripped(scope) == stripped(theirs)))
        return Lookalike{std::string(popular), "the scope"};
    }
    return {};
  }

  void add(std::string_view name) {
    all_.emplace(name);
    if (!scope_of(name).empty()) {
      scoped_.push_back(name);
      flattened_.emplace(std::string(scope_of(name)) + "-" + std::string(base_of(name)), name);
      return;
    }
    unscoped_.push_back(name);
    stripped_.emplace(stripped(name), name);
    if (name.size() < kAffixLengthMin) return;
    const std::string text(name);
    for (const std::string& variant :
         {text + "-js", text + "js", "js-" + text, "node-" + text, text + "-node", text + ".js"})
      affixed_.emplace(variant, name);
  }

  std::unordered_set<std::string> all_;
  std::vector<std::string_view> scoped_, unscoped_;
  std::unordered_map<std::string, std::string_view> flattened_, stripped_, affixed_;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

}  // namespace

bool is_platform_build(std::string_view name, std::string_view own) {
  static const std::unordered_set<std::string> systems = {
      "aix",     "android",     "darwin", "freebsd", "linux",   "linuxmusl", "macos",  "musl", "netbsd",
      "openbsd", "openharmony", "sunos",  "win32",   "windows", "win",       "wasm32", "wasm"};
  static const std::unordered_set<std::string> processors = {
      "32",    "64",      "arm",  "arm64",  "armv6",    "armv7",     "armv8",   "aarch64",     "ia32",
      "i686",  "loong64", "mips", "mipsel", "mips64el", "ppc64",     "ppc64le", "powerpc64le", "riscv64",
      "s390x", "x64",     "x86",  "x86_64", "amd64",    "universal", "wasi",    "wasm32",      "wasm"};
  bool system = false, processor = false;
  for (const std::string& part : parts_of(base_of(name))) {
    system = system || systems.contains(part);
    processor = processor || processors.contains(part);
  }
  if (!system || !processor) return false;
  const std::string_view base = base_of(own);
  return (!scope_of(own).empty() && scope_of(name) == scope_of(own)) || scope_of(name) == base ||
         base_of(name).starts_with(std::string(base) + "-");
}

std::optional<Lookalike> lookalike(std::string_view name) {
  static const PopularNames names;
  return names.like(name);
}

bool is_widely_used(const std::string& name, const std::string& spec) {
  static const std::unordered_set<std::string_view> names(std::begin(kWidelyUsedNames),
                                                          std::end(kWidelyUsedNames));
  return names.contains(name) && parse_dependency_spec(spec).kind == DependencySpec::Kind::registry;
}

void check_range(const Release& release, FindingSink& sink) {
  for (const Dependency& dependency : all_dependencies(release)) {
    if (dependency.role == DependencyRole::peer || !is_from_registry(dependency.spec)) continue;
    const std::string* before = spec_before(release, dependency.name);
    if (before != nullptr && *before == dependency.spec) continue;
    if (release.packaged != nullptr) {  // what is bundled is not resolved by anybody
      const auto& bundled = release.packaged->bundle_dependencies;
      if (std::binary_search(bundled.begin(), bundled.end(), dependency.name)) continue;
    }
    const Looseness wrong = looseness(dependency, before);
    if (wrong.message.empty()) continue;
    sink.add({.file = "package.json",
              .message = quoted(dependency) + " " + wrong.message,
              .content_digest = dependency.name + "@" + dependency.spec},
             wrong.tier);
  }
}

void check_optional_new(const Release& release, FindingSink& sink) {
  for (const Dependency& dependency : new_dependencies(release)) {
    if (dependency.role != DependencyRole::optional) continue;
    if (is_platform_build(dependency.name, release.name)) continue;
    sink.add({.file = "package.json",
              .message = quoted(dependency) +
                         " is a new optional dependency, and no build of this package for "
                         "a system",
              .content_digest = dependency.name + "@" + dependency.spec});
  }
}

void check_typo(const Release& release, FindingSink& sink) {
  for (const Dependency& dependency : all_dependencies(release)) {
    if (spec_before(release, dependency.name) != nullptr) continue;
    const DependencySpec spec = parse_dependency_spec(dependency.spec);
    const std::string& name = spec.kind == DependencySpec::Kind::alias ? spec.target : dependency.name;
    if (!scope_of(release.name).empty() && scope_of(name) == scope_of(release.name)) continue;
    const auto like = lookalike(name);
    std::string message;
    if (like)
      message = "\"" + printable(name) + "\" differs from \"" + like->popular + "\" by " +
                std::string(like->by) + " only";
    else if (!is_ascii(name))
      message = "\"" + printable(name) + "\" is written with letters that no registry has in its names";
    else
      continue;
    sink.add({.file = "package.json", .message = std::move(message), .content_digest = name});
  }
}

}  // namespace sallyport
