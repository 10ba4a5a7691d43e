#include "proxy/cache/packument.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "proxy/cache/gzip.hpp"
#include "proxy/cache/json_slices.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/semver.hpp"

namespace sallyport {
namespace {

// What an install reads of a version. Source: npm's package-metadata document, "Abbreviated version object",
// and the further fields that current clients use.
constexpr std::array<std::string_view, 22> abbreviated_members{"name",
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

Document document_of(std::string_view text) {
  Document out;
  const std::string print = fingerprint(text);
  out.gzipped = std::make_shared<const std::string>(gzip(text));
  out.plain_bytes = text.size();
  out.etag = "\"" + print + "\"";
  out.gzipped_etag = "\"" + print + "-gzip\"";
  return out;
}

// An object written member by member.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  void member(std::string_view key, std::string_view value) {
    begin(key);
    out_ += value;
  }
  void begin(std::string_view key) {
    if (!std::exchange(first_, false)) out_ += ',';
    out_ += json_string(key);
    out_ += ':';
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

// A slice of the origin's text that is written anew.
struct Rewrite {
  std::string_view old;
  std::string text;
};

// One version's manifest, as slices of the origin's text.
struct Manifest {
  std::string version;
  std::string_view text;
  JsonMembers members;
  std::vector<Rewrite> rewrites;  // in order of their places
  bool install_script = false;
  bool provenance = false;
};

// `slice` of the origin's text with what is to be written anew.
void append_rewritten(std::string& out, std::string_view slice, const std::vector<Rewrite>& rewrites) {
  const char* at = slice.data();
  const char* const end = at + slice.size();
  for (const Rewrite& rewrite : rewrites) {
    if (rewrite.old.data() < at || rewrite.old.data() >= end) continue;
    out.append(at, rewrite.old.data());
    out += rewrite.text;
    at = rewrite.old.data() + rewrite.old.size();
  }
  out.append(at, end);
}

bool has_install_script(const JsonText& json, const JsonMembers& manifest) {
  for (const char* said : {"hasInstallScript", "gypfile"})
    if (const std::string_view value = value_at(manifest, said);
        !value.empty() && value != "false" && value != "null")
      return true;
  const std::string_view scripts_text = value_at(manifest, "scripts");
  if (!is_object(scripts_text)) return false;
  const auto scripts = json.members(scripts_text);
  if (!scripts) return true;  // two of one name: who knows which of them runs
  return std::any_of(scripts->begin(), scripts->end(), [](const JsonMember& m) {
    return m.key == "preinstall" || m.key == "install" || m.key == "postinstall";
  });
}

// A packument taken apart. Its slices live as long as `json`.
struct Origin {
  const JsonText& json;
  const PackageName& name;
  const PackumentView& view;
  bool own;
  JsonMembers root;
  std::vector<Manifest> manifests;  // in the origin's order
  JsonMembers time;
  PreparedPackument out;

  Result<void> read();
  bool read_manifest(const JsonMember& entry);
  void find_odd_files();
  void judge_all();
  void repoint();
  void write();

 private:
  const Seen& seen(const Manifest& manifest) const { return out.versions.at(manifest.version).seen; }
  bool is_visible(std::string_view version) const {
    const auto found = out.versions.find(version);
    return found != out.versions.end() && found->second.seen.sight == Sight::visible;
  }
  void write_time(std::string& to) const;
  void write_full();
  void write_abbreviated();
};

Error unreadable(const PackageName& name) {
  return fail(ErrorKind::upstream, "The upstream's packument of " + name.full() + " could not be read.");
}

Result<void> Origin::read() {
  auto members = json.members(json.root());
  if (!members) return unreadable(name);
  root = std::move(*members);
  if (string_in(value_at(root, "name")) != name.full()) return unreadable(name);
  const std::string_view versions_text = value_at(root, "versions");
  if (versions_text.empty())
    return fail(ErrorKind::not_found, "There is no package " + name.full() + " (unpublished upstream).");
  auto versions = json.members(versions_text);
  if (!versions) return unreadable(name);
  if (const std::string_view text = value_at(root, "time"); is_object(text)) {
    auto times = json.members(text);
    if (!times) return unreadable(name);
    time = std::move(*times);
  }
  if (const std::string_view text = value_at(root, "dist-tags"); is_object(text)) {
    auto tags = json.members(text);
    if (!tags) return unreadable(name);
    for (const JsonMember& tag : *tags)
      if (auto version = string_in(tag.value)) out.tags.emplace(tag.key, std::move(*version));
  }
  manifests.reserve(versions->size());
  for (const JsonMember& entry : *versions) read_manifest(entry);
  return {};
}

// What clients make addresses and members of objects of.
bool is_plain(std::string_view version) {
  return version != "__proto__" && std::all_of(version.begin(), version.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  std::string_view(".+-_~").find(c) != std::string_view::npos;
         });
}

// False where it names no tarball: there is nothing to install.
bool Origin::read_manifest(const JsonMember& entry) {
  if (!is_object(entry.value) || !is_plain(entry.key)) return false;
  auto members = json.members(entry.value);
  if (!members) return false;
  const std::string_view dist_text = value_at(*members, "dist");
  if (!is_object(dist_text)) return false;
  const auto dist = json.members(dist_text);
  if (!dist) return false;
  const std::string_view tarball = value_at(*dist, "tarball");
  auto url = string_in(tarball);
  if (!url) return false;

  PreparedVersion& prepared = out.versions[entry.key];
  prepared.version = entry.key;
  prepared.url = std::move(*url);
  prepared.integrity = string_in(value_at(*dist, "integrity")).value_or("");
  prepared.shasum = string_in(value_at(*dist, "shasum")).value_or("");

  Manifest manifest;
  manifest.version = entry.key;
  manifest.text = entry.value;
  manifest.install_script = has_install_script(json, *members);
  const std::string at = view.base_url + "/" + name.full() + "/-/" + name.tarball_file(entry.key);
  manifest.rewrites.push_back({tarball, json_string(at)});
  if (const std::string_view text = value_at(*dist, "attestations"); is_object(text)) {
    const auto attestations = json.members(text);
    if (!attestations) return out.versions.erase(entry.key), false;
    manifest.provenance = !attestations->empty();
    if (const std::string_view old = value_at(*attestations, "url"); !old.empty())
      manifest.rewrites.push_back(
          {old, json_string(view.base_url + "/-/npm/v1/attestations/" + name.full() + "@" + entry.key)});
  }
  std::sort(manifest.rewrites.begin(), manifest.rewrites.end(),
            [](const Rewrite& a, const Rewrite& b) { return a.old.data() < b.old.data(); });
  manifest.members = std::move(*members);
  manifests.push_back(std::move(manifest));
  return true;
}

// What two versions claim, or what is another's usual name, is nobody's.
void Origin::find_odd_files() {
  std::unordered_set<std::string> claimed_twice;
  for (const auto& [text, version] : out.versions) {
    std::string_view file = std::string_view(version.url).substr(0, version.url.find_first_of("?#"));
    file.remove_prefix(file.rfind('/') + 1);
    if (file.empty() || file == name.tarball_file(text)) continue;
    if (!out.odd_files.emplace(file, text).second) claimed_twice.emplace(file);
  }
  for (const std::string& file : claimed_twice) out.odd_files.erase(file);
}

void Origin::judge_all() {
  // Whether the next lower version had provenance; of a release the next lower release. Those that differ in
  // their build alone stand side by side; and clients read as versions what is none, in a place of their own.
  struct Ranked {
    Version version;
    const Manifest* manifest;
  };
  std::vector<Ranked> ranked;
  for (const Manifest& manifest : manifests)
    if (auto version = Version::parse(manifest.version)) ranked.push_back({std::move(*version), &manifest});
  std::sort(ranked.begin(), ranked.end(),
            [](const Ranked& a, const Ranked& b) { return a.version < b.version; });
  std::unordered_map<std::string_view, std::string_view> times;
  for (const JsonMember& entry : time) times.emplace(entry.key, entry.value);
  std::unordered_set<const Manifest*> after_provenance;
  bool release_had = false, any_had = false, ever_had = false;
  for (auto at = ranked.begin(); at != ranked.end();) {
    const bool prerelease = at->version.is_prerelease(), had_before = prerelease ? any_had : release_had;
    const auto first = at;
    any_had = false;
    for (; at != ranked.end() && !(first->version < at->version); ++at) {
      if (had_before) after_provenance.insert(at->manifest);
      any_had = any_had || at->manifest->provenance;
    }
    if (!prerelease) release_had = any_had;
    ever_had = ever_had || any_had;
  }
  for (const Manifest& manifest : manifests)
    if (ever_had && !Version::parse(manifest.version)) after_provenance.insert(&manifest);

  for (const Manifest& manifest : manifests) {
    PreparedVersion& prepared = out.versions.at(manifest.version);
    if (const auto at = times.find(manifest.version); at != times.end())
      if (const auto text = string_in(at->second))
        if (const auto published = parse_iso8601(*text)) prepared.published = *published;
    VersionFacts facts;
    facts.version = prepared.version;
    facts.published = prepared.published;
    std::string digests = prepared.integrity;
    if (const auto known = view.known_digests.find(prepared.version); known != view.known_digests.end())
      digests += " " + known->second;
    facts.integrity = digests;
    facts.shasum = prepared.shasum;
    facts.own = own;
    facts.install_script = manifest.install_script;
    facts.provenance = manifest.provenance;
    facts.provenance_before = after_provenance.contains(&manifest);
    prepared.seen = judge(facts, view.conditions, view.now);
    prepared.attested = manifest.provenance;
    out.good_until = std::min(out.good_until, prepared.seen.until);
  }
  out.generation = view.conditions.generation;
}

// The tags never name a version that is not in the documents. `latest` moves to the highest one below where
// it was, and upwards only where there is none: what is above, its publisher had not called latest.
void Origin::repoint() {
  const auto found = out.tags.find("latest");
  const auto was =
      found == out.tags.end() ? Result<Version>(unreadable(name)) : Version::parse(found->second);
  std::erase_if(out.tags, [&](const auto& tag) { return !is_visible(tag.second); });
  if (out.tags.contains("latest")) return;
  std::optional<Version> best;
  const std::string* best_text = nullptr;
  for (const Manifest& manifest : manifests) {
    if (seen(manifest).sight != Sight::visible) continue;
    auto version = Version::parse(manifest.version);
    if (!version) continue;
    auto rank = [&](const Version& v) { return std::pair(!v.is_prerelease(), was && v < *was); };
    const bool better =
        !best || rank(*best) < rank(*version) || (rank(*best) == rank(*version) && *best < *version);
    if (!better) continue;
    best = std::move(*version);
    best_text = &manifest.version;
  }
  if (best) out.tags["latest"] = *best_text;
}

void Origin::write_time(std::string& to) const {
  ObjectWriter object(to);
  for (const JsonMember& entry : time) {
    const auto known = out.versions.find(entry.key);
    if (known == out.versions.end() || known->second.seen.sight == Sight::visible)
      object.member(entry.key, entry.value);
  }
  object.end();
}

void Origin::write_full() {
  std::string text, unseen;
  text.reserve(json.root().size() + manifests.size() * view.base_url.size());
  std::vector<std::pair<std::size_t, std::size_t>> places(manifests.size());  // in one of the two
  const auto write_versions = [&] {
    ObjectWriter versions(text);
    for (std::size_t i = 0; i < manifests.size(); ++i) {
      const bool visible = seen(manifests[i]).sight == Sight::visible;
      if (visible) versions.begin(manifests[i].version);
      std::string& to = visible ? text : unseen;
      places[i].first = to.size();
      append_rewritten(to, manifests[i].text, manifests[i].rewrites);
      places[i].second = to.size() - places[i].first;
    }
    versions.end();
  };
  ObjectWriter document(text);
  bool tagged = false;
  for (const JsonMember& member : root) {
    if (member.key == "_rev") continue;
    document.begin(member.key);
    if (member.key == "versions") {
      write_versions();
    } else if (member.key == "time" && is_object(member.value)) {
      write_time(text);
    } else if (member.key == "dist-tags") {
      tagged = true;
      text += tags_json(out);
    } else {
      text += member.value;
    }
  }
  if (!tagged) {
    document.begin("dist-tags");
    text += tags_json(out);
  }
  const std::string revision = string_in(value_at(root, "_rev")).value_or("");
  // npm's write commands ask for /-/rev/<_rev>; an own package brings its own, an upstream's is of its
  // content.
  document.member("_rev", json_string(revision));
  document.end();

  out.unseen = document_of(unseen);
  out.full = document_of(text);
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    PreparedVersion& prepared = out.versions.at(manifests[i].version);
    prepared.manifest_at = places[i].first;
    prepared.manifest_bytes = places[i].second;
  }
}

void Origin::write_abbreviated() {
  std::string text;
  ObjectWriter document(text);
  document.member("name", json_string(name.full()));
  document.begin("dist-tags");
  text += tags_json(out);
  document.begin("versions");
  ObjectWriter versions(text);
  for (const Manifest& manifest : manifests) {
    if (seen(manifest).sight != Sight::visible) continue;
    versions.begin(manifest.version);
    ObjectWriter brief(text);
    for (const JsonMember& member : manifest.members) {
      const bool wanted = std::find(abbreviated_members.begin(), abbreviated_members.end(), member.key) !=
                          abbreviated_members.end();
      if (!wanted || (manifest.install_script && member.key == "hasInstallScript")) continue;
      brief.begin(member.key);
      append_rewritten(text, member.value, manifest.rewrites);
    }
    if (manifest.install_script) brief.member("hasInstallScript", "true");
    brief.end();
  }
  versions.end();
  if (!time.empty()) {
    document.begin("time");
    write_time(text);
    if (const std::string_view modified = value_at(time, "modified"); string_in(modified))
      document.member("modified", modified);
  }
  document.end();
  out.abbreviated = document_of(text);
}

void Origin::write() {
  if (const auto modified = string_in(value_at(time, "modified")))
    if (auto at = parse_iso8601(*modified)) out.last_modified = to_http_date(*at);
  write_full();
  write_abbreviated();
}

Result<PreparedPackument> prepare(const PackageName& name, std::string text, const PackumentView& view,
                                  bool own) {
  auto json = JsonText::parse(std::move(text));
  if (!json) return unreadable(name);
  Origin origin{*json, name, view, own, {}, {}, {}, {}};
  if (auto read = origin.read(); !read) return read.error();
  origin.find_odd_files();
  origin.judge_all();
  origin.repoint();
  origin.write();
  return std::move(origin.out);
}

}  // namespace

