// HttpClient against a server that stalls, cuts, lies and never ends.

#include <doctest/doctest.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <latch>
#include <numeric>
#include <thread>

#include "proxy/upstream/http_client.hpp"
#include "tests/support/scripted_upstream.hpp"

using namespace sallyport;
using namespace sallyport::test;
namespace asio = boost::asio;

namespace {

using Connection = ScriptedUpstream::Connection;

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.route.http_allowed = true;
  request.total_max = Millis(20'000);  // a test that fails does not hang
  return request;
}

template <class T>
T wait_for(asio::awaitable<T> work) {
  asio::io_context context;
  auto result = asio::co_spawn(context, std::move(work), asio::use_future);
  context.run();
  return result.get();
}

asio::awaitable<Result<std::string>> read_all(HttpClient& client, HttpRequest request) {
  auto stream = co_await client.open(std::move(request));
  if (!stream) co_return stream.error();
  std::string body;
  while (true) {
    auto piece = co_await (*stream)->read_some();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return body;
    body += *piece;
  }
}

std::string gzip(const std::string& text) {
  std::string out(text.size() + 1024, '\0');
  std::vector<std::uint8_t> level(ISAL_DEF_LVL1_DEFAULT);
  isal_zstream stream{};
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.level = 1;
  stream.level_buf = level.data();
  stream.level_buf_size = static_cast<std::uint32_t>(level.size());
  stream.end_of_stream = 1;
  std::string in = text;
  stream.next_in = reinterpret_cast<std::uint8_t*>(in.data());
  stream.avail_in = static_cast<std::uint32_t>(in.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  REQUIRE(isal_deflate_stateless(&stream) == COMP_OK);
  out.resize(stream.total_out);
  return out;
}

BodySource source_of(const std::string& text) {
  return {text.size(), [&text](std::uint64_t offset, std::span<char> out) -> Result<std::size_t> {
            return text.copy(out.data(), out.size(), static_cast<std::size_t>(offset));
          }};
}

// Reads the head, then does nothing until the client goes away.
void stall(Connection& connection) {
  connection.read_request();
  connection.wait_for_close();
}

}  // namespace

TEST_CASE("a response in memory: status, headers in any case, body") {
  ScriptedUpstream upstream(
      answering([](const SeenRequest&) { return response(418, "short and stout", "X-A: b\r\n"); }));
  HttpClient client;
  const auto answer = wait_for(client.fetch(get(upstream.url() + "/pot?x=1")));
  REQUIRE(answer.has_value());
  CHECK(answer->status == 418);
  CHECK(answer->body == "short and stout");
  REQUIRE(answer->headers.find("x-a") != nullptr);
  CHECK(*answer->headers.find("x-a") == "b");
  CHECK(answer->headers.find("x-b") == nullptr);
  const auto seen = upstream.requests().at(0);
  CHECK(seen.method == "GET");
  CHECK(seen.target == "/pot?x=1");
  CHECK(seen.header("user-agent").starts_with("sallyport/"));
  CHECK(client.fetch_blocking(get(upstream.url() + "/")).value().body == "short and stout");
  CHECK(upstream.connections() == 1);  // kept alive
}

TEST_CASE("interim answers, chunks and trailers are read as HTTP has them") {
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_request();
    connection.send(
        "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\n");
    connection.send("3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Late: 1\r\n\r\n");
    connection.wait_for_close();
  });
  HttpClient client;
  const auto answer = wait_for(client.fetch(get(upstream.url())));
  REQUIRE(answer.has_value());
  CHECK(answer->status == 200);
  CHECK(answer->body == "abcdefg");
  CHECK(answer->headers.find("X-Early") == nullptr);
}

TEST_CASE("a body without length ends with its connection, and none is fine") {
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  });
  HttpClient client;
  CHECK(wait_for(client.fetch(get(upstream.url()))).value().body == "until the end");
  upstream.next([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
    connection.wait_for_close();
  });
  const auto empty = wait_for(client.fetch(get(upstream.url())));
  CHECK(empty.value().status == 304);
  CHECK(empty->body.empty());
}

