#include "policies/release.hpp"

#include <algorithm>
#include <cctype>

#include "policies/rules/signs.hpp"

namespace sallyport {

namespace {

// ".d.ts" and ".tar.gz" say more than their last part. A leading dot is a name, not an extension.
std::string extension(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view compound : {".d.ts", ".d.mts", ".d.cts", ".tar.gz"}) {
    if (name.size() > compound.size() && name.ends_with(compound)) return std::string(compound);
  }
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? std::string() : name.substr(dot);
}

// A rename does not change what a binary is; text has no magic, so its name has to tell.
std::string type_of(const ReleaseFile& file) {
  const std::string by_name = extension(file.entry.inner);
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

}  // namespace

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
      if (std::find(optional.begin(), optional.end(), peer) == optional.end()) {
        facts.peer_dependencies.emplace(peer, spec);
      }
    }
    facts.scripts = manifest->scripts;
    facts.bin = manifest->bin;
    facts.has_files_field = manifest->files.has_value();
  }
  add_sign_facts(release, facts);
  return facts;
}

}  // namespace sallyport
