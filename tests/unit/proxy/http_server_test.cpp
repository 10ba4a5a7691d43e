// The server as a whole: stopping, the connection cap, running out of descriptors, slow readers, threads,
// the Unix socket.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/proxy/http_fixture.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

// A route that answers when it is let go, and tells when it has begun.
struct HeldRoute {
  std::promise<void> release;
  std::atomic<int> entered{0};
  void add_to(TestServer& server) {
    server.add("/held",
               [this, &server, gate = release.get_future().share()](Exchange&) -> asio::awaitable<Response> {
                 ++entered;
                 co_await async_run_on(server.disk, [gate] { gate.wait(); });
                 co_return text_response(200, "finished");
               });
  }
};

}  // namespace

TEST_CASE("stopping finishes what is in flight and closes what idles") {
  TestServer server;
  HeldRoute held;
  held.add_to(server);
  server.start();
  RawClient idle(server.port);
  CHECK(idle.ask(get("/hello")).status == 200);
  RawClient silent(server.port);  // connected and never says a word
  RawClient busy(server.port);
  busy.send(get("/held") + get("/hello"));
  REQUIRE(eventually([&] { return held.entered == 1 && server.server->connections() == 3; }));

  std::thread stopper([&] { server.server->stop(); });
  CHECK(idle.closed());
  CHECK(silent.closed());
  CHECK(eventually([&] { return server.server->connections() == 1; }));
  CHECK_THROWS(RawClient(server.port));
  held.release.set_value();
  Answer answer = busy.read();
  CHECK(answer.body == "finished");
  CHECK(answer.headers["connection"] == "close");
  busy.end_sending();
  CHECK(busy.closed());  // the pipelined second request is not begun
  stopper.join();
  CHECK(server.server->connections() == 0);
}

TEST_CASE("after the drain deadline what is left is cancelled") {
  TestServer server;
  std::atomic<int> entered{0};
  server.options.stop_deadline = Millis(50);
  server.add("/forever", [&](Exchange&) -> asio::awaitable<Response> {
    ++entered;
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
    co_return empty(204);
  });
  server.start();
  RawClient waiting(server.port);
  waiting.send(get("/forever"));
  RawClient sending(server.port);
  sending.send("GET /hel");
  REQUIRE(eventually([&] { return entered == 1 && server.server->connections() == 2; }));
  server.server->stop();
  CHECK(server.server->connections() == 0);
  CHECK(waiting.closed());
  CHECK(sending.closed());
}

TEST_CASE("an endless stream ends as soon as the server stops") {
  TestServer server;
  server.add("/events", [](Exchange&) -> asio::awaitable<Response> {
    Response response = text_response(200, "", "text/event-stream");
    response.body =
        StreamBody{std::nullopt, [](BodyWriter& out) -> asio::awaitable<Result<void>> {
                     Result<void> sent = co_await out.write("data: hi\n\n");
                     if (!sent) co_return sent.error();
                     asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
                     co_await timer.async_wait(asio::use_awaitable);
                     co_return Result<void>();
                   }};
    co_return response;
  });
  server.options.stop_deadline = Millis(3'600'000);
  server.start();
  RawClient client(server.port);
  client.send(get("/events"));
  REQUIRE(client.read_until("data: hi"));
  server.server->stop();  // would take an hour
  CHECK(server.server->connections() == 0);
}

TEST_CASE("one connection too many is told so, and a place that gets free is taken") {
  TestServer server;
  server.options.connections_max = 2;
  server.start();
  auto first = std::make_unique<RawClient>(server.port);
  RawClient second(server.port);
  CHECK(first->ask(get("/hello")).status == 200);
  CHECK(second.ask(get("/hello")).status == 200);
  {
    RawClient third(server.port);
    Answer refused = third.read();
    CHECK(refused.status == 503);
    CHECK(refused.headers["retry-after"] == "5");
    CHECK_FALSE(refused.error().empty());
    CHECK(third.closed());
  }
  first.reset();
  REQUIRE(eventually([&] { return server.server->connections() == 1; }));
  RawClient fourth(server.port);
  CHECK(fourth.ask(get("/hello")).status == 200);
  CHECK(second.ask(get("/hello")).status == 200);
}

