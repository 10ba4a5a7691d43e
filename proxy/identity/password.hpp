#pragma once
// Passwords at rest: scrypt (RFC 7914), its parameters kept with every hash so that they can rise later.
//
//   "scrypt$15$8$1$<salt>$<key>"    log2 N, r, p; salt and key in base64url (16 and 32 bytes)
//   "htpasswd$<hash>"               of an imported account, as it came; the first log-in replaces it

#include <atomic>
#include <cstdint>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>

#include "storage/base/ids.hpp"

namespace sallyport {

struct ScryptCost {
  unsigned log2_n = 15;  // 32 MiB and some 80 ms with r = 8
  unsigned r = 8;
  unsigned p = 1;
  bool operator==(const ScryptCost&) const = default;
};

// Blocking; any thread. At most two derivations run at once, the others wait: a burst of logins takes twice
// the memory of one, not its multiple.
class PasswordHasher {
 public:
  explicit PasswordHasher(Random& random, ScryptCost cost = {}) : random_(random), cost_(cost) {}

  std::string hash(std::string_view password);
  // An empty or damaged `stored` never matches, and takes as long as one that could.
  bool matches(std::string_view password, std::string_view stored);
  // What is kept of a hash from an htpasswd file (bcrypt, {SHA}, crypt's md5 and sha2, and the old 13
  // letters); nothing where it is none that can be checked.
  static std::optional<std::string> from_htpasswd(std::string_view hash);
  // Made with other parameters than new hashes are.
  bool outdated(std::string_view stored) const;

  std::uint64_t derivations() const { return derivations_; }
  int at_once_peak() const { return peak_; }

 private:
  std::string derive(std::string_view password, std::string_view salt, const ScryptCost& cost);

  Random& random_;
  ScryptCost cost_;
  std::counting_semaphore<2> seats_{2};
  std::atomic<std::uint64_t> derivations_ = 0;
  std::atomic<int> running_ = 0, peak_ = 0;
};

}  // namespace sallyport
