#pragma once
// To which origin each name belongs: the upstream that it was first found at or published to, or this
// registry. Kept for good, so that no later configuration hands a name silently to another registry; an
// administrator moves it.
//
// Records, in family `system` (JSON, "v": 1):
//   origin <name>   {v, origin, since}    origin: the name of an upstream, or "local"

#include <optional>
#include <string>

#include "storage/base/clock.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"
#include "storage/ledger.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct NameOrigin {
  std::string origin;
  Instant since;  // what was kept of the name before came from another
};

// All blocking; any thread.
class NameOrigins {
 public:
  explicit NameOrigins(MetaStore& store) : store_(store) {}

  Result<std::optional<NameOrigin>> of(const PackageName& name) const;
  // What belongs to nobody yet is `origin`'s from now on; the rest stays as it is.
  Result<void> claim(const PackageName& name, const std::string& origin, Instant now);
  // Within the fact that releases it there.
  static Result<void> released(Fact& fact, const PackageName& name, const std::string& origin);
  // By an administrator.
  static Result<void> move(Fact& fact, const PackageName& name, const std::string& origin,
                           const std::string& actor);

 private:
  MetaStore& store_;
};

// forbidden: why `name` is not taken from `wanted`, and what to do.
Error belongs_elsewhere(const PackageName& name, const NameOrigin& owner, const std::string& wanted);

}  // namespace sallyport
