#include "proxy/handlers/account.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "gate/principal.hpp"
#include "proxy/handlers/authorize.hpp"
#include "proxy/handlers/otp_challenge.hpp"
#include "proxy/identity/password.hpp"
#include "proxy/identity/totp.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/json.hpp"
#include "storage/base/log.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_meta_store.hpp"
#include "tests/support/seeded_random.hpp"

namespace sallyport {
namespace {

class WholeBody final : public BodyReader {
 public:
  explicit WholeBody(std::string text) : text_(std::move(text)) {}
  asio::awaitable<Result<std::span<const char>>> read_some() override {
    const std::span<const char> piece(text_.data() + sent_, text_.size() - sent_);
    sent_ = text_.size();
    co_return piece;
  }

 private:
  std::string text_;
  std::size_t sent_ = 0;
};

struct Asked {
  Method method = Method::get;
  std::string path, body = {}, token = {}, otp = {};
  std::string authorization = {};  // in place of the token's
};

struct Answer {
  int status = 0;
  json::object body;
  std::string challenge;  // www-authenticate
  std::string error() const { return std::string(string_at(body, "error").value_or("")); }
};

struct Registry {
  ManualClock clock;
  SeededRandom random{3};
  MemoryMetaStore store;
  std::unique_ptr<Ledger> ledger = Ledger::open(store, clock).value();
  std::unique_ptr<Identity> identity =
      Identity::open(store, *ledger, clock, random,
                     std::make_shared<PasswordHasher>(random, ScryptCost{.log2_n = 4, .r = 8, .p = 1}))
          .value();
  FirstAdmin first{*identity, clock, random};
  WorkPool pool{"accounts", 1, 100};
  AccountContext context{*identity, first, clock, pool};
  RouteTable table;
  int written = 0;  // times a writing handler ran
  std::string remote = "192.0.2.1";

  Registry() {
    log::set_sink([](auto) {});
    for (auto& route : account_routes(context)) table.add(std::move(route));
    const auto other = [&](Method method, std::string path, Access access, Handler handler) {
      table.add({method, std::move(path), BodyMode::none, access, std::move(handler), "", 0});
    };
    const Handler ok = [](Exchange&) -> asio::awaitable<Response> { co_return empty(200); };
    other(Method::get, "/read", Access::reader, ok);
    other(Method::post, "/audit", Access::reader, ok);
    other(Method::put, "/write", Access::user, [this](Exchange&) -> asio::awaitable<Response> {
      ++written;
      co_return empty(200);
    });
    other(Method::get, "/admin", Access::administrator, ok);
    other(Method::post, "/decide", Access::user, [this](Exchange& exchange) -> asio::awaitable<Response> {
      auto challenge = co_await require_otp(context, exchange, OtpUse::decision);
      if (challenge) co_return std::move(*challenge);
      co_return empty(200);
    });
    other(Method::post, "/publish", Access::user, [this](Exchange& exchange) -> asio::awaitable<Response> {
      auto challenge = co_await require_otp(context, exchange, OtpUse::write);
      if (challenge) co_return std::move(*challenge);
      co_return empty(200);
    });
  }
  ~Registry() { log::set_sink({}); }

  void add(const std::string& name, bool admin = false) {
    NewUser user;
    user.name = name;
    user.password = "the password of " + name;
    user.admin = admin;
    REQUIRE(identity->add_user("console", user).has_value());
  }
  std::string token(const std::string& user, bool read_only = false) {
    NewToken wanted;
    wanted.user = user;
    wanted.read_only = read_only;
    return identity->create_token(user, wanted).value().token;
  }
  std::string code(const std::string& url) {
    const auto start = url.find("secret=") + 7;
    return totp_code(base32_decode(url.substr(start, url.find('&', start) - start)).value(),
                     totp_step(clock.now()));
  }

  asio::awaitable<Response> run(Exchange& exchange) {
    auto refused = co_await authorize(context, exchange);
    if (refused) co_return std::move(*refused);
    co_return co_await exchange.route->handler(exchange);
  }