TEST_CASE("running out of descriptors refuses connections, says so once, and recovers") {
  TestServer server;
  server.start();
  RawClient before(server.port);
  CHECK(before.ask(get("/hello")).status == 200);
  RawClient victim, another;
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // the lowest free one
  ::close(next);
  rlimit low{static_cast<rlim_t>(next), limit.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  victim.connect(server.port);
  bool ended = victim.closed();
  another.connect(server.port);
  ended = another.closed() && ended;
  CHECK(before.ask(get("/hello")).status == 200);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(ended);
  RawClient after(server.port);
  CHECK(after.ask(get("/hello")).status == 200);
  const std::string logged = server.logs.text();
  const auto first = logged.find("accept_failed");
  REQUIRE(first != logged.npos);
  CHECK(logged.find("accept_failed", first + 1) == logged.npos);
  CHECK(logged.find("accept_works_again") != logged.npos);
}

TEST_CASE("a slow reader of a large blob holds nobody else up, and is cut at the write deadline") {
  TestServer server;
  auto blob = std::make_shared<MemoryBlob>(std::string(50'000'000, 'x'));
  server.add("/blob", [blob](Exchange&) -> asio::awaitable<Response> {
    co_return blob_response(blob, "application/octet-stream");
  });

  SUBCASE("others are served meanwhile") {
    server.start();
    RawClient slow;
    slow.receive_buffer(4096);
    slow.connect(server.port);
    slow.send(get("/blob"));
    REQUIRE(slow.read_until("\r\n\r\n"));
    for (int i = 0; i < 3; ++i) {
      RawClient other(server.port);
      CHECK(other.ask(get("/hello")).body == "hello");
      CHECK(other.ask(get("/blob")).body.size() == 50'000'000);
    }
    CHECK(server.server->connections() >= 1);
  }
  SUBCASE("the deadline") {
    server.options.write_deadline = Millis(50);
    server.start();
    RawClient slow;
    slow.receive_buffer(4096);
    slow.connect(server.port);
    slow.send(get("/blob"));
    CHECK(eventually([&] { return server.logs.text().find("\"cut\":true") != std::string::npos; }));
    CHECK_FALSE(slow.read().complete);
  }
}

TEST_CASE("several I/O threads share one port") {
  TestServer server;
  server.options.io_threads = 3;
  std::mutex mutex;
  std::vector<std::thread::id> seen;
  server.add("/thread", [&](Exchange& exchange) -> asio::awaitable<Response> {
    std::thread::id before = std::this_thread::get_id();
    co_await async_run_on(server.disk, [] {});
    std::lock_guard lock(mutex);
    seen.push_back(std::this_thread::get_id());
    // A connection, and the coroutine that serves it, never changes thread.
    co_return text_response(200, before == std::this_thread::get_id() ? exchange.request.remote : "moved");
  });
  server.start();
  for (int i = 0; i < 64; ++i) {
    RawClient client(server.port);
    CHECK(client.ask(get("/thread")).body == "127.0.0.1");
  }
  std::sort(seen.begin(), seen.end());
  CHECK(std::unique(seen.begin(), seen.end()) - seen.begin() > 1);
}

TEST_CASE("a port that is taken is a clear error, also for a server of several threads") {
  TestServer server;
  server.options.io_threads = 2;
  server.start();
  HttpServer second(server.options, server.service, server.disk, server.clock, server.random);
  auto port = second.listen("127.0.0.1", server.port);
  REQUIRE_FALSE(port.has_value());
  CHECK(port.error().kind == ErrorKind::conflict);
  CHECK_FALSE(second.listen("localhost", 0).has_value());
}

TEST_CASE("the Unix socket is private, and a stale one is replaced") {
  std::string folder = (std::filesystem::temp_directory_path() / "sallyport-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  std::string path = folder + "/socket";
  {
    TestServer server;
    server.add("/local", [](Exchange& exchange) -> asio::awaitable<Response> {
      co_return text_response(200, exchange.request.local ? exchange.request.remote : "no");
    });
    server.server = std::make_unique<HttpServer>(server.options, server.service, server.disk, server.clock,
                                                 server.random);
    int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(stale, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(stale);
    REQUIRE(server.server->listen_unix(path).has_value());
    server.port = *server.server->listen("127.0.0.1", 0);
    server.server->start();

    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    RawClient over_unix(path);
    CHECK(over_unix.ask(get("/local")).body == "unix");
    RawClient over_tcp(server.port);
    CHECK(over_tcp.ask(get("/local")).body == "no");

    HttpServer second(server.options, server.service, server.disk, server.clock, server.random);
    Result<void> refused = second.listen_unix(path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == ErrorKind::conflict);

    std::ofstream(folder + "/file") << "not a socket";
    CHECK_FALSE(second.listen_unix(folder + "/file").has_value());
    CHECK(std::filesystem::exists(folder + "/file"));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  std::filesystem::remove_all(folder);
}
