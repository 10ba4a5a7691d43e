#include "policies/rules/runtime.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

#include "policies/code/capabilities.hpp"
#include "policies/module_references.hpp"
#include "policies/rules/leak.hpp"

namespace sallyport {

namespace {

constexpr std::string_view aside_folders[] = {
    "test",    "tests",    "__tests__", "__mocks__", "spec",  "specs",    "doc",          "docs",
    "example", "examples", "fixtures",  "fixture",   "bench", "benches",  "benchmark",    "benchmarks",
    "demo",    "demos",    "sample",    "samples",   "e2e",   "coverage", "__fixtures__", "test-d"};

bool is_aside(std::string_view path) {
  const std::string folded_path = folded(path);
  std::string_view rest = folded_path;
  for (std::size_t slash; (slash = rest.find('/')) != std::string_view::npos; rest.remove_prefix(slash + 1)) {
    const std::string_view folder = rest.substr(0, slash);
    if (std::find(std::begin(aside_folders), std::end(aside_folders), folder) != std::end(aside_folders))
      return true;
  }
  return rest.find(".test.") != std::string_view::npos || rest.find(".spec.") != std::string_view::npos ||
         rest.find(".stories.") != std::string_view::npos;
}

bool is_script(const ReleaseFile& file) {
  const SourceKind kind = source_kind(file.entry.inner, file.content.shebang);
  return kind == SourceKind::script || kind == SourceKind::markup;
}

bool is_shell(std::string_view path) {
  for (const std::string_view end : {".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".fish"})
    if (path.ends_with(end)) return true;
  return false;
}

bool says_something(const FileContent& content) {
  bool says = !content.capabilities.empty() || !content.signs.empty();
  for_each_nested(content, [&](std::string_view, std::uint64_t, const FileContent& nested) {
    says = says || !nested.capabilities.empty() || !nested.signs.empty();
  });
  return says;
}

std::string_view without_extension(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos || dot < path.rfind('/') + 1 ? path : path.substr(0, dot);
}

// "a/b" and "../c" -> "c"; steps above the root are left out.
std::string resolved(std::string_view folder, std::string_view path) {
  std::vector<std::string_view> steps;
  const auto walk = [&](std::string_view text) {
    while (!text.empty()) {
      const std::size_t slash = std::min(text.find('/'), text.size());
      const std::string_view step = text.substr(0, slash);
      text.remove_prefix(std::min(slash + 1, text.size()));
      if (step == "..") {
        if (!steps.empty()) steps.pop_back();
      } else if (!step.empty() && step != ".") {
        steps.push_back(step);
      }
    }
  };
  walk(folder);
  walk(path);
  std::string out;
  for (const std::string_view step : steps) out += (out.empty() ? "" : "/") + std::string(step);
  return out;
}

// Whether a path without what may be left out (extension, "/index") means this file.
bool means(std::string_view path, std::string_view file) {
  const std::string_view stem = without_extension(file);
  return path == file || path == stem ||
         (stem.ends_with("/index") && path == stem.substr(0, stem.size() - 6));
}

void read_file(const Release& release, const ReleaseFile& file, const std::function<void(Bytes)>& take) {
  const FileBytes bytes = release.bytes(file.entry);
  std::vector<std::uint8_t> piece(64u << 10);
  for (std::uint64_t offset = 0; offset < bytes.size;) {
    const auto read = bytes.read(offset, piece);
    if (read.has_error()) throw BadResult(read.error());
    if (*read == 0) throw std::runtime_error("a file of the archive could not be read again to its end");
    take(Bytes(piece).first(*read));
    offset += *read;
  }
}

void collect_texts(const json::value& value, std::vector<std::string>& out) {
  if (value.is_string()) out.emplace_back(value.get_string());
  if (value.is_array())
    for (const json::value& item : value.get_array()) collect_texts(item, out);
  if (value.is_object())
    for (const auto& [key, item] : value.get_object()) collect_texts(item, out);
}

// What package.json makes run or be loaded.
std::vector<std::string> manifest_names(const Release& release) {
  std::vector<std::string> out;
  const Manifest* manifest = release.packaged != nullptr ? release.packaged : release.published;
  if (manifest == nullptr) return out;
  for (const std::string_view key : {"main", "module", "browser", "exports", "bin", "imports"})
    if (const json::value* value = manifest->raw.if_contains(key)) collect_texts(*value, out);
  for (const std::string name : {"preinstall", "install", "postinstall"}) {
    const auto script = manifest->scripts.find(name);
    if (script == manifest->scripts.end()) continue;
    std::string_view rest = script->second;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find_first_of(" ;&|\"'"), rest.size());
      if (end > 0) out.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  for (std::string& name : out) name = resolved("", name);
  return out;
}

// Finds which of the waiting files the code of others names.
class Names {
 public:
  Names(const Release& release, std::vector<const ReleaseFile*>& waiting)
      : release_(release), waiting_(waiting) {}

  // The waiting files that `by` names.
  std::vector<const ReleaseFile*> in(const ReleaseFile& by) {
    std::vector<const ReleaseFile*> out;
    if (!mentions_any(by)) return out;
    const std::string_view path = by.entry.inner;
    const std::string folder(path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/')));
    ModuleReferences references(SourceKind::script, [&](const ModuleReference& reference) {
      const std::string target = resolved(folder, reference.text);
      for (const ReleaseFile* file : waiting_) {
        const std::string_view name = file->entry.inner;
        const bool same = is_script(*file)
                              ? reference.text.starts_with('.') && means(target, name)
                              : base_name(reference.text) == base_name(name) || means(target, name);
        if (same && std::find(out.begin(), out.end(), file) == out.end()) out.push_back(file);
      }
    });
    read_file(release_, by, [&](Bytes piece) { references.feed(piece); });
    references.finish();
    return out;
  }

 private:
  // A cheap look for a part of a name: most files name none. Sums of strings may split it, so a short part.
  bool mentions_any(const ReleaseFile& by) {
    std::string text;
    bool found = false;
    read_file(release_, by, [&](Bytes piece) {
      if (found) return;
      text.erase(0, text.size() > 200 ? text.size() - 200 : 0);
      text += as_text(piece);
      for (const ReleaseFile* file : waiting_) {
        const std::string_view stem = without_extension(base_name(file->entry.inner));
        if (stem == "index") {
          found = true;
        } else {
          found = found || text.find(stem.substr(0, 4)) != std::string::npos;
        }
      }
    });
    return found;
  }

  const Release& release_;
  const std::vector<const ReleaseFile*>& waiting_;
};

constexpr std::size_t waiting_max = 200;

}  // namespace

std::vector<const ReleaseFile*> runtime_files(const Release& release) {
  std::vector<const ReleaseFile*> out, waiting;
  for (const ReleaseFile& file : release.files) {
    if (!says_something(file.content)) continue;
    const bool runs = (is_script(file) || is_shell(file.entry.inner)) && !is_aside(file.entry.inner);
    if (runs)
      out.push_back(&file);
    else
      waiting.push_back(&file);
  }
  if (waiting.empty()) return out;
  const std::vector<std::string> named = manifest_names(release);
  const auto is_named = [&](const ReleaseFile* file) {
    return std::any_of(named.begin(), named.end(),
                       [&](const std::string& n) { return means(n, file->entry.inner); });
  };
  std::copy_if(waiting.begin(), waiting.end(), std::back_inserter(out), is_named);
  std::erase_if(waiting, is_named);
  // Past a count that no release of sense has, all of them count.
  if (waiting.size() > waiting_max) {
    out.insert(out.end(), waiting.begin(), waiting.end());
    return out;
  }
  Names names(release, waiting);
  for (const ReleaseFile& file : release.files) {
    if (waiting.empty()) break;
    if (!is_script(file) || is_aside(file.entry.inner)) continue;
    for (const ReleaseFile* found : names.in(file)) {
      out.push_back(found);
      std::erase(waiting, found);
    }
  }
  return out;
}

std::set<const ReleaseFile*> loaded_by(const Release& release, const ReleaseFile& file,
                                       const std::vector<const ReleaseFile*>& among) {
  std::set<const ReleaseFile*> out;
  const std::string_view path = file.entry.inner;
  const std::string folder(path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/')));
  ModuleReferences references(SourceKind::script, [&](const ModuleReference& reference) {
    if (!reference.text.starts_with('.')) return;
    const std::string target = resolved(folder, reference.text);
    for (const ReleaseFile* other : among)
      if (other != &file && means(target, other->entry.inner)) out.insert(other);
  });
  read_file(release, file, [&](Bytes piece) { references.feed(piece); });
  references.finish();
  return out;
}

void add_code_facts(const Release& release, Facts& facts) {
  for (const ReleaseFile* file : runtime_files(release)) {
    const auto take = [&](const FileContent& content) {
      for (const Capability& capability : content.capabilities) facts.capabilities.insert(capability.name);
      for (const Sign& sign : content.signs) {
        if (sign.rule == sign_credentials_alone)
          facts.marks[std::string(sign_credentials)].insert(sign.digest);
        else if (sign.rule == sign_credentials || sign.rule == sign_run || sign.rule == sign_publish ||
                 sign.rule == sign_persistence || sign.rule == sign_unparsable)
          facts.marks[std::string(sign.rule)].insert(sign.digest);
      }
    };
    take(file->content);
    for_each_nested(file->content,
                    [&](std::string_view, std::uint64_t, const FileContent& nested) { take(nested); });
  }
}

}  // namespace sallyport
