#pragma once
// Sallyport's own published packages: what `publish = "local"` released.
//
// Records (JSON, "v": 1):
//   packages  <name>                     {v, tags: {tag: version}, created, modified, revision}
//   versions  <name> NUL <version>       {v, manifest, sha512, size, time, stage}     stage: "" of an
//   imported one

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/json.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"
#include "storage/ledger.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct LocalVersion {
  std::string version;
  json::object manifest;  // as published; its dist.tarball is not meaningful
  Sha512 sha512;
  std::uint64_t size_bytes = 0;
  Instant time;  // when it became visible
};

struct LocalPackage {
  std::string name;
  std::map<std::string, std::string> tags;
  Instant created, modified;
  std::uint64_t revision = 0;          // grows with every change
  std::vector<LocalVersion> versions;  // in order of publication
};

class Catalog {
 public:
  explicit Catalog(MetaStore& store) : store_(store) {}
  // All blocking; any thread. not_found where there is no such package or version.
  Result<bool> has_package(const PackageName& name);
  Result<LocalPackage> package(const PackageName& name);
  Result<LocalVersion> version(const PackageName& name, std::string_view version);
  Result<void> each_name(const std::function<bool(std::string_view name)>& visit);
  // The tarball of every version.
  Result<void> each_digest(const std::function<void(const Sha512&)>& visit);

  // Within a fact: adds versions and tags that came from another registry, with the times they had there.
  // What is here already stays as it is; conflict where a version has other bytes.
  static Result<void> import(Fact& fact, const LocalPackage& package);
  // Within a fact: adds the version, points the tag at it. conflict where the version exists.
  static Result<void> publish(Fact& fact, const PackageName& name, const LocalVersion& version,
                              const std::string& tag, const std::string& stage_id);

 private:
  MetaStore& store_;
};

}  // namespace sallyport
