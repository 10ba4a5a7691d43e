#include "proxy/identity/web_login.hpp"

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

constexpr std::size_t secret_bytes = 32;

std::string digest_of(std::string_view secret) {
  return to_hex(sha256(secret));
}
Error over() {
  return fail(ErrorKind::not_found,
              "This log-in is over: it was used, or has waited too long. Run `npm login` again.");
}

}  // namespace

Result<WebLogins::Begun> WebLogins::begin(const std::string& address, const std::string& client) {
  Begun begun;
  for (std::string* secret : {&begun.page, &begun.done})
    *secret = base64url_encode(as_bytes(random_bytes(random_, secret_bytes)));
  begun.code = review_code(random_).substr(2);
  std::lock_guard lock(mutex_);
  forget_old();
  // Not `busy`: npm would send it again instead of asking for name and password.
  if (logins_.size() >= limits_.open_max || of_address_[address] >= limits_.open_max_of_address)
    return fail(ErrorKind::forbidden,
                "Too many log-ins through the browser have been begun and not ended: use "
                "`npm login --auth-type=legacy`, or wait some minutes.");
  Login login{digest_of(begun.done), {address, client, begun.code}, clock_.now() + limits_.lasts, 0, {}};
  const std::string page = digest_of(begun.page);
  pages_[login.done] = page;
  ++of_address_[address];
  logins_.emplace(page, std::move(login));
  return begun;
}

Result<WebLogins::Asked> WebLogins::asked(std::string_view page) const {
  std::lock_guard lock(mutex_);
  const Login* login = find(page);
  if (login == nullptr) return over();
  return login->asked;
}

void WebLogins::failed(std::string_view page) {
  std::lock_guard lock(mutex_);
  const auto found = logins_.find(digest_of(page));
  if (found != logins_.end() && ++found->second.failures >= limits_.failures_max) forget(found);
}

Result<void> WebLogins::complete(std::string_view page, const std::string& user) {
  std::lock_guard lock(mutex_);
  if (find(page) == nullptr) return over();
  logins_.find(digest_of(page))->second.user = user;
  return {};
}

Result<std::optional<std::string>> WebLogins::take(std::string_view done) {
  std::lock_guard lock(mutex_);
  const auto page = pages_.find(digest_of(done));
  if (page == pages_.end()) return over();
  const auto found = logins_.find(page->second);
  if (found->second.until <= clock_.now()) {
    forget(found);
    return over();
  }
  std::optional<std::string> user = found->second.user;
  if (user) forget(found);
  return user;
}

const WebLogins::Login* WebLogins::find(std::string_view page) const {
  const auto found = logins_.find(digest_of(page));
  if (found == logins_.end() || found->second.user || found->second.until <= clock_.now()) return nullptr;
  return &found->second;
}

void WebLogins::forget_old() {
  for (auto at = logins_.begin(); at != logins_.end();) {
    const auto next = std::next(at);
    if (at->second.until <= clock_.now()) forget(at);
    at = next;
  }
}

void WebLogins::forget(Table::iterator login) {
  pages_.erase(login->second.done);
  if (auto count = of_address_.find(login->second.asked.address);
      count != of_address_.end() && --count->second == 0)
    of_address_.erase(count);
  logins_.erase(login);
}

}  // namespace sallyport
