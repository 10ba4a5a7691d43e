#pragma once
// The way in while there is no account: a secret printed at start, good for one administrator.

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/identity/identity.hpp"

namespace sallyport {

// Only a digest of the secret is kept, in memory: a restart prints another one. Any thread; redeem() blocks.
class FirstAdmin {
 public:
  FirstAdmin(Identity& identity, const Clock& clock, Random& random)
      : identity_(identity), clock_(clock), random_(random) {}

  // A fresh secret, good for a day; nothing once there is a user.
  std::optional<std::string> offer();
  // Adds the administrator. One sentence for a wrong, an old and a used secret (unauthenticated).
  Result<void> redeem(std::string_view secret, NewUser administrator);

 private:
  Identity& identity_;
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::string digest_;
  Instant until_;
};

}  // namespace sallyport