  Answer ask(const Asked& asked) {
    WholeBody body(asked.body);
    Exchange exchange(body);
    exchange.request.method = asked.method;
    exchange.request.remote = remote;
    REQUIRE(parse_target(asked.path, exchange.request).has_value());
    const RouteMatch match = table.match(asked.method, exchange.request.segments);
    REQUIRE(match.route != nullptr);
    exchange.route = match.route;
    exchange.params = match.params;
    if (!asked.token.empty()) exchange.request.headers.add("authorization", "Bearer " + asked.token);
    if (!asked.authorization.empty()) exchange.request.headers.add("authorization", asked.authorization);
    if (!asked.otp.empty()) exchange.request.headers.add("npm-otp", asked.otp);
    asio::io_context io;
    std::optional<Response> response;
    asio::co_spawn(io, [&]() -> asio::awaitable<void> { response = co_await run(exchange); }, asio::detached);
    io.run();
    REQUIRE(response.has_value());
    Answer answer;
    answer.status = response->status;
    answer.challenge = response->find("www-authenticate").value_or("");
    const auto* text = std::get_if<std::string>(&response->body);
    const auto* shared = std::get_if<BytesBody>(&response->body);
    const std::string whole = text != nullptr ? *text : shared != nullptr ? std::string(shared->view()) : "";
    if (!whole.empty()) answer.body = parse_strict(whole).value().as_object();
    return answer;
  }

