#include "proxy/identity/first_admin.hpp"

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

std::optional<std::string> FirstAdmin::offer() {
  if (!identity_.empty()) return {};
  const std::string secret = base64url_encode(as_bytes(random_bytes(random_, 32)));
  const std::lock_guard lock(mutex_);
  digest_ = to_hex(sha256(secret));
  until_ = clock_.now() + std::chrono::days(1);
  return secret;
}

Result<void> FirstAdmin::redeem(std::string_view secret, NewUser administrator) {
  const std::lock_guard lock(mutex_);
  if (digest_.empty() || clock_.now() >= until_ || !identity_.empty() ||
      !equal_constant_time(to_hex(sha256(secret)), digest_))
    return fail(
        ErrorKind::unauthenticated,
        "This secret is not, or no longer, good for a first administrator: use `sallyport user add NAME "
        "--admin` on the server.");
  if (administrator.password.empty())
    return fail(ErrorKind::invalid, "The first administrator needs a password of at least 8 characters.");
  administrator.admin = true;
  administrator.service = false;
  const auto added = identity_.add_user("first administrator", administrator);
  if (added) digest_.clear();
  return added;
}

}  // namespace sallyport
