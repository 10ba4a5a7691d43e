// Targets and routes: one decoding, no normalising, scoped names in both spellings, 404, 405, HEAD.

#include <doctest/doctest.h>

#include "proxy/http/route.hpp"
#include "tests/unit/proxy/http_fixture.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

Result<std::vector<std::string>> segments_of(std::string_view target) {
  Request request;
  Result<void> parsed = parse_target(target, request);
  if (!parsed) return parsed.error();
  return request.segments;
}

RouteTable npm_routes() {
  RouteTable table;
  auto add = [&](Method method, std::string pattern) {
    table.add({method, std::move(pattern), BodyMode::none, Access::reader,
               [](Exchange&) -> asio::awaitable<Response> { co_return empty(204); }, ""});
  };
  add(Method::get, "/:pkg");
  add(Method::put, "/:pkg");
  add(Method::get, "/:pkg/:version");
  add(Method::get, "/:pkg/-/:file");
  add(Method::get, "/:pkg/-/:scope/:file");
  add(Method::del, "/:pkg/-/:file/-rev/:rev");
  add(Method::put, "/:pkg/-rev/:rev");
  add(Method::get, "/-/whoami");
  add(Method::get, "/-/package/:pkg/dist-tags");
  add(Method::put, "/-/package/:pkg/dist-tags/:tag");
  add(Method::post, "/-/stage/package/:pkg");
  add(Method::get, "/-/stage");
  add(Method::get, "/-/stage/:id");
  add(Method::post, "/-/stage/:id/approve");
  add(Method::get, "/-/stage/:id/files");
  add(Method::get, "/-/stage/:id/files/*path");
  add(Method::put, "/-/user/:id");
  add(Method::get, "/-/review/");
  return table;
}

}  // namespace

TEST_CASE("a target is split first and each segment decoded once") {
  CHECK(segments_of("/")->empty());
  CHECK(*segments_of("/lib") == std::vector<std::string>{"lib"});
  CHECK(*segments_of("/lib/") == std::vector<std::string>{"lib"});
  CHECK(*segments_of("/@acme%2flib") == std::vector<std::string>{"@acme/lib"});
  CHECK(*segments_of("/@acme%2Flib") == std::vector<std::string>{"@acme/lib"});
  CHECK(*segments_of("/%40acme%2Flib") == std::vector<std::string>{"@acme/lib"});
  CHECK(*segments_of("/@acme/lib") == std::vector<std::string>{"@acme", "lib"});
  CHECK(*segments_of("/a%252fb") == std::vector<std::string>{"a%2fb"});
  CHECK(*segments_of("/a%252e%252e") == std::vector<std::string>{"a%2e%2e"});
  CHECK(*segments_of("/lib/1.0.0+build") == std::vector<std::string>{"lib", "1.0.0+build"});
  CHECK(*segments_of("/-/user/org.couchdb.user:bob") ==
        std::vector<std::string>{"-", "user", "org.couchdb.user:bob"});
  CHECK(*segments_of("/caf%C3%A9") == std::vector<std::string>{"caf\xc3\xa9"});

  Request request;
  REQUIRE(parse_target("/-/v1/search?text=a+b%2Bc&size=20&flag&text=second", request).has_value());
  CHECK(request.query_value("text") == "a b+c");
  CHECK(request.query_value("size") == "20");
  CHECK(request.query_value("flag") == "");
  CHECK_FALSE(request.query_value("from"));
}

TEST_CASE("a target that another reader could resolve otherwise is refused") {
  for (const char* target : {"",
                             "lib",
                             "*",
                             "http://a/lib",
                             "//lib",
                             "/lib//1.0.0",
                             "/a/../b",
                             "/a/./b",
                             "/..",
                             "/%2e%2e/x",
                             "/%2E%2e",
                             "/.%2e/x",
                             "/a%00b",
                             "/a%0ab",
                             "/a%7fb",
                             "/a%5cb",
                             "/a\\b",
                             "/a%2fb",
                             "/a%2Fb",
                             "/lib%2f..%2fx",
                             "/@acme%2f..",
                             "/@acme%2f.",
                             "/@acme%2f",
                             "/@%2flib",
                             "/@acme%2flib%2fx",
                             "/@acme%2f%2flib",
                             "/%2f",
                             "/a%",
                             "/a%2",
                             "/a%zz",
                             "/%ff",
                             "/%c0%af",
                             "/a b",
                             "/a#b",
                             "/a?x=%",
                             "/a?x=%00",
                             "/a?x=%ff",
                             "/a?%0a=1"}) {
    CAPTURE(target);
    auto segments = segments_of(target);
    CHECK_FALSE(segments.has_value());
    if (!segments) CHECK(segments.error().kind == ErrorKind::invalid);
  }
}