TEST_CASE("gzip is decoded where asked for, and left as sent where not") {
  const std::string text(300'000, 'x');
  const std::string packed = gzip(text);
  ScriptedUpstream upstream(
      answering([&](const SeenRequest&) { return response(200, packed, "Content-Encoding: gzip\r\n"); }));
  HttpClient client;
  HttpRequest asking = get(upstream.url());
  asking.accept_gzip = true;
  CHECK(wait_for(client.fetch(asking)).value().body == text);
  CHECK(upstream.requests().at(0).header("accept-encoding") == "gzip");
  CHECK(wait_for(read_all(client, get(upstream.url()))).value() == packed);
  CHECK(upstream.requests().at(1).header("accept-encoding").empty());

  asking.response_bytes_max = text.size() - 1;  // a bomb is measured by what comes out
  const auto bomb = wait_for(client.fetch(asking));
  REQUIRE(bomb.has_error());
  CHECK(bomb.error().kind == ErrorKind::too_large);

  upstream.next(
      answering([&](const SeenRequest&) { return response(200, "not gzip", "Content-Encoding: gzip\r\n"); }));
  HttpClient fresh;
  asking.response_bytes_max = 1 << 20;
  CHECK(wait_for(fresh.fetch(asking)).error().kind == ErrorKind::upstream);
}

TEST_CASE("silence before the head ends by either limit") {
  ScriptedUpstream upstream(stall);
  HttpClient client;
  HttpRequest impatient = get(upstream.url() + "/secret-path?token=abc");
  SUBCASE("idle") {
    impatient.idle_max = Millis(100);
  }
  SUBCASE("total") {
    impatient.total_max = Millis(100);
  }
  const auto answer = wait_for(client.fetch(impatient));
  REQUIRE(answer.has_error());
  CHECK(answer.error().kind == ErrorKind::unavailable);
  CHECK(answer.error().message == "the upstream " + upstream.url() + " did not answer in time");
  CHECK(answer.error().detail.find("secret-path") == std::string::npos);
  upstream.wait_for_finished(1);
}

TEST_CASE("silence in the middle of a body ends it, and is told apart") {
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    connection.wait_for_close();
  });
  HttpClient client;
  HttpRequest impatient = get(upstream.url());
  impatient.idle_max = Millis(100);
  const auto body = wait_for(read_all(client, impatient));
  REQUIRE(body.has_error());
  CHECK(body.error().kind == ErrorKind::unavailable);
  CHECK(body.error().message == "the upstream " + upstream.url() + " stopped in the middle of an answer");
  upstream.wait_for_finished(1);
}

TEST_CASE("a body shorter than declared is an error, also when all of it was read") {
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  HttpClient client;
  for (const auto& body : {wait_for(read_all(client, get(upstream.url()))), [&]() -> Result<std::string> {
                             auto whole = wait_for(client.fetch(get(upstream.url())));
                             if (!whole) return whole.error();
                             return whole->body;
                           }()}) {
    REQUIRE(body.has_error());
    CHECK(body.error().kind == ErrorKind::unavailable);
    CHECK(body.error().message == "the upstream " + upstream.url() + " cut its answer short");
  }
  upstream.next([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf");
  });
  CHECK(wait_for(read_all(client, get(upstream.url()))).has_error());
  upstream.next([](Connection& connection) { connection.read_request(); });
  const auto nothing = wait_for(client.fetch(get(upstream.url())));
  REQUIRE(nothing.has_error());
  CHECK(nothing.error().message == "the upstream " + upstream.url() + " gave no answer");
}

