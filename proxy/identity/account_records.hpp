#pragma once
// What the store keeps of accounts, as JSON with a version:
//
//   users   "<name>" {"v":1,"name","email","groups":[],"admin","service","disabled","password",
//                                     "created","updated","otp":{…}}
//             password               as proxy/identity/password.hpp writes it; "": none can log in with one
//             otp                    absent, or {"secret","enrolled","mode","last_step","recovery":[]}
//               secret               base32, in the clear: a check needs it, and a key beside it would guard
//                                    nothing. The data folder is readable by its owner only.
//               last_step            of the newest accepted code
//               recovery             SHA-256 (hex) of the codes not used yet
//   tokens  "t/<digest>"             {"v":1,"user","name","shown","read_only","cidr":[],"created","expires"}
//           "u/<user>/<digest>"      empty: which tokens a user has
//             digest                 SHA-256 (hex) of the token; the token itself is nowhere

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/identity/identity.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

struct OtpRecord {
  std::string secret;     // raw bytes
  bool enrolled = false;  // false: begun, no code seen yet
  OtpMode mode = OtpMode::auth_and_writes;
  std::int64_t last_step = 0;
  std::vector<std::string> recovery;
};

struct UserRecord {
  std::string name, email;
  std::vector<std::string> groups;
  bool admin = false, service = false, disabled = false;
  std::string password;
  Instant created, updated;
  std::optional<OtpRecord> otp;
};

struct TokenRecord {
  std::string user, name, shown;
  bool read_only = false;
  std::vector<std::string> cidr;
  Instant created;
  std::optional<Instant> expires;
};

std::string encode(const UserRecord& record);
std::string encode(const TokenRecord& record);
Result<UserRecord> decode_user(std::string_view stored);    // corrupt
Result<TokenRecord> decode_token(std::string_view stored);  // corrupt

std::string token_record_key(std::string_view digest);
std::string token_index_prefix(std::string_view user);

User to_user(const UserRecord& record);
TokenInfo to_token_info(const TokenRecord& record, std::string_view digest);

}  // namespace sallyport
