// Every row of the strictness table of architecture.md section 12: what two readers could read as two
// different requests is refused with a sentence, and the connection ends.

#include <doctest/doctest.h>

#include "tests/unit/proxy/http_fixture.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

struct Case {
  const char* what;
  std::string bytes;
  int status;
};

// A second request hides behind each body: were the framing misread, it would be answered.
const std::string hidden = get("/hello");

std::vector<Case> refused_heads() {
  const std::string put_head = "PUT /body HTTP/1.1\r\nHost: a\r\n";
  return {
      {"TE gzip", put_head + "Transfer-Encoding: gzip\r\n\r\n" + hidden, 400},
      {"TE xchunked", put_head + "Transfer-Encoding: xchunked\r\n\r\n" + hidden, 400},
      {"TE gzip, chunked", put_head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"TE chunked, identity", put_head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
      {"TE twice", put_head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"TE on 1.0", "PUT /body HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"TE and CL", put_head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {"CL and TE", put_head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"CL twice, different", put_head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"CL twice, equal", put_head + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
      {"CL list", put_head + "Content-Length: 1, 1\r\n\r\na", 400},
      {"CL with sign", put_head + "Content-Length: +1\r\n\r\na", 400},
      {"CL negative", put_head + "Content-Length: -1\r\n\r\na", 400},
      {"CL not a number", put_head + "Content-Length: 0x1\r\n\r\na", 400},
      {"CL over 64 bits", put_head + "Content-Length: 99999999999999999999\r\n\r\na", 400},
      {"no host on 1.1", "GET /hello HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"host with a path", "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"host with user", "GET /hello HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"obs-fold", "GET /hello HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n", 400},
      {"obs-fold with a tab", "GET /hello HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\t2\r\n\r\n", 400},
      {"bare LF", "GET /hello HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF at the end", "GET /hello HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"blank before colon", "GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"control in a value", "GET /hello HTTP/1.1\r\nHost: a\r\nX-A: \x01\r\n\r\n", 400},
      {"bad version", "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /hello\r\nHost: a\r\n\r\n", 400},
      {"not HTTP", "\x16\x03\x01\x02", 400},
      {"leading blank line", "\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"absolute form", "GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"authority", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"raw non-ASCII", "GET /h\xc3\xa9llo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"control in the target", "GET /he\x01llo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"fragment", "GET /hello#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two authorizations", get("/hello", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400},
      {"unknown verb", "BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"trace", "TRACE /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"lower-case verb", "get /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"other expectation", get("/hello", "Expect: 200-maybe\r\n"), 417},
      {"header over 8 KB", get("/hello", "X-A: " + std::string(9000, 'a') + "\r\n"), 431},
      {"request line over 8 KB", get("/" + std::string(9000, 'a')), 431},
  };
}

}  // namespace

TEST_CASE("a request that can be read in two ways is refused and ends the connection") {
  TestServer server;
  server.add(
      "/body",
      [](Exchange& exchange) -> asio::awaitable<Response> {
        Result<std::string> body = co_await exchange.read_small(1000);
        if (!body) co_return error_response(body.error());
        co_return text_response(200, *body);
      },
      Method::put, BodyMode::small);
  server.start();
  for (const Case& c : refused_heads()) {
    CAPTURE(c.what);
    RawClient client(server.port);
    client.send(c.bytes);
    Answer answer = client.read();
    CHECK(answer.status == c.status);
    CHECK(answer.complete);
    CHECK(answer.headers["connection"] == "close");
    CHECK(answer.headers["content-type"] == "application/json");
    CHECK_FALSE(answer.error().empty());
    client.end_sending();
    CHECK(client.closed());
  }
  RawClient client(server.port);
  CHECK(client.ask(get("/hello")).status == 200);
}

TEST_CASE("what is unusual and unambiguous is accepted") {
  TestServer server;
  server.add(
      "/body",
      [](Exchange& exchange) -> asio::awaitable<Response> {
        Result<std::string> body = co_await exchange.read_small(1000);
        if (!body) co_return error_response(body.error());
        co_return text_response(200, *body);
      },
      Method::put, BodyMode::small);
  server.start();

  SUBCASE("a header of nearly 8 KB") {
    RawClient client(server.port);
    CHECK(client.ask(get("/hello", "X-A: " + std::string(8000, 'a') + "\r\n")).status == 200);
    CHECK(client.ask(get("/hello")).body == "hello");
  }
  SUBCASE("chunked in capitals") {
    RawClient client(server.port);
    Answer answer = client.ask(
        "PUT /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    CHECK(answer.status == 200);
    CHECK(answer.body == "abcde");
    CHECK(client.ask(get("/hello")).body == "hello");
  }
  SUBCASE("HTTP/1.0 without a host, answered and closed") {
    RawClient client(server.port);
    Answer answer = client.ask("GET /hello HTTP/1.0\r\n\r\n");
    CHECK(answer.body == "hello");
    CHECK(answer.headers["connection"] == "close");
    CHECK(client.closed());
  }
  SUBCASE("a head that arrives byte by byte") {
    RawClient client(server.port);
    for (char c : get("/hello")) client.send({&c, 1});
    CHECK(client.read().body == "hello");
  }
  SUBCASE("POST without any length has no body") {
    RawClient client(server.port);
    client.send("PUT /body HTTP/1.1\r\nHost: a\r\n\r\n");
    Answer answer = client.read();
    CHECK(answer.status == 200);
    CHECK(answer.body.empty());
    CHECK(client.ask(get("/hello")).body == "hello");
  }
}

TEST_CASE("a chunked body that is ill-framed is refused and ends the connection") {
  TestServer server;
  server.add(
      "/body",
      [](Exchange& exchange) -> asio::awaitable<Response> {
        Result<std::string> body = co_await exchange.read_small(1u << 20);
        if (!body) co_return error_response(body.error());
        co_return text_response(200, *body);
      },
      Method::put, BodyMode::small);
  server.start();
  const std::string head = "PUT /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::pair<const char*, std::string>> bodies{
      {"size is no number", "x\r\nabc\r\n0\r\n\r\n"},
      {"chunk longer than its size", "2\r\nabc\r\n0\r\n\r\n"},
      {"bare LF after the size", "3\nabc\r\n0\r\n\r\n"},
      {"size over 64 bits", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"},
      {"extension of 9 KB", "3;a=" + std::string(9000, 'b') + "\r\nabc\r\n0\r\n\r\n"},
      {"extension over the cap", "3;a=" + std::string(300, 'b') + "\r\nabc\r\n0\r\n\r\n"},
      {"endless extension", "3;a=" + std::string(100000, 'b')},
      {"endless trailers", "0\r\nX: " + std::string(100000, 'b')},
  };
  for (const auto& [what, body] : bodies) {
    CAPTURE(what);
    RawClient client(server.port);
    client.send(head);
    client.try_send(body + hidden);
    Answer answer = client.read();
    CHECK(answer.status == 400);
    CHECK(answer.headers["connection"] == "close");
    CHECK_FALSE(answer.error().empty());
    client.end_sending();
    CHECK(client.closed());
  }
}