TEST_CASE("bytes beyond the declared length are not the next answer") {
  const std::string poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
  ScriptedUpstream upstream(answering([](const SeenRequest&) { return response(200, "honest"); }));
  HttpClient client;
  SUBCASE("at once") {
    upstream.next([&](Connection& connection) {
      connection.read_request();
      connection.send(response(200, "abc") + poison);
      connection.wait_for_close();
    });
    CHECK(wait_for(client.fetch(get(upstream.url()))).value().body == "abc");
  }
  SUBCASE("later, on the connection that is kept") {
    std::promise<void> answered;
    std::promise<void> poisoned;
    upstream.next([&](Connection& connection) {
      connection.read_request();
      connection.send(response(200, "abc"));
      answered.get_future().wait();
      connection.send(poison);
      poisoned.set_value();
      connection.wait_for_close();
    });
    CHECK(wait_for(client.fetch(get(upstream.url()))).value().body == "abc");
    answered.set_value();
    poisoned.get_future().wait();
  }
  CHECK(wait_for(client.fetch(get(upstream.url()))).value().body == "honest");
}

TEST_CASE("no answer is larger than its limit, whatever it declares") {
  HttpClient client;
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
    while (connection.send(chunk)) {
    }
  });
  HttpRequest limited = get(upstream.url());
  limited.response_bytes_max = 100'000;
  const auto endless = wait_for(client.fetch(limited));
  REQUIRE(endless.has_error());
  CHECK(endless.error().kind == ErrorKind::too_large);
  CHECK(wait_for(read_all(client, limited)).error().kind == ErrorKind::too_large);
  upstream.wait_for_finished(2);

  upstream.next([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n");
    connection.wait_for_close();  // refused from the head
  });
  CHECK(wait_for(client.fetch(limited)).error().kind == ErrorKind::too_large);
  upstream.next(answering([](const SeenRequest&) { return response(200, std::string(100'000, 'x')); }));
  CHECK(wait_for(client.fetch(limited)).value().body.size() == 100'000);
}

TEST_CASE("a head that never ends is refused") {
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X-Filler: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  HttpClient client;
  const auto answer = wait_for(client.fetch(get(upstream.url())));
  REQUIRE(answer.has_error());
  CHECK(answer.error().kind == ErrorKind::upstream);
  upstream.wait_for_finished(1);
}

TEST_CASE("a slow reader holds the sender back instead of filling memory") {
  constexpr std::uint64_t body_bytes = 64 << 20;
  std::promise<std::uint64_t> stalled_at;
  ScriptedUpstream upstream([&](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n");
    const std::uint64_t sent = connection.send_until_stalled(body_bytes);
    stalled_at.set_value(sent);
    const std::string zeros(1 << 20, '\0');
    for (std::uint64_t left = body_bytes - sent; left > 0;
         left -= std::min<std::uint64_t>(left, zeros.size()))
      if (!connection.send(std::string_view(zeros).substr(
              0, static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size())))))
        return;
  });
  HttpClient client;
  HttpRequest request = get(upstream.url());
  request.response_bytes_max = body_bytes;
  request.idle_max = Millis(200);  // our own slowness is not the sender's silence
  const auto slow =
      [](HttpClient& of, HttpRequest asked,
         std::future<std::uint64_t> stalled) -> asio::awaitable<std::pair<std::uint64_t, std::uint64_t>> {
    auto stream = co_await of.open(std::move(asked));
    REQUIRE(stream.has_value());
    std::uint64_t read = (co_await (*stream)->read_some()).value().size();
    const std::uint64_t sent = stalled.get();  // until then nothing more is read
    while (true) {
      const auto piece = co_await (*stream)->read_some();
      REQUIRE(piece.has_value());
      CHECK(piece->size() <= (64 << 10));
      if (piece->empty()) co_return std::pair(read, sent);
      read += piece->size();
    }
  };
  const auto [read, sent] = wait_for(slow(client, request, stalled_at.get_future()));
  CHECK(read == body_bytes);
  // What the kernel's two socket buffers hold, and a quarter of a megabyte of ours.
  CHECK(sent < 12 << 20);
}

TEST_CASE("who stops asking ends the transfer") {
  const std::string megabyte(1 << 20, 'x');
  ScriptedUpstream upstream([&](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    connection.wait_for_close();
  });
  HttpClient client;
  SUBCASE("by dropping the stream") {
    const auto peek = [](HttpClient& of, HttpRequest asked) -> asio::awaitable<std::string> {
      auto stream = co_await of.open(std::move(asked));
      co_return (co_await stream.value()->read_some()).value();
    };
    CHECK(wait_for(peek(client, get(upstream.url()))) == "first");
  }
  SUBCASE("by dropping it while it is paused") {
    upstream.next([](Connection& connection) {
      connection.read_request();
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n");
      connection.send_until_stalled(64 << 20);
      connection.wait_for_close();
    });
    HttpRequest request = get(upstream.url());
    request.response_bytes_max = 64 << 20;
    const auto open = [](HttpClient& of, HttpRequest asked) -> asio::awaitable<bool> {
      auto stream = co_await of.open(std::move(asked));
      co_return stream.has_value();
    };
    CHECK(wait_for(open(client, request)));
  }
  SUBCASE("by cancelling the coroutine that waits") {
    asio::io_context context;
    asio::cancellation_signal signal;
    std::exception_ptr thrown;
    bool finished = false;
    asio::co_spawn(context, client.fetch(get(upstream.url())),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e, const auto&) {
                     thrown = e;
                     finished = true;
                   }));
    std::thread waits([&] {
      upstream.wait_for_requests(1);
      asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
    });
    context.run();
    waits.join();
    CHECK(finished);
    CHECK(thrown != nullptr);
  }
  upstream.wait_for_finished(1);
}

TEST_CASE("redirects are followed by rule, and a credential stays with its origin") {
  ScriptedUpstream other(answering([](const SeenRequest&) { return response(200, "moved here"); }));
  ScriptedUpstream upstream(answering([&](const SeenRequest& seen) {
    if (seen.target == "/away") return response(302, "go there", "Location: " + other.url() + "/there\r\n");
    if (seen.target == "/near") return response(301, "", "Location: sub/there\r\n");
    if (seen.target == "/loop") return response(307, "", "Location: /loop\r\n");
    if (seen.target == "/strange") return response(302, "", "Location: ftp://127.0.0.1/\r\n");
    if (seen.target == "/endless")
      return response(302, std::string(1 << 20, 'x'), "Location: /sub/there\r\n");
    return response(200, "home");
  }));
  HttpClient client;
  const auto ask = [&](const std::string& path, int redirects) {
    HttpRequest request = get(upstream.url() + path);
    request.authorization = "Bearer secret-of-the-gate";
    request.redirects_max = redirects;
    return wait_for(client.fetch(std::move(request)));
  };
  CHECK(ask("/away", 0).value().status == 302);
  CHECK(ask("/away", 1).value().body == "moved here");
  CHECK(other.requests().at(0).target == "/there");
  CHECK(other.requests().at(0).header("authorization").empty());
  CHECK(upstream.requests().back().header("authorization") == "Bearer secret-of-the-gate");
  CHECK(ask("/near", 3).value().body == "home");
  CHECK(upstream.requests().back().target == "/sub/there");
  CHECK(upstream.requests().back().header("authorization") == "Bearer secret-of-the-gate");
  CHECK(ask("/endless", 3).value().body == "home");

  const auto before = upstream.requests().size();
  const auto loop = ask("/loop", 3);
  REQUIRE(loop.has_error());
  CHECK(loop.error().kind == ErrorKind::upstream);
  CHECK(upstream.requests().size() - before == 4);
  CHECK(ask("/strange", 3).error().kind == ErrorKind::upstream);

  HttpRequest put = get(upstream.url() + "/away");
  put.method = "PUT";
  put.redirects_max = 3;
  const std::string text = "body";
  const BodySource body = source_of(text);
  CHECK(client.fetch_blocking(put, &body).value().status == 302);  // never followed
}

TEST_CASE("plain http needs leave") {
  ScriptedUpstream upstream(answering([](const SeenRequest&) { return response(200, ""); }));
  HttpClient client;
  HttpRequest request = get(upstream.url());
  request.route.http_allowed = false;
  CHECK(wait_for(client.fetch(request)).error().kind == ErrorKind::upstream);
  CHECK(upstream.connections() == 0);
}

TEST_CASE("this machine is out of reach for a guarded request") {
  ScriptedUpstream victim(answering([](const SeenRequest&) { return response(200, "inside"); }));
  const std::string port = std::to_string(victim.port());
  HttpClient client({.resolve = {"cdn.test:" + port + ":127.0.0.1", "home.test:" + port + ":127.0.0.1",
                                 "link.test:" + port + ":169.254.169.254"}});
  const auto guarded = [&](const std::string& host) {
    HttpRequest request = get("http://" + host + ":" + port + "/latest/meta-data");
    request.route.local_refused = true;
    request.route.local_allowed_origin = "http://home.test:" + port;
    request.redirects_max = 3;
    return wait_for(client.fetch(std::move(request)));
  };
  for (const char* host : {"127.0.0.1", "localhost", "LOCALHOST.", "127.1", "0x7f000001", "2130706433",
                           "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]",
                           "169.254.169.254", "cdn.test", "link.test"}) {
    CAPTURE(host);
    const auto answer = guarded(host);
    REQUIRE(answer.has_error());
    CHECK(answer.error().kind == ErrorKind::upstream);
    CHECK(answer.error().message.find("own link") != std::string::npos);
  }
  CHECK(victim.connections() == 0);  // not even a connection

  CHECK(guarded("home.test").value().body == "inside");
  // Nor over a connection that an unguarded request has left open.
  CHECK(wait_for(client.fetch(get("http://cdn.test:" + port + "/"))).value().body == "inside");
  const auto seen = victim.requests().size();
  CHECK(guarded("cdn.test").has_error());
  CHECK(victim.requests().size() == seen);
  // Nor by way of a redirect.
  victim.next(answering(
      [&](const SeenRequest&) { return response(302, "", "Location: http://cdn.test:" + port + "/\r\n"); }));
  HttpClient other({.resolve = {"cdn.test:" + port + ":127.0.0.1", "home.test:" + port + ":127.0.0.1"}});
  HttpRequest request = get("http://home.test:" + port + "/");
  request.route.local_refused = true;
  request.route.local_allowed_origin = "http://home.test:" + port;
  request.redirects_max = 3;
  CHECK(wait_for(other.fetch(std::move(request))).error().kind == ErrorKind::upstream);
}

TEST_CASE("a kept connection that has died costs a GET nothing and is never used for a PUT") {
  // Answers one request, then takes the next one whole and hangs up.
  const auto dies = [](Connection& connection) {
    connection.read_request();
    connection.send(response(200, "one"));
    connection.read_request();
  };
  ScriptedUpstream upstream(dies);
  HttpClient client;
  CHECK(wait_for(client.fetch(get(upstream.url() + "/a"))).value().body == "one");
  CHECK(wait_for(client.fetch(get(upstream.url() + "/b"))).value().body == "one");
  CHECK(upstream.requests().size() == 3);

  upstream.next([](Connection& connection) { connection.read_request(); });
  HttpRequest put = get(upstream.url() + "/pkg");
  put.method = "PUT";
  const std::string text = "a publish";
  const BodySource body = source_of(text);
  const auto answer = client.fetch_blocking(put, &body);
  REQUIRE(answer.has_error());
  CHECK(answer.error().kind == ErrorKind::unavailable);
  const auto seen = upstream.requests();
  CHECK(std::ranges::count(seen, std::string("PUT"), &SeenRequest::method) == 1);
}

TEST_CASE("twelve downloads at once, some of them dawdling") {
  const std::string body(3'000'000, 'x');
  ScriptedUpstream upstream(
      answering([&](const SeenRequest& seen) { return response(200, seen.target + body); }));
  HttpClient client;
  asio::io_context context;
  std::vector<std::future<Result<std::string>>> results;
  for (int i = 0; i < 12; ++i) {
    HttpRequest request = get(upstream.url() + "/" + std::to_string(i));
    request.response_bytes_max = 4 << 20;
    results.push_back(asio::co_spawn(context, read_all(client, std::move(request)), asio::use_future));
  }
  context.run();
  for (int i = 0; i < 12; ++i)
    CHECK(results[static_cast<std::size_t>(i)].get().value() == "/" + std::to_string(i) + body);
}

TEST_CASE("stopping ends what is in flight and refuses what comes") {
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    connection.wait_for_close();
  });
  HttpClient client;
  asio::io_context context;
  std::vector<std::future<Result<std::string>>> results;
  for (int i = 0; i < 5; ++i)
    results.push_back(asio::co_spawn(context, read_all(client, get(upstream.url())), asio::use_future));
  std::thread runs([&] { context.run(); });
  std::thread blocked(
      [&] { CHECK(client.fetch_blocking(get(upstream.url())).error().kind == ErrorKind::unavailable); });
  upstream.wait_for_requests(6);
  client.stop();
  runs.join();
  blocked.join();
  for (auto& result : results) {
    const auto body = result.get();
    REQUIRE(body.has_error());
    CHECK(body.error().kind == ErrorKind::unavailable);
  }
  CHECK(wait_for(client.fetch(get(upstream.url()))).error().kind == ErrorKind::unavailable);
  CHECK(client.fetch_blocking(get(upstream.url())).has_error());
  upstream.wait_for_finished(6);
}

