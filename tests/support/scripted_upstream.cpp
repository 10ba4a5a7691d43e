#include "tests/support/scripted_upstream.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

namespace sallyport::test {
namespace {

constexpr int stalled_ms = 400;  // a socket that takes nothing for so long has a reader that does not read

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return text;
}

SeenRequest parse_head(const std::string& head) {
  SeenRequest request;
  const auto line_end = head.find("\r\n");
  const std::string line = head.substr(0, line_end);
  const auto first = line.find(' ');
  const auto second = line.rfind(' ');
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  for (std::size_t at = line_end + 2; at < head.size();) {
    const auto end = head.find("\r\n", at);
    if (end == head.npos || end == at) break;
    const auto colon = head.find(':', at);
    auto value = head.substr(colon + 1, end - colon - 1);
    value.erase(0, value.find_first_not_of(' '));
    request.headers[lower(head.substr(at, colon - at))] = value;
    at = end + 2;
  }
  return request;
}

}  // namespace

std::optional<std::string> ScriptedUpstream::Connection::read_until_blank_line() {
  while (true) {
    if (const auto end = buffer_.find("\r\n\r\n"); end != buffer_.npos) {
      std::string head = buffer_.substr(0, end + 4);
      buffer_.erase(0, end + 4);
      return head;
    }
    std::array<char, 16384> bytes{};
    const ssize_t n = recv(socket_, bytes.data(), bytes.size(), 0);
    if (n <= 0) return std::nullopt;
    buffer_.append(bytes.data(), static_cast<std::size_t>(n));
  }
}

std::optional<SeenRequest> ScriptedUpstream::Connection::read_head() {
  const auto head = read_until_blank_line();
  if (!head) return std::nullopt;
  SeenRequest request = parse_head(*head);
  const std::lock_guard lock(upstream_.mutex_);
  upstream_.requests_.push_back(request);
  upstream_.changed_.notify_all();
  return request;
}

std::optional<SeenRequest> ScriptedUpstream::Connection::read_request() {
  const auto head = read_until_blank_line();
  if (!head) return std::nullopt;
  SeenRequest request = parse_head(*head);
  const std::string length = request.header("content-length");
  const std::size_t bytes = length.empty() ? 0 : std::stoul(length);
  while (buffer_.size() < bytes) {
    std::array<char, 65536> more{};
    const ssize_t n = recv(socket_, more.data(), more.size(), 0);
    if (n <= 0) return std::nullopt;
    buffer_.append(more.data(), static_cast<std::size_t>(n));
  }
  request.body = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  const std::lock_guard lock(upstream_.mutex_);
  upstream_.requests_.push_back(request);
  upstream_.changed_.notify_all();
  return request;
}

bool ScriptedUpstream::Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::uint64_t ScriptedUpstream::Connection::send_until_stalled(std::uint64_t bytes) {
  const std::string zeros(64 << 10, '\0');
  std::uint64_t sent = 0;
  while (sent < bytes) {
    pollfd writable{socket_, POLLOUT, 0};
    if (poll(&writable, 1, stalled_ms) <= 0) return sent;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), bytes - sent));
    const ssize_t n = ::send(socket_, zeros.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) return sent;
    if (n > 0) sent += static_cast<std::uint64_t>(n);
  }
  return sent;
}

void ScriptedUpstream::Connection::wait_for_close() {
  std::array<char, 65536> bytes{};
  while (recv(socket_, bytes.data(), bytes.size(), 0) > 0) {
  }
}

ScriptedUpstream::ScriptedUpstream(Script script) : otherwise_(std::move(script)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 128) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port for the scripted upstream");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedUpstream::~ScriptedUpstream() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

void ScriptedUpstream::next(Script script) {
  const std::lock_guard lock(mutex_);
  scripts_.push_back(std::move(script));
}

void ScriptedUpstream::accept_all() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    Script script = otherwise_;
    if (!scripts_.empty()) {
      script = std::move(scripts_.front());
      scripts_.pop_front();
    }
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket, script = std::move(script)] {
      Connection connection(*this, socket);
      script(connection);
      const std::lock_guard closing(mutex_);
      std::erase(sockets_, socket);
      close(socket);
      ++finished_;
      changed_.notify_all();
    });
  }
}

std::vector<SeenRequest> ScriptedUpstream::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedUpstream::wait_for_requests(std::size_t count) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return requests_.size() >= count; });
}

void ScriptedUpstream::wait_for_finished(int count) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finished_ >= count; });
}

std::string response(int status, std::string_view body, std::string_view more_headers) {
  return "HTTP/1.1 " + std::to_string(status) + " Reason\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more_headers) + "\r\n" + std::string(body);
}

ScriptedUpstream::Script answering(std::function<std::string(const SeenRequest&)> answer) {
  return [answer = std::move(answer)](ScriptedUpstream::Connection& connection) {
    while (const auto request = connection.read_request()) {
      const std::string bytes = answer(*request);
      const bool last = bytes.substr(0, bytes.find("\r\n\r\n")).find("Connection: close") != bytes.npos;
      if (!connection.send(bytes) || last) return;
    }
  };
}

}  // namespace sallyport::test
