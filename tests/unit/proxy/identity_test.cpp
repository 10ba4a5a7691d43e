#include "proxy/identity/identity.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "proxy/identity/password.hpp"
#include "proxy/identity/totp.hpp"
#include "storage/base/log.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_meta_store.hpp"
#include "tests/support/seeded_random.hpp"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const std::string here = "192.0.2.1";

struct Accounts {
  ManualClock clock;
  SeededRandom random{7};
  MemoryMetaStore store;
  std::unique_ptr<Ledger> ledger = Ledger::open(store, clock).value();
  std::shared_ptr<PasswordHasher> passwords = hasher(4);
  std::unique_ptr<Identity> identity = open();

  Accounts() {
    log::set_sink([](auto) {});
  }
  ~Accounts() { log::set_sink({}); }

  std::shared_ptr<PasswordHasher> hasher(unsigned log2_n) {
    return std::make_shared<PasswordHasher>(random, ScryptCost{.log2_n = log2_n, .r = 8, .p = 1});
  }
  std::unique_ptr<Identity> open() {
    return Identity::open(store, *ledger, clock, random, passwords).value();
  }
  void restart() { identity = open(); }

  void add(const std::string& name, bool service = false) {
    NewUser user;
    user.name = name;
    user.password = "the password of " + name;
    user.groups = {"engineers"};
    user.service = service;
    REQUIRE(identity->add_user("console", user).has_value());
  }
  std::string token(const std::string& user) {
    NewToken wanted;
    wanted.user = user;
    return identity->create_token(user, wanted).value().token;
  }
  std::string enrol(const std::string& user) {  // the secret
    const std::string url = identity->enrol_otp("console", user).value().url;
    const auto start = url.find("secret=") + 7;
    return base32_decode(url.substr(start, url.find('&', start) - start)).value();
  }
  std::string code(const std::string& secret) { return totp_code(secret, totp_step(clock.now())); }

  std::vector<std::string> actions() {
    std::vector<std::string> out;
    REQUIRE(ledger
                ->read(1,
                       [&](const LedgerEntry& entry) {
                         out.push_back(entry.event.action);
                         return true;
                       })
                .has_value());
    return out;
  }
  // Every byte the store holds.
  std::string everything() {
    std::string out;
    for (std::size_t f = 0; f < family_count; ++f)
      REQUIRE(store
                  .scan(static_cast<Family>(f), "", "", false,
                        [&](auto key, auto value) {
                          out.append(key).append("\n").append(value).append("\n");
                          return true;
                        })
                  .has_value());
    return out;
  }
};

template <class T>
ErrorKind kind(const Result<T>& result) {
  REQUIRE(result.has_error());
  return result.error().kind;
}

TEST_CASE("a user is added once, and survives a restart") {
  Accounts a;
  CHECK(a.identity->empty());
  a.add("alice");
  CHECK_FALSE(a.identity->empty());
  NewUser again;
  again.name = "alice";
  CHECK(kind(a.identity->add_user("console", again)) == ErrorKind::conflict);
  a.restart();
  const User alice = a.identity->user("alice").value();
  CHECK(alice.groups == std::vector<std::string>{"engineers"});
  CHECK(alice.has_password);
  CHECK(alice.created == a.clock.now());
  CHECK_FALSE(alice.otp_enrolled);
  CHECK(a.identity->users().value().size() == 1);
  CHECK(a.actions() == std::vector<std::string>{"user.created"});
  CHECK(kind(a.identity->user("bob")) == ErrorKind::not_found);
}

TEST_CASE("names that could be a path, a group, a look-alike or the ledger's own are refused") {
  Accounts a;
  for (const char* name :
       {"", "..", ".", ".hidden", "a/b", "../alice", "a\\b", "a..b", "Alice", "group:x", "a b",
        "alí"
        "ce",
        "console", "system", "a%2fb", "*", "a\n"}) {
    CAPTURE(name);
    NewUser user;
    user.name = name;
    CHECK(kind(a.identity->add_user("console", user)) == ErrorKind::invalid);
    CHECK(kind(a.identity->user(name)) == ErrorKind::not_found);
    user.name = "fine";
    user.groups = {name};
    if (std::string_view(name) != "console")
      CHECK(kind(a.identity->add_user("console", user)) == ErrorKind::invalid);
  }
  NewUser user;
  user.name = std::string(65, 'a');
  CHECK(kind(a.identity->add_user("console", user)) == ErrorKind::invalid);
  CHECK(kind(a.identity->user(std::string_view("alice\0", 6))) == ErrorKind::not_found);
  CHECK(a.identity->empty());
}

