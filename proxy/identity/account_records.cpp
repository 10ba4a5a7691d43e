#include "proxy/identity/account_records.hpp"

#include "proxy/identity/token.hpp"
#include "proxy/identity/totp.hpp"
#include "storage/base/json.hpp"

namespace sallyport {
namespace {

constexpr std::int64_t version = 1;

json::array to_json(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

// Reads one record; what is absent or of another type is remembered and asked for once, at the end.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  std::string text(std::string_view key) {
    const auto found = string_at(object_, key);
    sound_ = sound_ && found;
    return std::string(found.value_or(""));
  }
  bool flag(std::string_view key) {
    const auto found = bool_at(object_, key);
    sound_ = sound_ && found;
    return found.value_or(false);
  }
  std::int64_t number(std::string_view key) {
    const auto found = int_at(object_, key);
    sound_ = sound_ && found;
    return found.value_or(0);
  }
  Instant instant(std::string_view key) {
    const auto found = parse_iso8601(text(key));
    sound_ = sound_ && found;
    return found ? *found : Instant{};
  }
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> out;
    const auto* found = array_at(object_, key);
    sound_ = sound_ && found != nullptr;
    if (found == nullptr) return out;
    for (const auto& element : *found) {
      sound_ = sound_ && element.is_string();
      if (element.is_string()) out.emplace_back(element.as_string());
    }
    return out;
  }
  bool has(std::string_view key) const { return object_.contains(key); }
  bool sound() const { return sound_; }

 private:
  const json::object& object_;
  bool sound_ = true;
};

Error damaged(std::string_view what, std::string detail = {}) {
  return fail(ErrorKind::corrupt, "The stored record of " + std::string(what) + " cannot be read.",
              std::move(detail));
}

Result<json::object> open(std::string_view stored, std::string_view what) {
  auto value = parse_strict(stored);
  if (!value) return damaged(what, value.error().message);
  if (!value->is_object()) return damaged(what, "not an object");
  if (int_at(value->get_object(), "v") != version) return damaged(what, "of another version");
  return std::move(value->get_object());
}

}  // namespace

std::string encode(const UserRecord& record) {
  json::object out{{"v", version},
                   {"name", record.name},
                   {"email", record.email},
                   {"groups", to_json(record.groups)},
                   {"admin", record.admin},
                   {"service", record.service},
                   {"disabled", record.disabled},
                   {"password", record.password},
                   {"created", to_iso8601(record.created)},
                   {"updated", to_iso8601(record.updated)}};
  if (record.otp)
    out["otp"] = json::object{{"secret", base32_encode(record.otp->secret)},
                              {"enrolled", record.otp->enrolled},
                              {"mode", to_text(record.otp->mode)},
                              {"last_step", record.otp->last_step},
                              {"recovery", to_json(record.otp->recovery)}};
  return json::serialize(out);
}

std::string encode(const TokenRecord& record) {
  json::object out{{"v", version},
                   {"user", record.user},
                   {"name", record.name},
                   {"shown", record.shown},
                   {"read_only", record.read_only},
                   {"cidr", to_json(record.cidr)},
                   {"created", to_iso8601(record.created)}};
  if (record.expires) out["expires"] = to_iso8601(*record.expires);
  return json::serialize(out);
}

Result<UserRecord> decode_user(std::string_view stored) {
  const auto object = open(stored, "an account");
  if (!object) return object.error();
  Reader in(*object);
  UserRecord record;
  record.name = in.text("name");
  record.email = in.text("email");
  record.groups = in.texts("groups");
  record.admin = in.flag("admin");
  record.service = in.flag("service");
  record.disabled = in.flag("disabled");
  record.password = in.text("password");
  record.created = in.instant("created");
  record.updated = in.instant("updated");
  if (in.has("otp")) {
    const auto* otp = object_at(*object, "otp");
    if (otp == nullptr) return damaged("an account");
    Reader inner(*otp);
    OtpRecord factor;
    const auto secret = base32_decode(inner.text("secret"));
    factor.enrolled = inner.flag("enrolled");
    const auto mode = parse_otp_mode(inner.text("mode"));
    factor.last_step = inner.number("last_step");
    factor.recovery = inner.texts("recovery");
    if (!inner.sound() || !secret || secret->empty() || !mode) return damaged("an account");
    factor.secret = *secret;
    factor.mode = *mode;
    record.otp = std::move(factor);
  }
  if (!in.sound()) return damaged("an account");
  return record;
}

Result<TokenRecord> decode_token(std::string_view stored) {
  const auto object = open(stored, "a token");
  if (!object) return object.error();
  Reader in(*object);
  TokenRecord record;
  record.user = in.text("user");
  record.name = in.text("name");
  record.shown = in.text("shown");
  record.read_only = in.flag("read_only");
  record.cidr = in.texts("cidr");
  record.created = in.instant("created");
  if (in.has("expires")) record.expires = in.instant("expires");
  if (!in.sound()) return damaged("a token");
  return record;
}

std::string token_record_key(std::string_view digest) {
  return "t/" + std::string(digest);
}

std::string token_index_prefix(std::string_view user) {
  return "u/" + std::string(user) + '/';
}

User to_user(const UserRecord& record) {
  User user;
  user.name = record.name;
  user.email = record.email;
  user.groups = record.groups;
  user.admin = record.admin;
  user.service = record.service;
  user.disabled = record.disabled;
  user.has_password = !record.password.empty();
  user.otp_enrolled = record.otp && record.otp->enrolled;
  user.otp_pending = record.otp && !record.otp->enrolled;
  if (record.otp) user.otp_mode = record.otp->mode;
  user.created = record.created;
  user.updated = record.updated;
  return user;
}

TokenInfo to_token_info(const TokenRecord& record, std::string_view digest) {
  TokenInfo info;
  info.key = token_key(digest);
  info.user = record.user;
  info.name = record.name;
  info.shown = record.shown;
  info.read_only = record.read_only;
  info.cidr = record.cidr;
  info.created = record.created;
  info.expires = record.expires;
  return info;
}

std::string_view to_text(OtpMode mode) {
  return mode == OtpMode::auth_only ? "auth-only" : "auth-and-writes";
}

std::optional<OtpMode> parse_otp_mode(std::string_view text) {
  if (text == "auth-only") return OtpMode::auth_only;
  if (text == "auth-and-writes") return OtpMode::auth_and_writes;
  return {};
}

}  // namespace sallyport
