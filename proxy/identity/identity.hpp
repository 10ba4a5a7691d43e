#pragma once
// Accounts: users, passwords, tokens and one-time passwords. Every change is a fact in the ledger.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/principal.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"
#include "storage/ledger.hpp"

namespace sallyport {

struct User {
  std::string name;
  std::string email;
  std::vector<std::string> groups;
  bool admin = false;
  bool service = false;
  bool disabled = false;
  bool has_password = false;
  bool otp_enrolled = false;
  Instant created, updated;
};

struct TokenInfo {
  std::string key;      // public: first hex digits of the token's hash, as npm's `token list` shows
  std::string user;
  std::string name;
  std::string shown;    // "slp_Ab…", the beginning only
  bool read_only = false;
  std::vector<std::string> cidr;
  Instant created;
  std::optional<Instant> expires;
};

struct NewUser {
  std::string name, email, password;  // an empty password: none can log in with one
  std::vector<std::string> groups;
  bool admin = false, service = false;
};

struct NewToken {
  std::string user, name;
  bool read_only = false;
  std::vector<std::string> cidr;  // empty: from anywhere
  std::optional<Instant> expires;
};

// Blocking (scrypt takes some 50 ms, writes an fsync): never on an I/O thread. Any thread.
class Identity {
 public:
  static Result<std::unique_ptr<Identity>> open(MetaStore& store, Ledger& ledger, const Clock& clock, Random& random);
  virtual ~Identity() = default;

  // `actor` is who does it, for the ledger: a user's name or "console".
  virtual Result<void> add_user(const std::string& actor, const NewUser& user) = 0;  // conflict, invalid
  virtual Result<std::vector<User>> users() = 0;
  virtual Result<User> user(std::string_view name) = 0;
  virtual Result<void> disable_user(const std::string& actor, std::string_view name) = 0;  // and revoke its tokens
  virtual Result<void> set_password(const std::string& actor, std::string_view name, std::string_view password) = 0;
  virtual Result<void> set_email(const std::string& actor, std::string_view name, std::string_view email) = 0;

  // Checks a password, slowed down per account and per address after failures (busy, with the wait in the
  // sentence). One sentence for unknown user, wrong password and disabled account.
  virtual Result<Principal> check_password(std::string_view name, std::string_view password,
                                           std::string_view address) = 0;
  // Hot path: answers from memory after the first time; a revoked or expired token stops at once.
  virtual Result<Principal> check_token(std::string_view token, std::string_view address) = 0;
  // The same answer from memory only; absent: ask check_token on a thread that may block.
  virtual std::optional<Result<Principal>> check_token_cached(std::string_view token, std::string_view address) = 0;

  struct IssuedToken {
    std::string token;  // "slp_…", shown once
    TokenInfo info;
  };
  virtual Result<IssuedToken> create_token(const std::string& actor, const NewToken& token) = 0;
  virtual Result<std::vector<TokenInfo>> tokens(std::string_view user) = 0;  // empty user: all
  virtual Result<void> revoke_token(const std::string& actor, std::string_view user, std::string_view key_or_token) = 0;

  // RFC 6238, SHA-1, 6 digits, 30 s, one step either side; a step is accepted once (replay is refused).
  virtual Result<std::string> begin_otp(const std::string& actor, std::string_view user) = 0;  // otpauth URL
  virtual Result<std::vector<std::string>> confirm_otp(std::string_view user, std::string_view code) = 0;  // recovery codes
  virtual Result<void> check_otp(std::string_view user, std::string_view code, std::string_view address) = 0;
  virtual Result<void> disable_otp(const std::string& actor, std::string_view user) = 0;

  virtual bool empty() = 0;  // no user yet
};

}  // namespace sallyport