TEST_CASE("a password below 8 or above 1,024 characters is refused") {
  Accounts a;
  a.add("alice");
  CHECK(kind(a.identity->set_password("alice", "alice", "seven77")) == ErrorKind::invalid);
  CHECK(kind(a.identity->set_password("alice", "alice", std::string(1025, 'x'))) == ErrorKind::too_large);
  CHECK(a.identity->set_password("alice", "alice", std::string(1024, 'x')).has_value());
  CHECK(a.identity->check_password("alice", std::string(1024, 'x'), here).has_value());
  CHECK(kind(a.identity->check_password("alice", "the password of alice", here)) ==
        ErrorKind::unauthenticated);
}

TEST_CASE("who logs in with a password is told by name, groups and address") {
  Accounts a;
  a.add("ci", true);
  const Principal who = a.identity->check_password("ci", "the password of ci", here).value();
  CHECK(who.user == "ci");
  CHECK(who.service);
  CHECK(who.groups == std::vector<std::string>{"engineers"});
  CHECK(who.credential == "password");
  CHECK(who.address == here);
}

TEST_CASE(
    "unknown user, wrong password, no password and disabled account: one sentence, one derivation each") {
  Accounts a;
  a.add("alice");
  a.add("bob");
  NewUser tokens_only;
  tokens_only.name = "ci";
  REQUIRE(a.identity->add_user("console", tokens_only).has_value());
  REQUIRE(a.identity->disable_user("console", "bob").has_value());
  std::string sentence;
  for (const auto& [name, password] : {std::pair{"alice", "wrong password"},
                                       {"nobody", "wrong password"},
                                       {"bob", "the password of bob"},
                                       {"ci", ""},
                                       {"../alice", "x"}}) {
    CAPTURE(name);
    const auto before = a.passwords->derivations();
    const auto refused = a.identity->check_password(name, password, here);
    CHECK(kind(refused) == ErrorKind::unauthenticated);
    CHECK(a.passwords->derivations() == before + 1);
    if (sentence.empty()) sentence = refused.error().message;
    CHECK(refused.error().message == sentence);
  }
}

TEST_CASE("guessing a password is slowed down, and the right one does not get through meanwhile") {
  Accounts a;
  a.add("alice");
  int checked = 0;
  for (int i = 0; i < 100; ++i)
    if (kind(a.identity->check_password("alice", "guess " + std::to_string(i),
                                        "192.0.2." + std::to_string(i))) == ErrorKind::unauthenticated)
      ++checked;
  CHECK(checked == 6);
  const auto before = a.passwords->derivations();
  CHECK(kind(a.identity->check_password("alice", "the password of alice", here)) == ErrorKind::busy);
  CHECK(a.passwords->derivations() == before);  // slowed down before any work
  a.clock.advance(seconds(1));
  CHECK(a.identity->check_password("alice", "the password of alice", here).has_value());
}

TEST_CASE("one address trying many accounts is slowed down") {
  Accounts a;
  a.add("alice");
  for (int i = 0; i < 21; ++i)
    CHECK(kind(a.identity->check_password("user" + std::to_string(i), "password", here)) ==
          ErrorKind::unauthenticated);
  CHECK(kind(a.identity->check_password("alice", "the password of alice", here)) == ErrorKind::busy);
  CHECK(a.identity->check_password("alice", "the password of alice", "198.51.100.1").has_value());
}

TEST_CASE("a hash of older parameters is renewed at the next log-in") {
  Accounts a;
  a.add("alice");
  a.passwords = a.hasher(5);
  a.restart();
  CHECK(a.identity->check_password("alice", "the password of alice", here).has_value());
  CHECK(a.everything().find("scrypt$5$") != std::string::npos);
  CHECK(a.everything().find("scrypt$4$") == std::string::npos);
  CHECK(a.identity->check_password("alice", "the password of alice", here).has_value());
}

