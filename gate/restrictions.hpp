#pragma once
// What an administrator froze or denied while the server runs, and with it everything that the predicate of
// gate/visibility goes by.
//
// Records, in family `system` (JSON, "v": 1), each a fact of the ledger:
//   freeze          {v, at, reason, by, since}
//   deny <entry>    {v, reason, by, since}   entry: "name", "name@range", or a tarball's digest

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/visibility.hpp"
#include "storage/ledger.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct Freeze {
  Instant at;  // versions of upstreams that are younger are hidden
  std::string reason, by;
  Instant since;
};
struct Denial {
  std::string entry;
  std::string reason, by;
  Instant since;
};

struct RestrictionParts {
  Ledger& ledger;
  MetaStore& store;
  const PackageRules& packages;
  const MalwareFeed* malware = nullptr;  // with the denials of the configuration
  const MalwareFeed* known = nullptr;    // faults that later versions mend
};

// Any thread. What changes something blocks (an fsync); the rest does not.
class Restrictions {
 public:
  static Result<std::unique_ptr<Restrictions>> open(RestrictionParts parts);

  Conditions of(const PackageName& name) const;
  // Grows with every change of what any of() says, but for the clock's.
  std::uint64_t generation() const;

  // invalid: no reason, or a time to come.
  Result<void> freeze(const std::string& actor, Instant at, const std::string& reason);
  Result<void> unfreeze(const std::string& actor);  // not_found: nothing is frozen
  // invalid: the entry is neither "name", "name@range", "sha512-…" nor a sha1 in hex; or there is no reason.
  Result<void> deny(const std::string& actor, const std::string& entry, const std::string& reason);
  Result<void> allow(const std::string& actor, const std::string& entry);  // not_found: not denied

  std::optional<Freeze> frozen() const;
  std::vector<Denial> denied() const;  // in order of their entries

 private:
  struct State;  // immutable
  explicit Restrictions(RestrictionParts parts) : parts_(parts) {}
  Result<void> reload();
  Result<void> change(const std::function<Result<void>(Fact&)>& fact);
  std::shared_ptr<const State> state() const;

  RestrictionParts parts_;
  std::mutex changes_;
  mutable std::mutex mutex_;
  std::shared_ptr<const State> state_;
  std::atomic<std::uint64_t> changed_ = 0;
};

}  // namespace sallyport
