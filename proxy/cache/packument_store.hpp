#pragma once
// Packuments of upstreams as they came, on disk.
//
// Records, in family `upstream` (all can be fetched again):
//   p <name>   the packument as the upstream sent it, gzipped
//   c <name>   {v, etag, fetched, from}: written with it, and anew whenever the upstream says that it still
//   holds

#include <optional>
#include <string>

#include "storage/base/clock.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct PackumentHead {
  std::string etag;  // empty: the upstream sends none
  Instant fetched;   // or last found to hold
  std::string from;  // the upstream that said so: the origin, or a mirror of it
};
struct StoredPackument {
  PackumentHead head;
  std::string body;
};

// All blocking; any thread.
class PackumentStore {
 public:
  explicit PackumentStore(MetaStore& store) : store_(store) {}

  // Nothing: not kept, or damaged; to be fetched.
  Result<std::optional<StoredPackument>> load(const PackageName& name);
  Result<bool> has(std::string_view name);
  Result<void> keep(const PackageName& name, const PackumentHead& head, std::string gzipped_body);
  Result<void> confirm(const PackageName& name, const PackumentHead& head);  // the body is kept already
  Result<void> remove(const PackageName& name);
  Result<void> each_name(const std::function<bool(std::string_view name)>& visit);

 private:
  MetaStore& store_;
};

}  // namespace sallyport
