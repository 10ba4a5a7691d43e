#pragma once
// The bytes of one connection, plain or through TLS, as the session reads and writes them.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>

namespace sallyport {

namespace asio = boost::asio;

// TCP and Unix sockets alike.
using StreamSocket = asio::generic::stream_protocol::socket;

class Wire {
 public:
  // `tls`: nothing for a plain connection.
  Wire(StreamSocket socket, std::shared_ptr<asio::ssl::context> tls)
      : socket_(std::move(socket)), context_(std::move(tls)) {
    if (context_) tls_.emplace(socket_, *context_);
  }

  StreamSocket& socket() { return socket_; }
  bool secure() const { return tls_.has_value(); }

  asio::awaitable<bool> handshake() {
    boost::system::error_code ec;
    if (tls_)
      co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                     asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
  }

  template <class Buffer>
  asio::awaitable<std::size_t> read_some(Buffer buffer, boost::system::error_code& ec) {
    if (tls_) return tls_->async_read_some(buffer, asio::redirect_error(asio::use_awaitable, ec));
    return socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, ec));
  }

  template <class Buffers>
  asio::awaitable<std::size_t> write(Buffers buffers, boost::system::error_code& ec) {
    if (tls_) return asio::async_write(*tls_, buffers, asio::redirect_error(asio::use_awaitable, ec));
    return asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, ec));
  }

  // Says that nothing more is sent. Afterwards only drop() reads.
  asio::awaitable<void> end_sending() {
    boost::system::error_code ec;
    // Also waits for the peer's own end, or its next bytes, under the caller's deadline.
    if (tls_) co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
    socket_.shutdown(StreamSocket::shutdown_send, ec);
  }

  // Bytes that nobody wants, as they come.
  template <class Buffer>
  asio::awaitable<std::size_t> drop(Buffer buffer, boost::system::error_code& ec) {
    return socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, ec));
  }

 private:
  StreamSocket socket_;
  std::shared_ptr<asio::ssl::context> context_;
  std::optional<asio::ssl::stream<StreamSocket&>> tls_;
};

}  // namespace sallyport