std::string tags_json(const PreparedPackument& packument) {
  std::string out;
  ObjectWriter object(out);
  for (const auto& [tag, version] : packument.tags) object.member(tag, json_string(version));
  object.end();
  return out;
}

std::uint64_t PreparedPackument::bytes() const {
  constexpr std::uint64_t each_version = 768;  // its texts and its place in the map
  std::uint64_t sum = versions.size() * each_version;
  for (const Document* document : {&full, &abbreviated, &unseen}) sum += document->gzipped->size();
  return sum;
}

Result<std::string> unpacked(const Document& document) {
  return gunzip(*document.gzipped, document.plain_bytes);
}

std::string_view manifest_of(const PreparedVersion& version, std::string_view text) {
  return text.substr(version.manifest_at, version.manifest_bytes);
}

Result<PreparedPackument> prepare_upstream(const PackageName& name, std::string text,
                                           const PackumentView& view) {
  return prepare(name, std::move(text), view, false);
}

Result<PreparedPackument> prepare_local(const LocalPackage& package, const PackumentView& view) {
  auto name = PackageName::parse(package.name);
  if (!name) return name.error();
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
    dist["integrity"] = to_integrity(version.sha512);
    dist["tarball"] = "";  // where it is, the view says
    manifest["dist"] = std::move(dist);
    versions[version.version] = std::move(manifest);
    time[version.version] = to_iso8601(version.time);
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
  auto prepared = prepare(*name, json::serialize(full), view, true);
  if (prepared)
    for (const LocalVersion& version : package.versions)
      prepared->versions.at(version.version).sha512 = version.sha512;
  return prepared;
}

