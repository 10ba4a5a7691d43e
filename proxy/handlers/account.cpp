#include "proxy/handlers/account.hpp"

#include <set>

#include "proxy/handlers/otp_challenge.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t body_bytes_max = 64u << 10;
constexpr std::string_view user_prefix = "org.couchdb.user:";

asio::awaitable<Result<json::object>> read_object(Exchange& exchange) {
  const auto body = co_await exchange.read_small(body_bytes_max);
  if (!body) co_return body.error();
  auto value = parse_strict(body->empty() ? "{}" : *body);
  if (!value) co_return value.error();
  if (!value->is_object()) co_return fail(ErrorKind::invalid, "The body must be a JSON object.");
  co_return std::move(value->get_object());
}

std::string text_in(const json::object& object, std::string_view key) {
  return std::string(string_at(object, key).value_or(""));
}

json::array to_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object profile_of(const User& user) {
  json::value tfa = nullptr;
  if (user.otp_enrolled || user.otp_pending)
    tfa = json::object{{"pending", user.otp_pending}, {"mode", to_text(user.otp_mode)}};
  return {{"name", user.name},
          {"email", user.email},
          {"email_verified", false},
          {"tfa", std::move(tfa)},
          {"groups", to_json(user.groups)},
          {"created", to_iso8601(user.created)},
          {"updated", to_iso8601(user.updated)},
          {"cidr_whitelist", nullptr}};
}

json::object token_item(const TokenInfo& token) {
  json::object item{{"key", token.key},
                    {"token", token.shown},
                    {"name", token.name},
                    {"created", to_iso8601(token.created)},
                    {"updated", to_iso8601(token.created)},
                    {"readonly", token.read_only}};
  item["cidr_whitelist"] = token.cidr.empty() ? json::value(nullptr) : json::value(to_json(token.cidr));
  if (token.expires) item["expires"] = to_iso8601(*token.expires);
  return item;
}

Response answer(const Result<void>& done, const json::object& body) {
  return done ? json_response(200, body) : account_error(done.error());
}

class Accounts {
 public:
  explicit Accounts(AccountContext& context) : context_(context) {}

  asio::awaitable<Response> log_in(Exchange& exchange) {
    const std::string id(exchange.param("id"));
    const auto body = co_await read_object(exchange);
    if (!body) co_return error_response(body.error());
    const std::string name = id.starts_with(user_prefix) ? id.substr(user_prefix.size()) : std::string();
    if (name.empty() || text_in(*body, "name") != name)
      co_return refusal(400, "The user's name in the address and in the body must be the same.");
    const std::string password = text_in(*body, "password");
    auto who = co_await check_password(exchange, name, password);
    if (!who) {
      Error error = who.error();
      if (error.kind == ErrorKind::unauthenticated)
        error.message += " Accounts are made by an administrator, with `sallyport user add`: ask one.";
      co_return account_error(error);
    }
    exchange.user = name;
    auto challenge = co_await require_otp_of(context_, exchange, *who, OtpUse::account);
    if (challenge) co_return std::move(*challenge);
    NewToken wanted;
    wanted.user = name;
    wanted.name = "npm login";
    auto issued = co_await create(name, std::move(wanted));
    if (!issued) co_return account_error(issued.error());
    const json::object out{{"ok", true}, {"id", id}, {"rev", "1"}, {"token", issued->token}};
    co_return private_response(201, out);
  }

  asio::awaitable<Response> look_up(Exchange& exchange) {
    const std::string id(exchange.param("id"));
    const std::string name = id.starts_with(user_prefix) ? id.substr(user_prefix.size()) : std::string();
    auto user = co_await user_of(name);
    if (!user) co_return account_error(user.error());
    const json::object out{{"_id", id}, {"name", user->name}, {"email", user->email}, {"type", "user"}};
    co_return private_response(200, out);
  }

  asio::awaitable<Response> whoami(Exchange& exchange) {
    const json::object out{{"username", exchange.principal->user}};
    co_return private_response(200, out);
  }

  asio::awaitable<Response> profile(Exchange& exchange) {
    auto user = co_await user_of(exchange.principal->user);
    if (!user) co_return account_error(user.error());
    co_return private_response(200, profile_of(*user));
  }

