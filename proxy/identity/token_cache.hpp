#pragma once
// Tokens checked before, so that a request costs no look-up in the store.

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gate/principal.hpp"
#include "proxy/identity/address_range.hpp"
#include "storage/base/clock.hpp"

namespace sallyport {

struct CheckedToken {
  Principal principal;  // without the address
  std::vector<AddressRange> from;
  std::optional<Instant> expires;
};

// The most recently used ones. Any thread.
class TokenCache {
 public:
  explicit TokenCache(std::size_t entries_max = 4096) : entries_max_(entries_max) {}

  std::optional<CheckedToken> find(const std::string& digest);
  // What was read from the store after generation() gave `generation`. Dropped if anything was forgotten
  // since: a token revoked between the read and this call does not come back.
  void keep(std::uint64_t generation, const std::string& digest, CheckedToken token);
  std::uint64_t generation() const;
  // After every change of an account or a token: everything, since changes are rare beside requests.
  void forget();

 private:
  using Recent = std::list<std::pair<std::string, CheckedToken>>;
  std::size_t entries_max_;
  mutable std::mutex mutex_;
  std::uint64_t generation_ = 0;
  Recent recent_;
  std::unordered_map<std::string, Recent::iterator> index_;
};

}  // namespace sallyport
