// Blobs that are files, which the kernel sends where it can.

#include <doctest/doctest.h>

#include "proxy/http/page_cache.hpp"
#include "tests/unit/proxy/http_fixture.hpp"

using namespace sallyport;
using namespace sallyport::test;

namespace {

std::string letters(std::size_t n) {
  std::string bytes(n, 'x');
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

void show(TestServer& server, const std::shared_ptr<FileBlobInTmp>& blob) {
  server.add("/blob", [blob](Exchange&) -> asio::awaitable<Response> {
    co_return blob_response(blob, "application/octet-stream");
  });
}

// Where the file system does not tell what is in memory, everything goes through the disk pool.
bool kernel_tells(const FileBlobInTmp& blob) {
  return in_page_cache(blob.file(), 0, static_cast<std::size_t>(blob.size()));
}

}  // namespace

TEST_CASE("a file arrives whole, in parts and as a head, without being read here") {
  TestServer server;
  const std::string bytes = letters(3'000'000);
  auto blob = std::make_shared<FileBlobInTmp>(bytes);
  show(server, blob);
  server.start();
  RawClient client(server.port);
  CHECK((client.ask(get("/blob")).body == bytes));
  const Answer head = client.ask("HEAD /blob HTTP/1.1\r\nHost: a\r\n\r\n", true);
  CHECK(head.headers.at("content-length") == "3000000");
  const Answer part = client.ask(get("/blob", "Range: bytes=600000-1800000\r\n"));
  CHECK(part.status == 206);
  CHECK((part.body == bytes.substr(600'000, 1'200'001)));
  CHECK(client.ask(get("/blob", "Range: bytes=-1\r\n")).body == bytes.substr(2'999'999));
  client.send(get("/blob") + get("/hello"));  // the next request waits behind it
  CHECK((client.read().body == bytes));
  CHECK(client.read().body == "hello");
  if (kernel_tells(*blob)) CHECK(blob->reads == 0);
}

TEST_CASE("a file that is shorter than it says cuts the connection") {
  TestServer server;
  auto blob = std::make_shared<FileBlobInTmp>(letters(3'000'000), 1'000'000);
  show(server, blob);
  server.start();
  RawClient client(server.port);
  client.send(get("/blob") + get("/hello"));
  const Answer answer = client.read();
  CHECK_FALSE(answer.complete);
  server.server->stop();
  CHECK(server.logs.text().find("shorter") != std::string::npos);
}

TEST_CASE("a client that goes in the middle of a file takes nobody with it") {
  TestServer server;
  const std::string bytes = letters(20'000'000);
  show(server, std::make_shared<FileBlobInTmp>(bytes));
  server.start();
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port);
    client.send(get("/blob"));
    REQUIRE(client.read_until("\r\n\r\n"));
  }
  CHECK(eventually([&] { return server.server->connections() == 0; }));
  RawClient after(server.port);
  CHECK((after.ask(get("/blob")).body == bytes));
}

TEST_CASE("a slow reader of a file holds nobody else up, and is cut at the write deadline") {
  TestServer server;
  show(server, std::make_shared<FileBlobInTmp>(letters(50'000'000)));
  SUBCASE("others are served meanwhile") {}
  SUBCASE("the deadline") {
    server.options.write_deadline = Millis(50);
  }
  server.start();
  RawClient slow;
  slow.receive_buffer(4096);
  slow.connect(server.port);
  slow.send(get("/blob"));
  if (server.options.write_deadline == Millis(50)) {
    CHECK(eventually([&] { return server.logs.text().find("\"cut\":true") != std::string::npos; }));
    CHECK_FALSE(slow.read().complete);
  } else {
    REQUIRE(slow.read_until("\r\n\r\n"));
    RawClient other(server.port);
    CHECK(other.ask(get("/hello")).body == "hello");
    CHECK(other.ask(get("/blob")).body.size() == 50'000'000);
  }
}

TEST_CASE("what is not in memory is not said to be") {
  const FileBlobInTmp blob(letters(3'000'000));
  if (!kernel_tells(blob)) return;
  CHECK(in_page_cache(blob.file(), 1'000'000, 5));
  CHECK_FALSE(in_page_cache(blob.file(), 2'999'999, 2));  // nothing lies past the end
  REQUIRE(::fdatasync(blob.file()) == 0);
  REQUIRE(::posix_fadvise(blob.file(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  CHECK_FALSE(in_page_cache(blob.file(), 0, 3'000'000));
}
