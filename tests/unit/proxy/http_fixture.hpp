#pragma once
// A real server with toy routes, and a client that writes raw bytes and reads answers off a socket.

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/http/error_map.hpp"
#include "proxy/http/server.hpp"
#include "storage/base/log.hpp"

namespace sallyport::test {

struct Answer {
  int status = 0;
  std::string reason;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool complete = false;  // framing was satisfied
  std::string error() const {
    auto parsed = boost::json::parse(body);
    return std::string(parsed.as_object().at("error").as_string());
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    setup();
    connect(port);
  }
  // A socket that is not connected yet.
  RawClient() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) { setup(); }
  explicit RawClient(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    setup();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void connect(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  }

  void receive_buffer(int bytes) { ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  void send(std::string_view bytes) {
    if (!try_send(bytes)) fail("send");
  }
  bool try_send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // The next answer; `head_only` for HEAD.
  Answer read(bool head_only = false) {
    Answer answer;
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return answer;
    }
    std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    std::size_t line = head.find("\r\n");
    answer.status = std::stoi(head.substr(9, 3));
    answer.reason = head.substr(13, line - 13);
    for (std::size_t at = line + 2; at < head.size();) {
      std::size_t next = head.find("\r\n", at);
      std::string field = head.substr(at, next - at);
      std::size_t colon = field.find(": ");
      std::string name = field.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      answer.headers[name] = field.substr(colon + 2);
      at = next + 2;
    }
    if (head_only || answer.status == 100 || answer.status == 204 || answer.status == 304) {
      answer.complete = true;
    } else if (answer.headers.contains("content-length")) {
      std::size_t length = std::stoul(answer.headers["content-length"]);
      while (buffer_.size() < length && fill()) {
      }
      answer.complete = buffer_.size() >= length;
      answer.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    } else if (answer.headers.contains("transfer-encoding")) {
      read_chunks(answer);
    } else {
      while (fill()) {
      }
      answer.body = std::exchange(buffer_, {});
      answer.complete = true;
    }
    return answer;
  }

  // Bytes of a chunked body as far as `text`; for streams that do not end.
  bool read_until(std::string_view text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!fill()) return false;
    }
    buffer_.erase(0, buffer_.find(text) + text.size());
    return true;
  }

  // Whether the server closed, with nothing more to read. A reset counts as closed.
  bool closed() {
    if (!buffer_.empty()) return false;
    bool more = fill();
    return !more && !timed_out_;
  }

  Answer ask(std::string_view request, bool head_only = false) {
    send(request);
    return read(head_only);
  }

 private:
  void setup() {
    if (fd_ < 0) fail("socket");
    timeval limit{20, 0};  // a broken server fails the test instead of hanging it
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  [[noreturn]] static void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  }
  bool fill() {
    char block[65536];
    ssize_t n = ::recv(fd_, block, sizeof block, 0);
    timed_out_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (n <= 0) return false;
    buffer_.append(block, static_cast<std::size_t>(n));
    return true;
  }
  void read_chunks(Answer& answer) {
    for (;;) {
      std::size_t line;
      while ((line = buffer_.find("\r\n")) == std::string::npos) {
        if (!fill()) return;
      }
      std::size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2) {
        if (!fill()) return;
      }
      answer.body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size == 0) {
        answer.complete = true;
        return;
      }
    }
  }

  int fd_;
  std::string buffer_;
  bool timed_out_ = false;
};

class MemoryBlob final : public Blob {
 public:
  explicit MemoryBlob(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    if (offset >= bytes_.size()) return std::size_t{0};
    std::size_t n = std::min<std::size_t>(out.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::memcpy(out.data(), bytes_.data() + offset, n);
    return n;
  }

 private:
  std::string bytes_;
};

// A blob that is a file, as stored ones are, and counts how often it was read otherwise than by the kernel.
// `missing`: so much less lies in the file than it says.
class FileBlobInTmp final : public Blob {
 public:
  explicit FileBlobInTmp(const std::string& bytes, std::size_t missing = 0)
      : file_(::open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)), size_(bytes.size()) {
    std::string_view rest = std::string_view(bytes).substr(0, bytes.size() - missing);
    while (file_ >= 0 && !rest.empty()) {
      const ssize_t n = ::write(file_, rest.data(), rest.size());
      if (n <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (file_ < 0 || !rest.empty()) throw std::runtime_error("no file in /var/tmp");
  }
  ~FileBlobInTmp() override { ::close(file_); }
  std::uint64_t size() const override { return size_; }
  int file() const override { return file_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    ++reads;
    const ssize_t n = ::pread(file_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0) return sallyport::fail(ErrorKind::corrupt, "", "pread");
    return static_cast<std::size_t>(n);
  }
  mutable std::atomic<int> reads{0};

 private:
  int file_;
  std::uint64_t size_;
};

// Every log line of a server's life, kept in place of standard error.
class LogCapture {
 public:
  LogCapture() {
    log::set_sink([this](std::string_view line) {
      std::lock_guard lock(mutex_);
      text_ += line;
      text_ += '\n';
    });
  }
  ~LogCapture() { log::set_sink({}); }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

// Add routes to `service`, then start(). Destruction stops it.
class TestServer {
 public:
  TestServer() {
    add("/hello", [](Exchange&) -> asio::awaitable<Response> { co_return text_response(200, "hello"); });
  }
  ~TestServer() {
    if (server) server->stop();
    disk.stop();
  }

  void add(std::string pattern, Handler handler, Method method = Method::get, BodyMode body = BodyMode::none,
           std::uint64_t body_bytes_max = 1u << 20) {
    service.routes.add(
        {method, std::move(pattern), body, Access::anonymous, std::move(handler), "", body_bytes_max});
  }

  void start() {
    server = std::make_unique<HttpServer>(options, service, disk, clock, random);
    auto real = server->listen("127.0.0.1", 0);
    if (!real) throw std::runtime_error(real.error().message);
    port = *real;
    server->start();
  }

  LogCapture logs;
  HttpOptions options;
  HttpService service;
  SystemClock clock;
  SystemRandom random;
  WorkPool disk{"disk", 2, 100};
  std::unique_ptr<HttpServer> server;
  std::uint16_t port = 0;
};

inline std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}
inline std::string put(std::string_view path, std::string_view body, std::string_view headers = "") {
  return "PUT " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

// Until `condition` holds; a failsafe of 20 s ends a broken test.
inline bool eventually(const std::function<bool()>& condition) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace sallyport::test
