// Many clients at once: those that want much, and those that do nothing.

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "tests/unit/proxy/http_fixture.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

// Room for both ends of so many connections in this one process.
void allow_descriptors(rlim_t wanted) {
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

}  // namespace

TEST_CASE("200 busy connections do not starve one: it waits for about one answer of each") {
  constexpr int busy = 200, pipelined = 50, light = 20;
  std::atomic<int> heavy_answers{0};
  TestServer server;
  server.add("/heavy", [&](Exchange&) -> asio::awaitable<Response> {
    co_await async_run_on(server.disk, [] {});  // through the pool that everybody shares
    ++heavy_answers;
    co_return text_response(200, "heavy");
  });
  server.add("/light", [&](Exchange&) -> asio::awaitable<Response> {
    co_await async_run_on(server.disk, [] {});
    co_return text_response(200, std::to_string(heavy_answers.load()));
  });
  server.start();
  std::string requests;
  for (int i = 0; i < pipelined; ++i) requests += get("/heavy");
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < busy; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port));
    clients.back()->send(requests);
  }
  RawClient one(server.port);
  int before = 0, most = 0, rounds = 0;
  for (; rounds < light; ++rounds) {
    const int now = std::stoi(one.ask(get("/light")).body);
    if (rounds > 0) most = std::max(most, now - before);
    before = now;
    if (now >= busy * pipelined) break;
  }
  CHECK(rounds > 5);        // it got through while the others were at it
  CHECK(most <= 6 * busy);  // never behind more than a few answers of each of the others
  for (auto& client : clients) CHECK(client->read().body == "heavy");
}

TEST_CASE("1,000 idle and trickling connections hold nobody up") {
  constexpr std::size_t quiet = 1000;
  allow_descriptors(2 * quiet + 500);
  TestServer server;
  server.start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < quiet; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port));
    if (i % 3 == 1) clients.back()->send("G");
    if (i % 3 == 2) clients.back()->send(get("/hello").substr(0, 20));
  }
  REQUIRE(eventually([&] { return server.server->connections() == quiet; }));
  RawClient one(server.port);
  for (std::size_t i = 0; i < 200; ++i) {
    if (i % 3 == 2) clients[i]->send(get("/hello").substr(20, 3));  // they go on meanwhile
    CHECK(one.ask(get("/hello")).body == "hello");
  }
  CHECK(server.server->connections() == quiet + 1);
  CHECK(eventually([&] { return server.server->in_flight() == 0; }));
}

TEST_CASE("the client behind a trusted proxy is who asks, in the log and for handlers") {
  TestServer server;
  server.options.trusted_proxies = {*AddressRange::parse("127.0.0.1")};
  server.add("/who", [](Exchange& exchange) -> asio::awaitable<Response> {
    co_return text_response(200, exchange.request.remote);
  });
  server.start();
  RawClient client(server.port);
  CHECK(client.ask(get("/who", "X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"))
            .body == "203.0.113.7");
  CHECK(client.ask(get("/who")).body == "127.0.0.1");  // of the same connection, for somebody else
  CHECK(
      eventually([&] { return server.logs.text().find("\"remote\":\"203.0.113.7\"") != std::string::npos; }));
}

TEST_CASE("without trusted proxies nobody speaks for somebody else") {
  TestServer server;
  server.add("/who", [](Exchange& exchange) -> asio::awaitable<Response> {
    co_return text_response(200, exchange.request.remote);
  });
  server.start();
  RawClient client(server.port);
  CHECK(client.ask(get("/who", "X-Forwarded-For: 203.0.113.7\r\n")).body == "127.0.0.1");
}
