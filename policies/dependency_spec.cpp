#include "policies/dependency_spec.hpp"

#include <algorithm>
#include <cctype>

namespace sallyport {

namespace {

using Kind = DependencySpec::Kind;

bool is_alpha(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool is_path(std::string_view spec) {
  if (spec == "." || spec == ".." || spec.starts_with('/') || spec.starts_with('\\')) return true;
  for (const std::string_view start : {"./", "../", "~/", ".\\", "..\\", "~\\"}) {
    if (spec.starts_with(start)) return true;
  }
  return spec.size() > 2 && is_alpha(spec[0]) && spec[1] == ':' && (spec[2] == '/' || spec[2] == '\\');
}

// "https" of "https://x", "npm" of "npm:x"; empty where there is none. A scp-like "git@host:x" has none.
std::string scheme_of(std::string_view spec) {
  const std::size_t colon = spec.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alpha(spec[0])) return {};
  std::string scheme(spec.substr(0, colon));
  for (char& c : scheme) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.';
    if (!fits) return {};
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return scheme;
}

// "user/repo", "user/repo.git#v1" -> "user/repo#v1"; empty where it is not of that form.
std::string repository(std::string_view path) {
  std::string_view commit;
  if (const std::size_t hash = path.find('#'); hash != std::string_view::npos) {
    commit = path.substr(hash);
    path = path.substr(0, hash);
  }
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  const std::size_t slash = path.find('/');
  const bool fits = slash != std::string_view::npos && slash > 0 && slash + 1 < path.size() &&
                    path.find('/', slash + 1) == std::string_view::npos && path.front() != '@' &&
                    path.find_first_of(" \t:%@") == std::string_view::npos;
  return fits ? std::string(path) + std::string(commit) : std::string();
}

// After a scheme or "git@": "user@github.com/user/repo" or "github.com:user/repo".
std::string hosted(std::string_view rest) {
  if (const std::size_t at = rest.find('@'); at < rest.find_first_of("/#")) rest.remove_prefix(at + 1);
  for (const std::string_view host : {"github.com", "gitlab.com", "bitbucket.org"}) {
    if (!rest.starts_with(host) || rest.size() <= host.size()) continue;
    if (rest[host.size()] != '/' && rest[host.size()] != ':') continue;
    const std::string path = repository(rest.substr(host.size() + 1));
    if (!path.empty()) return std::string(host.substr(0, host.find('.'))) + ":" + path;
  }
  return {};
}

std::string alias_target(std::string_view rest) {
  const std::size_t at = rest.find('@', rest.starts_with('@') ? 1 : 0);
  return std::string(rest.substr(0, at));
}

}  // namespace

DependencySpec parse_dependency_spec(std::string_view text) {
  const std::string_view spec = trimmed(text);
  if (is_path(spec)) return {Kind::local, {}};
  if (spec.starts_with("git@")) return {Kind::remote, hosted(spec)};
  const std::string scheme = scheme_of(spec);
  if (!scheme.empty()) {
    const std::string_view rest = spec.substr(scheme.size() + 1);
    for (const std::string_view local : {"file", "link", "portal", "workspace", "catalog"}) {
      if (scheme == local) return {Kind::local, {}};
    }
    if (scheme == "npm") return {Kind::alias, alias_target(rest)};
    for (const std::string_view host : {"github", "gitlab", "bitbucket"}) {
      if (scheme == host) {
        const std::string path = repository(rest);
        return {Kind::remote, path.empty() ? std::string() : std::string(host) + ":" + path};
      }
    }
    return {Kind::remote, rest.starts_with("//") ? hosted(rest.substr(2)) : std::string()};
  }
  // A range has no slash; what has one is a repository on GitHub or a path.
  if (spec.find('/') != std::string_view::npos) {
    const std::string path = repository(spec);
    return {Kind::remote, path.empty() ? std::string() : "github:" + path};
  }
  for (const std::string_view end : {".tgz", ".tar.gz", ".tar"}) {
    if (spec.ends_with(end)) return {Kind::local, {}};  // a tarball beside package.json
  }
  return {Kind::registry, {}};
}

}  // namespace sallyport
