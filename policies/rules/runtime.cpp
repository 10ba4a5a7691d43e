#include "policies/rules/runtime.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

#include "policies/code/capabilities.hpp"
#include "policies/content/byte_block.hpp"
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

// The content of a file and of what is packed or encoded in it.
template <class Visit>
void for_each_part(const FileContent& content, const Visit& visit) {
  visit(content);
  for_each_nested(content,
                  [&](std::string_view, std::uint64_t, const FileContent& nested) { visit(nested); });
}

bool is_mark(std::string_view rule) {
  return rule == sign_credentials || rule == sign_credentials_alone || rule == sign_run ||
         rule == sign_publish || rule == sign_persistence;
}

// Whether it matters that the file runs, where what runs anyway can do `known`. Of prose and data only what
// attacks need does: a README shows how to do many things.
bool matters(const ReleaseFile& file, const std::set<std::string>& known) {
  const bool script = is_script(file);
  const auto adds = [&](const Capability& c) {
    const bool grave = c.name == "network" || c.name == "process" || c.name == "eval" || c.name == "dns";
    return (script || grave) && !known.contains(c.name);
  };
  bool out = false;
  for_each_part(file.content, [&](const FileContent& part) {
    out = out || std::any_of(part.capabilities.begin(), part.capabilities.end(), adds) ||
          std::any_of(part.signs.begin(), part.signs.end(), [](const Sign& s) { return is_mark(s.rule); });
  });
  return out;
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

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return path.substr(0, slash == path.npos ? 0 : slash);
}

// Whether a path without what may be left out (extension, "/index") means this file.
bool means(std::string_view path, std::string_view file) {
  const std::string_view stem = without_extension(file);
  return path == file || path == stem || (path.empty() && stem == "index") ||
         (stem.ends_with("/index") && path == stem.substr(0, stem.size() - 6));
}

void collect_texts(const json::value& value, std::vector<std::string>& out) {
  if (value.is_string()) out.emplace_back(value.get_string());
  if (value.is_array())
    for (const json::value& item : value.get_array()) collect_texts(item, out);
  if (value.is_object())
    for (const auto& [key, item] : value.get_object()) collect_texts(item, out);
}

constexpr std::string_view entry_fields[] = {"main", "module", "browser", "exports", "bin", "imports"};
constexpr std::uint64_t inner_manifest_bytes_max = 64u << 10;

// A package.json in a folder says what is loaded for the folder.
void add_inner_names(const Release& release, std::vector<std::string>& out) {
  for (const ReleaseFile& file : release.files) {
    const std::string_view path = file.entry.inner;
    if (!path.ends_with("/package.json") || file.entry.size > inner_manifest_bytes_max) continue;
    std::string text;
    read_file(release, file, [&](Bytes piece) { text += as_text(piece); });
    const auto parsed = parse_strict(text);
    if (parsed.has_error() || !parsed->is_object()) continue;
    std::vector<std::string> names;
    for (const std::string_view key : entry_fields)
      if (const json::value* value = parsed->get_object().if_contains(key)) collect_texts(*value, names);
    for (const std::string& name : names) out.push_back(resolved(folder_of(path), name));
  }
}

