// Bodies: limits for both framings, slow senders, Expect, and what happens to a body nobody wants.

#include <doctest/doctest.h>

#include "tests/unit/proxy/http_fixture.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

constexpr std::uint64_t cap_bytes = 100'000;

// Counts a streamed body; a small one is echoed; /refuse answers without looking at it.
void add_body_routes(TestServer& server) {
  server.add(
      "/stream",
      [](Exchange& exchange) -> asio::awaitable<Response> {
        std::uint64_t bytes = 0;
        for (;;) {
          Result<std::span<const char>> piece = co_await exchange.body().read_some();
          if (!piece) co_return error_response(piece.error());
          if (piece->empty()) break;
          bytes += piece->size();
        }
        co_return text_response(200, std::to_string(bytes));
      },
      Method::put, BodyMode::stream, cap_bytes);
  server.add(
      "/small",
      [](Exchange& exchange) -> asio::awaitable<Response> {
        Result<std::string> body = co_await exchange.read_small(10);
        if (!body) co_return error_response(body.error());
        co_return text_response(200, *body);
      },
      Method::put, BodyMode::small, cap_bytes);
  server.add(
      "/refuse",
      [](Exchange&) -> asio::awaitable<Response> { co_return refusal(403, "You may not publish here."); },
      Method::put, BodyMode::stream, 200u << 20);
  server.add(
      "/first",
      [](Exchange& exchange) -> asio::awaitable<Response> {
        Result<std::span<const char>> piece = co_await exchange.body().read_some();
        co_return text_response(200, piece ? "read" : "failed");
      },
      Method::put, BodyMode::stream, 200u << 20);
}

std::string chunked_head(std::string_view path) {
  return "PUT " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
}
std::string chunk(std::size_t bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes);
  return size + std::string(bytes, 'x') + "\r\n";
}

}  // namespace

TEST_CASE("a route's limit holds for both framings, and the connection goes on") {
  TestServer server;
  add_body_routes(server);
  server.start();
  RawClient client(server.port);

  SUBCASE("Content-Length at the limit") {
    CHECK(client.ask(put("/stream", std::string(cap_bytes, 'x'))).body == std::to_string(cap_bytes));
  }
  SUBCASE("Content-Length over the limit") {
    Answer answer = client.ask(put("/stream", std::string(cap_bytes + 1, 'x')));
    CHECK(answer.status == 413);
    CHECK(answer.error().find("100.0 kB") != std::string::npos);
  }
  SUBCASE("chunked at the limit") {
    CHECK(client.ask(chunked_head("/stream") + chunk(cap_bytes) + "0\r\n\r\n").body ==
          std::to_string(cap_bytes));
  }
  SUBCASE("chunked over the limit, in one chunk") {
    CHECK(client.ask(chunked_head("/stream") + chunk(cap_bytes + 1) + "0\r\n\r\n").status == 413);
  }
  SUBCASE("chunked over the limit, in many chunks") {
    std::string body;
    for (int i = 0; i < 11; ++i) body += chunk(10'000);
    CHECK(client.ask(chunked_head("/stream") + body + "0\r\n\r\n").status == 413);
  }
  SUBCASE("read_small has its own") {
    CHECK(client.ask(put("/small", "0123456789")).body == "0123456789");
    CHECK(client.ask(put("/small", "0123456789a")).status == 413);
    CHECK(client.ask(chunked_head("/small") + chunk(11) + "0\r\n\r\n").status == 413);
  }
  SUBCASE("a body where none is expected is read past") {
    CHECK(client.ask("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /").body == "hello");
  }
  // Whatever was refused, the next request on the connection is understood.
  CHECK(client.ask(get("/hello")).body == "hello");
}

TEST_CASE("an early refusal is followed by reading the rest, and the connection is reused") {
  TestServer server;
  add_body_routes(server);
  server.start();
  RawClient client(server.port);
  const std::string megabytes(3u << 20, 'x');

  SUBCASE("the whole body is sent after the answer") {
    client.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(megabytes.size()) +
                "\r\n\r\n");
    Answer answer = client.read();
    CHECK(answer.status == 403);
    CHECK(answer.headers.count("connection") == 0);
    client.send(megabytes);
  }
  SUBCASE("the body is sent without looking at the answer") {
    client.send(put("/refuse", megabytes));
    CHECK(client.read().status == 403);
  }
  SUBCASE("chunked") {
    client.send(chunked_head("/refuse") + chunk(1u << 20) + chunk(1u << 20) + "0\r\n\r\n");
    CHECK(client.read().status == 403);
  }
  SUBCASE("a handler that stops in the middle") {
    client.send(put("/first", megabytes));
    CHECK(client.read().body == "read");
  }
  SUBCASE("an address that does not exist") {
    client.send(put("/nowhere/at/all", megabytes));
    CHECK(client.read().status == 404);
  }
  SUBCASE("over the limit") {
    client.send(put("/stream", megabytes));
    CHECK(client.read().status == 413);
  }
  CHECK(client.ask(get("/hello")).body == "hello");
}

