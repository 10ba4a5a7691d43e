#include "proxy/identity/account_records.hpp"

#include "proxy/identity/token.hpp"
#include "proxy/identity/totp.hpp"
#include "storage/base/record.hpp"

namespace sallyport {
namespace {

constexpr std::int64_t version = 1;

json::array to_json(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
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
  const auto object = read_record(stored, version, "an account");
  if (!object) return object.error();
  RecordReader in(*object);
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
    RecordReader inner(in.object("otp"));
    OtpRecord factor;
    factor.secret = inner.parsed("secret", base32_decode);
    factor.enrolled = inner.flag("enrolled");
    factor.mode = inner.parsed("mode", parse_otp_mode);
    factor.last_step = static_cast<std::int64_t>(inner.number("last_step"));
    factor.recovery = inner.texts("recovery");
    in.require(inner.sound() && !factor.secret.empty());
    record.otp = std::move(factor);
  }
  if (!in.sound()) return damaged_record("an account");
  return record;
}

Result<TokenRecord> decode_token(std::string_view stored) {
  const auto object = read_record(stored, version, "a token");
  if (!object) return object.error();
  RecordReader in(*object);
  TokenRecord record;
  record.user = in.text("user");
  record.name = in.text("name");
  record.shown = in.text("shown");
  record.read_only = in.flag("read_only");
  record.cidr = in.texts("cidr");
  record.created = in.instant("created");
  if (in.has("expires")) record.expires = in.instant("expires");
  if (!in.sound()) return damaged_record("a token");
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