TEST_CASE("a token is accepted, from the store and then from memory") {
  Accounts a;
  a.add("alice");
  const std::string token = a.token("alice");
  CHECK_FALSE(a.identity->check_token_cached(token, here).has_value());
  const Principal who = a.identity->check_token(token, here).value();
  CHECK(who.user == "alice");
  CHECK(who.groups == std::vector<std::string>{"engineers"});
  CHECK(who.address == here);
  CHECK(token.find(who.credential) == std::string::npos);
  CHECK(a.identity->check_token_cached(token, here).value().value().user == "alice");
  a.restart();
  CHECK(a.identity->check_token(token, here).value().user == "alice");
}

TEST_CASE("neither token nor password is anywhere in the store") {
  Accounts a;
  a.add("alice");
  const std::string token = a.token("alice");
  const std::string all = a.everything();
  CHECK(all.find(token) == std::string::npos);
  CHECK(all.find(token.substr(8)) == std::string::npos);
  CHECK(all.find("the password of alice") == std::string::npos);
}

TEST_CASE("what is no token is refused without a look-up") {
  Accounts a;
  a.add("alice");
  const std::string token = a.token("alice");
  for (const std::string& bad : {std::string(), std::string("slp_"), token + "x", token.substr(1),
                                 "npm_" + token, token.substr(0, token.size() - 1) + "/"}) {
    CHECK(kind(a.identity->check_token(bad, here)) == ErrorKind::unauthenticated);
    CHECK(a.identity->check_token_cached(bad, here).value().has_error());
  }
  std::string other = token;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  CHECK(kind(a.identity->check_token(other, here)) == ErrorKind::unauthenticated);
}

TEST_CASE("a token works from its addresses only, cached or not") {
  Accounts a;
  a.add("alice");
  NewToken wanted;
  wanted.user = "alice";
  wanted.cidr = {"10.0.0.0/8", "2001:db8::/32"};
  const std::string token = a.identity->create_token("alice", wanted).value().token;
  CHECK(kind(a.identity->check_token(token, here)) == ErrorKind::forbidden);
  CHECK(a.identity->check_token(token, "10.1.2.3").has_value());
  CHECK(a.identity->check_token(token, "2001:db8::7").has_value());
  CHECK(kind(*a.identity->check_token_cached(token, here)) == ErrorKind::forbidden);
  CHECK(kind(a.identity->check_token(token, "unix")) == ErrorKind::forbidden);
  wanted.cidr = {"10.0.0.0/33"};
  CHECK(kind(a.identity->create_token("alice", wanted)) == ErrorKind::invalid);
}

TEST_CASE("a token ends at its time, cached or not") {
  Accounts a;
  a.add("alice");
  NewToken wanted;
  wanted.user = "alice";
  wanted.expires = a.clock.now() + hours(1);
  const std::string token = a.identity->create_token("alice", wanted).value().token;
  CHECK(a.identity->check_token(token, here).has_value());
  a.clock.advance(hours(1) - Millis(1));
  CHECK(a.identity->check_token(token, here).has_value());
  a.clock.advance(Millis(1));
  CHECK(kind(*a.identity->check_token_cached(token, here)) == ErrorKind::unauthenticated);
  a.restart();
  CHECK(kind(a.identity->check_token(token, here)) == ErrorKind::unauthenticated);
  CHECK(kind(a.identity->create_token("alice", wanted)) == ErrorKind::invalid);  // in the past
}

TEST_CASE("a revoked token stops at once, though cached") {
  Accounts a;
  a.add("alice");
  const std::string first = a.token("alice"), second = a.token("alice");
  REQUIRE(a.identity->check_token(first, here).has_value());
  REQUIRE(a.identity->check_token(second, here).has_value());
  REQUIRE(a.identity->revoke_token("alice", "alice", first).has_value());
  CHECK(kind(a.identity->check_token(first, here)) == ErrorKind::unauthenticated);
  CHECK(a.identity->check_token(second, here).has_value());
  const std::string key = a.identity->tokens("alice").value().front().key;
  REQUIRE(a.identity->revoke_token("alice", "alice", key).has_value());
  CHECK(kind(a.identity->check_token(second, here)) == ErrorKind::unauthenticated);
  CHECK(a.identity->tokens("").value().empty());
  CHECK(kind(a.identity->revoke_token("alice", "alice", key)) == ErrorKind::not_found);
  a.restart();
  CHECK(kind(a.identity->check_token(first, here)) == ErrorKind::unauthenticated);
}