TEST_CASE("the authorize hook answers from the headers, before a body byte") {
  TestServer server;
  add_body_routes(server);
  server.service.authorize = [](Exchange& exchange) -> asio::awaitable<std::optional<Response>> {
    if (exchange.request.headers.only("authorization") == "Bearer good") {
      exchange.user = "alice";
      co_return std::nullopt;
    }
    co_return refusal(401, "Log in first.");
  };
  server.start();
  RawClient client(server.port);
  client.send("PUT /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n");
  CHECK(client.read().status == 401);
  client.send(std::string(50000, 'x'));
  CHECK(client.ask(put("/stream", "abc", "Authorization: Bearer good\r\n")).body == "3");
  client.close();
  server.server->stop();
  CHECK(server.logs.text().find("\"user\":\"alice\"") != std::string::npos);
}

TEST_CASE("more than the drain limit closes after the answer") {
  TestServer server;
  add_body_routes(server);
  server.options.drain_bytes_max = 100'000;
  server.start();

  SUBCASE("announced") {
    RawClient client(server.port);
    client.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    Answer answer = client.read();
    CHECK(answer.status == 403);
    CHECK(answer.headers["connection"] == "close");
    while (client.try_send(std::string(65536, 'x'))) {
    }
    CHECK(client.closed());
  }
  SUBCASE("found out while reading") {
    RawClient client(server.port);
    client.send(chunked_head("/refuse"));
    CHECK(client.read().status == 403);
    while (client.try_send(chunk(65536))) {
    }
    CHECK(client.closed());
  }
}

TEST_CASE("a body nobody sends does not hold the drain for ever") {
  TestServer server;
  add_body_routes(server);
  server.options.drain_deadline = Millis(50);
  server.options.linger = Millis(50);
  server.start();
  RawClient client(server.port);
  client.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
  CHECK(client.read().status == 403);
  CHECK(client.closed());
}

TEST_CASE("Expect: 100-continue is answered when the body is wanted") {
  TestServer server;
  add_body_routes(server);
  server.start();
  RawClient client(server.port);
  const std::string expect = " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";

  SUBCASE("wanted") {
    client.send("PUT /stream" + expect);
    CHECK(client.read().status == 100);
    client.send("abc");
    CHECK(client.read().body == "3");
    CHECK(client.ask(get("/hello")).body == "hello");
  }
  SUBCASE("not wanted: a final answer and the end, since nobody knows whether the body follows") {
    client.send("PUT /refuse" + expect);
    Answer answer = client.read();
    CHECK(answer.status == 403);
    CHECK(answer.headers["connection"] == "close");
    CHECK(client.closed());
  }
  SUBCASE("sent without waiting") {
    client.send("PUT /stream" + expect + "abc");
    CHECK(client.read().body == "3");
    CHECK(client.ask(get("/hello")).body == "hello");
  }
}

TEST_CASE("slow heads and bodies end their own connection only") {
  TestServer server;
  add_body_routes(server);
  server.options.linger = Millis(50);

  SUBCASE("a head that does not end") {
    server.options.head_deadline = Millis(50);
    server.start();
    RawClient client(server.port);
    client.send("GET /hello HTTP/1.1\r\nHost:");
    Answer answer = client.read();
    CHECK(answer.status == 408);
    CHECK_FALSE(answer.error().empty());
    CHECK(client.closed());
  }
  SUBCASE("a head that trickles: the deadline is absolute") {
    server.options.head_deadline = Millis(100);
    server.start();
    RawClient client(server.port);
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\nX-A: ");
    std::atomic<bool> done{false};
    std::thread trickle([&] {
      while (!done && client.try_send("a")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
    Answer answer = client.read();
    done = true;
    trickle.join();
    CHECK(answer.status == 408);
  }
  SUBCASE("nothing at all") {
    server.options.head_deadline = Millis(50);
    server.start();
    RawClient client(server.port);
    CHECK(client.closed());
  }
  SUBCASE("an idle connection") {
    server.options.keep_alive_idle = Millis(50);
    server.start();
    RawClient client(server.port);
    CHECK(client.ask(get("/hello")).status == 200);
    CHECK(client.closed());
  }
  SUBCASE("a body that stalls") {
    server.options.body_idle = Millis(50);
    server.start();
    RawClient client(server.port);
    client.send("PUT /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    Answer answer = client.read();
    CHECK(answer.status == 400);
    CHECK(answer.headers["connection"] == "close");
    CHECK(client.closed());
  }
  SUBCASE("a body that trickles within the idle deadline: the minimum rate") {
    server.options.body_idle = Millis(10'000);
    server.options.body_rate_min = 1'000'000;
    server.options.body_rate_grace = Millis(100);
    server.start();
    RawClient client(server.port);
    client.send("PUT /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n");
    std::atomic<bool> done{false};
    std::thread trickle([&] {
      while (!done && client.try_send("a")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    });
    Answer answer = client.read();
    done = true;
    trickle.join();
    CHECK(answer.status == 400);
    CHECK(answer.error().find("slowly") != std::string::npos);
  }
  SUBCASE("a client that leaves in the middle") {
    server.start();
    RawClient client(server.port);
    client.send("PUT /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    client.close();
    CHECK(eventually([&] { return server.server->connections() == 0; }));
  }
  RawClient other(server.port);
  CHECK(other.ask(get("/hello")).body == "hello");
}
