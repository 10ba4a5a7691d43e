// Shapes of attacks that were seen: credentials that leave, programs that are fetched and run, packages that
// publish packages, settings that run something later. What the last release had already is not new.

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "policies/code/capabilities.hpp"
#include "policies/code/commands.hpp"
#include "policies/module_references.hpp"
#include "policies/rules/code.hpp"
#include "policies/rules/leak.hpp"
#include "policies/rules/runtime.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

bool is_known(const Release& release, std::string_view rule, const std::string& digest) {
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->measured) return false;
  const auto marks = baseline->marks.find(std::string(rule));
  return marks != baseline->marks.end() && marks->second.contains(digest);
}

template <class Visit>  // void(std::string_view path, const ReleaseFile&, const FileContent&, const Sign&)
void for_each_runtime_sign(const std::vector<const ReleaseFile*>& files, std::string_view rule,
                           const Visit& visit) {
  for (const ReleaseFile* file : files) {
    std::set<std::string> seen;
    const auto look = [&](std::string_view path, const FileContent& content) {
      for (const Sign& sign : content.signs)
        if (sign.rule == rule && seen.insert(sign.digest).second) visit(path, *file, content, sign);
    };
    look(file->entry.inner, file->content);
    for_each_nested(file->content,
                    [&](std::string_view path, std::uint64_t, const FileContent& c) { look(path, c); });
  }
}

// The findings of a rule, each once: bundles repeat one another.
class Reports {
 public:
  explicit Reports(FindingSink& sink) : sink_(sink) {}
  void add(std::string_view path, const Sign& sign, std::string message) {
    if (!told_.insert(sign.digest).second) return;
    sink_.add({.file = path,
               .message = std::move(message),
               .evidence = sign.evidence,
               .line = sign.line,
               .offset = sign.offset,
               .content_digest = sign.digest});
  }

 private:
  FindingSink& sink_;
  std::set<std::string> told_;
};

// Every new sign of a rule in what runs.
void report_signs(const Release& release, std::string_view rule, FindingSink& sink,
                  const std::function<std::string(const Sign&)>& say) {
  Reports reports(sink);
  for_each_runtime_sign(release.runtime, rule,
                        [&](std::string_view path, const ReleaseFile&, const FileContent&, const Sign& sign) {
                          if (!is_known(release, rule, sign.digest)) reports.add(path, sign, say(sign));
                        });
}

bool has_way_out(const FileContent& content) {
  return std::any_of(content.capabilities.begin(), content.capabilities.end(),
                     [](const Capability& c) { return c.name == "network" || c.name == "dns"; });
}

// Small enough that every file may be asked what it loads.
constexpr std::size_t joint_files_max = 100;
constexpr std::size_t ends_max = 40;

// Whether one of the two loads the other, or a third loads both.
const ReleaseFile* way_out_of(const Release& release, Loads& loads, const ReleaseFile& secret,
                              const std::vector<const ReleaseFile*>& ways_out) {
  if (ways_out.size() > ends_max) return nullptr;
  std::vector<const ReleaseFile*> ends = ways_out;
  ends.push_back(&secret);
  const auto loaded = loads.of(secret, ways_out);
  if (!loaded.empty()) return *loaded.begin();
  for (const ReleaseFile* way : ways_out)
    if (way != &secret && loads.of(*way, {&secret}).contains(&secret)) return way;
  if (release.files.size() > joint_files_max) return nullptr;
  for (const ReleaseFile& file : release.files) {
    if (source_kind(file.entry.inner, file.content.shebang) != SourceKind::script) continue;
    const auto both = loads.of(file, ends);
    if (both.contains(&secret) && both.size() > 1)
      return *std::find_if(both.begin(), both.end(), [&](auto* f) { return f != &secret; });
  }
  return nullptr;
}

}  // namespace

void check_exfiltration(const Release& release, FindingSink& sink) {
  Reports reports(sink);
  const auto& files = release.runtime;
  const auto say = [](const Sign& sign, std::string_view where) {
    return (sign.what == "credentials" ? "the code names credentials" : "the code takes " + sign.what) +
           " and " + std::string(where);
  };
  for_each_runtime_sign(files, sign_credentials,
                        [&](std::string_view path, const ReleaseFile&, const FileContent&, const Sign& sign) {
                          if (!is_known(release, sign_credentials, sign.digest))
                            reports.add(path, sign, say(sign, "has a way out to the network beside it"));
                        });
  std::vector<const ReleaseFile*> ways_out;
  for (const ReleaseFile* file : files)
    if (has_way_out(file->content)) ways_out.push_back(file);
  const bool compared = release.history.baseline && release.history.baseline->measured;
  Loads loads(release);
  for_each_runtime_sign(
      files, sign_credentials_alone,
      [&](std::string_view path, const ReleaseFile& file, const FileContent& content, const Sign& sign) {
        if (is_known(release, sign_credentials, sign.digest)) return;
        if (has_way_out(content)) {
          // Far apart in one bundle says little, unless it is new there.
          if (compared) reports.add(path, sign, say(sign, "has a way out to the network in the same file"));
        } else if (const ReleaseFile* other = way_out_of(release, loads, file, ways_out)) {
          reports.add(path, sign,
                      say(sign, "has a way out to the network in " + printable(other->entry.inner)));
        }
      });
}

void check_download_and_run(const Release& release, FindingSink& sink) {
  report_signs(release, sign_run, sink, [](const Sign& sign) { return "the code " + sign.what; });
  const Manifest* manifest = release.packaged != nullptr ? release.packaged : release.published;
  if (manifest == nullptr) return;
  const auto& baseline = release.history.baseline;
  for (const std::string name : {"preinstall", "install", "postinstall"}) {
    const auto script = manifest->scripts.find(name);
    if (script == manifest->scripts.end()) continue;
    const CommandKind kind = command_kind(script->second);
    if (kind != CommandKind::download_and_run && kind != CommandKind::install_global) continue;
    if (baseline) {
      const auto before = baseline->scripts.find(name);
      if (before != baseline->scripts.end() && before->second == script->second) continue;
    }
    sink.add(
        {.file = "package.json",
         .message = name + (kind == CommandKind::install_global ? " installs a package for the whole machine"
                                                                : " downloads a program and runs it"),
         .evidence = script->second,
         .content_digest = name + "\n" + script->second});
  }
}

void check_self_publish(const Release& release, FindingSink& sink) {
  report_signs(release, sign_publish, sink, [](const Sign&) {
    return std::string("the code publishes packages and writes package.json: so does a worm");
  });
}

void check_persistence(const Release& release, FindingSink& sink) {
  report_signs(release, sign_persistence, sink, [](const Sign& sign) {
    return "the code writes files, and names " + printable(sign.what) + ", which runs something later";
  });
}

void check_unparsable(const Release& release, FindingSink& sink) {
  report_signs(release, sign_unparsable, sink,
               [](const Sign& sign) { return "the file is neither a script nor a module: " + sign.what; });
}

}  // namespace sallyport