TEST_CASE("nobody revokes the token of another, by key or by value") {
  Accounts a;
  a.add("alice");
  a.add("mallory");
  const std::string token = a.token("alice");
  const std::string key = a.identity->tokens("alice").value().front().key;
  CHECK(kind(a.identity->revoke_token("mallory", "mallory", key)) == ErrorKind::not_found);
  CHECK(kind(a.identity->revoke_token("mallory", "mallory", token)) == ErrorKind::not_found);
  CHECK(kind(a.identity->revoke_token("mallory", "alice/", key)) == ErrorKind::not_found);
  CHECK(kind(a.identity->revoke_token("alice", "alice", "")) == ErrorKind::not_found);
  CHECK(kind(a.identity->revoke_token("alice", "alice", key.substr(0, 5))) == ErrorKind::not_found);
  CHECK(a.identity->check_token(token, here).has_value());
  CHECK(a.identity->revoke_token("console", "", key.substr(0, 8)).has_value());
}

TEST_CASE("the list of tokens is one's own, and shows no token") {
  Accounts a;
  a.add("alice");
  a.add("al");  // a prefix of the other
  NewToken wanted;
  wanted.user = "alice";
  wanted.name = "laptop";
  wanted.read_only = true;
  wanted.cidr = {"10.0.0.0/8"};
  const auto issued = a.identity->create_token("alice", wanted).value();
  CHECK(a.identity->tokens("al").value().empty());
  const TokenInfo info = a.identity->tokens("alice").value().front();
  CHECK(info.key == issued.info.key);
  CHECK(info.name == "laptop");
  CHECK(info.read_only);
  CHECK(info.cidr == wanted.cidr);
  CHECK(info.shown.size() < 12);
  CHECK(issued.token.starts_with(info.shown.substr(0, 8)));
  a.clock.set(a.clock.now() + Millis(1));
  CHECK(a.identity->check_token(issued.token, "10.0.0.1").value().read_only);
}

TEST_CASE("disabling an account ends its tokens and its password") {
  Accounts a;
  a.add("alice");
  const std::string token = a.token("alice");
  REQUIRE(a.identity->check_token(token, here).has_value());
  REQUIRE(a.identity->disable_user("console", "alice").has_value());
  CHECK(kind(a.identity->check_token(token, here)) == ErrorKind::unauthenticated);
  CHECK(kind(a.identity->check_password("alice", "the password of alice", here)) ==
        ErrorKind::unauthenticated);
  NewToken wanted;
  wanted.user = "alice";
  CHECK(kind(a.identity->create_token("console", wanted)) == ErrorKind::forbidden);
  CHECK(a.identity->tokens("alice").value().empty());
  CHECK(a.actions() == std::vector<std::string>{"user.created", "token.created", "user.disabled"});
}

TEST_CASE("a change of an account is seen by cached tokens") {
  Accounts a;
  a.add("alice");
  const std::string token = a.token("alice");
  CHECK_FALSE(a.identity->check_token(token, here).value().otp_enrolled);
  a.enrol("alice");
  CHECK(a.identity->check_token(token, here).value().otp_enrolled);
  CHECK(a.identity->check_token(token, here).value().otp_on_writes);
  REQUIRE(a.identity->set_otp_mode("alice", "alice", OtpMode::auth_only).has_value());
  CHECK_FALSE(a.identity->check_token(token, here).value().otp_on_writes);
  REQUIRE(a.identity->disable_otp("alice", "alice").has_value());
  CHECK_FALSE(a.identity->check_token(token, here).value().otp_enrolled);
}

TEST_CASE("a second factor is enrolled by showing a first code") {
  Accounts a;
  a.add("alice");
  CHECK(kind(a.identity->confirm_otp("alice", "123456", here)) == ErrorKind::conflict);
  const std::string url = a.identity->begin_otp("alice", "alice").value();
  const auto start = url.find("secret=") + 7;
  const std::string secret = base32_decode(url.substr(start, url.find('&', start) - start)).value();
  CHECK_FALSE(a.identity->user("alice").value().otp_enrolled);
  CHECK(a.identity->user("alice").value().otp_pending);
  CHECK(kind(a.identity->check_otp("alice", a.code(secret), here)) == ErrorKind::conflict);  // not yet
  CHECK(kind(a.identity->confirm_otp("alice", "000000", here)) == ErrorKind::unauthenticated);
  const auto recovery = a.identity->confirm_otp("alice", a.code(secret), here).value();
  CHECK(recovery.size() == 8);
  CHECK(a.identity->user("alice").value().otp_enrolled);
  // The code that enrolled is used up.
  CHECK(kind(a.identity->check_otp("alice", a.code(secret), here)) == ErrorKind::unauthenticated);
  CHECK(kind(a.identity->begin_otp("alice", "alice")) == ErrorKind::conflict);
  CHECK(kind(a.identity->enrol_otp("console", "alice")) == ErrorKind::conflict);
}

