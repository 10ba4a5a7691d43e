// Answers: keep-alive, pipelining, HEAD, conditions, ranges, streams, faults of handlers, the log.

#include <doctest/doctest.h>

#include "tests/unit/proxy/http_fixture.hpp"

using namespace sallyport;
using namespace sallyport::test;

TEST_CASE("requests share a connection, also when sent at once") {
  TestServer server;
  server.add("/:pkg", [](Exchange& exchange) -> asio::awaitable<Response> {
    co_return text_response(200, std::string(exchange.param("pkg")));
  });
  server.add(
      "/echo",
      [](Exchange& exchange) -> asio::awaitable<Response> {
        Result<std::string> body = co_await exchange.read_small(100);
        co_return text_response(200, *body);
      },
      Method::put, BodyMode::small);
  server.start();
  RawClient client(server.port);
  client.send(get("/one") + put("/echo", "two") + get("/three", "Connection: close\r\n") + get("/four"));
  CHECK(client.read().body == "one");
  CHECK(client.read().body == "two");
  Answer last = client.read();
  CHECK(last.body == "three");
  CHECK(last.headers["connection"] == "close");
  client.end_sending();
  CHECK(client.closed());
}

TEST_CASE("every answer carries date, length and a request id of its own") {
  TestServer server;
  server.start();
  RawClient client(server.port);
  Answer first = client.ask(get("/hello"));
  Answer second = client.ask(get("/hello"));
  CHECK(first.headers["content-length"] == "5");
  CHECK(first.headers["date"].ends_with(" GMT"));
  CHECK(first.headers["keep-alive"] == "timeout=70");
  CHECK(first.headers["x-request-id"].size() == 16);
  CHECK(first.headers["x-request-id"] != second.headers["x-request-id"]);
}

TEST_CASE("conditions are answered in one place") {
  TestServer server;
  server.add("/doc", [](Exchange&) -> asio::awaitable<Response> {
    Response response = text_response(200, "document", "application/json");
    response.header("etag", "\"v,1\"").header("cache-control", "max-age=300");
    response.header("last-modified", "Tue, 31 Mar 2026 04:23:06 GMT");
    co_return response;
  });
  server.add("/refused", [](Exchange&) -> asio::awaitable<Response> {
    Response response = refusal(404, "No.");
    response.header("etag", "\"v,1\"");
    co_return response;
  });
  server.start();
  RawClient client(server.port);

  for (const char* tags :
       {"\"v,1\"", "W/\"v,1\"", "\"a\", W/\"b\",\"v,1\"", "*", "\"a\"\r\nIf-None-Match: \"v,1\""}) {
    CAPTURE(tags);
    Answer answer = client.ask(get("/doc", "If-None-Match: " + std::string(tags) + "\r\n"));
    CHECK(answer.status == 304);
    CHECK(answer.headers["etag"] == "\"v,1\"");
    CHECK(answer.headers["cache-control"] == "max-age=300");
    CHECK(answer.headers.count("content-length") == 0);
    CHECK(answer.body.empty());
  }
  for (const char* tags : {"\"v\"", "v,1", "\"1\"", "\"v\",\"1\"", "\"V,1\""}) {
    CAPTURE(tags);
    CHECK(client.ask(get("/doc", "If-None-Match: " + std::string(tags) + "\r\n")).body == "document");
  }
  // A date says nothing of what was hidden since.
  CHECK(client.ask(get("/doc", "If-Modified-Since: Tue, 31 Mar 2026 04:23:06 GMT\r\n")).status == 200);
  CHECK(client.ask(get("/refused", "If-None-Match: \"v,1\"\r\n")).status == 404);
}

TEST_CASE("HEAD is GET without its body") {
  TestServer server;
  server.start();
  RawClient client(server.port);
  Answer answer = client.ask("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", true);
  CHECK(answer.status == 200);
  CHECK(answer.headers["content-length"] == "5");
  CHECK(client.ask(get("/hello")).body == "hello");  // nothing was left in between
  CHECK(client.ask("HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n", true).status == 404);
}

