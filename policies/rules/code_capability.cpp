// What the code of a release can do that the one before could not.

#include <algorithm>
#include <set>
#include <string>

#include "policies/rules/code.hpp"
#include "policies/rules/leak.hpp"
#include "policies/rules/runtime.hpp"
#include "storage/base/one_of.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

std::string_view told(std::string_view capability) {
  constexpr std::pair<std::string_view, std::string_view> texts[] = {
      {"network", "talk to the network"},    {"dns", "look up names in DNS"},
      {"process", "start other programs"},   {"eval", "run text as code"},
      {"fs-write", "write files"},           {"home-read", "look into the home folder"},
      {"env", "read the whole environment"}, {"wasm", "run WebAssembly"},
      {"worker", "start workers"},           {"wallet", "use a crypto wallet"},
      {"clipboard", "use the clipboard"},
  };
  for (const auto& [name, text] : texts)
    if (name == capability) return text;
  return capability;
}

enum Tier { gained, together, gained_mild };

struct Place {
  std::string path;
  const Capability* capability = nullptr;
};

// The first place of a capability in what runs.
Place first_place(const std::vector<const ReleaseFile*>& files, std::string_view name) {
  Place out;
  const auto look = [&](std::string_view path, const FileContent& content) {
    if (out.capability != nullptr) return;
    for (const Capability& capability : content.capabilities)
      if (capability.name == name) out = {std::string(path), &capability};
  };
  for (const ReleaseFile* file : files) {
    look(file->entry.inner, file->content);
    for_each_nested(file->content,
                    [&](std::string_view path, std::uint64_t, const FileContent& c) { look(path, c); });
  }
  return out;
}

std::set<std::string> capabilities_of(const ReleaseFile& file) {
  std::set<std::string> out;
  const auto take = [&](const FileContent& content) {
    for (const Capability& capability : content.capabilities) out.insert(capability.name);
  };
  take(file.content);
  for_each_nested(file.content, [&](std::string_view, std::uint64_t, const FileContent& c) { take(c); });
  return out;
}

// What tools and libraries come to do as they grow, and what does no harm alone.
bool is_mild(std::string_view capability) {
  constexpr std::string_view mild[] = {"fs-write", "env", "wasm", "worker", "clipboard"};
  return one_of(capability, mild);
}

constexpr std::pair<std::string_view, std::string_view> pairs[] = {
    {"network", "process"}, {"network", "env"}, {"network", "eval"}};

}  // namespace

void check_capability(const Release& release, FindingSink& sink) {
  const auto& baseline = release.history.baseline;
  if (!baseline || !baseline->measured) return;
  const auto is_new = [&](std::string_view name) {
    return release.facts.capabilities.contains(std::string(name)) &&
           !baseline->capabilities.contains(std::string(name));
  };
  if (std::none_of(release.facts.capabilities.begin(), release.facts.capabilities.end(), is_new)) return;
  const auto& files = release.runtime;
  for (const std::string& name : release.facts.capabilities) {
    if (!is_new(name)) continue;
    const Place place = first_place(files, name);
    if (place.capability == nullptr) continue;
    sink.add({.file = place.path,
              .message = "the package can now " + std::string(told(name)) + ", which " +
                         printable(baseline->version) + " could not",
              .evidence = place.capability->evidence,
              .line = place.capability->line,
              .offset = place.capability->offset,
              .content_digest = "capability " + name},
             is_mild(name) ? gained_mild : gained);
  }
  for (const auto& [a, b] : pairs) {
    const bool both = is_new(a) && is_new(b);
    if (!is_new(a) && !is_new(b)) continue;
    // Where one was there before, the two have to meet in one file to say something.
    const auto meets =
        std::find_if(files.begin(), files.end(), [&, first = a, second = b](const ReleaseFile* file) {
          const auto has = capabilities_of(*file);
          return has.contains(std::string(first)) && has.contains(std::string(second));
        });
    if (meets == files.end() && !both) continue;
    const Place place = first_place(files, is_new(b) ? b : a);
    if (place.capability == nullptr) continue;
    sink.add({.file = meets == files.end() ? place.path : (*meets)->entry.inner,
              .message = "the package can now " + std::string(told(a)) + " and " + std::string(told(b)) +
                         (meets == files.end() ? "" : " in one file") +
                         ": together that is how data leaves or programs arrive",
              .evidence = place.capability->evidence,
              .content_digest = "capabilities " + std::string(a) + " " + std::string(b)},
             together);
  }
}

}  // namespace sallyport
