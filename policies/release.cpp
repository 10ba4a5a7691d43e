#include "policies/release.hpp"

#include <algorithm>
#include <cctype>

#include "policies/gyp.hpp"
#include "policies/rules/leak.hpp"
#include "policies/rules/runtime.hpp"
#include "policies/rules/signs.hpp"
#include "policies/toolchain.hpp"

namespace sallyport {

namespace {

// A rename does not change what a binary is; text has no magic, so its name has to tell.
std::string type_of(const ReleaseFile& file) {
  const std::string by_name = extension_of(file.entry.inner);
  switch (file.content.magic) {
    case Magic::none:
    case Magic::text:
    case Magic::utf16:
      return by_name;
    case Magic::other_binary:
      if (!by_name.empty()) return by_name;
      [[fallthrough]];
    default:
      return std::string(to_text(file.content.magic));
  }
}

// A string, npm's old object, or the older list of such.
std::string license_of(const Manifest& manifest) {
  const auto name = [](const json::value& value) -> std::string {
    if (value.is_string()) return std::string(value.get_string());
    return value.is_object() ? std::string(string_at(value.get_object(), "type").value_or(""))
                             : std::string();
  };
  if (const json::value* license = manifest.raw.if_contains("license")) return name(*license);
  const json::value* licenses = manifest.raw.if_contains("licenses");
  if (licenses == nullptr) return {};
  if (!licenses->is_array()) return name(*licenses);
  std::string out;
  for (const json::value& license : licenses->get_array()) out += (out.empty() ? "" : " OR ") + name(license);
  return out;
}

// `directories.bin`: without `bin`, every file of that folder is a command.
std::map<std::string, std::string> commands_of(const Release& release, const Manifest& manifest) {
  std::map<std::string, std::string> out = manifest.bin;
  const json::object* folders = object_at(manifest.raw, "directories");
  if (!out.empty() || folders == nullptr) return out;
  std::string folder;
  std::string_view rest = string_at(*folders, "bin").value_or(std::string_view());
  if (rest.empty()) return out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view step = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (step == "..")
      folder.resize(folder.empty() ? 0 : folder.rfind('/', folder.size() - 2) + 1);
    else if (!step.empty() && step != ".")
      folder.append(step).append("/");
  }
  for (const ReleaseFile& file : release.files) {
    const std::string& path = file.entry.inner;
    const std::string name = path.substr(path.rfind('/') + 1);
    if (path.starts_with(folder) && !name.starts_with('.')) out.emplace(name, path);
  }
  return out;
}

}  // namespace

std::string extension_of(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view compound : {".d.ts", ".d.mts", ".d.cts", ".tar.gz"}) {
    if (name.size() > compound.size() && name.ends_with(compound)) return std::string(compound);
  }
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? std::string() : name.substr(dot);
}

const ReleaseFile* Release::file(std::string_view inner) const {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [inner](const ReleaseFile& f) { return f.entry.inner == inner; });
  return found == files.end() ? nullptr : &*found;
}

Facts facts_of(const Release& release) {
  Facts facts;
  facts.name = release.name;
  facts.version = release.version;
  facts.tag = release.tag;
  facts.released = release.now;
  facts.packed_bytes = release.packed_bytes;
  facts.unpacked_bytes = release.unpacked_bytes;
  facts.files.reserve(release.files.size());
  for (const ReleaseFile& file : release.files) {
    facts.files.push_back({file.entry.inner, file.entry.size, to_hex(file.entry.digest), type_of(file)});
  }
  if (const Manifest* manifest = release.packaged) {
    facts.dependencies = manifest->dependencies;
    facts.optional_dependencies = manifest->optional_dependencies;
    for (const auto& [peer, spec] : manifest->peer_dependencies) {
      const auto& optional = manifest->optional_peers;
      if (!std::binary_search(optional.begin(), optional.end(), peer)) {
        facts.peer_dependencies.emplace(peer, spec);
      }
    }
    facts.scripts = manifest->scripts;
    facts.bin = commands_of(release, *manifest);
    facts.has_files_field = manifest->files.has_value();
    facts.license = license_of(*manifest);
    const auto& bundled = manifest->bundle_dependencies;
    if (!bundled.empty()) facts.marks["pack/bundled"] = {bundled.begin(), bundled.end()};
  }
  for (FoundGypCommand& found : gyp_commands(release)) facts.marks["run/gyp"].insert(std::move(found.digest));
  facts.measured = true;
  add_sign_facts(release, facts);
  add_map_facts(release, facts);
  add_code_facts(release, facts);
  facts.toolchain = toolchain_of(release);
  facts.origin = release.outside.origin;
  return facts;
}

}  // namespace sallyport
