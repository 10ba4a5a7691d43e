#include "proxy/identity/identity.hpp"

#include <algorithm>
#include <cctype>

#include "proxy/identity/account_records.hpp"
#include "proxy/identity/login_throttle.hpp"
#include "proxy/identity/password.hpp"
#include "proxy/identity/token.hpp"
#include "proxy/identity/token_cache.hpp"
#include "proxy/identity/totp.hpp"
#include "storage/base/json.hpp"
#include "storage/base/log.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t name_chars_max = 64, password_chars_min = 8, password_bytes_max = 1024;
constexpr std::size_t recovery_codes_n = 8, key_chars_min = 6;
constexpr std::string_view issuer = "Sallyport";

// A name is part of keys, of URLs and of "group:NAME", and two people's names must not look alike: lower case
// only, and nothing that could be a path.
bool is_account_name(std::string_view name) {
  if (name.empty() || name.size() > name_chars_max || name.front() == '.' || name.find("..") != name.npos)
    return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

// The ledger writes these where no user acted.
bool is_reserved(std::string_view name) {
  return name == "console" || name == "system";
}

Result<void> check_name(std::string_view name, std::string_view what) {
  if (is_account_name(name) && !is_reserved(name)) return {};
  return fail(ErrorKind::invalid, "\"" + printable(name, 80) + "\" cannot be the name of a " +
                                      std::string(what) +
                                      ": use up to 64 lower-case letters, digits, '-', '_' and '.'.");
}

Result<void> check_new_password(std::string_view password) {
  if (password.size() < password_chars_min)
    return fail(ErrorKind::invalid, "The password is too short: use at least 8 characters.");
  if (password.size() > password_bytes_max)
    return fail(ErrorKind::too_large, "The password is longer than 1,024 bytes: use a shorter one.");
  return {};
}

Result<void> check_email(std::string_view email) {
  if (email.empty()) return {};
  const auto at = email.find('@');
  if (email.size() <= 254 && at != email.npos && at > 0 && at + 1 < email.size() &&
      printable(email, 300) == email && email.find(' ') == email.npos)
    return {};
  return fail(ErrorKind::invalid, "\"" + printable(email, 80) + "\" is not an e-mail address.");
}

Error no_such_user(std::string_view name) {
  return fail(ErrorKind::not_found, "There is no user \"" + printable(name, 80) + "\".");
}

Error no_such_token() {
  return fail(ErrorKind::not_found, "There is no such token: look it up with `npm token list`.");
}

class StoredIdentity final : public Identity {
 public:
  StoredIdentity(MetaStore& store, Ledger& ledger, const Clock& clock, Random& random,
                 std::shared_ptr<PasswordHasher> passwords)
      : store_(store),
        ledger_(ledger),
        clock_(clock),
        random_(random),
        passwords_(std::move(passwords)),
        password_attempts_(clock),
        otp_attempts_(clock) {}

  Result<void> add_user(const std::string& actor, const NewUser& user) override {
    if (auto ok = check_name(user.name, "user"); !ok) return ok;
    for (const auto& group : user.groups)
      if (auto ok = check_name(group, "group"); !ok) return ok;
    if (auto ok = check_email(user.email); !ok) return ok;
    if (!user.password.empty())
      if (auto ok = check_new_password(user.password); !ok) return ok;
    if (user.admin && user.service)
      return fail(ErrorKind::invalid,
                  "A service identity cannot be an administrator: choose one of the two.");

    UserRecord record;
    record.name = user.name;
    record.email = user.email;
    record.groups = user.groups;
    record.admin = user.admin;
    record.service = user.service;
    if (!user.password.empty()) record.password = passwords_->hash(user.password);
    if (!user.htpasswd.empty()) {
      auto kept = PasswordHasher::from_htpasswd(user.htpasswd);
      if (!kept)
        return fail(ErrorKind::invalid, "The password of " + user.name +
                                            " is kept in a form that cannot be checked here: add the user "
                                            "with \"sallyport user add " +
                                            user.name + "\" and a new one.");
      record.password = std::move(*kept);
    }
    return ledger_.commit([&](Fact& fact) -> Result<void> {
      const auto existing = fact.get(Family::users, user.name);
      if (!existing) return existing.error();
      if (*existing)
        return fail(ErrorKind::conflict, "A user \"" + user.name + "\" exists already: choose another name.");
      record.created = record.updated = fact.now();
      fact.put(Family::users, record.name, encode(record));
      json::array groups(record.groups.begin(), record.groups.end());
      fact.record({actor,
                   "user.created",
                   record.name,
                   {{"admin", record.admin}, {"service", record.service}, {"groups", std::move(groups)}}});
      return {};
    });
  }

  Result<std::vector<User>> users() override {
    std::vector<User> out;
    Result<void> sound;
    const auto walked = store_.scan(Family::users, "", "", false, [&](auto, std::string_view value) {
      const auto record = decode_user(value);
      if (!record) sound = record.error();
      if (record) out.push_back(to_user(*record));
      return record.has_value();
    });
    if (!walked) return walked.error();
    if (!sound) return sound.error();
    return out;
  }

  Result<User> user(std::string_view name) override {
    const auto record = load_user(name);
    if (!record) return record.error();
    return to_user(*record);
  }

  Result<void> disable_user(const std::string& actor, std::string_view name) override {
    return change_user(name, [&](Fact& fact, UserRecord& record) -> Result<void> {
      // Within the fact nobody else writes tokens, so this finds them all.
      std::vector<std::string> digests;
      const auto walked = digests_of(record.name, digests);
      if (!walked) return walked;
      for (const auto& digest : digests) remove_token(fact, record.name, digest);
      record.disabled = true;
      fact.record({actor, "user.disabled", record.name, {{"tokens_revoked", digests.size()}}});
      return {};
    });
  }

  Result<void> set_password(const std::string& actor, std::string_view name,
                            std::string_view password) override {
    if (auto ok = check_new_password(password); !ok) return ok;
    const std::string hashed = passwords_->hash(password);
    return change_user(name, [&](Fact& fact, UserRecord& record) -> Result<void> {
      record.password = hashed;
      fact.record({actor, "user.password", record.name, {}});
      return {};
    });
  }

  Result<void> set_email(const std::string& actor, std::string_view name, std::string_view email) override {
    if (auto ok = check_email(email); !ok) return ok;
    return change_user(name, [&](Fact& fact, UserRecord& record) -> Result<void> {
      record.email = email;
      fact.record({actor, "user.email", record.name, {}});
      return {};
    });
  }

  Result<Principal> check_password(std::string_view name, std::string_view password,
                                   std::string_view address) override {
    const std::string_view account = is_account_name(name) ? name : "";  // what is no name is one account
    if (auto admitted = password_attempts_.admit(account, address); !admitted) {
      log_refusal("login.slowed", name, address, "too many failures");
      return admitted.error();
    }
    Result<std::optional<std::string>> stored;
    if (!account.empty()) stored = store_.get(Family::users, account);
    if (!stored) return stored.error();
    UserRecord record;
    if (*stored) {
      auto decoded = decode_user(**stored);
      if (!decoded) return decoded.error();
      record = std::move(*decoded);
    }
    // Whoever asks, one derivation: the time taken does not say whether the account exists.
    const bool too_long = password.size() > password_bytes_max;
    const bool right = passwords_->matches(too_long ? "" : password, record.password) && !too_long;
    if (!right || record.disabled) {
      log_refusal("login.failed", name, address,
                  !*stored          ? "unknown user"
                  : record.disabled ? "disabled"
                                    : "wrong password");
      return fail(ErrorKind::unauthenticated,
                  "The user name or the password is wrong, or the account is disabled.");
    }
    password_attempts_.succeeded(account, address);
    if (passwords_->outdated(record.password)) renew_hash(record, password);
    Principal who = principal_of(record);
    who.credential = "password";
    who.address = address;
    return who;
  }

  Result<Principal> check_token(std::string_view token, std::string_view address) override {
    if (auto known = check_token_cached(token, address)) return *known;
    const std::string digest = token_digest(token);
    const std::uint64_t generation = cache_.generation();
    const auto stored = store_.get(Family::tokens, token_record_key(digest));
    if (!stored) return stored.error();
    if (!*stored) return refused_token();
    const auto record = decode_token(**stored);
    if (!record) return record.error();
    const auto owner = load_user(record->user);
    if (!owner) return owner.error().kind == ErrorKind::not_found ? refused_token() : owner.error();
    if (owner->disabled) return refused_token();

    CheckedToken checked;
    checked.principal = principal_of(*owner);
    checked.principal.read_only = record->read_only;
    checked.principal.credential = token_key(digest);
    checked.expires = record->expires;
    for (const auto& text : record->cidr) {
      const auto range = AddressRange::parse(text);
      if (!range) return fail(ErrorKind::corrupt, "The stored record of a token cannot be read.", text);
      checked.from.push_back(*range);
    }
    cache_.keep(generation, digest, checked);
    return admit(checked, address);
  }

  std::optional<Result<Principal>> check_token_cached(std::string_view token,
                                                      std::string_view address) override {
    if (!is_token(token)) return Result<Principal>(refused_token());
    const auto checked = cache_.find(token_digest(token));
    if (!checked) return {};
    return admit(*checked, address);
  }

  Result<IssuedToken> create_token(const std::string& actor, const NewToken& token) override {
    if (printable(token.name, 120) != token.name)
      return fail(ErrorKind::invalid, "The token's name must be printable text of at most 120 characters.");
    for (const auto& range : token.cidr)
      if (auto parsed = AddressRange::parse(range); !parsed) return parsed.error();
    const std::string value = make_token(random_);
    const std::string digest = token_digest(value);
    TokenRecord record;
    record.user = token.user;
    record.name = token.name;
    record.shown = token_shown(value);
    record.read_only = token.read_only;
    record.cidr = token.cidr;
    record.expires = token.expires;
    const auto written = ledger_.commit([&](Fact& fact) -> Result<void> {
      const auto owner = user_in(fact, token.user);
      if (!owner) return owner.error();
      if (owner->disabled)
        return fail(ErrorKind::forbidden, "The account \"" + owner->name + "\" is disabled.");
      if (token.expires && *token.expires <= fact.now())
        return fail(ErrorKind::invalid, "The token would have expired already: choose a later time.");
      record.created = fact.now();
      fact.put(Family::tokens, token_record_key(digest), encode(record));
      fact.put(Family::tokens, token_index_prefix(owner->name) + digest, "");
      json::object detail{{"user", owner->name}, {"name", record.name}, {"read_only", record.read_only}};
      detail["cidr"] = json::array(record.cidr.begin(), record.cidr.end());
      if (record.expires) detail["expires"] = to_iso8601(*record.expires);
      fact.record({actor, "token.created", token_key(digest), std::move(detail)});
      return {};
    });
    if (!written) return written.error();
    return IssuedToken{value, to_token_info(record, digest)};
  }

  Result<std::vector<TokenInfo>> tokens(std::string_view user) override {
    std::vector<TokenInfo> out;
    Result<void> sound;
    const auto add = [&](std::string_view digest, std::string_view value) {
      const auto record = decode_token(value);
      if (!record) sound = record.error();
      if (record) out.push_back(to_token_info(*record, digest));
      return record.has_value();
    };
    if (user.empty()) {
      const auto walked = store_.scan(Family::tokens, "t/", "", false,
                                      [&](auto key, auto value) { return add(key.substr(2), value); });
      if (!walked) return walked.error();
    } else {
      std::vector<std::string> digests;
      if (const auto walked = digests_of(user, digests); !walked) return walked.error();
      for (const auto& digest : digests) {
        const auto stored = store_.get(Family::tokens, token_record_key(digest));
        if (!stored) return stored.error();
        if (*stored && !add(digest, **stored)) break;  // absent: revoked since the walk
      }
    }
    if (!sound) return sound.error();
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return std::tie(a.created, a.key) < std::tie(b.created, b.key);
    });
    return out;
  }

  Result<void> revoke_token(const std::string& actor, std::string_view user,
                            std::string_view key_or_token) override {
    const auto written = ledger_.commit([&](Fact& fact) -> Result<void> {
      const auto digest = find_digest(user, key_or_token);
      if (!digest) return digest.error();
      const auto stored = fact.get(Family::tokens, token_record_key(*digest));
      if (!stored) return stored.error();
      if (!*stored) return no_such_token();
      const auto record = decode_token(**stored);
      if (!record) return record.error();
      if (!user.empty() && record->user != user) return no_such_token();
      remove_token(fact, record->user, *digest);
      fact.record({actor, "token.revoked", token_key(*digest), {{"user", record->user}}});
      return {};
    });
    cache_.forget();
    return written;
  }

  Result<std::string> begin_otp(const std::string& actor, std::string_view user, OtpMode mode) override {
    std::string url;
    const auto changed = change_user(user, [&](Fact& fact, UserRecord& record) -> Result<void> {
      if (auto fresh = not_enrolled(record); !fresh) return fresh;
      record.otp = OtpRecord{make_totp_secret(random_), false, mode, 0, {}};
      url = otpauth_url(issuer, record.name, record.otp->secret);
      fact.record({actor, "otp.begun", record.name, {}});
      return {};
    });
    if (!changed) return changed.error();
    return url;
  }

  Result<std::vector<std::string>> confirm_otp(std::string_view user, std::string_view code,
                                               std::string_view address) override {
    if (auto admitted = otp_attempts_.admit(user, address); !admitted) return admitted.error();
    std::vector<std::string> codes;
    const auto changed = change_user(user, [&](Fact& fact, UserRecord& record) -> Result<void> {
      if (!record.otp)
        return fail(ErrorKind::conflict,
                    "No second factor is being set up: begin with `npm profile enable-2fa`.");
      if (auto fresh = not_enrolled(record); !fresh) return fresh;
      const auto step = match_totp(record.otp->secret, code, fact.now(), record.otp->last_step);
      if (!step) return wrong_code();
      record.otp->last_step = *step;
      codes = enrolled(fact, record, record.name);
      return {};
    });
    if (!changed) return changed.error();
    otp_attempts_.succeeded(user, address);
    return codes;
  }

  Result<OtpEnrolment> enrol_otp(const std::string& actor, std::string_view user) override {
    OtpEnrolment out;
    const auto changed = change_user(user, [&](Fact& fact, UserRecord& record) -> Result<void> {
      if (auto fresh = not_enrolled(record); !fresh) return fresh;
      record.otp = OtpRecord{make_totp_secret(random_), false, OtpMode::auth_and_writes, 0, {}};
      out.url = otpauth_url(issuer, record.name, record.otp->secret);
      out.recovery_codes = enrolled(fact, record, actor);
      return {};
    });
    if (!changed) return changed.error();
    return out;
  }

  Result<void> set_otp_mode(const std::string& actor, std::string_view user, OtpMode mode) override {
    return change_user(user, [&](Fact& fact, UserRecord& record) -> Result<void> {
      if (!record.otp) return not_set_up();
      record.otp->mode = mode;
      fact.record({actor, "otp.mode", record.name, {{"mode", to_text(mode)}}});
      return {};
    });
  }

  Result<void> check_otp(std::string_view user, std::string_view code, std::string_view address) override {
    if (auto admitted = otp_attempts_.admit(user, address); !admitted) {
      log_refusal("otp.slowed", user, address, "too many failures");
      return admitted;
    }
    // The accepted step is part of a synced fact: the same code twice, at once or after a restart, is one
    // use.
    const auto used = change_user(user, [&](Fact& fact, UserRecord& record) -> Result<void> {
      if (!record.otp || !record.otp->enrolled) return not_set_up();
      OtpRecord& otp = *record.otp;
      if (const auto step = match_totp(otp.secret, code, fact.now(), otp.last_step)) {
        otp.last_step = *step;
        fact.record({record.name, "otp.accepted", record.name, {}});
        return {};
      }
      const std::string digest = to_hex(sha256(code));
      const auto found = std::find_if(otp.recovery.begin(), otp.recovery.end(),
                                      [&](const auto& known) { return equal_constant_time(known, digest); });
      if (found == otp.recovery.end()) return wrong_code();
      otp.recovery.erase(found);
      fact.record({record.name, "otp.recovery_used", record.name, {{"left", otp.recovery.size()}}});
      return {};
    });
    if (used) {
      otp_attempts_.succeeded(user, address);
    } else {
      log_refusal("otp.failed", user, address, used.error().message);
    }
    return used;
  }

  Result<void> disable_otp(const std::string& actor, std::string_view user) override {
    return change_user(user, [&](Fact& fact, UserRecord& record) -> Result<void> {
      if (!record.otp) return not_set_up();
      record.otp.reset();
      fact.record({actor, "otp.disabled", record.name, {}});
      return {};
    });
  }

  bool empty() override {
    bool none = true;
    const auto walked = store_.scan(Family::users, "", "", false, [&](auto, auto) { return none = false; });
    return walked.has_value() && none;  // a store that cannot be read is not an empty one
  }

 private:
  static Error wrong_code() {
    return fail(ErrorKind::unauthenticated,
                "The one-time password is wrong or was used already: wait for the next one and try again.");
  }
  static Error not_set_up() {
    return fail(ErrorKind::conflict,
                "The account has no second factor: set one up with `npm profile enable-2fa`.");
  }
  static Error refused_token() {
    return fail(ErrorKind::unauthenticated,
                "The token is not valid here, has expired or was revoked: log in again with `npm login`.");
  }
  static Result<void> not_enrolled(const UserRecord& record) {
    if (!record.otp || !record.otp->enrolled) return {};
    return fail(ErrorKind::conflict, "The account has a second factor already: disable it first.");
  }
  static void log_refusal(std::string_view event, std::string_view name, std::string_view address,
                          std::string_view why) {
    log::warn(event, {{"user", printable(name, 80)}, {"address", address}, {"reason", why}});
  }

  // npm asks for digits or for 64 hex digits, so that is what a recovery code looks like.
  std::vector<std::string> enrolled(Fact& fact, UserRecord& record, const std::string& actor) {
    std::vector<std::string> codes;
    for (std::size_t i = 0; i < recovery_codes_n; ++i) {
      codes.push_back(to_hex(as_bytes(random_bytes(random_, 32))));
      record.otp->recovery.push_back(to_hex(sha256(codes.back())));
    }
    record.otp->enrolled = true;
    fact.record({actor, "otp.enrolled", record.name, {}});
    return codes;
  }

  static Principal principal_of(const UserRecord& record) {
    Principal who;
    who.user = record.name;
    who.service = record.service;
    who.admin = record.admin;
    who.groups = record.groups;
    who.otp_enrolled = record.otp && record.otp->enrolled;
    who.otp_on_writes = who.otp_enrolled && record.otp->mode == OtpMode::auth_and_writes;
    return who;
  }

  Result<Principal> admit(const CheckedToken& checked, std::string_view address) const {
    if (checked.expires && clock_.now() >= *checked.expires) return refused_token();
    if (!checked.from.empty() && std::none_of(checked.from.begin(), checked.from.end(),
                                              [&](const auto& range) { return range.contains(address); }))
      return fail(ErrorKind::forbidden, "This token may not be used from the address " +
                                            printable(address, 60) + ": its CIDR list does not hold it.");
    Principal who = checked.principal;
    who.address = address;
    return who;
  }

  Result<UserRecord> load_user(std::string_view name) {
    if (!is_account_name(name)) return no_such_user(name);
    const auto stored = store_.get(Family::users, name);
    if (!stored) return stored.error();
    if (!*stored) return no_such_user(name);
    return decode_user(**stored);
  }

  static Result<UserRecord> user_in(Fact& fact, std::string_view name) {
    if (!is_account_name(name)) return no_such_user(name);
    const auto stored = fact.get(Family::users, name);
    if (!stored) return stored.error();
    if (!*stored) return no_such_user(name);
    return decode_user(**stored);
  }

  template <class Change>
  Result<void> change_user(std::string_view name, const Change& change) {
    const auto written = ledger_.commit([&](Fact& fact) -> Result<void> {
      auto record = user_in(fact, name);
      if (!record) return record.error();
      if (auto changed = change(fact, *record); !changed) return changed;
      record->updated = fact.now();
      fact.put(Family::users, record->name, encode(*record));
      return {};
    });
    cache_.forget();
    return written;
  }

  void renew_hash(const UserRecord& seen, std::string_view password) {
    const std::string hashed = passwords_->hash(password);
    const auto renewed = change_user(seen.name, [&](Fact& fact, UserRecord& record) -> Result<void> {
      if (record.password != seen.password)
        return fail(ErrorKind::conflict, "The password was changed meanwhile.");
      record.password = hashed;
      fact.record({"system", "user.password", record.name, {{"reason", "stronger parameters"}}});
      return {};
    });
    if (!renewed)
      log::warn("password.not_renewed", {{"user", seen.name}, {"reason", renewed.error().message}});
  }

  static void remove_token(Fact& fact, const std::string& user, const std::string& digest) {
    fact.remove(Family::tokens, token_record_key(digest));
    fact.remove(Family::tokens, token_index_prefix(user) + digest);
  }

  Result<void> digests_of(std::string_view user, std::vector<std::string>& out) {
    const std::string prefix = token_index_prefix(user);
    return store_.scan(Family::tokens, prefix, "", false, [&](std::string_view key, auto) {
      out.emplace_back(key.substr(prefix.size()));
      return true;
    });
  }

  // A token's digest, from the token itself or from the beginning of its key; the one that it begins.
  Result<std::string> find_digest(std::string_view user, std::string_view key_or_token) {
    if (is_token(key_or_token)) return token_digest(key_or_token);
    const bool hex = std::all_of(key_or_token.begin(), key_or_token.end(), [](unsigned char c) {
      return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f');
    });
    if (!hex || key_or_token.size() < key_chars_min) return no_such_token();
    const std::string before = user.empty() ? "t/" : token_index_prefix(user);
    std::vector<std::string> found;
    const auto walked =
        store_.scan(Family::tokens, before + std::string(key_or_token), "", false, [&](auto key, auto) {
          found.emplace_back(key.substr(before.size()));
          return found.size() < 2;
        });
    if (!walked) return walked.error();
    if (found.empty()) return no_such_token();
    if (found.size() > 1)
      return fail(ErrorKind::conflict, "Several tokens begin with this key: give more of it.");
    return found.front();
  }

  MetaStore& store_;
  Ledger& ledger_;
  const Clock& clock_;
  Random& random_;
  std::shared_ptr<PasswordHasher> passwords_;
  LoginThrottle password_attempts_, otp_attempts_;
  TokenCache cache_;
};

}  // namespace

Result<std::unique_ptr<Identity>> Identity::open(MetaStore& store, Ledger& ledger, const Clock& clock,
                                                 Random& random, std::shared_ptr<PasswordHasher> passwords) {
  if (!passwords) passwords = std::make_shared<PasswordHasher>(random);
  return std::unique_ptr<Identity>(
      std::make_unique<StoredIdentity>(store, ledger, clock, random, std::move(passwords)));
}

}  // namespace sallyport