TEST_CASE("a blob: whole, ranges, HEAD") {
  TestServer server;
  std::string bytes(1'000'000, 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>('a' + i % 23);
  auto blob = std::make_shared<MemoryBlob>(bytes);
  auto none = std::make_shared<MemoryBlob>("");
  server.add("/blob", [blob](Exchange&) -> asio::awaitable<Response> {
    Response response = blob_response(blob, "application/octet-stream");
    response.header("etag", "\"sha\"");
    co_return response;
  });
  server.add("/none", [none](Exchange&) -> asio::awaitable<Response> {
    co_return blob_response(none, "application/octet-stream");
  });
  server.start();
  RawClient client(server.port);

  Answer whole = client.ask(get("/blob"));
  CHECK(whole.status == 200);
  CHECK((whole.body == bytes));
  CHECK(whole.headers["accept-ranges"] == "bytes");
  Answer head = client.ask("HEAD /blob HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n", true);
  CHECK(head.status == 200);
  CHECK(head.headers["content-length"] == "1000000");
  CHECK(client.ask(get("/blob", "If-None-Match: \"sha\"\r\n")).status == 304);
  CHECK(client.ask(get("/none")).status == 200);
  CHECK(client.ask(get("/none", "Range: bytes=0-\r\n")).status == 416);

  struct Part {
    const char* range;
    std::size_t first, last;
  };
  for (Part part :
       {Part{"bytes=0-0", 0, 0}, Part{"bytes=10-19", 10, 19}, Part{"bytes=999990-", 999990, 999999},
        Part{"bytes=-5", 999995, 999999}, Part{"bytes=-5000000", 0, 999999},
        Part{"bytes=999999-5000000", 999999, 999999}, Part{"bytes=100-500000", 100, 500000}}) {
    CAPTURE(part.range);
    Answer answer = client.ask(get("/blob", "Range: " + std::string(part.range) + "\r\n"));
    CHECK(answer.status == 206);
    CHECK((answer.body == bytes.substr(part.first, part.last - part.first + 1)));
    CHECK(answer.headers["content-range"] ==
          "bytes " + std::to_string(part.first) + "-" + std::to_string(part.last) + "/1000000");
    CHECK(answer.headers["etag"] == "\"sha\"");
  }
  for (const char* range : {"bytes=1000000-", "bytes=1000000-1000001", "bytes=-0"}) {
    CAPTURE(range);
    Answer answer = client.ask(get("/blob", "Range: " + std::string(range) + "\r\n"));
    CHECK(answer.status == 416);
    CHECK(answer.headers["content-range"] == "bytes */1000000");
  }
  for (const char* range :
       {"bytes=5-4", "bytes=0-1,3-4", "bytes=a-b", "lines=0-1", "bytes=", "bytes=-",
        "bytes=0-1\r\nRange: bytes=2-3", "bytes=0-1\r\nIf-Range: \"old\"", "bytes=99999999999999999999-"}) {
    CAPTURE(range);
    CHECK(client.ask(get("/blob", "Range: " + std::string(range) + "\r\n")).status == 200);
  }
  CHECK(client.ask(get("/blob", "Range: bytes=0-1\r\nIf-Range: \"sha\"\r\n")).status == 206);
}

TEST_CASE("a blob that cannot be read to its end cuts the connection") {
  class Short final : public Blob {
   public:
    std::uint64_t size() const override { return 1'000'000; }
    Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
      if (offset > 300'000) return fail(ErrorKind::corrupt, "", "bad sector");
      std::fill(out.begin(), out.end(), std::uint8_t{'x'});
      return out.size();
    }
  };
  TestServer server;
  server.add("/blob", [](Exchange&) -> asio::awaitable<Response> {
    co_return blob_response(std::make_shared<Short>(), "application/octet-stream");
  });
  server.start();
  RawClient client(server.port);
  client.send(get("/blob") + get("/hello"));
  Answer answer = client.read();
  CHECK_FALSE(answer.complete);
  server.server->stop();
  CHECK(server.logs.text().find("bad sector") != std::string::npos);
}

TEST_CASE("prepared bytes and long texts arrive whole") {
  TestServer server;
  auto prepared = std::make_shared<const std::string>(std::string(5'000'000, 'p'));
  server.add("/prepared", [prepared](Exchange&) -> asio::awaitable<Response> {
    co_return prepared_response(prepared, "application/json");
  });
  server.start();
  RawClient client(server.port);
  CHECK((client.ask(get("/prepared")).body == *prepared));
  CHECK(client.ask(get("/hello")).body == "hello");
}

TEST_CASE("a body made while it is sent") {
  TestServer server;
  server.add("/events", [](Exchange&) -> asio::awaitable<Response> {
    Response response = text_response(200, "", "text/event-stream");
    response.body = StreamBody{std::nullopt, [](BodyWriter& out) -> asio::awaitable<Result<void>> {
                                 for (const char* event : {"data: 1\n\n", "data: 2\n\n"}) {
                                   Result<void> sent = co_await out.write(event);
                                   if (!sent) co_return sent.error();
                                 }
                                 co_return co_await out.write(std::string(600'000, 'e'));
                               }};
    co_return response;
  });
  server.add("/sized", [](Exchange& exchange) -> asio::awaitable<Response> {
    std::string bytes(exchange.request.query_value("bytes").value_or(""));
    Response response = text_response(200, "", "application/octet-stream");
    response.body = StreamBody{10, [bytes](BodyWriter& out) -> asio::awaitable<Result<void>> {
                                 co_return co_await out.write(bytes);
                               }};
    co_return response;
  });
  server.add("/failing", [](Exchange&) -> asio::awaitable<Response> {
    Response response = text_response(200, "", "text/plain");
    response.body = StreamBody{std::nullopt, [](BodyWriter& out) -> asio::awaitable<Result<void>> {
                                 (void)co_await out.write("part");
                                 co_return fail(ErrorKind::upstream, "", "the upstream went away");
                               }};
    co_return response;
  });
  server.start();
  RawClient client(server.port);
  Answer events = client.ask(get("/events"));
  CHECK(events.complete);
  CHECK(events.headers["transfer-encoding"] == "chunked");
  CHECK(events.body.size() == 600'018);
  CHECK(events.body.starts_with("data: 1\n\ndata: 2\n\n"));
  CHECK(client.ask("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n", true).status == 200);
  CHECK(client.ask(get("/sized?bytes=0123456789")).body == "0123456789");

  RawClient old(server.port);
  Answer plain = old.ask("GET /events HTTP/1.0\r\n\r\n");
  CHECK(plain.headers.count("transfer-encoding") == 0);
  CHECK(plain.body.size() == 600'018);

  for (const char* path : {"/sized?bytes=012345678", "/sized?bytes=0123456789a", "/failing"}) {
    CAPTURE(path);
    RawClient cut(server.port);
    CHECK_FALSE(cut.ask(get(path)).complete);
    CHECK(cut.closed());
  }
}

TEST_CASE("a handler that throws is a 500 whose reason only the log has") {
  TestServer server;
  server.add("/throw", [](Exchange&) -> asio::awaitable<Response> {
    throw std::runtime_error("secret place /var/lib/x");
    co_return Response();
  });
  server.add("/bad", [](Exchange&) -> asio::awaitable<Response> {
    Result<int> r = fail(ErrorKind::internal, "", "unchecked");
    co_return text_response(200, std::to_string(r.value()));
  });
  server.add("/detail", [](Exchange&) -> asio::awaitable<Response> {
    co_return error_response(
        fail(ErrorKind::unavailable, "The upstream does not answer.", "10.0.0.7 refused"));
  });
  server.start();
  RawClient client(server.port);
  Answer thrown = client.ask(get("/throw"));
  CHECK(thrown.status == 500);
  CHECK(thrown.body.find("secret") == std::string::npos);
  CHECK(client.ask(get("/bad")).status == 500);
  Answer detail = client.ask(get("/detail"));
  CHECK(detail.status == 503);
  CHECK(detail.headers["retry-after"] == "5");
  CHECK(detail.error() == "The upstream does not answer.");
  CHECK(client.ask(get("/hello")).body == "hello");
  client.close();
  server.server->stop();
  std::string log = server.logs.text();
  CHECK(log.find("secret place") != std::string::npos);
  CHECK(log.find("10.0.0.7 refused") != std::string::npos);
  CHECK(log.find(thrown.headers["x-request-id"]) != std::string::npos);
}

TEST_CASE("every kind of error has its status and a sentence") {
  const std::vector<std::pair<ErrorKind, int>> kinds{
      {ErrorKind::invalid, 400},   {ErrorKind::unauthenticated, 401}, {ErrorKind::forbidden, 403},
      {ErrorKind::not_found, 404}, {ErrorKind::conflict, 409},        {ErrorKind::too_large, 413},
      {ErrorKind::busy, 429},      {ErrorKind::upstream, 502},        {ErrorKind::unavailable, 503},
      {ErrorKind::corrupt, 500},   {ErrorKind::internal, 500}};
  for (auto [kind, status] : kinds) {
    CAPTURE(status);
    Response response = error_response(fail(kind, "Sentence.", "hidden detail"));
    CHECK(response.status == status);
    CHECK(std::get<std::string>(response.body) == R"({"error":"Sentence."})");
    CHECK(response.log_detail == "hidden detail");
    CHECK(response.find("retry-after").has_value() == (status == 429 || status == 503));
    CHECK(std::get<std::string>(error_response(fail(kind, "")).body).size() > 20);
  }
}

TEST_CASE("nothing a handler says can split the answer") {
  TestServer server;
  server.add("/split", [](Exchange&) -> asio::awaitable<Response> {
    Response response = text_response(200, "x");
    response.reason = "OK\r\nX-Evil: 1";
    response.header("x-a", "1\r\nX-Evil: 1").header("x-b\r\nX-Evil", "1");
    co_return response;
  });
  server.start();
  RawClient client(server.port);
  Answer answer = client.ask(get("/split"));
  CHECK(answer.body == "x");
  CHECK(answer.headers.count("x-evil") == 0);
}

TEST_CASE("the access log has every request and no token") {
  TestServer server;
  server.add(
      "/-/user/token/:token",
      [](Exchange&) -> asio::awaitable<Response> { co_return json_response(200, {{"ok", true}}); },
      Method::del);
  server.add("/-/login/:secret", [](Exchange&) -> asio::awaitable<Response> { co_return empty(204); });
  server.start();
  RawClient client(server.port);
  client.ask("DELETE /-/user/token/t0psecret HTTP/1.1\r\nHost: a\r\n\r\n");
  client.ask("DELETE /-/user/toke%6e/t0psecret HTTP/1.1\r\nHost: a\r\n\r\n");
  client.ask("POST /-/user/token/t0psecret HTTP/1.1\r\nHost: a\r\n\r\n");
  client.ask(get("/-/user/token/t0psecret"));
  client.ask(get("/-/login/t0psecret"));
  Answer last = client.ask(get("/hello?token=t0psecret"));
  client.close();
  server.server->stop();
  std::string log = server.logs.text();
  CHECK(log.find("t0psecret") == std::string::npos);
  CHECK(log.find("\"path\":\"/-/user/token/***\"") != std::string::npos);
  CHECK(log.find("\"path\":\"/hello\"") != std::string::npos);
  CHECK(log.find("\"status\":204") != std::string::npos);
  CHECK(log.find(last.headers["x-request-id"]) != std::string::npos);
}