// What package.json makes run or be loaded.
std::vector<std::string> manifest_names(const Release& release) {
  std::vector<std::string> out;
  const Manifest* manifest = release.packaged != nullptr ? release.packaged : release.published;
  if (manifest == nullptr) return out;
  for (const std::string_view key : entry_fields)
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

// A text without which no code names the file: its own name, or the folder that sets it aside.
std::string needle_of(const ReleaseFile& file) {
  const std::string_view path = file.entry.inner;
  if (!is_script(file)) return std::string(base_name(path));
  std::string_view rest = path;
  for (std::size_t slash; (slash = rest.find('/')) != std::string_view::npos; rest.remove_prefix(slash + 1))
    if (is_aside(std::string(rest.substr(0, slash + 1)))) return "/" + std::string(rest.substr(0, slash));
  return std::string(without_extension(base_name(path)));
}

// Finds which of the waiting files the code of others names.
class Names {
 public:
  Names(const Release& release, const std::vector<const ReleaseFile*>& waiting)
      : release_(release), waiting_(waiting) {}

  // The waiting files that `by` names.
  std::vector<const ReleaseFile*> in(const ReleaseFile& by) {
    std::vector<const ReleaseFile*> out;
    const std::string_view folder = folder_of(by.entry.inner);
    const auto look = [&](std::string_view text) {
      const std::string target = resolved(folder, text);
      for (const ReleaseFile* file : waiting_) {
        const std::string_view name = file->entry.inner;
        // Only of a script may the extension be left out.
        const bool same = is_script(*file) ? text.starts_with('.') && means(target, name)
                                           : base_name(text) == base_name(name) || target == name;
        if (same && std::find(out.begin(), out.end(), file) == out.end()) out.push_back(file);
      }
    };
    for_each_part(by.content, [&](const FileContent& part) {
      for (const std::string& composed : part.composed_paths) look(composed);
    });
    if (!mentions_any(by)) return out;
    // What folding tells was kept while the file was read for its capabilities.
    ModuleReferences references(SourceKind::script, [&](const ModuleReference& r) { look(r.text); }, false);
    read_file(release_, by, [&](Bytes piece) { references.feed(piece); });
    references.finish();
    return out;
  }

 private:
  // A cheap look, since most files name none.
  bool mentions_any(const ReleaseFile& by) const {
    std::set<std::string> needles;
    for (const ReleaseFile* file : waiting_) needles.insert(needle_of(*file));
    std::string text;
    bool found = false;
    read_file(release_, by, [&](Bytes piece) {
      if (found) return;
      text.erase(0, text.size() > 300 ? text.size() - 300 : 0);
      text += as_text(piece);
      for (const std::string& needle : needles)
        found = found || memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
    });
    return found;
  }

  const Release& release_;
  const std::vector<const ReleaseFile*>& waiting_;
};

constexpr std::size_t waiting_max = 200;
// To find what tells of one, every file is read: past a count, all of them are taken to be told of.
constexpr std::size_t shells_max = 20;

constexpr std::size_t relative_max = 300;

// "." and "..": a folder's index, where a module is asked for, and a full stop everywhere else.
bool only_steps(std::string_view path) {
  return path.find_first_not_of("./") == path.npos;
}
bool asks_for_module(std::string_view before) {
  before = before.substr(before.size() - std::min<std::size_t>(before.size(), 64));
  return before.find("require") != before.npos || before.find("import") != before.npos ||
         before.find("from") != before.npos;
}

constexpr bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}

// The places in `text` of a point or a backslash behind a quote.
struct RelativeStarts {
  [[gnu::always_inline]] static void run(std::string_view text, std::vector<std::size_t>* out) {
    std::size_t at = 1;
    for (; at + block_bytes <= text.size(); at += block_bytes) {
      ByteBlock here, before;
      load(here, reinterpret_cast<const std::uint8_t*>(text.data()) + at);
      load(before, reinterpret_cast<const std::uint8_t*>(text.data()) + at - 1);
      std::uint64_t starts =
          bits(((here == '.') | (here == '\\')) & ((before == '"') | (before == '\'') | (before == '`')));
      for (; starts != 0; starts &= starts - 1)
        out->push_back(at + static_cast<std::size_t>(std::countr_zero(starts)));
    }
    for (; at < text.size(); ++at)
      if ((text[at] == '.' || text[at] == '\\') && is_quote(text[at - 1])) out->push_back(at);
  }
};

// What stands between quotes in `text` and begins with a point, or may do so once it is unescaped.
template <class Visit>  // void(std::string_view)
void for_each_relative(std::string_view text, const Visit& visit) {
  std::vector<std::size_t> starts;
  run_wide<RelativeStarts, std::string_view, std::vector<std::size_t>*>(text, &starts);
  for (const std::size_t at : starts) {
    std::string_view path = text.substr(at, relative_max);
    const std::size_t end = path.find(text[at - 1]);
    if (end == path.npos) continue;
    path = path.substr(0, std::min(end, path.find("${")));
    if (only_steps(path) && !asks_for_module(text.substr(0, at))) continue;
    if (path.find('\\') == path.npos)
      visit(path);
    else if (const std::string plain = decoded({.text = path, .flags = Token::escaped});
             plain.starts_with('.'))
      visit(plain);
  }
}

// What folding told while the file was read for its capabilities.
std::set<std::string> composed_targets(const ReleaseFile& file, std::string_view folder) {
  std::set<std::string> out;
  for_each_part(file.content, [&](const FileContent& part) {
    for (const std::string& path : part.composed_paths)
      if (path.starts_with('.')) out.insert(resolved(folder, path));
  });
  return out;
}