  Answer log_in(const std::string& name, const std::string& password, const std::string& otp = {}) {
    return ask({Method::put,
                "/-/user/org.couchdb.user:" + name,
                json::serialize(json::object{{"_id", "org.couchdb.user:" + name},
                                             {"name", name},
                                             {"password", password},
                                             {"type", "user"},
                                             {"roles", json::array{}},
                                             {"date", "2026-03-31T00:00:00.000Z"}}),
                {},
                otp});
  }
  Answer set_profile(const std::string& token, const std::string& body, const std::string& otp = {}) {
    return ask({Method::post, "/-/npm/v1/user", body, token, otp});
  }
};

TEST_CASE("npm login answers 201 with a token that works") {
  Registry r;
  r.add("alice");
  const Answer in = r.log_in("alice", "the password of alice");
  CHECK(in.status == 201);
  CHECK(in.body.at("ok") == true);
  CHECK(in.body.at("id") == "org.couchdb.user:alice");
  const std::string token(in.body.at("token").as_string());
  const Answer who = r.ask({Method::get, "/-/whoami", {}, token});
  CHECK(who.status == 200);
  CHECK(who.body.at("username") == "alice");
  CHECK(r.identity->tokens("alice").value().front().name == "npm login");
}

TEST_CASE("logging in makes no account, and an unknown name looks like a wrong password") {
  Registry r;
  r.add("alice");
  const Answer unknown = r.log_in("mallory", "a long password"), wrong = r.log_in("alice", "a long password");
  CHECK(unknown.status == 401);
  CHECK(unknown.challenge.empty());
  CHECK(unknown.error() == wrong.error());
  CHECK(unknown.error().find("administrator") != std::string::npos);
  CHECK(r.identity->users().value().size() == 1);
}

TEST_CASE("the name in the address and in the body must agree") {
  Registry r;
  r.add("alice");
  for (const char* path : {"/-/user/org.couchdb.user:bob", "/-/user/alice", "/-/user/org.couchdb.user:"}) {
    const Answer answer =
        r.ask({Method::put, path, R"({"name":"alice","password":"the password of alice"})"});
    CHECK(answer.status == 400);
  }
  CHECK(r.ask({Method::put, "/-/user/org.couchdb.user:alice", R"({"name":"alice","name":"alice"})"}).status ==
        400);
  CHECK(r.ask({Method::put, "/-/user/org.couchdb.user:alice", "[]"}).status == 400);
}

TEST_CASE("a guessed password is slowed down with a sentence, and never with a 429 that clients repeat") {
  Registry r;
  r.add("alice");
  Answer last;
  for (int i = 0; i < 7; ++i) last = r.log_in("alice", "guess number " + std::to_string(i));
  CHECK(last.status == 403);
  CHECK(last.error().find("try again in 1 seconds") != std::string::npos);
}

TEST_CASE("logging in with a second factor is challenged as npm expects it") {
  Registry r;
  r.add("alice");
  const std::string url = r.identity->enrol_otp("console", "alice").value().url;
  const Answer asked = r.log_in("alice", "the password of alice");
  CHECK(asked.status == 401);
  CHECK(asked.challenge == "OTP");
  CHECK(asked.error().find("one-time pass") != std::string::npos);
  const Answer wrong = r.log_in("alice", "the password of alice", "000000");
  CHECK(wrong.status == 401);
  CHECK(wrong.challenge == "OTP");
  // Without the password the code is not even asked for.
  CHECK(r.log_in("alice", "a wrong password", r.code(url)).challenge.empty());
  CHECK(r.log_in("alice", "the password of alice", r.code(url)).status == 201);
  CHECK(r.log_in("alice", "the password of alice", r.code(url)).status == 401);  // replayed
}

TEST_CASE("ping needs nothing") {
  Registry r;
  CHECK(r.ask({Method::get, "/-/ping?write=true"}).status == 200);
}

TEST_CASE("no credential, a wrong one and two at once are 401 without a challenge of ours") {
  Registry r;
  r.add("alice");
  const std::string token = r.token("alice");
  for (const std::string& header : {std::string(), std::string("Bearer "), "Bearer " + token + "x",
                                    "Token " + token, "Bearer  " + token, std::string("Basic !!!"), token}) {
    CAPTURE(header);
    const Answer answer = r.ask({Method::get, "/-/whoami", {}, {}, {}, header});
    CHECK(answer.status == 401);
    CHECK(answer.challenge.empty());
    CHECK_FALSE(answer.error().empty());
  }
  CHECK(r.ask({Method::get, "/-/whoami", {}, token, {}, "Bearer " + token}).status == 401);
  CHECK(r.ask({Method::get, "/-/whoami", {}, {}, {}, "bearer " + token}).status == 200);
  const std::string basic = base64_encode(as_bytes("alice:" + token));
  CHECK(r.ask({Method::get, "/-/whoami", {}, {}, {}, "Basic " + basic}).status == 200);
  const std::string password = base64_encode(as_bytes("alice:the password of alice"));
  CHECK(r.ask({Method::get, "/-/whoami", {}, {}, {}, "Basic " + password}).status == 401);
}

TEST_CASE("reads without a credential are as configured; a bad credential is refused all the same") {
  Registry r;
  CHECK(r.ask({Method::get, "/read"}).status == 401);
  r.context.anonymous_reads = true;
  CHECK(r.ask({Method::get, "/read"}).status == 200);
  CHECK(r.ask({Method::put, "/write"}).status == 401);
  CHECK(r.ask({Method::get, "/read", {}, "slp_wrong"}).status == 401);
}

TEST_CASE("a read-only token writes nothing") {
  Registry r;
  r.add("alice");
  const std::string token = r.token("alice", true);
  CHECK(r.ask({Method::get, "/read", {}, token}).status == 200);
  CHECK(r.ask({Method::post, "/audit", {}, token}).status == 200);
  CHECK(r.ask({Method::get, "/-/whoami", {}, token}).status == 200);
  for (const Asked& asked :
       {Asked{Method::put, "/write", {}, token}, Asked{Method::post, "/decide", {}, token},
        Asked{Method::post, "/-/npm/v1/tokens", R"({"password":"the password of alice"})", token},
        Asked{Method::post, "/-/npm/v1/user", R"({"email":"a@b.example"})", token},
        Asked{Method::del, "/-/npm/v1/tokens/token/" + token, {}, token}}) {
    const Answer answer = r.ask(asked);
    CHECK(answer.status == 403);
    CHECK(answer.error().find("read-only") != std::string::npos);
  }
  CHECK(r.written == 0);
}

TEST_CASE("administrators' routes are theirs") {
  Registry r;
  r.add("alice");
  r.add("root", true);
  CHECK(r.ask({Method::get, "/admin", {}, r.token("alice")}).status == 403);
  CHECK(r.ask({Method::get, "/admin", {}, r.token("root")}).status == 200);
}

TEST_CASE("npm logout ends the token, and only one's own") {
  Registry r;
  r.add("alice");
  r.add("mallory");
  const std::string token = r.token("alice"), other = r.token("mallory");
  CHECK(r.ask({Method::del, "/-/user/token/" + token, {}, other}).status == 404);
  CHECK(r.ask({Method::get, "/-/whoami", {}, token}).status == 200);
  CHECK(r.ask({Method::del, "/-/user/token/" + token, {}, token}).status == 200);
  CHECK(r.ask({Method::get, "/-/whoami", {}, token}).status == 401);
  const std::string reader = r.token("alice", true);  // reads only, and may end itself
  const std::string writer = r.token("alice");        // but no other
  CHECK(r.ask({Method::del, "/-/user/token/" + writer, {}, reader}).status == 403);
  CHECK(r.ask({Method::get, "/-/whoami", {}, writer}).status == 200);
  CHECK(r.ask({Method::del, "/-/user/token/" + reader, {}, reader}).status == 200);
  CHECK(r.ask({Method::get, "/-/whoami", {}, reader}).status == 401);
}

TEST_CASE("npm token: create asks for the password, list shows no token, revoke ends it") {
  Registry r;
  r.add("alice");
  const std::string token = r.token("alice");
  CHECK(r.ask({Method::post, "/-/npm/v1/tokens", R"({"name":"ci"})", token}).status == 401);
  CHECK(r.ask({Method::post, "/-/npm/v1/tokens", R"({"password":"wrong password"})", token}).status == 401);
  const Answer made = r.ask(
      {Method::post, "/-/npm/v1/tokens",
       R"({"name":"ci","password":"the password of alice","cidr_whitelist":["192.0.2.0/24"],"expires":7})",
       token});
  CHECK(made.status == 200);
  const std::string fresh(made.body.at("token").as_string());
  CHECK(made.body.at("cidr_whitelist") == json::array{"192.0.2.0/24"});
  CHECK(made.body.at("expires").as_string() == to_iso8601(r.clock.now() + std::chrono::days(7)));
  const Answer list = r.ask({Method::get, "/-/npm/v1/tokens", {}, fresh});
  CHECK(list.body.at("total") == 2);
  CHECK(list.body.at("urls").is_object());
  for (const auto& item : list.body.at("objects").as_array()) {
    // npm finds a token it was given by what it begins with.
    const std::string shown(item.at("token").as_string());
    CHECK((fresh.starts_with(shown) || token.starts_with(shown)));
    CHECK(shown.size() == 8);
  }
  r.remote = "203.0.113.1";
  CHECK(r.ask({Method::get, "/-/whoami", {}, fresh}).status == 403);
  r.remote = "192.0.2.1";
  const std::string key(made.body.at("key").as_string());
  CHECK(r.ask({Method::del, "/-/npm/v1/tokens/token/" + key, {}, token}).status == 200);
  CHECK(r.ask({Method::get, "/-/whoami", {}, fresh}).status == 401);
}

TEST_CASE("a token narrower than we can make is refused, not made wider") {
  Registry r;
  r.add("alice");
  const std::string token = r.token("alice");
  for (const char* narrow :
       {R"("packages":["@acme/lib"])", R"("scopes":["@acme"])", R"("orgs":["acme"])", R"("expires":"soon")",
        R"("expires":0)", R"("cidr_whitelist":["nowhere"])", R"("cidr_whitelist":"192.0.2.0/24")",
        R"("readonly":"true")", R"("readonly":1)"}) {
    const Answer answer =
        r.ask({Method::post, "/-/npm/v1/tokens",
               R"({"password":"the password of alice",)" + std::string(narrow) + "}", token});
    CHECK(answer.status == 400);
  }
  const Answer read =
      r.ask({Method::post, "/-/npm/v1/tokens",
             R"({"password":"the password of alice","packages_and_scopes_permission":"read-only"})", token});
  CHECK(read.body.at("readonly") == true);
  CHECK(r.identity->tokens("alice").value().size() == 2);
}

TEST_CASE("npm profile: get, set the e-mail address, change the password") {
  Registry r;
  r.add("alice");
  const std::string token = r.token("alice");
  const Answer got = r.ask({Method::get, "/-/npm/v1/user", {}, token});
  CHECK(got.body.at("name") == "alice");
  CHECK(got.body.at("tfa").is_null());
  const Answer set = r.set_profile(
      token,
      R"({"email":"alice@acme.example","password":null,"fullname":null,"homepage":null,"twitter":null})");
  CHECK(set.status == 200);
  CHECK(set.body.at("email") == "alice@acme.example");
  CHECK(r.set_profile(token, R"({"fullname":"Alice"})").status == 400);
  CHECK(r.set_profile(token, R"({"password":{"old":"wrong password","new":"another password"}})").status ==
        401);
  CHECK(r.set_profile(token, R"({"password":{"old":"the password of alice","new":"short"}})").status == 400);
  CHECK(r.set_profile(token, R"({"password":{"old":"the password of alice","new":"another password"}})")
            .status == 200);
  CHECK(r.identity->check_password("alice", "another password", "192.0.2.9").has_value());
  CHECK(r.identity->user("alice").value().email == "alice@acme.example");
}

TEST_CASE("npm profile enable-2fa, change of mode, disable-2fa") {
  Registry r;
  r.add("alice");
  const std::string token = r.token("alice");
  CHECK(r.set_profile(token, R"({"tfa":{"mode":"auth-only","password":"wrong password"}})").status == 401);
  const std::string good = R"("password":"the password of alice"}})";
  CHECK(r.set_profile(token, R"({"tfa":{"mode":"sometimes",)" + good).status == 400);
  const Answer begun = r.set_profile(token, R"({"tfa":{"mode":"auth-only",)" + good);
  const std::string url(begun.body.at("tfa").as_string());
  CHECK(url.starts_with("otpauth://totp/"));
  CHECK(r.ask({Method::get, "/-/npm/v1/user", {}, token}).body.at("tfa").at("pending") == true);
  CHECK(r.set_profile(token, R"({"tfa":["000000"]})").status == 400);
  const Answer done = r.set_profile(token, "{\"tfa\":[\"" + r.code(url) + "\"]}");
  CHECK(done.body.at("tfa").as_array().size() == 8);
  r.clock.advance(std::chrono::seconds(30));

  CHECK(r.ask({Method::post, "/publish", {}, token}).status == 200);  // auth-only
  const std::string both = R"({"tfa":{"mode":"auth-and-writes",)" + good;
  CHECK(r.set_profile(token, both).challenge == "OTP");
  CHECK(r.set_profile(token, both, r.code(url)).body.at("tfa").at("mode") == "auth-and-writes");
  CHECK(r.ask({Method::post, "/publish", {}, token}).challenge == "OTP");
  r.clock.advance(std::chrono::seconds(30));

  const std::string off = R"({"tfa":{"mode":"disable",)" + good;
  CHECK(r.set_profile(token, off).challenge == "OTP");
  CHECK(r.set_profile(token, R"({"tfa":{"mode":"disable","password":"wrong password"}})", r.code(url))
            .challenge.empty());
  CHECK(r.set_profile(token, off, r.code(url)).status == 200);
  CHECK_FALSE(r.identity->user("alice").value().otp_enrolled);
}

TEST_CASE("a decision asks for the second factor of who has one, and of everybody where it is required") {
  Registry r;
  r.add("rita");
  const std::string token = r.token("rita");
  CHECK(r.ask({Method::post, "/decide", {}, token}).status == 200);
  r.context.otp_to_approve_required = true;
  const Answer without = r.ask({Method::post, "/decide", {}, token});
  CHECK(without.status == 403);
  CHECK(without.error().find("enable-2fa") != std::string::npos);
  const std::string url = r.identity->enrol_otp("console", "rita").value().url;
  const Answer asked = r.ask({Method::post, "/decide", {}, token});
  CHECK(asked.status == 401);
  CHECK(asked.challenge == "OTP");
  CHECK(r.ask({Method::post, "/decide", {}, token, r.code(url)}).status == 200);
  CHECK(r.ask({Method::post, "/decide", {}, token, r.code(url)}).status == 401);
}

TEST_CASE(
    "the first administrator needs the printed secret, once, in time, and only while there is no user") {
  Registry r;
  const auto body = [](const std::string& secret) {
    return json::serialize(
        json::object{{"secret", secret}, {"name", "root"}, {"password", "the password of root"}});
  };
  const auto ask = [&](const std::string& secret) {
    return r.ask({Method::post, "/-/sallyport/first-admin", body(secret)}).status;
  };
  CHECK(ask("") == 401);
  const std::string old = r.first.offer().value();
  r.clock.advance(std::chrono::days(1));
  CHECK(ask(old) == 401);
  const std::string secret = r.first.offer().value();
  CHECK(ask(old) == 401);
  CHECK(ask(secret + "x") == 401);
  CHECK(ask(secret) == 200);
  CHECK(r.identity->user("root").value().admin);
  CHECK(ask(secret) == 401);
  CHECK_FALSE(r.first.offer().has_value());
}

}  // namespace
}  // namespace sallyport
