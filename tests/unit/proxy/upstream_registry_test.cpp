// RegistryUpstream: what it asks, what it makes of the answers, and where its credential goes.

#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <thread>

#include "proxy/hops.hpp"
#include "proxy/upstream/registry_upstream.hpp"
#include "storage/base/log.hpp"
#include "tests/support/scripted_upstream.hpp"

using namespace sallyport;
using namespace sallyport::test;
namespace asio = boost::asio;

namespace {

constexpr const char* token = "npm_q7r8s9tokenOfTheGate";

template <class T>
T wait_for(asio::awaitable<T> work) {
  asio::io_context context;
  auto result = asio::co_spawn(context, std::move(work), asio::use_future);
  context.run();
  return result.get();
}

std::unique_ptr<RegistryUpstream> upstream_at(HttpClient& client, const std::string& url) {
  UpstreamOptions options;
  options.name = "main";
  options.url = url;
  options.token = token;
  options.proxy_from_environment = false;
  options.idle_max = Millis(5'000);
  return RegistryUpstream::make(client, options).value();
}

PackageName name_of(const char* text) {
  return PackageName::parse(text).value();
}

asio::awaitable<Result<std::string>> whole_tarball(RegistryUpstream& upstream, std::string url) {
  const auto name = name_of("lib");
  auto stream = co_await upstream.tarball_async(name, std::move(url));
  if (!stream) co_return stream.error();
  std::string body;
  while (true) {
    auto piece = co_await (*stream)->read_some();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return body;
    body += *piece;
  }
}

class KeptInMemory final : public StagedBlob {
 public:
  Result<void> append(Bytes bytes) override {
    text.append(as_text(bytes));
    return {};
  }
  std::uint64_t size() const override { return text.size(); }
  Result<std::size_t> read(std::uint64_t, std::span<std::uint8_t>) const override { return 0; }
  Sha512 digest() override { return sha512(as_bytes(text)); }
  Result<void> commit(const Sha512&) override { return {}; }
  std::string text;
};

BodySource source_of(const std::string& text) {
  return {text.size(), [&text](std::uint64_t offset, std::span<char> out) -> Result<std::size_t> {
            return text.copy(out.data(), out.size(), static_cast<std::size_t>(offset));
          }};
}

}  // namespace

TEST_CASE("an upstream is made of a URL and a credential that can be sent") {
  HttpClient client;
  const auto made = [&](const std::string& url, const std::string& secret = "") {
    UpstreamOptions options;
    options.name = "main";
    options.url = url;
    options.token = secret;
    return RegistryUpstream::make(client, options);
  };
  CHECK(made("https://registry.test/npm").value()->url() == "https://registry.test/npm");
  CHECK(made("https://registry.test").value()->url() == "https://registry.test");
  for (const char* bad : {"", "registry.test", "ftp://registry.test/", "https://u:p@registry.test/",
                          "https://registry.test/?a=b"})
    CHECK(made(bad).error().kind == ErrorKind::invalid);
  const auto injected = made("https://registry.test/", "secretvalue\r\nX-Other: 1");
  REQUIRE(injected.has_error());
  CHECK(injected.error().message.find("secretvalue") == std::string::npos);
}

TEST_CASE("a packument is asked for under the prefix, with the credential, past every cache") {
  ScriptedUpstream registry(
      answering([](const SeenRequest&) { return response(200, R"({"name":"@a/b"})"); }));
  HttpClient client;
  const auto upstream = upstream_at(client, registry.url() + "/npm");
  CHECK(upstream->packument(name_of("@a/b")).value() == R"({"name":"@a/b"})");
  const auto seen = registry.requests().at(0);
  CHECK(seen.target == "/npm/@a%2fb");
  CHECK(seen.header("authorization") == std::string("Bearer ") + token);
  CHECK(seen.header("accept") == "application/json");
  CHECK(seen.header("accept-encoding") == "gzip");
  CHECK(seen.header("cache-control") == "no-cache");
}

TEST_CASE("npm's _auth is sent where there is no token") {
  ScriptedUpstream registry(answering([](const SeenRequest&) { return response(200, "{}"); }));
  HttpClient client;
  UpstreamOptions options;
  options.url = registry.url();
  options.basic_auth = "dXNlcjpwYXNz";
  options.proxy_from_environment = false;
  const auto upstream = RegistryUpstream::make(client, options).value();
  CHECK(upstream->packument(name_of("lib")).has_value());
  CHECK(registry.requests().at(0).header("authorization") == "Basic dXNlcjpwYXNz");
}

TEST_CASE("every status of a packument has its meaning") {
  int status = 0;
  std::string more;
  ScriptedUpstream registry(answering([&](const SeenRequest&) { return response(status, "<html>", more); }));
  HttpClient client;
  auto upstream = upstream_at(client, registry.url());
  const auto kind = [&](int answered) {
    status = answered;
    upstream = upstream_at(client, registry.url());  // as if nothing had failed before
    const auto blocking = upstream->packument(name_of("lib"));
    REQUIRE(blocking.has_error());
    CHECK(blocking.error().message.find(registry.url()) != std::string::npos);
    const auto waited = wait_for(upstream->packument_async(name_of("lib"), ""));
    if (answered == 404)
      CHECK(waited.value().status == 404);
    else
      CHECK(waited.error().kind == blocking.error().kind);
    return blocking.error().kind;
  };
  CHECK(kind(404) == ErrorKind::not_found);
  for (const int refused : {401, 403}) {
    CHECK(kind(refused) == ErrorKind::upstream);
    CHECK(upstream->packument(name_of("lib")).error().message.find("refused the credential of the gate") !=
          std::string::npos);
  }
  for (const int later : {408, 425, 429, 500, 502, 503, 504}) CHECK(kind(later) == ErrorKind::unavailable);
  for (const int strange : {200, 204, 304, 400, 410}) CHECK(kind(strange) == ErrorKind::upstream);
  more = "Location: https://elsewhere.test/lib?key=1\r\n";
  CHECK(kind(301) == ErrorKind::upstream);
  CHECK(upstream->packument(name_of("lib")).error().message ==
        "the upstream " + registry.url() +
            " redirects to https://elsewhere.test: set the upstream's url to where it is");
}

TEST_CASE("a packument is asked for again only if it has changed") {
  ScriptedUpstream registry(answering([](const SeenRequest& seen) {
    if (seen.header("if-none-match") == "\"v1\"")
      return std::string("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n");
    return response(200, "{}", "ETag: \"v2\"\r\nLast-Modified: Tue, 31 Mar 2026 04:23:06 GMT\r\n");
  }));
  HttpClient client;
  const auto upstream = upstream_at(client, registry.url());
  const auto fresh = wait_for(upstream->packument_async(name_of("lib"), ""));
  CHECK(fresh.value().status == 200);
  CHECK(fresh->body == "{}");
  CHECK(fresh->etag == "\"v2\"");
  CHECK(fresh->last_modified == "Tue, 31 Mar 2026 04:23:06 GMT");
  const auto same = wait_for(upstream->packument_async(name_of("lib"), "\"v1\""));
  CHECK(same.value().status == 304);
  CHECK(same->body.empty());
  CHECK(same->etag == "\"v1\"");
  CHECK(registry.connections() == 1);
}

TEST_CASE("attestations are asked of the upstream's own host alone, and no more of them than wanted") {
  ScriptedUpstream registry(
      answering([](const SeenRequest&) { return response(200, R"({"attestations":[]})"); }));
  HttpClient client;
  const auto upstream = upstream_at(client, registry.url() + "/npm");
  const std::string path = "/npm/-/npm/v1/attestations/lib@1.0.0";
  const PackumentLimits limits{.deadline = Millis(5'000), .bytes_max = 1000};
  CHECK(upstream->attestations(name_of("lib"), registry.url() + path, limits).value() ==
        R"({"attestations":[]})");
  CHECK(upstream->attestations(name_of("lib"), path, limits).has_value());
  CHECK(registry.requests().at(0).target == path);
  for (const std::string& elsewhere : {"https://evil.test" + path, std::string("http://127.0.0.1:1/x"),
                                       std::string("file:///etc/passwd"), std::string("//evil.test/x")})
    CHECK_MESSAGE(upstream->attestations(name_of("lib"), elsewhere, limits).has_error(), elsewhere);
  CHECK(registry.requests().size() == 2);
  CHECK(upstream->attestations(name_of("lib"), path, {.deadline = Millis(5'000), .bytes_max = 5})
            .error()
            .kind == ErrorKind::too_large);
  CHECK(upstream->packument(name_of("lib"), {.deadline = Millis(5'000), .bytes_max = 5}).has_error());
}

TEST_CASE("a tarball comes from the upstream with the credential, from elsewhere without it") {
  const auto serve = [](const SeenRequest& seen) {
    if (seen.target == "/gone.tgz") return response(404, "{}");
    return response(200, "tarball", "Content-Encoding: gzip\r\n");
  };
  ScriptedUpstream cdn(answering(serve));
  ScriptedUpstream registry(answering([&](const SeenRequest& seen) {
    if (seen.target == "/moved.tgz")
      return response(302, "", "Location: " + cdn.url() + "/lib.tgz?signed=1\r\n");
    return serve(seen);
  }));
  HttpClient client;
  const auto upstream =
      upstream_at(client, registry.url() + "/npm/");  // itself on this machine: so may a CDN be
  const std::string bearer = std::string("Bearer ") + token;

  CHECK(wait_for(whole_tarball(*upstream, registry.url() + "/npm/lib/-/lib-1.0.0.tgz")).value() == "tarball");
  CHECK(registry.requests().back().target == "/npm/lib/-/lib-1.0.0.tgz");
  CHECK(registry.requests().back().header("authorization") == bearer);
  CHECK(registry.requests().back().header("accept-encoding") == "identity");
  CHECK(wait_for(whole_tarball(*upstream, "lib/-/lib-1.0.0.tgz")).value() == "tarball");
  CHECK(registry.requests().back().target == "/npm/lib/-/lib-1.0.0.tgz");

  CHECK(wait_for(whole_tarball(*upstream, cdn.url() + "/lib.tgz")).value() == "tarball");
  CHECK(cdn.requests().back().header("authorization").empty());
  CHECK(wait_for(whole_tarball(*upstream, registry.url() + "/moved.tgz")).value() == "tarball");
  CHECK(registry.requests().back().header("authorization") == bearer);
  CHECK(cdn.requests().back().target == "/lib.tgz?signed=1");
  CHECK(cdn.requests().back().header("authorization").empty());

  CHECK(wait_for(whole_tarball(*upstream, registry.url() + "/gone.tgz")).error().kind ==
        ErrorKind::not_found);
  CHECK(wait_for(whole_tarball(*upstream, "file:///etc/passwd")).error().kind == ErrorKind::upstream);
  CHECK(wait_for(whole_tarball(*upstream, "https://me:secret@cdn.test/lib.tgz")).error().kind ==
        ErrorKind::upstream);

  KeptInMemory blob;
  CHECK(upstream->tarball(name_of("lib"), registry.url() + "/lib.tgz", blob, 7).has_value());
  CHECK(blob.text == "tarball");
  KeptInMemory small;
  CHECK(upstream->tarball(name_of("lib"), registry.url() + "/lib.tgz", small, 6).error().kind ==
        ErrorKind::too_large);
  CHECK(upstream->tarball(name_of("lib"), registry.url() + "/gone.tgz", small, 7).error().kind ==
        ErrorKind::not_found);
}

TEST_CASE("a packument cannot make the gate fetch from its own machine") {
  ScriptedUpstream inside(answering([](const SeenRequest&) { return response(200, "internal"); }));
  const std::string inside_port = std::to_string(inside.port());
  ScriptedUpstream registry(answering([&](const SeenRequest& seen) {
    if (seen.target == "/moved.tgz") return response(302, "", "Location: " + inside.url() + "/admin\r\n");
    return response(200, "tarball");
  }));
  const std::string port = std::to_string(registry.port());
  HttpClient client(
      {.resolve = {"registry.test:" + port + ":127.0.0.1", "cdn.test:" + inside_port + ":127.0.0.1"}});
  const auto upstream = upstream_at(client, "http://registry.test:" + port);
  CHECK(wait_for(whole_tarball(*upstream, "http://registry.test:" + port + "/lib.tgz")).value() == "tarball");
  for (const std::string& url :
       {inside.url() + "/admin", "http://localhost:" + inside_port + "/admin",
        "//0.0.0.0:" + inside_port + "/admin", "http://[::ffff:127.0.0.1]:" + inside_port + "/admin",
        "http://2130706433:" + inside_port + "/admin", "http://cdn.test:" + inside_port + "/admin",
        std::string("http://169.254.169.254/latest/meta-data/"), "http://127.0.0.1:" + port + "/lib.tgz",
        "http://registry.test:" + port + "/moved.tgz"}) {
    CAPTURE(url);
    const auto body = wait_for(whole_tarball(*upstream, url));
    REQUIRE(body.has_error());
    CHECK(body.error().kind == ErrorKind::upstream);
    KeptInMemory blob;
    CHECK(upstream->tarball(name_of("lib"), url, blob, 100).error().kind == ErrorKind::upstream);
    CHECK(blob.text.empty());
  }
  CHECK(inside.connections() == 0);
}

TEST_CASE("a publish is sent once, and its outcome is told by the status") {
  int status = 0;
  std::string answer;
  ScriptedUpstream registry(answering([&](const SeenRequest&) { return response(status, answer); }));
  HttpClient client;
  const auto upstream = upstream_at(client, registry.url() + "/npm");
  const std::string document = R"({"name":"@a/b"})";
  const auto publish = [&](int answered, const std::string& body) {
    status = answered;
    answer = body;
    return upstream->publish(name_of("@a/b"), source_of(document), Millis(5'000));
  };
  using Kind = PublishOutcome::Kind;
  for (const int yes : {200, 201, 204}) CHECK(publish(yes, "").kind == Kind::accepted);
  const auto seen = registry.requests().at(0);
  CHECK(seen.method == "PUT");
  CHECK(seen.target == "/npm/@a%2fb");
  CHECK(seen.header("content-type") == "application/json");
  CHECK(seen.header("content-length") == std::to_string(document.size()));
  CHECK(seen.header("npm-command") == "publish");
  CHECK(seen.header("authorization") == std::string("Bearer ") + token);
  CHECK(seen.body == document);

  for (const int no : {400, 401, 402, 403, 404, 409, 413, 422}) {
    const auto outcome = publish(no, R"({"error":"not so"})");
    CHECK(outcome.kind == Kind::refused);
    CHECK(outcome.status == no);
    CHECK(outcome.message == "not so");
  }
  for (const int unknown : {302, 408, 425, 429, 500, 502, 503, 504}) {
    const auto before = registry.requests().size();
    CHECK(publish(unknown, "{}").kind == Kind::unclear);
    CHECK(registry.requests().size() == before + 1);
  }
  CHECK(publish(409, "<html>").message == "the upstream " + registry.url() + " answered 409");
  CHECK(publish(409, R"({"error":"a\u001b[31mb"})").message.find('\x1b') == std::string::npos);
  const auto echoed = publish(403, std::string(R"({"error":"bad token )") + token + "\"}");
  CHECK(echoed.kind == Kind::refused);
  CHECK(echoed.message.find(token) == std::string::npos);
}

TEST_CASE("after a publish without a clear answer nothing is sent again") {
  const std::string document(300'000, ' ');
  HttpClient client;
  // Keeps a connection that a publish could be tempted to use, and hangs up on whatever comes next on it.
  ScriptedUpstream registry([](ScriptedUpstream::Connection& connection) {
    connection.read_request();
    connection.send(response(200, "{}"));
    connection.read_request();
  });
  const auto upstream = upstream_at(client, registry.url());
  CHECK(upstream->packument(name_of("lib")).has_value());
  Millis deadline(5'000);
  bool late = false;
  SUBCASE("hung up before the body was read") {
    registry.next([](ScriptedUpstream::Connection& connection) { connection.read_head(); });
  }
  SUBCASE("hung up after all of it was read") {
    registry.next([](ScriptedUpstream::Connection& connection) { connection.read_request(); });
  }
  SUBCASE("cut in the answer") {
    registry.next([](ScriptedUpstream::Connection& connection) {
      connection.read_request();
      connection.send("HTTP/1.1 201 Created\r\nContent-Len");
    });
  }
  SUBCASE("no answer within the deadline") {
    deadline = Millis(150);
    late = true;
    registry.next([](ScriptedUpstream::Connection& connection) {
      connection.read_request();
      connection.wait_for_close();
    });
  }
  SUBCASE("500 before the body was read") {
    registry.next([](ScriptedUpstream::Connection& connection) {
      connection.read_head();
      connection.send(response(500, "{}", "Connection: close\r\n"));
      connection.wait_for_close();
    });
  }
  const auto outcome = upstream->publish(name_of("lib"), source_of(document), deadline);
  CHECK(outcome.kind == PublishOutcome::Kind::unclear);
  CHECK_FALSE(outcome.message.empty());
  CHECK(outcome.message.find(token) == std::string::npos);
  if (late) CHECK(outcome.message == "the upstream " + registry.url() + " did not answer in time");
  int puts = 0;
  for (const auto& seen : registry.requests()) puts += seen.method == "PUT" ? 1 : 0;
  CHECK(puts == 1);
}

TEST_CASE("the credential is known to the log as a secret") {
  HttpClient client;
  UpstreamOptions options;
  options.url = "https://registry.test/";
  options.token = "unlikely-shape-9f8e7d";
  CHECK(RegistryUpstream::make(client, options).has_value());
  CHECK(log::redacted("Authorization: unlikely-shape-9f8e7d").find("unlikely-shape-9f8e7d") ==
        std::string::npos);
}

namespace {

std::unique_ptr<RegistryUpstream> named(HttpClient& client, const std::string& name, const std::string& url,
                                        BreakerLimits breaker = {}) {
  UpstreamOptions options;
  options.name = name;
  options.url = url;
  options.token = "npm_tokenOfThe_" + name;
  options.proxy_from_environment = false;
  options.breaker = breaker;
  return RegistryUpstream::make(client, options).value();
}

constexpr BreakerLimits for_long{.failures_max = 3, .wait_min = Millis(600'000), .wait_max = Millis(600'000)};

// An origin and a mirror, both scripted.
struct Pair {
  std::function<std::string(const SeenRequest&)> origin_says, mirror_says;
  ScriptedUpstream origin{answering([this](const SeenRequest& r) { return origin_says(r); })};
  ScriptedUpstream mirror{answering([this](const SeenRequest& r) { return mirror_says(r); })};
  HttpClient client;
  std::unique_ptr<RegistryUpstream> main = named(client, "main", origin.url() + "/npm");
  std::unique_ptr<RegistryUpstream> second = named(client, "second", mirror.url() + "/copy");
  Pair() { main->set_mirrors({second.get()}); }
};

std::function<std::string(const SeenRequest&)> always(int status, std::string body = "{}") {
  return [=](const SeenRequest&) { return response(status, body); };
}

}  // namespace

TEST_CASE("an upstream that fails some times in a row is not asked for a while, whatever is wanted of it") {
  ScriptedUpstream registry(answering([](const SeenRequest&) { return response(503, "{}"); }));
  HttpClient client;
  const auto upstream = named(client, "main", registry.url(), for_long);
  for (int i = 0; i < 3; ++i)
    CHECK(wait_for(upstream->packument_async(name_of("lib"), "")).error().kind == ErrorKind::unavailable);
  CHECK(upstream->figures().down);
  const std::size_t asked = registry.requests().size();
  const auto left_alone = wait_for(upstream->packument_async(name_of("lib"), ""));
  CHECK(left_alone.error().kind == ErrorKind::unavailable);
  CHECK(left_alone.error().message.find("try again later") != std::string::npos);
  CHECK(upstream->packument(name_of("lib")).error().kind == ErrorKind::unavailable);
  CHECK(wait_for(whole_tarball(*upstream, registry.url() + "/lib/-/lib-1.0.0.tgz")).error().kind ==
        ErrorKind::unavailable);
  CHECK(wait_for(upstream->ask({.path = "-/npm/v1/keys", .body = {}})).error().kind ==
        ErrorKind::unavailable);
  const std::string body = "{}";
  CHECK(upstream->publish(name_of("lib"), source_of(body), Millis(1000)).kind ==
        PublishOutcome::Kind::unclear);
  CHECK(registry.requests().size() == asked);
  const auto figures = upstream->figures();
  CHECK(figures.requests == 3);
  CHECK(figures.failures == 3);
  CHECK(figures.left_alone == 5);
  CHECK(figures.opened == 1);
}

TEST_CASE("an upstream that is back is found by one request, and the log says both") {
  std::atomic<int> status = 500;
  std::vector<std::string> lines;
  log::set_sink([&](std::string_view line) { lines.emplace_back(line); });
  log::set_level(log::Level::info);
  ScriptedUpstream registry(answering([&](const SeenRequest&) { return response(status, "{}"); }));
  HttpClient client;
  const auto upstream = named(client, "main", registry.url(),
                              {.failures_max = 2, .wait_min = Millis(1), .wait_max = Millis(1)});
  for (int i = 0; i < 2; ++i) CHECK(upstream->packument(name_of("lib")).has_error());
  status = 200;
  while (!upstream->packument(name_of("lib"))) std::this_thread::yield();
  CHECK_FALSE(upstream->figures().down);
  log::set_sink({});
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("upstream.down") != std::string::npos);
  CHECK(lines[0].find("status 500") != std::string::npos);
  CHECK(lines[1].find("upstream.up") != std::string::npos);
}

TEST_CASE(
    "a service that fails, and a publish, say nothing of the packages; what is refused says that it is "
    "there") {
  std::atomic<int> status = 500;
  ScriptedUpstream registry(answering([&](const SeenRequest&) { return response(status, "{}"); }));
  HttpClient client;
  const auto upstream = named(client, "main", registry.url(), for_long);
  const std::string body = "{}";
  for (int i = 0; i < 10; ++i) {
    CHECK(wait_for(upstream->ask({.path = "-/npm/v1/security/advisories/bulk", .body = "{}"})).has_error());
    CHECK(upstream->publish(name_of("lib"), source_of(body), Millis(5000)).kind ==
          PublishOutcome::Kind::unclear);
  }
  for (const int refused : {401, 403, 404, 429}) {
    status = refused;
    for (int i = 0; i < 4; ++i) CHECK(upstream->packument(name_of("lib")).has_error());
  }
  CHECK_FALSE(upstream->figures().down);
}

TEST_CASE("a mirror is asked while the origin is down, with its own credential") {
  Pair pair;
  pair.origin_says = always(502);
  pair.mirror_says = [](const SeenRequest& r) {
    if (r.target.ends_with(".tgz")) return response(200, "the bytes");
    return response(200, R"({"name":"lib"})", "ETag: \"theirs\"\r\n");
  };
  const auto found = wait_for(pair.main->packument_async(name_of("lib"), "")).value();
  CHECK(found.body == R"({"name":"lib"})");
  CHECK(found.from == "second");
  CHECK(pair.mirror.requests().at(0).target == "/copy/lib");
  CHECK(pair.mirror.requests().at(0).header("authorization") == "Bearer npm_tokenOfThe_second");
  CHECK(wait_for(pair.main->ask({.path = "-/npm/v1/keys", .body = {}})).value() == R"({"name":"lib"})");

  // A tarball by its place at either of them, or elsewhere.
  for (const std::string& url :
       {pair.origin.url() + "/npm/lib/-/lib-1.0.0.tgz", pair.mirror.url() + "/copy/lib/-/lib-1.0.0.tgz"}) {
    CHECK(wait_for(whole_tarball(*pair.main, url)).value() == "the bytes");
    CHECK(pair.mirror.requests().back().target == "/copy/lib/-/lib-1.0.0.tgz");
    CHECK(pair.mirror.requests().back().header("authorization") == "Bearer npm_tokenOfThe_second");
    CHECK(pair.origin.requests().back().target == "/npm/lib/-/lib-1.0.0.tgz");
    CHECK(pair.origin.requests().back().header("authorization") == "Bearer npm_tokenOfThe_main");
  }
  ScriptedUpstream files(answering([](const SeenRequest&) { return response(500, ""); }));
  CHECK(wait_for(whole_tarball(*pair.main, files.url() + "/deep/lib-1.0.0.tgz")).value() == "the bytes");
  CHECK(pair.mirror.requests().back().target == "/copy/lib/-/lib-1.0.0.tgz");
  CHECK(files.requests().at(0).header("authorization").empty());
  CHECK_FALSE(pair.main->figures().down);  // four failures: of files elsewhere it is not to blame
}

TEST_CASE("a mirror is asked at once where the origin is left alone") {
  Pair pair;
  pair.main = named(pair.client, "main", pair.origin.url() + "/npm", for_long);
  pair.main->set_mirrors({pair.second.get()});
  pair.origin_says = always(500);
  pair.mirror_says = always(200);
  for (int i = 0; i < 10; ++i) CHECK(wait_for(pair.main->packument_async(name_of("lib"), "")).has_value());
  CHECK(pair.origin.requests().size() == 3);
  CHECK(pair.mirror.requests().size() == 10);
}

TEST_CASE("only the origin says what there is not") {
  Pair pair;
  pair.mirror_says = always(200, R"({"name":"lib"})");
  // A 404 of the origin is an answer, and so is a refusal: nobody else is asked.
  for (const int status : {404, 401, 403}) {
    pair.origin_says = always(status);
    const auto asked = wait_for(pair.main->packument_async(name_of("lib"), ""));
    CHECK((status == 404 ? asked.value().status == 404 : asked.error().kind == ErrorKind::upstream));
    CHECK(wait_for(whole_tarball(*pair.main, pair.origin.url() + "/npm/lib/-/lib-1.0.0.tgz")).has_error());
  }
  CHECK(pair.mirror.requests().empty());
  // A mirror that lacks it does not make it absent.
  pair.origin_says = always(503);
  pair.mirror_says = always(404);
  CHECK(wait_for(pair.main->packument_async(name_of("lib"), "")).error().kind == ErrorKind::unavailable);
  CHECK(wait_for(whole_tarball(*pair.main, pair.origin.url() + "/npm/lib/-/lib-1.0.0.tgz")).error().kind ==
        ErrorKind::unavailable);
  CHECK(pair.mirror.requests().size() == 2);
}

TEST_CASE("what the gate asks and sends goes to the origin alone") {
  Pair pair;
  pair.origin_says = always(503);
  pair.mirror_says = always(200, R"({"name":"lib"})");
  CHECK(pair.main->packument(name_of("lib")).error().kind == ErrorKind::unavailable);
  const std::string body = "{}";
  CHECK(pair.main->publish(name_of("lib"), source_of(body), Millis(5000)).kind ==
        PublishOutcome::Kind::unclear);
  KeptInMemory kept;
  CHECK(pair.main->tarball(name_of("lib"), pair.origin.url() + "/npm/lib/-/lib-1.0.0.tgz", kept, 1000)
            .has_error());
  CHECK(pair.mirror.requests().empty());
}

TEST_CASE("an ETag is sent to who made it and to nobody else") {
  Pair pair;
  pair.origin_says = always(503);
  pair.mirror_says = always(200);
  CHECK(wait_for(pair.main->packument_async(name_of("lib"), "\"of-main\"", "main")).has_value());
  CHECK(pair.origin.requests().back().header("if-none-match") == "\"of-main\"");
  CHECK(pair.mirror.requests().back().header("if-none-match").empty());
  CHECK(wait_for(pair.main->packument_async(name_of("lib"), "\"of-second\"", "second")).has_value());
  CHECK(pair.origin.requests().back().header("if-none-match").empty());
  CHECK(pair.mirror.requests().back().header("if-none-match") == "\"of-second\"");
}

TEST_CASE("what an upstream takes for a review of its own is neither accepted nor refused") {
  std::string body = R"({"ok":true,"stageId":"0a1b-2c"})";
  ScriptedUpstream registry(
      answering([&](const SeenRequest&) { return response(202, body, "npm-notice: held as R-K7Q2\r\n"); }));
  HttpClient client;
  const auto upstream = upstream_at(client, registry.url());
  const std::string sent = "{}";
  const auto outcome = upstream->publish(name_of("lib"), source_of(sent), Millis(5000));
  CHECK(outcome.kind == PublishOutcome::Kind::held);
  CHECK(outcome.review == "0a1b-2c");
  CHECK(outcome.message.find("held as R-K7Q2") != std::string::npos);
  for (const char* odd :
       {"", "[]", R"({"stageId":7})", R"({"stageId":"../-/whoami"})", R"({"stageId":"a?b"})"}) {
    body = odd;
    const auto unnamed = upstream->publish(name_of("lib"), source_of(sent), Millis(5000));
    CHECK(unnamed.kind == PublishOutcome::Kind::held);
    CHECK(unnamed.review.empty());
  }
}

TEST_CASE("how far an upstream's own review has come") {
  using State = UpstreamReview::State;
  int status = 200;
  std::string body;
  ScriptedUpstream registry(answering([&](const SeenRequest&) { return response(status, body); }));
  HttpClient client;
  const auto upstream = upstream_at(client, registry.url() + "/npm");
  const auto state = [&](const std::string& said) {
    body = said;
    return upstream->review_of("0a").value().state;
  };
  CHECK(state(R"({"id":"0a"})") == State::pending);
  CHECK(registry.requests().at(0).target == "/npm/-/stage/0a");
  CHECK(registry.requests().at(0).header("authorization") == std::string("Bearer ") + token);
  CHECK(state(R"({"status":"held"})") == State::pending);
  CHECK(state(R"({"status":"approved"})") == State::pending);
  CHECK(state(R"({"status":"published"})") == State::over);
  CHECK(state(R"({"status":"rejected","why":"by rita"})") == State::refused);
  CHECK(upstream->review_of("0a").value().why == "by rita");
  CHECK(state(R"({"status":"failed"})") == State::refused);
  body = "<html>";
  CHECK(upstream->review_of("0a").has_error());
  status = 404;
  CHECK(state("{}") == State::over);
  for (const int unclear : {401, 403, 429, 500}) {
    status = unclear;
    CHECK(upstream->review_of("0a").has_error());
  }
}

TEST_CASE("who breaks off a tarball's transfer is asked again last, and left alone once it did so often") {
  Pair pair;
  pair.main = named(pair.client, "main", pair.origin.url() + "/npm", for_long);
  pair.main->set_mirrors({pair.second.get()});
  const std::string url = pair.origin.url() + "/npm/lib/-/lib-1.0.0.tgz";
  pair.origin_says = [](const SeenRequest&) {
    std::string cut = response(200, "the bytes", "Connection: close\r\n");
    return cut.substr(0, cut.size() - 4);
  };
  pair.mirror_says = always(404);
  CHECK(wait_for(whole_tarball(*pair.main, url)).error().kind == ErrorKind::unavailable);
  // The mirror first, and what it does not have from the origin all the same.
  const auto again = wait_for(pair.main->tarball_async(name_of("lib"), url, "main"));
  CHECK(again.value()->from() == "main");
  CHECK(pair.mirror.requests().size() == 1);
  pair.mirror_says = always(200, "the bytes");
  CHECK(wait_for(pair.main->tarball_async(name_of("lib"), url, "main")).value()->from() == "second");
  CHECK(pair.origin.requests().size() == 2);
  CHECK(wait_for(pair.main->tarball_async(name_of("lib"), url, "second")).value()->from() == "main");

  // One that nobody read to its end says nothing.
  CHECK_FALSE(pair.main->figures().down);
  CHECK(pair.main->figures().failures == 1);
  for (int i = 0; i < 2; ++i) CHECK(wait_for(whole_tarball(*pair.main, url)).has_error());
  CHECK(pair.main->figures().down);
  CHECK(pair.main->figures().failures == 3);
  CHECK(wait_for(whole_tarball(*pair.main, url)).value() == "the bytes");
}

TEST_CASE("too much of an answer is its upstream's fault, not of who waits for it") {
  ScriptedUpstream registry(
      answering([](const SeenRequest&) { return response(200, std::string(1000, '{')); }));
  HttpClient client;
  UpstreamOptions options;
  options.name = "main";
  options.url = registry.url();
  options.packument_bytes_max = options.tarball_bytes_max = 100;
  options.proxy_from_environment = false;
  const auto upstream = RegistryUpstream::make(client, options).value();
  CHECK(wait_for(upstream->packument_async(name_of("lib"), "")).error().kind == ErrorKind::upstream);
  CHECK(wait_for(whole_tarball(*upstream, "/lib/-/lib-1.0.0.tgz")).error().kind == ErrorKind::upstream);
  CHECK(
      wait_for(upstream->ask({.path = "-/npm/v1/keys", .body = {}, .answer_bytes_max = 100})).error().kind ==
      ErrorKind::upstream);
}

TEST_CASE("an upstream that leads back here is told by its answer, and is not taken for ill") {
  ScriptedUpstream registry(answering([](const SeenRequest&) { return response(508, "{}"); }));
  HttpClient client;
  UpstreamOptions options;
  options.name = "main";
  options.url = registry.url();
  options.hop_id = "sallyport-me";
  options.breaker = for_long;
  options.proxy_from_environment = false;
  const auto upstream = RegistryUpstream::make(client, options).value();
  for (int i = 0; i < 5; ++i) {
    const auto asked =
        wait_for(upstream->packument_async(name_of("lib"), "", "", i == 0 ? "" : "gate-a, gate-b"));
    CHECK(asked.error().kind == ErrorKind::upstream);
    CHECK(is_loop(asked.error()));
    CHECK(asked.error().message.find("one origin") != std::string::npos);
  }
  CHECK(is_loop(wait_for(whole_tarball(*upstream, "/lib/-/lib-1.0.0.tgz")).error()));
  CHECK_FALSE(upstream->figures().down);
  CHECK(registry.requests().front().header("cdn-loop") == "sallyport-me");
  CHECK(registry.requests().at(1).header("cdn-loop") == "gate-a, gate-b, sallyport-me");
}

TEST_CASE("a question goes in circles where it has been here, or at too many places to be true") {
  SystemRandom random;
  const std::string own = hop_id(random), other = hop_id(random), another = hop_id(random);
  CHECK(own != other);
  CHECK_FALSE(goes_in_circles("", own));
  CHECK_FALSE(goes_in_circles(with_hop(other, another), own));
  CHECK(goes_in_circles(with_hop(with_hop(other, own), another), own));
  std::string many;
  for (int i = 0; i < 16; ++i) many = with_hop(many, hop_id(random));
  CHECK_FALSE(goes_in_circles(many, own));
  CHECK(goes_in_circles(with_hop(many, other), own));
  const auto passed_on = [](std::string header) {
    Headers headers;
    headers.add("CDN-Loop", std::move(header));
    return hops_in(headers);
  };
  // What is no gateway's is not passed on.
  CHECK(passed_on(with_hop(other, another)) == with_hop(other, another));
  for (const std::string made_up :
       {"", ",", " , ,", "acme; loops=9", "sallyport-", "sallyport-0123456789ABCDEF",
        "sallyport-0123456789abcdef0", "xsallyport-0123456789abcdef", "sallyport-0123456789abcdef;a=b",
        "sallyport-0123456789abcde\xff"})
    CHECK(passed_on(made_up + "," + other + "\t,") == other);
}