  asio::awaitable<Response> change_profile(Exchange& exchange) {
    const auto body = co_await read_object(exchange);
    if (!body) co_return error_response(body.error());
    if (const auto* codes = array_at(*body, "tfa")) co_return co_await confirm_otp(exchange, *codes);
    if (const auto* tfa = object_at(*body, "tfa")) co_return co_await change_otp(exchange, *tfa);
    co_return co_await change_fields(exchange, *body);
  }

  asio::awaitable<Response> tokens(Exchange& exchange) {
    auto read = [&identity = context_.identity, name = exchange.principal->user] {
      return identity.tokens(name);
    };
    auto found = co_await async_run_on(context_.pool, std::move(read));
    if (!found) co_return account_error(found.error());
    json::array items;
    for (const auto& token : *found) items.push_back(token_item(token));
    json::object out{{"total", items.size()}, {"urls", json::object{}}};  // npm reads urls.next
    out["objects"] = std::move(items);
    co_return private_response(200, out);
  }

  asio::awaitable<Response> create_token(Exchange& exchange) {
    const auto body = co_await read_object(exchange);
    if (!body) co_return error_response(body.error());
    auto wanted = wanted_token(*body, exchange.principal->user);
    if (!wanted) co_return error_response(wanted.error());
    auto checked = co_await check_own_password(exchange, text_in(*body, "password"));
    if (checked) co_return std::move(*checked);
    auto issued = co_await create(exchange.principal->user, std::move(*wanted));
    if (!issued) co_return account_error(issued.error());
    json::object out = token_item(issued->info);
    out["token"] = issued->token;
    out["cidr_whitelist"] = to_json(issued->info.cidr);
    co_return private_response(200, out);
  }

  // By key or, as npm does with what it cannot find in the list, by the token itself.
  asio::awaitable<Response> revoke_token(Exchange& exchange) {
    auto revoke = [&identity = context_.identity, name = exchange.principal->user,
                   key = std::string(exchange.param("token"))] {
      return identity.revoke_token(name, name, key);
    };
    auto revoked = co_await async_run_on(context_.pool, std::move(revoke));
    const json::object out{{"ok", true}};
    co_return answer(revoked, out);
  }

  asio::awaitable<Response> add_first_admin(Exchange& exchange) {
    const auto body = co_await read_object(exchange);
    if (!body) co_return error_response(body.error());
    NewUser administrator;
    administrator.name = text_in(*body, "name");
    administrator.email = text_in(*body, "email");
    administrator.password = text_in(*body, "password");
    auto redeem = [&first = context_.first_admin, secret = text_in(*body, "secret"), administrator] {
      return first.redeem(secret, administrator);
    };
    auto redeemed = co_await async_run_on(context_.pool, std::move(redeem));
    const json::object out{{"ok", true}, {"name", administrator.name}};
    co_return answer(redeemed, out);
  }

 private:
  // Answers about accounts are nobody else's.
  static Response private_response(int status, const json::object& body) {
    Response response = json_response(status, body);
    response.header("cache-control", "no-store");
    return response;
  }

  asio::awaitable<Result<User>> user_of(std::string name) {
    auto read = [&identity = context_.identity, name = std::move(name)] { return identity.user(name); };
    co_return co_await async_run_on(context_.pool, std::move(read));
  }

  asio::awaitable<Result<Principal>> check_password(Exchange& exchange, std::string name,
                                                    std::string password) {
    auto check = [&identity = context_.identity, name = std::move(name), password = std::move(password),
                  address = exchange.request.remote] {
      return identity.check_password(name, password, address);
    };
    co_return co_await async_run_on(context_.pool, std::move(check));
  }

  // A stolen token alone changes nothing that outlives it: the password, then the second factor.
  asio::awaitable<std::optional<Response>> check_own_password(Exchange& exchange, std::string password) {
    auto who = co_await check_password(exchange, exchange.principal->user, std::move(password));
    if (!who) co_return account_error(who.error());
    co_return co_await require_otp_of(context_, exchange, std::move(*who), OtpUse::account);
  }

  asio::awaitable<Result<Identity::IssuedToken>> create(std::string actor, NewToken wanted) {
    auto issue = [&identity = context_.identity, actor = std::move(actor), wanted = std::move(wanted)] {
      return identity.create_token(actor, wanted);
    };
    co_return co_await async_run_on(context_.pool, std::move(issue));
  }

