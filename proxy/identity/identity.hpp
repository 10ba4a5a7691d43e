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

class PasswordHasher;

// npm's two ways of a second factor: asked for at log-in and account changes, or with every write too.
enum class OtpMode : std::uint8_t { auth_only, auth_and_writes };
std::string_view to_text(OtpMode mode);
std::optional<OtpMode> parse_otp_mode(std::string_view text);

struct User {
  std::string name;
  std::string email;
  std::vector<std::string> groups;
  bool admin = false;
  bool service = false;
  bool disabled = false;
  bool has_password = false;
  bool otp_enrolled = false;
  bool otp_pending = false;  // begun, not confirmed
  OtpMode otp_mode = OtpMode::auth_and_writes;
  Instant created, updated;
};

struct TokenInfo {
  std::string key;  // public: first hex digits of the token's hash, as npm's `token list` shows
  std::string user;
  std::string name;
  std::string shown;  // "slp_Ab12", the beginning only
  bool read_only = false;
  std::vector<std::string> cidr;
  Instant created;
  std::optional<Instant> expires;
};

struct NewUser {
  std::string name, email, password;  // an empty password: none can log in with one
  std::vector<std::string> groups;
  bool admin = false, service = false;
  std::string htpasswd = {};  // instead of a password: its hash in an htpasswd file
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
  // All must outlive the identity. Without `passwords` one with the default cost is made.
  static Result<std::unique_ptr<Identity>> open(MetaStore& store, Ledger& ledger, const Clock& clock,
                                                Random& random,
                                                std::shared_ptr<PasswordHasher> passwords = nullptr);
  virtual ~Identity() = default;

  // `actor` is who does it, for the ledger: a user's name or "console".
  virtual Result<void> add_user(const std::string& actor, const NewUser& user) = 0;  // conflict, invalid
  virtual Result<std::vector<User>> users() = 0;
  virtual Result<User> user(std::string_view name) = 0;
  virtual Result<void> disable_user(const std::string& actor,
                                    std::string_view name) = 0;  // and revoke its tokens
  virtual Result<void> set_password(const std::string& actor, std::string_view name,
                                    std::string_view password) = 0;
  virtual Result<void> set_email(const std::string& actor, std::string_view name, std::string_view email) = 0;

  // Checks a password, slowed down per account and per address after failures (busy, with the wait in the
  // sentence). One sentence for unknown user, wrong password and disabled account.
  virtual Result<Principal> check_password(std::string_view name, std::string_view password,
                                           std::string_view address) = 0;
  // Hot path: answers from memory after the first time; a revoked or expired token stops at once.
  virtual Result<Principal> check_token(std::string_view token, std::string_view address) = 0;
  // The same answer from memory only; absent: ask check_token on a thread that may block.
  virtual std::optional<Result<Principal>> check_token_cached(std::string_view token,
                                                              std::string_view address) = 0;

  struct IssuedToken {
    std::string token;  // "slp_…", shown once
    TokenInfo info;
  };
  virtual Result<IssuedToken> create_token(const std::string& actor, const NewToken& token) = 0;
  virtual Result<std::vector<TokenInfo>> tokens(std::string_view user) = 0;  // empty user: all
  virtual Result<void> revoke_token(const std::string& actor, std::string_view user,
                                    std::string_view key_or_token) = 0;

  // RFC 6238, SHA-1, 6 digits, 30 s, one step either side; a step is accepted once (replay is refused).
  // Enrolment is begun, then confirmed with a first code; the recovery codes (each good for one use in place
  // of a code) are shown once.
  virtual Result<std::string> begin_otp(const std::string& actor, std::string_view user,
                                        OtpMode mode = OtpMode::auth_and_writes) = 0;  // otpauth URL
  virtual Result<std::vector<std::string>> confirm_otp(std::string_view user, std::string_view code,
                                                       std::string_view address) = 0;
  struct OtpEnrolment {
    std::string url;
    std::vector<std::string> recovery_codes;
  };
  // Both at once, without a first code: for an administrator at the console, who hands the URL over.
  virtual Result<OtpEnrolment> enrol_otp(const std::string& actor, std::string_view user) = 0;
  virtual Result<void> set_otp_mode(const std::string& actor, std::string_view user, OtpMode mode) = 0;
  virtual Result<void> check_otp(std::string_view user, std::string_view code, std::string_view address) = 0;
  virtual Result<void> disable_otp(const std::string& actor, std::string_view user) = 0;

  virtual bool empty() = 0;  // no user yet
};

}  // namespace sallyport
