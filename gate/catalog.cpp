#include "gate/catalog.hpp"

#include <algorithm>
#include <tuple>

#include "storage/base/record.hpp"

namespace sallyport {
namespace {

std::string version_key(const PackageName& name, std::string_view version) {
  return name.full() + std::string(1, '\0') + std::string(version);
}

Error absent(const PackageName& name) {
  return fail(ErrorKind::not_found, "There is no package " + name.full() + " here.");
}

struct PackageRecord {
  std::map<std::string, std::string> tags;
  Instant created, modified;
  std::uint64_t revision = 0;
};

Result<PackageRecord> read_package(std::string_view text) {
  constexpr std::string_view what = "a package";
  const auto object = read_record(text, 1, what);
  if (!object) return object.error();
  RecordReader r(*object);
  PackageRecord record;
  const json::object& tags = r.object("tags");
  RecordReader tag_reader(tags);
  for (const auto& [tag, version] : tags) record.tags.emplace(tag, tag_reader.text(tag));
  record.created = r.instant("created");
  record.modified = r.instant("modified");
  record.revision = r.number("revision");
  if (!r.sound() || !tag_reader.sound()) return damaged_record(what);
  return record;
}

std::string write_package(const PackageRecord& record) {
  json::object tags;
  for (const auto& [tag, version] : record.tags) tags.emplace(tag, version);
  return json::serialize(json::object{{"v", 1},
                                      {"tags", std::move(tags)},
                                      {"created", to_iso8601(record.created)},
                                      {"modified", to_iso8601(record.modified)},
                                      {"revision", record.revision}});
}

std::string write_version(const LocalVersion& version, const std::string& stage_id) {
  return json::serialize(json::object{{"v", 1},
                                      {"manifest", version.manifest},
                                      {"sha512", to_hex(version.sha512)},
                                      {"size", version.size_bytes},
                                      {"time", to_iso8601(version.time)},
                                      {"stage", stage_id}});
}

Result<LocalVersion> read_version(std::string_view key, std::string_view text) {
  constexpr std::string_view what = "a version";
  const auto object = read_record(text, 1, what);
  if (!object) return object.error();
  RecordReader r(*object);
  LocalVersion version;
  version.version = std::string(key.substr(key.find('\0') + 1));
  version.manifest = r.object("manifest");
  version.sha512 = r.parsed("sha512", sha512_from_hex);
  version.size_bytes = r.number("size");
  version.time = r.instant("time");
  if (!r.sound()) return damaged_record(what);
  return version;
}

}  // namespace

Result<bool> Catalog::has_package(const PackageName& name) {
  auto record = store_.get(Family::packages, name.full());
  if (!record) return record.error();
  return record->has_value();
}

Result<LocalPackage> Catalog::package(const PackageName& name) {
  auto text = store_.get(Family::packages, name.full());
  if (!text) return text.error();
  if (!*text) return absent(name);
  auto record = read_package(**text);
  if (!record) return record.error();
  LocalPackage package{name.full(),      std::move(record->tags), record->created,
                       record->modified, record->revision,        {}};
  std::optional<Error> broken;
  auto read = store_.scan(Family::versions, version_key(name, ""), "", false,
                          [&](std::string_view key, std::string_view value) {
                            auto version = read_version(key, value);
                            if (!version)
                              broken = version.error();
                            else
                              package.versions.push_back(std::move(*version));
                            return !broken;
                          });
  if (!read) return read.error();
  if (broken) return *broken;
  std::sort(package.versions.begin(), package.versions.end(),
            [](const LocalVersion& a, const LocalVersion& b) {
              return std::tie(a.time, a.version) < std::tie(b.time, b.version);
            });
  return package;
}

Result<LocalVersion> Catalog::version(const PackageName& name, std::string_view version) {
  const std::string key = version_key(name, version);
  auto text = store_.get(Family::versions, key);
  if (!text) return text.error();
  if (!*text)
    return fail(ErrorKind::not_found, "There is no " + name.full() + "@" + std::string(version) + " here.");
  return read_version(key, **text);
}

Result<void> Catalog::each_name(const std::function<bool(std::string_view)>& visit) {
  return store_.scan(Family::packages, "", "", false,
                     [&](std::string_view key, std::string_view) { return visit(key); });
}

Result<void> Catalog::each_digest(const std::function<void(const Sha512&)>& visit) {
  std::optional<Error> damaged;
  auto read = store_.scan(Family::versions, "", "", false, [&](std::string_view key, std::string_view value) {
    auto version = read_version(key, value);
    if (version)
      visit(version->sha512);
    else
      damaged = version.error();
    return !damaged;
  });
  if (!read) return read.error();
  if (damaged) return *damaged;
  return {};
}

Result<void> Catalog::import(Fact& fact, const LocalPackage& package) {
  auto name = PackageName::parse(package.name);
  if (!name) return name.error();
  PackageRecord record{package.tags, package.created, package.modified, 0};
  auto text = fact.get(Family::packages, name->full());
  if (!text) return text.error();
  if (*text) {
    auto known = read_package(**text);
    if (!known) return known.error();
    known->created = std::min(known->created, record.created);
    known->modified = std::max(known->modified, record.modified);
    known->tags.insert(record.tags.begin(), record.tags.end());
    record = std::move(*known);
  }
  for (const LocalVersion& version : package.versions) {
    const std::string key = version_key(*name, version.version);
    auto there = fact.get(Family::versions, key);
    if (!there) return there.error();
    if (*there) {
      auto known = read_version(key, **there);
      if (!known) return known.error();
      if (known->sha512 == version.sha512) continue;
      return fail(ErrorKind::conflict, name->full() + "@" + version.version + " is here with other bytes.");
    }
    record.tags.try_emplace("latest", version.version);
    fact.put(Family::versions, key, write_version(version, ""));
  }
  ++record.revision;
  fact.put(Family::packages, name->full(), write_package(record));
  return {};
}

Result<void> Catalog::publish(Fact& fact, const PackageName& name, const LocalVersion& version,
                              const std::string& tag, const std::string& stage_id) {
  const std::string key = version_key(name, version.version);
  auto there = fact.get(Family::versions, key);
  if (!there) return there.error();
  if (*there)
    return fail(ErrorKind::conflict,
                name.full() + "@" + version.version + " is published already: raise the version.");
  PackageRecord record{{}, version.time, version.time, 0};
  auto text = fact.get(Family::packages, name.full());
  if (!text) return text.error();
  if (*text) {
    auto known = read_package(**text);
    if (!known) return known.error();
    record = std::move(*known);
  }
  record.tags[tag] = version.version;
  record.tags.try_emplace("latest", version.version);  // a package always has one
  record.modified = std::max(record.modified, version.time);
  ++record.revision;
  fact.put(Family::packages, name.full(), write_package(record));
  fact.put(Family::versions, key, write_version(version, stage_id));
  return {};
}

}  // namespace sallyport