  asio::awaitable<Response> confirm_otp(Exchange& exchange, const json::array& codes) {
    if (codes.size() != 1 || !codes.front().is_string())
      co_return refusal(400, "Confirm the second factor with one code.");
    auto confirm = [&identity = context_.identity, name = exchange.principal->user,
                    code = std::string(codes.front().as_string()),
                    address = exchange.request.remote] { return identity.confirm_otp(name, code, address); };
    auto confirmed = co_await async_run_on(context_.pool, std::move(confirm));
    if (!confirmed) {
      // Not 401: npm would ask for the password of a second factor that does not exist yet.
      Error error = confirmed.error();
      if (error.kind == ErrorKind::unauthenticated) error.kind = ErrorKind::invalid;
      co_return account_error(error);
    }
    json::object out;
    out["tfa"] = to_json(*confirmed);
    co_return private_response(200, out);
  }

  asio::awaitable<Response> change_otp(Exchange& exchange, const json::object& tfa) {
    const std::string name = exchange.principal->user, wanted = text_in(tfa, "mode");
    const auto mode = parse_otp_mode(wanted);
    if (!mode && wanted != "disable")
      co_return refusal(400, "The second factor's mode must be auth-only, auth-and-writes or disable.");
    auto checked = co_await check_own_password(exchange, text_in(tfa, "password"));
    if (checked) co_return std::move(*checked);
    json::object out;
    if (!mode) {
      auto disable = [&identity = context_.identity, name] { return identity.disable_otp(name, name); };
      auto disabled = co_await async_run_on(context_.pool, std::move(disable));
      out["tfa"] = nullptr;
      co_return answer(disabled, out);
    }
    auto user = co_await user_of(name);
    if (!user) co_return account_error(user.error());
    if (user->otp_enrolled) {
      auto change = [&identity = context_.identity, name, mode] {
        return identity.set_otp_mode(name, name, *mode);
      };
      auto changed = co_await async_run_on(context_.pool, std::move(change));
      json::object now{{"mode", to_text(*mode)}};
      out["tfa"] = std::move(now);
      co_return answer(changed, out);
    }
    auto begin = [&identity = context_.identity, name, mode] {
      return identity.begin_otp(name, name, *mode);
    };
    auto url = co_await async_run_on(context_.pool, std::move(begin));
    if (!url) co_return account_error(url.error());
    out["tfa"] = *url;
    co_return private_response(200, out);
  }

  // npm sends all of the profile's fields, of which it changes one; null stands for empty.
  asio::awaitable<Response> change_fields(Exchange& exchange, const json::object& body) {
    const std::string name = exchange.principal->user;
    for (const auto& [key, value] : body)
      if (key != "email" && key != "password" && !value.is_null() && key != "name")
        co_return refusal(400, "Only the e-mail address and the password of a profile can be set here.");
    const json::object* password = object_at(body, "password");
    if (password != nullptr) {
      auto checked = co_await check_own_password(exchange, text_in(*password, "old"));
      if (checked) co_return std::move(*checked);
      auto change = [&identity = context_.identity, name, fresh = text_in(*password, "new")] {
        return identity.set_password(name, name, fresh);
      };
      auto changed = co_await async_run_on(context_.pool, std::move(change));
      if (!changed) co_return account_error(changed.error());
    }
    auto user = co_await user_of(name);
    if (!user) co_return account_error(user.error());
    const std::string email = text_in(body, "email");
    if (body.contains("email") && email != user->email) {
      if (password == nullptr) {
        auto challenge = co_await require_otp(context_, exchange, OtpUse::account);
        if (challenge) co_return std::move(*challenge);
      }
      auto change = [&identity = context_.identity, name, email] {
        return identity.set_email(name, name, email);
      };
      auto changed = co_await async_run_on(context_.pool, std::move(change));
      if (!changed) co_return account_error(changed.error());
      user = co_await user_of(name);
      if (!user) co_return account_error(user.error());
    }
    co_return private_response(200, profile_of(*user));
  }

