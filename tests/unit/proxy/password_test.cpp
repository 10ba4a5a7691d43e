#include "proxy/identity/password.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"
#include "tests/support/seeded_random.hpp"

namespace sallyport {
namespace {

constexpr ScryptCost cheap{.log2_n = 4, .r = 8, .p = 1};

TEST_CASE("a hash is accepted by its own password only") {
  SeededRandom random(1);
  PasswordHasher hasher(random, cheap);
  const std::string stored = hasher.hash("correct horse");
  CHECK(stored.starts_with("scrypt$4$8$1$"));
  CHECK(hasher.matches("correct horse", stored));
  CHECK_FALSE(hasher.matches("correct hors", stored));
  CHECK_FALSE(hasher.matches("", stored));
  CHECK(hasher.hash("correct horse") != stored);  // another salt
}

TEST_CASE("the key is scrypt's") {
  // RFC 7914 section 12: password "pleaseletmein", salt "SodiumChloride", N 16384, r 8, p 1.
  const std::string key = base64url_encode(
      as_bytes(from_hex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2").value()));
  SeededRandom random(1);
  PasswordHasher hasher(random, cheap);
  CHECK(hasher.matches("pleaseletmein", "scrypt$14$8$1$SodiumChloride$" + key));
  CHECK_FALSE(hasher.matches("pleaseletmeout", "scrypt$14$8$1$SodiumChloride$" + key));
}

TEST_CASE("a missing or damaged hash matches nothing and costs a derivation") {
  SeededRandom random(1);
  PasswordHasher hasher(random, cheap);
  std::uint64_t before = hasher.derivations();
  for (const char* stored :
       {"", "scrypt", "scrypt$4$8$1$salt", "bcrypt$4$8$1$salt$key", "scrypt$0$8$1$salt$key",
        "scrypt$4$8$1$salt$", "scrypt$99$8$1$salt$key", "scrypt$4$8$1$salt$key$more"}) {
    CHECK_FALSE(hasher.matches("", stored));
    CHECK(hasher.derivations() == ++before);
  }
}

TEST_CASE("hashes of other parameters still match and are named outdated") {
  SeededRandom random(1);
  PasswordHasher old(random, cheap), now(random, {.log2_n = 5, .r = 8, .p = 1});
  const std::string stored = old.hash("correct horse");
  CHECK(now.matches("correct horse", stored));
  CHECK(now.outdated(stored));
  CHECK_FALSE(old.outdated(stored));
}

TEST_CASE("at most two derivations run at once") {
  SeededRandom random(1);
  PasswordHasher hasher(random, {.log2_n = 12, .r = 8, .p = 1});
  std::vector<std::thread> logins;
  for (int i = 0; i < 8; ++i) logins.emplace_back([&] { hasher.matches("guess", ""); });
  for (auto& login : logins) login.join();
  CHECK(hasher.derivations() == 8);
  CHECK(hasher.at_once_peak() <= 2);
}

}  // namespace
}  // namespace sallyport

using namespace sallyport;

TEST_CASE("hashes of an htpasswd file are checked, and count as outdated") {
  SeededRandom random(1);
  PasswordHasher hasher(random, {.log2_n = 4});
  const std::string password = "a password of the tests";
  for (const char* hash :
       {"$2b$04$bPGAKic96nxxdPhY3OnrhuXyPpglW7jDDmLBSeujHrazVEfFUBoRe", "$1$abcdefgh$YXCgLzamQ348LldW064zc/",
        "$5$abcdefgh$aC3YyqHpVr8FKYQtjA4J99lkngRMAN1msJWeR8RoEwC",
        "$6$abcdefgh$FPbwseVF7ZYc.PPfFwnconESuHb3HXGatYIqAkeWgFQTyKmV9EsoMb4YbZwq2.iUOCbeb97qOj5u50o.OVsdY/",
        "abws3YimNi/io", "{SHA}JhzQDvDwP+N4YqMN3P5XlOd+qBc="}) {
    CAPTURE(hash);
    const auto stored = PasswordHasher::from_htpasswd(hash);
    REQUIRE(stored.has_value());
    CHECK(hasher.matches(password, *stored));
    CHECK_FALSE(hasher.matches("another password", *stored));
    CHECK_FALSE(hasher.matches("", *stored));
    CHECK_FALSE(hasher.matches(password + std::string(1, '\0') + "x", *stored));
    CHECK(hasher.outdated(*stored));
    CHECK_FALSE(hasher.matches(password, hash));  // only what was imported as such
  }
}

TEST_CASE("what cannot be checked, or costs too much, is no hash") {
  for (const char* hash :
       {"", "*", "!", "x", "plain password", "$apr1$abcdefgh$0123456789012345678901", "{SHA}short",
        "$2b$31$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$6$rounds=999999999$abcdefgh$0123456789", "$y$j9T$abcdefgh$0123456789", "*0", "htpasswd$x"})
    CHECK_FALSE(PasswordHasher::from_htpasswd(hash).has_value());
}