namespace {

Result<const PreparedVersion*> if_served(const PreparedVersion& version) {
  if (version.seen.sight == Sight::denied) return fail(ErrorKind::forbidden, version.seen.why);
  return &version;
}

}  // namespace

Result<const PreparedVersion*> version_named(const PreparedPackument& packument,
                                             std::string_view version_or_tag) {
  // A tag may look like a version; who names a version means that one.
  auto found = packument.versions.find(version_or_tag);
  if (const auto tag = packument.tags.find(version_or_tag);
      found == packument.versions.end() && tag != packument.tags.end())
    found = packument.versions.find(tag->second);
  if (found == packument.versions.end())
    return fail(ErrorKind::not_found, "There is no version or tag of this name.");
  return if_served(found->second);
}

namespace {

// "1.0.0" of "lib-1.0.0.tgz"; empty where it is no name of a tarball of that package.
std::string_view version_in(const PackageName& name, std::string_view file) {
  const std::string_view base = name.base(), end = ".tgz";
  if (file.size() <= base.size() + 1 + end.size() || !file.starts_with(base) || file[base.size()] != '-' ||
      !file.ends_with(end))
    return {};
  return file.substr(base.size() + 1, file.size() - base.size() - 1 - end.size());
}

}  // namespace

Result<const PreparedVersion*> version_of_file(const PreparedPackument& packument, const PackageName& name,
                                               std::string_view file) {
  const std::string_view version = version_in(name, file);
  auto found = version.empty() ? packument.versions.end() : packument.versions.find(version);
  // A lock file made at the origin itself, and with its host replaced, has the origin's own.
  if (const auto odd = packument.odd_files.find(file);
      found == packument.versions.end() && odd != packument.odd_files.end())
    found = packument.versions.find(odd->second);
  if (found != packument.versions.end()) return if_served(found->second);
  return fail(ErrorKind::not_found, "There is no tarball " + std::string(file) + " of " + name.full() + ".");
}

Result<void> anything_to_see(const PreparedPackument& packument) {
  const PreparedVersion* denied = nullptr;
  for (const auto& [text, version] : packument.versions) {
    if (version.seen.sight != Sight::denied) return {};
    denied = &version;
  }
  if (denied) return fail(ErrorKind::forbidden, denied->seen.why);
  return {};
}

}  // namespace sallyport