  Result<NewToken> wanted_token(const json::object& body, const std::string& user) const {
    // A narrower token than we can make must not become a wider one.
    for (const char* key : {"packages", "scopes", "orgs", "orgs_permission"}) {
      const auto* value = body.if_contains(key);
      if (value != nullptr && !value->is_null() && !(value->is_array() && value->get_array().empty()))
        return fail(
            ErrorKind::invalid,
            "Tokens for some packages, scopes or organisations only do not exist here: leave that out, and "
            "use read-only, CIDR ranges or an expiry instead.");
    }
    NewToken token;
    token.user = user;
    token.name = text_in(body, "name");
    const std::string permission = text_in(body, "packages_and_scopes_permission");
    token.read_only =
        bool_at(body, "readonly").value_or(false) || (!permission.empty() && permission != "read-write");
    // Nor by being written in another way than we read it.
    const auto* read_only = body.if_contains("readonly");
    if (read_only != nullptr && !read_only->is_null() && !read_only->is_bool())
      return fail(ErrorKind::invalid, "\"readonly\" must be true or false.");
    for (const char* key : {"cidr_whitelist", "cidr"}) {
      const auto* ranges = body.if_contains(key);
      if (ranges == nullptr || ranges->is_null()) continue;
      if (!ranges->is_array()) return fail(ErrorKind::invalid, "The CIDR ranges must be a list of texts.");
      for (const auto& range : ranges->get_array()) {
        if (!range.is_string()) return fail(ErrorKind::invalid, "Each CIDR range must be a text.");
        token.cidr.emplace_back(range.as_string());
      }
    }
    if (const auto* expires = body.if_contains("expires"); expires != nullptr && !expires->is_null()) {
      const auto days = int_at(body, "expires");
      if (!days || *days < 1 || *days > 36'500)
        return fail(ErrorKind::invalid, "The token's expiry must be a number of days, from 1 to 36500.");
      token.expires = context_.clock.now() + std::chrono::days(*days);
    }
    return token;
  }

  AccountContext& context_;
};

}  // namespace

Response account_error(const Error& error) {
  if (error.kind != ErrorKind::busy) return error_response(error);
  Response response = refusal(403, error.message);
  response.log_detail = error.detail;
  return response;
}

std::vector<Route> account_routes(AccountContext& context) {
  auto accounts = std::make_shared<Accounts>(context);
  std::vector<Route> routes;
  const auto add = [&](Method method, std::string pattern, BodyMode body, Access access,
                       HandlerMember<Accounts> member, std::string doc) {
    routes.push_back({method, std::move(pattern), body, access, handled_by(accounts, member), std::move(doc),
                      body_bytes_max});
  };
  const auto fixed = [&](Method method, std::string pattern, BodyMode body, Response response,
                         std::string doc) {
    Handler handler = [response = std::move(response)](Exchange&) -> asio::awaitable<Response> {
      co_return response;
    };
    routes.push_back({method, std::move(pattern), body, Access::anonymous, std::move(handler), std::move(doc),
                      body_bytes_max});
  };
  fixed(Method::get, "/-/ping", BodyMode::none, json_response(200, json::object{}), "`npm ping`");
  add(Method::put, "/-/user/:id", BodyMode::small, Access::anonymous, &Accounts::log_in,
      "`npm login`: a new token");
  add(Method::get, "/-/user/:id", BodyMode::none, Access::user, &Accounts::look_up, "whether a user exists");
  add(Method::del, "/-/user/token/:token", BodyMode::none, Access::user, &Accounts::revoke_token,
      "`npm logout`");
  add(Method::get, "/-/whoami", BodyMode::none, Access::user, &Accounts::whoami, "`npm whoami`");
  add(Method::get, "/-/npm/v1/user", BodyMode::none, Access::user, &Accounts::profile, "`npm profile get`");
  add(Method::post, "/-/npm/v1/user", BodyMode::small, Access::user, &Accounts::change_profile,
      "`npm profile set`, `enable-2fa`, `disable-2fa`");
  add(Method::get, "/-/npm/v1/tokens", BodyMode::none, Access::user, &Accounts::tokens, "`npm token list`");
  add(Method::post, "/-/npm/v1/tokens", BodyMode::small, Access::user, &Accounts::create_token,
      "`npm token create`");
  add(Method::del, "/-/npm/v1/tokens/token/:token", BodyMode::none, Access::user, &Accounts::revoke_token,
      "`npm token revoke`");
  add(Method::post, "/-/sallyport/first-admin", BodyMode::small, Access::anonymous,
      &Accounts::add_first_admin, "the first administrator, with the secret printed at start");
  return routes;
}

}  // namespace sallyport