TEST_CASE("a replayed code is refused, also after a restart and for the step before") {
  Accounts a;
  a.add("alice");
  const std::string secret = a.enrol("alice");
  const std::string before = totp_code(secret, totp_step(a.clock.now()) - 1);
  const std::string code = a.code(secret);
  CHECK(a.identity->check_otp("alice", code, here).has_value());
  CHECK(kind(a.identity->check_otp("alice", code, here)) == ErrorKind::unauthenticated);
  CHECK(kind(a.identity->check_otp("alice", before, here)) == ErrorKind::unauthenticated);
  a.restart();
  CHECK(kind(a.identity->check_otp("alice", code, here)) == ErrorKind::unauthenticated);
  a.clock.advance(seconds(30));
  CHECK(a.identity->check_otp("alice", a.code(secret), here).has_value());
}

TEST_CASE("one code shown by four at once is accepted once") {
  Accounts a;
  a.add("alice");
  const std::string code = a.code(a.enrol("alice"));
  std::atomic<int> accepted = 0;
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&] { accepted += a.identity->check_otp("alice", code, here).has_value() ? 1 : 0; });
  for (auto& one : all) one.join();
  CHECK(accepted == 1);
}

TEST_CASE("guessing a code is slowed down") {
  Accounts a;
  a.add("alice");
  const std::string secret = a.enrol("alice");
  int checked = 0;
  for (int i = 0; i < 100; ++i)
    if (kind(a.identity->check_otp("alice", "x" + std::to_string(i), here)) == ErrorKind::unauthenticated)
      ++checked;
  CHECK(checked == 6);
  CHECK(kind(a.identity->check_otp("alice", a.code(secret), here)) == ErrorKind::busy);
}

TEST_CASE("each recovery code is good once, and is stored as a digest") {
  Accounts a;
  a.add("alice");
  const auto codes = a.identity->enrol_otp("console", "alice").value().recovery_codes;
  REQUIRE(codes.size() == 8);
  for (const auto& code : codes) {
    CHECK(code.size() == 64);  // what npm lets one type at its prompt
    CHECK(a.everything().find(code) == std::string::npos);
    CHECK(a.identity->check_otp("alice", code, here).has_value());
    CHECK(kind(a.identity->check_otp("alice", code, here)) == ErrorKind::unauthenticated);
  }
}

TEST_CASE("a record that cannot be read lets nobody in") {
  Accounts a;
  a.add("alice");
  const std::string token = a.token("alice");
  for (const char* damaged : {"", "{}", "{\"v\":2}", "{\"v\":1,\"name\":\"alice\"}", "nonsense"}) {
    MetaBatch batch;
    batch.put(Family::users, "alice", damaged);
    REQUIRE(a.store.write(batch, Durability::synced).has_value());
    CHECK(kind(a.identity->check_token(token, here)) == ErrorKind::corrupt);
    CHECK(kind(a.identity->check_password("alice", "the password of alice", here)) == ErrorKind::corrupt);
    CHECK(kind(a.identity->users()) == ErrorKind::corrupt);
    a.clock.advance(hours(2));
  }
}

TEST_CASE("a failed log-in is logged without the password and is no entry of the ledger") {
  Accounts a;
  a.add("alice");
  std::string lines;
  log::set_sink([&](auto line) { lines += line; });
  CHECK(a.identity->check_password("alice", "a wrong password", here).has_error());
  CHECK(lines.find("login.failed") != std::string::npos);
  CHECK(lines.find(here) != std::string::npos);
  CHECK(lines.find("a wrong password") == std::string::npos);
  CHECK(a.actions() == std::vector<std::string>{"user.created"});
}

}  // namespace
}  // namespace sallyport