TEST_CASE("a stream may outlive the client") {
  ScriptedUpstream upstream(answering([](const SeenRequest&) { return response(200, "all of it"); }));
  auto client = std::make_unique<HttpClient>();
  const auto hold = [](HttpClient& of, HttpRequest asked) -> asio::awaitable<std::unique_ptr<HttpStream>> {
    auto stream = co_await of.open(std::move(asked));
    co_return std::move(stream.value());
  };
  auto stream = wait_for(hold(*client, get(upstream.url())));
  client.reset();
  auto piece = stream->read_some_blocking();
  while (piece && !piece->empty()) piece = stream->read_some_blocking();
  CHECK((piece.has_error() ? piece.error().kind == ErrorKind::unavailable : true));
}

TEST_CASE("an upload is read on the asker's thread, as fast as it is taken") {
  std::string text(3'000'001, '\0');
  std::iota(text.begin(), text.end(), '\0');
  ScriptedUpstream upstream(answering([](const SeenRequest&) { return response(201, "{}"); }));
  HttpClient client;
  HttpRequest put = get(upstream.url() + "/pkg");
  put.method = "PUT";
  put.headers.add("Content-Type", "application/json");
  const auto asker = std::this_thread::get_id();
  const BodySource body{text.size(), [&](std::uint64_t offset, std::span<char> out) -> Result<std::size_t> {
                          CHECK(std::this_thread::get_id() == asker);
                          // Less than asked for is allowed.
                          return text.copy(out.data(), std::min<std::size_t>(out.size(), 50'000),
                                           static_cast<std::size_t>(offset));
                        }};
  CHECK(client.fetch_blocking(put, &body).value().status == 201);
  const auto seen = upstream.requests().at(0);
  CHECK(seen.method == "PUT");
  CHECK(seen.header("content-length") == std::to_string(text.size()));
  CHECK(seen.header("content-type") == "application/json");
  CHECK(seen.header("expect").empty());
  CHECK(seen.body == text);
}

TEST_CASE("an upload can be refused before it is read, and can fail on our side") {
  const std::string text(20 << 20, 'x');
  const BodySource body = source_of(text);
  ScriptedUpstream upstream([](Connection& connection) {
    connection.read_head();
    connection.send(response(403, "no", "Connection: close\r\n"));
    connection.wait_for_close();
  });
  HttpClient client;
  HttpRequest put = get(upstream.url() + "/pkg");
  put.method = "PUT";
  CHECK(client.fetch_blocking(put, &body).value().status == 403);

  const BodySource broken{text.size(), [&](std::uint64_t offset, std::span<char> out) -> Result<std::size_t> {
                            if (offset > 1'000'000) return fail(ErrorKind::corrupt, "the blob is damaged");
                            return text.copy(out.data(), out.size(), static_cast<std::size_t>(offset));
                          }};
  upstream.next(stall);
  CHECK(client.fetch_blocking(put, &broken).error().kind == ErrorKind::corrupt);
  const BodySource shorter{text.size(),
                           [](std::uint64_t, std::span<char>) -> Result<std::size_t> { return 0; }};
  upstream.next(stall);
  CHECK(client.fetch_blocking(put, &shorter).error().kind == ErrorKind::internal);
  upstream.wait_for_finished(2);  // the last may have been given up before it connected
}

TEST_CASE("a blocking download hands bytes to the caller's thread, and stops when the caller does") {
  const std::string text(1'000'000, 'x');
  ScriptedUpstream upstream(answering([&](const SeenRequest& seen) {
    return seen.target == "/no" ? response(500, "out of order") : response(200, text);
  }));
  HttpClient client;
  const auto asker = std::this_thread::get_id();
  std::string got;
  const auto sink = [&](Bytes bytes) -> Result<void> {
    CHECK(std::this_thread::get_id() == asker);
    got.append(as_text(bytes));
    return {};
  };
  CHECK(client.download_blocking(get(upstream.url() + "/"), sink).value().status == 200);
  CHECK(got == text);
  const auto refused = client.download_blocking(get(upstream.url() + "/no"), sink);
  CHECK(refused.value().status == 500);
  CHECK(refused->body == "out of order");
  CHECK(got == text);
  const auto full = [](Bytes) -> Result<void> { return fail(ErrorKind::unavailable, "the disk is full"); };
  CHECK(client.download_blocking(get(upstream.url() + "/"), full).error().message == "the disk is full");
}

TEST_CASE("nobody there, and no such name") {
  HttpClient client;
  std::string url;
  {
    ScriptedUpstream gone(stall);
    url = gone.url();
  }
  const auto nobody = wait_for(client.fetch(get(url)));
  REQUIRE(nobody.has_error());
  CHECK(nobody.error().kind == ErrorKind::unavailable);
  CHECK(nobody.error().message == "the upstream " + url + " cannot be reached");
  CHECK(wait_for(client.fetch(get("not a url"))).error().kind == ErrorKind::invalid);
  CHECK(wait_for(client.fetch(get("file:///etc/passwd"))).error().kind == ErrorKind::invalid);
  CHECK(wait_for(client.fetch(get("http://user:pass@127.0.0.1/"))).error().kind == ErrorKind::invalid);
}

TEST_CASE("a proxy is asked in place of the origin") {
  ScriptedUpstream proxy(answering([](const SeenRequest&) { return response(200, "by proxy"); }));
  HttpClient client;
  HttpRequest request = get("http://registry.test/pkg");
  request.route.proxy = proxy.url();
  request.route.local_refused = true;  // the proxy may be here; what it reaches is its own business
  CHECK(wait_for(client.fetch(request)).value().body == "by proxy");
  CHECK(proxy.requests().at(0).target == "http://registry.test/pkg");
  request.url = "http://127.0.0.1/";
  CHECK(wait_for(client.fetch(request)).has_error());
  CHECK(proxy.requests().size() == 1);
}