TEST_CASE("the routing matrix") {
  RouteTable table = npm_routes();
  struct Case {
    Method method;
    const char* target;
    const char* pattern;  // empty: none
    std::map<std::string, std::string> params;
  };
  const std::vector<Case> cases{
      {Method::get, "/lib", "/:pkg", {{"pkg", "lib"}}},
      {Method::get, "/@acme%2flib", "/:pkg", {{"pkg", "@acme/lib"}}},
      {Method::get, "/@acme%2Flib", "/:pkg", {{"pkg", "@acme/lib"}}},
      {Method::get, "/@acme/lib", "/:pkg", {{"pkg", "@acme/lib"}}},
      {Method::put, "/@acme%2flib", "/:pkg", {{"pkg", "@acme/lib"}}},
      {Method::put, "/@acme/lib", "/:pkg", {{"pkg", "@acme/lib"}}},
      {Method::get, "/lib/1.0.0", "/:pkg/:version", {{"pkg", "lib"}, {"version", "1.0.0"}}},
      {Method::get, "/@acme%2flib/1.0.0", "/:pkg/:version", {{"pkg", "@acme/lib"}, {"version", "1.0.0"}}},
      {Method::get, "/@acme/lib/1.0.0", "/:pkg/:version", {{"pkg", "@acme/lib"}, {"version", "1.0.0"}}},
      {Method::get, "/lib/-/lib-1.0.0.tgz", "/:pkg/-/:file", {{"pkg", "lib"}, {"file", "lib-1.0.0.tgz"}}},
      {Method::get, "/@acme%2flib/-/lib-1.0.0.tgz", "/:pkg/-/:file", {{"pkg", "@acme/lib"}}},
      {Method::get,
       "/@acme/lib/-/lib-1.0.0.tgz",
       "/:pkg/-/:file",
       {{"pkg", "@acme/lib"}, {"file", "lib-1.0.0.tgz"}}},
      {Method::get,
       "/@acme/lib/-/@acme/lib-1.0.0.tgz",
       "/:pkg/-/:scope/:file",
       {{"pkg", "@acme/lib"}, {"scope", "@acme"}, {"file", "lib-1.0.0.tgz"}}},
      {Method::get,
       "/@acme%2flib/-/@acme%2flib-1.0.0.tgz",
       "/:pkg/-/:file",
       {{"file", "@acme/lib-1.0.0.tgz"}}},
      {Method::del, "/@acme/lib/-/lib-1.0.0.tgz/-rev/1-a", "/:pkg/-/:file/-rev/:rev", {{"rev", "1-a"}}},
      {Method::put, "/@acme/lib/-rev/1-a", "/:pkg/-rev/:rev", {{"pkg", "@acme/lib"}}},
      {Method::get, "/-/whoami", "/-/whoami", {}},
      {Method::get, "/-/package/@acme%2flib/dist-tags", "/-/package/:pkg/dist-tags", {{"pkg", "@acme/lib"}}},
      {Method::get, "/-/package/@acme/lib/dist-tags", "/-/package/:pkg/dist-tags", {{"pkg", "@acme/lib"}}},
      {Method::put, "/-/package/lib/dist-tags/next", "/-/package/:pkg/dist-tags/:tag", {{"tag", "next"}}},
      {Method::post, "/-/stage/package/@acme%2flib", "/-/stage/package/:pkg", {{"pkg", "@acme/lib"}}},
      {Method::get, "/-/stage", "/-/stage", {}},
      {Method::get, "/-/stage/abc", "/-/stage/:id", {{"id", "abc"}}},
      {Method::get, "/-/stage/package", "/-/stage/:id", {{"id", "package"}}},
      {Method::post, "/-/stage/abc/approve", "/-/stage/:id/approve", {{"id", "abc"}}},
      // Two routes fit; the one whose literal comes first wins.
      {Method::post, "/-/stage/package/approve", "/-/stage/package/:pkg", {{"pkg", "approve"}}},
      {Method::get, "/-/stage/abc/files", "/-/stage/:id/files", {{"id", "abc"}}},
      {Method::get,
       "/-/stage/abc/files/package/dist/cli.js",
       "/-/stage/:id/files/*path",
       {{"id", "abc"}, {"path", "package/dist/cli.js"}}},
      {Method::get, "/-/review", "/-/review/", {}},
      {Method::get, "/-/review/", "/-/review/", {}},
      {Method::head, "/-/whoami", "/-/whoami", {}},
      {Method::head, "/lib", "/:pkg", {{"pkg", "lib"}}},
      {Method::get, "/", "", {}},
      {Method::get, "/-", "", {}},
      {Method::get, "/@acme", "/:pkg", {{"pkg", "@acme"}}},  // who reads the name refuses it
      {Method::get, "/-/nothing", "", {}},
      {Method::put, "/-/whoami", "", {}},
      {Method::get, "/@acme/-/lib-1.0.0.tgz", "", {}},
      {Method::get, "/a/b/c/d/e", "", {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.target);
    Request request;
    REQUIRE(parse_target(c.target, request).has_value());
    RouteMatch match = table.match(c.method, request.segments);
    CHECK((match.route ? match.route->pattern : "") == c.pattern);
    for (const auto& [name, value] : c.params) {
      CAPTURE(name);
      auto found = std::find_if(match.params.begin(), match.params.end(),
                                [&, n = name](const PathParam& p) { return p.name == n; });
      REQUIRE(found != match.params.end());
      CHECK(found->value == value);
    }
  }
  CHECK(table.list().size() == 18);
  CHECK(table.list().front()->pattern == "/:pkg");
}

TEST_CASE("404, 405 with Allow, and the fallback, over the wire") {
  TestServer server;
  server.add("/:pkg", [](Exchange&) -> asio::awaitable<Response> { co_return empty(204); }, Method::put);
  server.add("/:pkg", [](Exchange& exchange) -> asio::awaitable<Response> {
    co_return text_response(200, std::string(exchange.param("pkg")));
  });

  SUBCASE("without a fallback") {
    server.start();
    RawClient client(server.port);
    for (const char* path : {"/@acme%2flib", "/@acme%2Flib", "/@acme/lib", "/%40acme%2flib", "/@acme/lib/"}) {
      CAPTURE(path);
      CHECK(client.ask(get(path)).body == "@acme/lib");
    }
    Answer missing = client.ask(get("/-/nothing/here"));
    CHECK(missing.status == 404);
    CHECK_FALSE(missing.error().empty());
    Answer refused = client.ask("DELETE /lib HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(refused.status == 405);
    CHECK(refused.headers["allow"] == "GET, HEAD, PUT");
    CHECK_FALSE(refused.error().empty());
    CHECK(client.ask(get("/lib")).body == "lib");
  }
  SUBCASE("with one, behind the same authorisation") {
    server.service.routes.set_fallback(
        {Method::other, "(everything else)", BodyMode::none, Access::user,
         [](Exchange& exchange) -> asio::awaitable<Response> {
           co_return refusal(
               403, "Sallyport does not let " + std::string(to_text(exchange.request.method)) + " through.");
         },
         "refuses"});
    std::atomic<int> asked{0};
    server.service.authorize = [&](Exchange& exchange) -> asio::awaitable<std::optional<Response>> {
      if (exchange.route->access == Access::user) ++asked;
      co_return std::nullopt;
    };
    server.start();
    RawClient client(server.port);
    Answer refused = client.ask(put("/-/team/acme/red", "{}"));
    CHECK(refused.status == 403);
    CHECK(refused.error() == "Sallyport does not let PUT through.");
    CHECK(asked == 1);
    CHECK(client.ask(get("/lib")).body == "lib");
  }
}
