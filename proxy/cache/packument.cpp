#include "proxy/cache/packument.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/semver.hpp"

namespace sallyport {
namespace {

// What an install reads of a version. Source: npm's package-metadata document, "Abbreviated version object",
// and the further fields that current clients use.
constexpr std::array abbreviated_members{"name",
                                         "version",
                                         "deprecated",
                                         "dependencies",
                                         "acceptDependencies",
                                         "optionalDependencies",
                                         "devDependencies",
                                         "bundleDependencies",
                                         "bundledDependencies",
                                         "peerDependencies",
                                         "peerDependenciesMeta",
                                         "bin",
                                         "directories",
                                         "dist",
                                         "engines",
                                         "os",
                                         "cpu",
                                         "libc",
                                         "funding",
                                         "hasInstallScript",
                                         "_hasShrinkwrap",
                                         "hasShrinkwrap"};

std::string fingerprint(std::string_view text) {
  return base64url_encode(Bytes(sha256(text).bytes));
}

Document document_of(const json::object& object) {
  auto bytes = std::make_shared<const std::string>(json::serialize(object));
  return {bytes, "\"" + fingerprint(*bytes) + "\""};
}

bool has_install_script(const json::object& manifest) {
  if (bool_at(manifest, "hasInstallScript").value_or(false) || bool_at(manifest, "gypfile").value_or(false))
    return true;
  const json::object* scripts = object_at(manifest, "scripts");
  return scripts && (scripts->contains("preinstall") || scripts->contains("install") ||
                     scripts->contains("postinstall"));
}

// The tags never name a version that is not in the document. `latest` moves to the highest one below where it
// was, and upwards only where there is none: what is above, its publisher had not called latest.
void repoint(json::object& tags, const json::object& versions) {
  const std::string latest(string_at(tags, "latest").value_or(""));
  std::vector<std::string> gone;
  for (const auto& [tag, target] : tags)
    if (!target.is_string() || !versions.contains(target.get_string())) gone.emplace_back(tag);
  for (const auto& tag : gone) tags.erase(tag);
  if (tags.contains("latest")) return;
  const auto was = Version::parse(latest);
  std::optional<Version> best;
  std::string best_text;
  for (const auto& [text, manifest] : versions) {
    auto version = Version::parse(text);
    if (!version) continue;
    auto rank = [&](const Version& v) { return std::pair(!v.is_prerelease(), was && v < *was); };
    const bool better =
        !best || rank(*best) < rank(*version) || (rank(*best) == rank(*version) && *best < *version);
    if (!better) continue;
    best = std::move(*version);
    best_text = text;
  }
  if (best) tags["latest"] = best_text;
}

// Makes both documents of one whose versions, tags and time are final.
void finish(const json::object& full, PreparedPackument& out) {
  json::object short_versions;
  for (const auto& [version, value] : full.at("versions").get_object()) {
    const json::object& manifest = value.get_object();
    json::object brief;
    for (const char* member : abbreviated_members)
      if (const json::value* found = manifest.if_contains(member)) brief.emplace(member, *found);
    if (has_install_script(manifest)) brief["hasInstallScript"] = true;
    short_versions.emplace(version, std::move(brief));
  }
  json::object abbreviated{{"name", full.at("name")},
                           {"dist-tags", full.at("dist-tags")},
                           {"versions", std::move(short_versions)}};
  if (const json::object* time = object_at(full, "time")) {
    abbreviated["time"] = *time;
    if (auto modified = string_at(*time, "modified")) {
      abbreviated["modified"] = *modified;
      if (auto at = parse_iso8601(*modified)) out.last_modified = to_http_date(*at);
    }
  }
  out.full = document_of(full);
  out.abbreviated = document_of(abbreviated);
}

json::parse_options deep() {
  json::parse_options options;
  options.max_depth = 64;
  return options;
}

}  // namespace

Result<PreparedPackument> prepare_upstream(const PackageName& name, std::string_view text,
                                           const PackumentView& view) {
  const Error bad =
      fail(ErrorKind::upstream, "The upstream's packument of " + name.full() + " could not be read.");
  boost::system::error_code ec;
  json::value value = json::parse(text, ec, {}, deep());
  if (ec || !value.is_object()) return bad;
  json::object& full = value.get_object();
  if (string_at(full, "name") != name.full()) return bad;
  json::value* versions_value = full.if_contains("versions");
  if (!versions_value)
    return fail(ErrorKind::not_found, "There is no package " + name.full() + " (unpublished upstream).");
  if (!versions_value->is_object()) return bad;
  json::object& versions = versions_value->get_object();
  json::value* time_value = full.if_contains("time");
  json::object* time = time_value ? time_value->if_object() : nullptr;
  if (json::value* tags = full.if_contains("dist-tags"); !tags || !tags->is_object())
    full["dist-tags"] = json::object();

  PreparedPackument out;
  std::vector<std::string> hidden;
  for (auto& [version, manifest_value] : versions) {
    json::object* manifest = manifest_value.if_object();
    json::value* dist_value = manifest ? manifest->if_contains("dist") : nullptr;
    json::object* dist = dist_value ? dist_value->if_object() : nullptr;
    const auto url = dist ? string_at(*dist, "tarball") : std::nullopt;
    if (!url) {  // nothing to install
      hidden.emplace_back(version);
      continue;
    }
    const std::string file = name.tarball_file(version);
    TarballSource source;
    source.version = std::string(version);
    source.integrity = std::string(string_at(*dist, "integrity").value_or(""));
    source.shasum = std::string(string_at(*dist, "shasum").value_or(""));
    source.url = std::string(*url);
    out.tarballs.insert_or_assign(file, std::move(source));
    (*dist)["tarball"] = view.base_url + "/" + name.full() + "/-/" + file;
    if (view.minimum_age) {
      const auto published =
          time ? parse_iso8601(string_at(*time, version).value_or("")) : Result<Instant>(bad);
      const Instant ripe =
          published ? *published + *view.minimum_age : Instant::max();  // no date: never old enough
      if (ripe <= view.now) continue;
      hidden.emplace_back(version);
      out.good_until = std::min(out.good_until, ripe);
    }
  }
  for (const auto& version : hidden) {
    versions.erase(version);
    if (time) time->erase(version);
  }
  repoint(full.at("dist-tags").get_object(), versions);
  full["_rev"] = "1-" + fingerprint(text).substr(0, 32);  // npm's write commands ask for /-rev/<_rev>
  finish(full, out);
  return out;
}

Result<PreparedPackument> prepare_local(const LocalPackage& package, const PackumentView& view) {
  auto name = PackageName::parse(package.name);
  if (!name) return name.error();
  PreparedPackument out;
  json::object versions, time, tags;
  time["created"] = to_iso8601(package.created);
  time["modified"] = to_iso8601(package.modified);
  for (const auto& [tag, version] : package.tags) tags.emplace(tag, version);
  json::value readme, description;
  for (const LocalVersion& version : package.versions) {
    json::object manifest = version.manifest;
    if (const json::value* text = manifest.if_contains("description")) description = *text;
    if (const json::value* text = manifest.if_contains("readme")) readme = *text;
    manifest.erase("readme");  // of the newest version only, and at the top, as npm has it
    json::object dist;
    if (const json::object* sent = object_at(manifest, "dist")) dist = *sent;
    const std::string file = name->tarball_file(version.version);
    const std::string integrity = to_integrity(version.sha512);
    dist["integrity"] = integrity;
    dist["tarball"] = view.base_url + "/" + name->full() + "/-/" + file;
    manifest["dist"] = std::move(dist);
    versions[version.version] = std::move(manifest);
    time[version.version] = to_iso8601(version.time);
    out.tarballs.insert_or_assign(file, TarballSource{version.version, integrity, {}, {}, version.sha512});
  }
  json::object full{
      {"_id", name->full()},
      {"_rev", std::to_string(package.revision) + "-" + fingerprint(name->full()).substr(0, 32)},
      {"name", name->full()},
      {"dist-tags", std::move(tags)},
      {"versions", std::move(versions)},
      {"time", std::move(time)}};
  if (!description.is_null()) full["description"] = std::move(description);
  if (!readme.is_null()) full["readme"] = std::move(readme);
  finish(full, out);
  return out;
}

namespace {

Result<json::object> parse_full(const PreparedPackument& packument) {
  boost::system::error_code ec;
  json::value value = json::parse(*packument.full.bytes, ec, {}, deep());
  if (ec || !value.is_object())
    return fail(ErrorKind::internal, "The packument could not be read.", ec.message());
  return std::move(value.get_object());
}

}  // namespace

Result<std::string> version_manifest(const PreparedPackument& packument, std::string_view version_or_tag) {
  auto full = parse_full(packument);
  if (!full) return full.error();
  std::string version(version_or_tag);
  if (const json::object* tags = object_at(*full, "dist-tags"))
    if (auto target = string_at(*tags, version_or_tag)) version = std::string(*target);
  const json::object* versions = object_at(*full, "versions");
  const json::object* manifest = versions ? object_at(*versions, version) : nullptr;
  if (!manifest) return fail(ErrorKind::not_found, "There is no version or tag of this name.");
  return json::serialize(*manifest);
}

Result<std::string> dist_tags(const PreparedPackument& packument) {
  auto full = parse_full(packument);
  if (!full) return full.error();
  return json::serialize(full->at("dist-tags"));
}

}  // namespace sallyport