// Whether anything else in the release has the file's name in it: what a script of the developers is called,
// nobody has to say.
bool is_mentioned(const Release& release, const ReleaseFile& file) {
  const std::string needle(without_extension(base_name(file.entry.inner)));
  for (const ReleaseFile& other : release.files) {
    if (&other == &file) continue;
    std::string text;
    bool found = false;
    read_file(release, other, [&](Bytes piece) {
      if (found) return;
      text.erase(0, text.size() > needle.size() ? text.size() - needle.size() : 0);
      text += as_text(piece);
      found = text.find(needle) != std::string::npos;
    });
    if (found) return true;
  }
  // "sh scripts/*" names none and runs all.
  for (const std::string& name : manifest_names(release))
    if (name.find_first_of("*?[$") != std::string::npos) return true;
  return false;
}

// What runs unless it is set aside: programs, and scripts of shells that anything tells of.
bool runs_by_itself(const Release& release, const ReleaseFile& file) {
  if (is_aside(file.entry.inner)) return false;
  return is_script(file) || (is_shell(file.entry.inner) && is_mentioned(release, file));
}

}  // namespace

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

std::vector<const ReleaseFile*> runtime_files(const Release& release) {
  std::vector<const ReleaseFile*> out, waiting;
  std::set<std::string> known;
  std::size_t shells = 0;
  for (const ReleaseFile& file : release.files) {
    bool says = false;
    for_each_part(file.content, [&](const FileContent& part) {
      says = says || !part.capabilities.empty() || !part.signs.empty();
    });
    if (!says) continue;
    const bool is_one_too_many = is_shell(file.entry.inner) && ++shells > shells_max;
    if (is_one_too_many ? !is_aside(file.entry.inner) : runs_by_itself(release, file)) {
      out.push_back(&file);
      for_each_part(file.content, [&](const FileContent& part) {
        for (const Capability& capability : part.capabilities) known.insert(capability.name);
      });
    } else {
      waiting.push_back(&file);
    }
  }
  std::erase_if(waiting, [&](const ReleaseFile* file) { return !matters(*file, known); });
  if (waiting.empty()) return out;
  std::vector<std::string> named = manifest_names(release);
  add_inner_names(release, named);
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

bool may_run(const Release& release, const ReleaseFile& file) {
  if (runs_by_itself(release, file)) return true;
  std::vector<std::string> named = manifest_names(release);
  add_inner_names(release, named);
  for (const std::string& name : named)
    if (means(name, file.entry.inner)) return true;
  const std::vector<const ReleaseFile*> waiting = {&file};
  Names names(release, waiting);
  return std::any_of(release.files.begin(), release.files.end(), [&](const ReleaseFile& by) {
    return is_script(by) && !is_aside(by.entry.inner) && !names.in(by).empty();
  });
}

std::set<const ReleaseFile*> Loads::of(const ReleaseFile& file,
                                       const std::vector<const ReleaseFile*>& among) {
  const auto meant = [&](const Targets& targets) {
    std::set<const ReleaseFile*> out;
    for (const ReleaseFile* other : among)
      if (other != &file && std::any_of(targets.begin(), targets.end(),
                                        [&](const std::string& t) { return means(t, other->entry.inner); }))
        out.insert(other);
    return out;
  };
  return meant(mentioned(file)).empty() ? std::set<const ReleaseFile*>() : meant(named(file));
}

// All that could be one, in comments too.
const Loads::Targets& Loads::mentioned(const ReleaseFile& file) {
  const auto [known, fresh] = mentioned_.try_emplace(&file);
  if (!fresh) return known->second;
  const std::string_view folder = folder_of(file.entry.inner);
  std::string text;  // with the end of the piece before
  read_file(release_, file, [&](Bytes piece) {
    text.erase(0, text.size() > relative_max ? text.size() - relative_max : 0);
    text += as_text(piece);
    for_each_relative(text, [&](std::string_view path) { known->second.insert(resolved(folder, path)); });
  });
  const Targets composed = composed_targets(file, folder);
  known->second.insert(composed.begin(), composed.end());
  return known->second;
}

const Loads::Targets& Loads::named(const ReleaseFile& file) {
  const auto [known, fresh] = named_.try_emplace(&file);
  if (!fresh) return known->second;
  const std::string_view folder = folder_of(file.entry.inner);
  known->second = composed_targets(file, folder);
  ModuleReferences references(
      SourceKind::script,
      [&](const ModuleReference& reference) {
        if (reference.text.starts_with('.') &&
            (reference.place == ModuleReference::Place::module || !only_steps(reference.text)))
          known->second.insert(resolved(folder, reference.text));
      },
      false);
  read_file(release_, file, [&](Bytes piece) { references.feed(piece); });
  references.finish();
  return known->second;
}

void add_code_facts(const Release& release, Facts& facts) {
  for (const ReleaseFile* file : release.runtime) {
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
