#pragma once
// Log-ins through a browser page, while they are under way: a client begins one and is given two secrets, one
// for the page, one to ask with whether somebody has logged in there.

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct WebLoginLimits {
  Millis lasts{10 * 60'000};
  std::size_t open_max = 2'000;          // at once, of everybody
  std::size_t open_max_of_address = 50;  // many people may stand behind one
  unsigned failures_max = 10;            // of passwords on one page
};

// In memory: a restart forgets, and the client begins again. Only digests of the secrets are kept. Any
// thread.
class WebLogins {
 public:
  WebLogins(const Clock& clock, Random& random, WebLoginLimits limits = {})
      : clock_(clock), random_(random), limits_(limits) {}

  struct Begun {
    std::string page, done;  // secrets
    std::string code;        // shown by the client and on the page, for a person to compare
  };
  // forbidden: too many are open.
  Result<Begun> begin(const std::string& address, const std::string& client);

  // What the page tells of who began it.
  struct Asked {
    std::string address, client, code;
  };
  // not_found: no such log-in, it is over, or somebody has logged in already.
  Result<Asked> asked(std::string_view page) const;
  // A password was wrong; after too many the log-in is over.
  void failed(std::string_view page);
  // Somebody has logged in there. not_found as above, so that a second one cannot take it over.
  Result<void> complete(std::string_view page, const std::string& user);

  // Nothing: nobody has logged in yet. Otherwise who has, once. not_found: no such log-in, or it is over.
  Result<std::optional<std::string>> take(std::string_view done);

 private:
  struct Login {
    std::string done;  // digest
    Asked asked;
    Instant until;
    unsigned failures = 0;
    std::optional<std::string> user;
  };
  using Table = std::map<std::string, Login, std::less<>>;  // by the page's digest
  void forget_old();
  const Login* find(std::string_view page) const;
  void forget(Table::iterator login);

  const Clock& clock_;
  Random& random_;
  const WebLoginLimits limits_;
  mutable std::mutex mutex_;
  Table logins_;
  std::map<std::string, std::string, std::less<>> pages_;  // digest of `done` to that of the page
  std::map<std::string, std::size_t> of_address_;
};

}  // namespace sallyport
