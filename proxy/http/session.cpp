#include "proxy/http/session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <charconv>
#include <chrono>

#include "proxy/http/access_log.hpp"
#include "proxy/http/error_map.hpp"
#include "proxy/http/forwarded.hpp"
#include "proxy/http/page_cache.hpp"
#include "proxy/http/request_framing.hpp"
#include "proxy/http/response_head.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/log.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t read_bytes = 64u << 10;     // one read of a body: Beast's own 512 cost 8 times the CPU
constexpr std::size_t head_bytes = 2u << 10;      // one read of a head: all that an idle connection holds
constexpr std::size_t write_bytes = 256u << 10;   // one piece of an answer, under one deadline
constexpr std::size_t blob_bytes = 128u << 10;    // one read of a blob
constexpr std::size_t at_once_bytes = 64u << 10;  // sent without waiting before others have their turn
constexpr std::size_t file_bytes = 512u << 10;    // sent by the kernel before others have their turn
constexpr std::size_t ids_drawn = 512;            // request ids; each draw is a call of OpenSSL's generator
constexpr std::size_t id_bytes = 8;
constexpr std::size_t chunk_extension_bytes_max = 256;
constexpr std::size_t chunk_head_bytes_max = 4u << 10;  // chunk header, or all trailers
constexpr std::string_view blob_too_short = "blob is shorter than its size";
constexpr std::size_t refusing_max = 64;  // connections over the cap that get an answer

std::string address_of(const StreamSocket& socket) {
  error_code ec;
  auto endpoint = socket.remote_endpoint(ec);
  if (ec) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const sockaddr* address = endpoint.data();
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    std::string_view mapped(text.data());
    if (mapped.starts_with("::ffff:") && mapped.find('.') != std::string_view::npos) {
      return std::string(mapped.substr(7));
    }
  } else {
    return "unix";
  }
  return text.data();
}

std::string allow_header(std::vector<Method> methods) {
  std::sort(methods.begin(), methods.end());
  std::string out;
  for (Method method : methods) {
    if (!out.empty()) out += ", ";
    out += to_text(method);
    if (method == Method::get) out += ", HEAD";
  }
  return out;
}

}  // namespace

class Session : public std::enable_shared_from_this<Session>, private BodyReader {
 public:
  Session(StreamSocket socket, std::shared_ptr<asio::ssl::context> tls, SessionGroup& group, bool over_cap)
      : wire_(std::move(socket), std::move(tls)),
        socket_(wire_.socket()),
        timer_(socket_.get_executor()),
        group_(group),
        over_cap_(over_cap) {
    group_.sessions_.insert(this);
  }
  ~Session() override { group_.sessions_.erase(this); }

  asio::cancellation_slot cancellation() { return signal_.slot(); }
  bool over_cap() const { return over_cap_; }

  asio::awaitable<void> run() {
    try {
      remote_ = address_of(socket_);
      if (!co_await shake_hands()) {
        // Not worth a line for every scanner.
      } else if (over_cap_) {
        co_await refuse({503, "The server has as many connections as it may have: try again."});
      } else {
        while (co_await serve_one()) {
        }
      }
    } catch (const std::exception& e) {
      if (!cancelled_) log::error("session_failed", {{"error", e.what()}, {"remote", remote_}});
    }
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

  void stop() {
    error_code ignored;
    if (idle_) socket_.cancel(ignored);
    if (endless_) cancel();
  }

  void cancel() {
    cancelled_ = true;
    signal_.emit(asio::cancellation_type::terminal);
  }

 private:
  // --- deadlines. One lazy timer a connection: moving the deadline is a store, and the timer, when it fires,
  // looks whether the deadline has moved meanwhile.

  void allow(Millis span) {
    timed_out_ = false;
    deadline_ = Steady::now() + span;
    if (deadline_ < armed_) arm(deadline_);
  }
  void rest() { deadline_ = Steady::time_point::max(); }

  void arm(Steady::time_point at) {
    armed_ = at;
    timer_.expires_at(at);
    timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->check_deadline();
    });
  }

  void check_deadline() {
    armed_ = Steady::time_point::max();
    if (deadline_ == Steady::time_point::max() || !socket_.is_open()) return;
    Steady::time_point now = Steady::now();
    if (now < deadline_) {
      arm(deadline_);
      return;
    }
    // Cancelled, not closed: a refusal can still be sent. Again and again until the deadline moves, since the
    // step that is cancelled may just have ended and a composed write have begun its next.
    timed_out_ = true;
    error_code ignored;
    socket_.cancel(ignored);
    arm(now + std::chrono::milliseconds(10));
  }

  // --- bytes

  asio::awaitable<bool> shake_hands() {
    allow(group_.options_.head_deadline);
    const bool done = co_await wire_.handshake();
    rest();
    co_return done;
  }

  asio::awaitable<std::size_t> fill(std::size_t bytes, error_code& ec) {
    std::size_t n = co_await wire_.read_some(buffer_.prepare(bytes), ec);
    buffer_.commit(n);
    rest();
    co_return n;
  }

  // Most answers fit into the socket's room: then no operation has to begin, wait its turn and end. -1: not
  // tried, or there is no room.
  template <class Buffers>
  ssize_t write_now(const Buffers& buffers) {
    if (wire_.secure() || asio::buffer_size(buffers) > at_once_bytes) return -1;
    std::array<iovec, 3> parts{};
    msghdr message{};
    message.msg_iov = parts.data();
    for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers); ++it) {
      const asio::const_buffer part(*it);
      parts.at(message.msg_iovlen++) = {const_cast<void*>(part.data()), part.size()};
    }
    return ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  template <class Buffers>
  asio::awaitable<bool> write(Buffers buffers) {
    if (const ssize_t n = write_now(buffers); n >= 0) {
      sent_bytes_ += static_cast<std::size_t>(n);
      const std::size_t left = asio::buffer_size(buffers) - static_cast<std::size_t>(n);
      if (left == 0) co_return true;
      std::vector<asio::const_buffer> rest;
      auto passed = static_cast<std::size_t>(n);
      for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers); ++it) {
        const asio::const_buffer part(*it);
        const std::size_t skip = std::min(passed, part.size());
        passed -= skip;
        if (skip < part.size()) rest.push_back(part + skip);
      }
      co_return co_await write_waiting(std::move(rest));
    }
    co_return co_await write_waiting(std::move(buffers));
  }

  template <class Buffers>
  asio::awaitable<bool> write_waiting(Buffers buffers) {
    error_code ec;
    allow(group_.options_.write_deadline);
    std::size_t n = co_await wire_.write(buffers, ec);
    rest();
    sent_bytes_ += n;
    co_return !ec;
  }

  // --- the head

  enum class HeadOutcome { complete, closed, refused };

  // Reads up to the blank line. The limits are on raw bytes.
  asio::awaitable<HeadOutcome> read_head(Refusal& reason) {
    RawHead head;
    bool started = false;
    head_end_ = 0;
    buffer_.consume(std::exchange(lent_bytes_, 0));
    if (buffer_.size() == 0) {
      // Nothing pipelined: give the 64 KB of the last body back while the connection idles.
      if (buffer_.capacity() > head_bytes) buffer_ = beast::flat_buffer();
      idle_ = true;
      allow(first_request_ ? group_.options_.head_deadline : group_.options_.keep_alive_idle);
    }
    for (;;) {
      if (buffer_.size() > 0 && !started) {
        started = true;
        idle_ = false;
        started_at_ = Steady::now();
        if (!first_request_ || !deadline_armed()) allow(group_.options_.head_deadline);
      }
      const char* data = static_cast<const char*>(buffer_.data().data());
      const std::size_t size = std::min(buffer_.size(), group_.options_.header_bytes_max);
      switch (head.scan({data, size})) {
        case RawHead::State::complete:
          head_end_ = head.end();
          rest();
          co_return HeadOutcome::complete;
        case RawHead::State::refused:
          reason = head.refusal();
          co_return HeadOutcome::refused;
        case RawHead::State::unfinished:
          break;
      }
      if (buffer_.size() >= group_.options_.header_bytes_max) {
        reason = {431, "The request's headers are over the limit of " +
                           human_bytes(group_.options_.header_bytes_max) + "."};
        co_return HeadOutcome::refused;
      }
      error_code ec;
      std::size_t n = co_await wire_.read_some(buffer_.prepare(head_bytes), ec);
      buffer_.commit(n);
      if (ec) {
        rest();
        if (!timed_out_ || !started) co_return HeadOutcome::closed;
        reason = {408, "The request's headers took too long to arrive."};
        co_return HeadOutcome::refused;
      }
    }
  }
  bool deadline_armed() const { return deadline_ != Steady::time_point::max(); }

  // --- the body

  asio::awaitable<Result<std::span<const char>>> read_some() override {
    if (body_error_) co_return *body_error_;
    Result<std::span<const char>> piece = co_await next_piece(read_allowance());
    if (!piece) {
      body_error_ = piece.error();
    } else if (body_bytes_ > body_bytes_max_) {
      body_error_ = fail(ErrorKind::too_large, "The body is over the limit of " +
                                                   human_bytes(body_bytes_max_) + " for this address.");
      co_return *body_error_;
    }
    co_return piece;
  }

  // How long the next read may take: the idle deadline, and not longer than the minimum rate leaves.
  Millis read_allowance() const {
    Millis earned(body_bytes_ * 1000 / std::max<std::uint64_t>(group_.options_.body_rate_min, 1));
    Millis left = group_.options_.body_rate_grace + earned - body_waited_;
    return std::clamp(left, Millis(0), group_.options_.body_idle);
  }

  // The next piece whatever the limit; framing faults and a lost connection break the body for good.
  asio::awaitable<Result<std::span<const char>>> next_piece(Millis allowance) {
    buffer_.consume(std::exchange(lent_bytes_, 0));
    while (!parser_->is_done()) {
      if (buffer_.size() > 0) {
        error_code ec;
        parser_->get().body() = {};
        std::size_t used = parser_->put(asio::const_buffer(buffer_.data()), ec);
        if (ec && ec != http::error::need_more) {
          co_return broken("The body is not framed as HTTP asks for.", ec.message());
        }
        std::span<const char> piece = parser_->get().body();
        if (!piece.empty()) {
          lent_bytes_ = used;
          body_bytes_ += piece.size();
          co_return piece;
        }
        buffer_.consume(used);
        if (used > 0) continue;
        if (buffer_.size() > chunk_head_bytes_max) {
          co_return broken("The body is not framed as HTTP asks for.", "chunk header too long");
        }
      }
      if (expect_pending_) {
        expect_pending_ = false;
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        if (!co_await write(asio::buffer(go_on))) co_return broken("The connection is gone.", "");
      }
      buffer_.reserve(read_bytes);
      error_code ec;
      Steady::time_point before = Steady::now();
      allow(allowance);
      co_await fill(std::max<std::size_t>(buffer_.capacity() - buffer_.size(), 1), ec);
      body_waited_ += std::chrono::duration_cast<Millis>(Steady::now() - before);
      if (ec && timed_out_) co_return broken("The body arrived too slowly.", "");
      if (ec) co_return broken("The connection ended before the body was complete.", ec.message());
    }
    co_return std::span<const char>();
  }

  Error broken(std::string message, std::string detail) {
    body_broken_ = true;
    return fail(ErrorKind::invalid, std::move(message), std::move(detail));
  }

  bool body_open() const { return !parser_->is_done() && !body_broken_; }

  // Reads past what nobody wants, so that the client gets round to reading the answer and the connection can
  // go on. Answer-and-close makes npm send the whole body again, three times.
  asio::awaitable<bool> drain() {
    const HttpOptions& options = group_.options_;
    std::uint64_t bytes_max = body_bytes_ + options.drain_bytes_max;
    Steady::time_point until = Steady::now() + options.drain_deadline;
    for (;;) {
      Millis left = std::chrono::duration_cast<Millis>(until - Steady::now());
      if (left <= Millis(0) || body_bytes_ > bytes_max) co_return false;
      Result<std::span<const char>> piece = co_await next_piece(std::min(left, options.body_idle));
      if (!piece) co_return false;
      if (piece->empty()) co_return true;
    }
  }

  // Half-closes and reads on until the client has closed too: closing with unread bytes would reset the
  // connection and take the answer away from the client.
  asio::awaitable<void> linger() {
    error_code ec;
    Steady::time_point until = Steady::now() + group_.options_.linger;
    allow(group_.options_.linger);
    co_await wire_.end_sending();
    buffer_ = beast::flat_buffer();
    std::uint64_t read = 0;
    while (!ec && read < group_.options_.drain_bytes_max) {
      Millis left = std::chrono::duration_cast<Millis>(until - Steady::now());
      if (left <= Millis(0)) break;
      allow(left);
      read += co_await wire_.drop(buffer_.prepare(read_bytes), ec);
      rest();
    }
  }

  // --- one request

  struct InFlight {
    explicit InFlight(std::atomic<std::size_t>& c) : count(c) {
      count.fetch_add(1, std::memory_order_relaxed);
    }
    ~InFlight() { count.fetch_sub(1, std::memory_order_relaxed); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    std::atomic<std::size_t>& count;
  };

  // False when the connection is to end.
  asio::awaitable<bool> serve_one() {
    if (group_.stopping_) co_return false;
    Refusal reason;
    HeadOutcome outcome = co_await read_head(reason);
    idle_ = false;
    if (outcome == HeadOutcome::closed) co_return false;
    first_request_ = false;
    sent_bytes_ = 0;
    if (outcome == HeadOutcome::refused) {
      co_await refuse(std::move(reason));
      co_return false;
    }

    start_parser();
    error_code ec;
    std::size_t used = parser_->put(asio::buffer(buffer_.data(), head_end_), ec);
    if (ec || !parser_->is_header_done()) {
      co_await refuse(bad_request(ec.message()));
      co_return false;
    }
    buffer_.consume(used);

    Exchange exchange(*this);
    exchange.request.id = group_.next_request_id();
    exchange.request.remote = remote_;
    exchange.request.local = remote_ == "unix";
    if (std::optional<Refusal> refused = check_head(parser_->get(), exchange.request)) {
      co_await refuse(std::move(*refused));
      co_return false;
    }
    ForwardedClient client =
        forwarded_client(remote_, exchange.request.headers, group_.options_.trusted_proxies);
    exchange.request.remote = std::move(client.address);
    https_ = client.https || wire_.secure();
    expect_pending_ = exchange.request.expects_continue && !parser_->is_done() && buffer_.size() == 0;
    bool client_keeps = parser_->keep_alive() && !exchange.request.http_1_0;

    InFlight counted(group_.in_flight_);
    Response response = co_await answer(exchange);
    co_return co_await deliver(exchange, std::move(response), client_keeps);
  }

  void start_parser() {
    parser_.emplace();
    parser_->body_limit(boost::none);  // Beast would refuse by Content-Length before a route is known
    parser_->header_limit(static_cast<std::uint32_t>(group_.options_.header_bytes_max + 1));
    parser_->on_chunk_header(on_chunk_);
    body_bytes_ = 0;
    body_bytes_max_ = 0;
    body_waited_ = Millis(0);
    body_error_.reset();
    body_broken_ = false;
    lent_bytes_ = 0;
    expect_pending_ = false;
  }

  // An exception of a handler is a fault of ours: the client learns the request id, the log the rest.
  asio::awaitable<Response> answer(Exchange& exchange) {
    std::string fault;
    try {
      co_return co_await dispatch(exchange);
    } catch (const std::exception& e) {
      if (cancelled_) throw;
      fault = e.what();
    } catch (...) {
      if (cancelled_) throw;
      fault = "unknown exception";
    }
    co_return error_response(fail(ErrorKind::internal, "", std::move(fault)));
  }

  asio::awaitable<Response> dispatch(Exchange& exchange) {
    Request& request = exchange.request;
    const RouteTable& routes = group_.service_.routes;
    RouteMatch match = routes.match(request.method, request.segments);
    if (!match.route && !match.allowed.empty()) {
      std::string allowed = allow_header(match.allowed);
      Response refused = refusal(405, std::string(to_text(request.method)) +
                                          " is not possible at this address; possible: " + allowed + ".");
      refused.header("allow", allowed);
      co_return refused;
    }
    if (!match.route) match.route = routes.fallback();
    if (!match.route) co_return refusal(404, "There is nothing at this address.");
    exchange.route = match.route;
    exchange.params = std::move(match.params);

    body_bytes_max_ = match.route->body_bytes_max;
    if (request.content_length.value_or(0) > body_bytes_max_) {
      co_return refusal(413, "The body is " + human_bytes(*request.content_length) + ", over the limit of " +
                                 human_bytes(body_bytes_max_) + " for this address.");
    }
    if (group_.service_.authorize) {
      std::optional<Response> refused = co_await group_.service_.authorize(exchange);
      if (refused) co_return std::move(*refused);
    }
    Response response = co_await match.route->handler(exchange);
    apply_conditions(request, response);
    co_return response;
  }

  // Sends the answer, reads past the rest of the body, and says whether the connection goes on.
  asio::awaitable<bool> deliver(Exchange& exchange, Response response, bool client_keeps) {
    const Request& request = exchange.request;
    // Who waits for "100 Continue" and gets a final answer may or may not send the body: only closing is
    // safe.
    bool expect_open = expect_pending_ && buffer_.size() == 0;
    std::uint64_t unread =
        request.content_length.value_or(0) - std::min(request.content_length.value_or(0), body_bytes_);
    bool too_much = body_open() && unread > group_.options_.drain_bytes_max;
    bool keep = client_keeps && !group_.stopping_ && !body_broken_ && !expect_open && !too_much;
    if (request.http_1_0 && std::holds_alternative<StreamBody>(response.body)) keep = false;

    int status = response.status;
    bool sent = co_await send(request, response, keep);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - started_at_);
    log_answer(exchange, {status, sent, https_, sent_bytes_, took}, response.log_detail);
    if (group_.service_.observe) group_.service_.observe(exchange, status, sent_bytes_, took);
    if (!sent) co_return false;
    bool drained = true;
    if (body_open() && !expect_open) drained = co_await drain();
    if (keep && drained) co_return true;
    error_code ignored;
    buffer_.consume(std::exchange(lent_bytes_, 0));
    bool unread_bytes = buffer_.size() > 0 || socket_.available(ignored) > 0;
    if (!drained || expect_open || body_broken_ || unread_bytes || wire_.secure()) co_await linger();
    co_return false;
  }

  // --- the answer

  asio::awaitable<bool> send(const Request& request, Response& response, bool keep) {
    const std::string& head = head_;
    write_head(head_, response,
               {request.id, request.http_1_0, keep, group_.options_.keep_alive_idle, group_.clock_.now()});
    bool bodyless = request.method == Method::head || response.status == 204 || response.status == 304;
    if (bodyless) co_return co_await write(asio::buffer(head));
    if (auto* text = std::get_if<std::string>(&response.body)) co_return co_await send_text(head, *text);
    if (auto* bytes = std::get_if<BytesBody>(&response.body)) {
      co_return co_await send_text(head, bytes->view());
    }
    if (auto* blob = std::get_if<BlobBody>(&response.body)) {
      co_return co_await send_blob(head, *blob, response);
    }
    if (auto* stream = std::get_if<StreamBody>(&response.body)) {
      co_return co_await send_stream(head, *stream, request, response);
    }
    co_return co_await write(asio::buffer(head));
  }

  asio::awaitable<bool> send_text(std::string_view head, std::string_view text) {
    std::size_t first = std::min(text.size(), write_bytes);
    std::array<asio::const_buffer, 2> both{asio::buffer(head), asio::buffer(text.data(), first)};
    if (!co_await write(both)) co_return false;
    for (std::size_t at = first; at < text.size(); at += write_bytes) {
      std::string_view piece = text.substr(at, write_bytes);
      if (!co_await write(asio::buffer(piece))) co_return false;
    }
    co_return true;
  }

  // What was promised in Content-Length and cannot be read cuts the connection: never a short file that looks
  // whole, never other bytes in its place. Piece by piece: by the kernel alone where nothing stands between
  // the file and the socket and the bytes are in memory, else read on the disk pool.
  asio::awaitable<bool> send_blob(std::string_view head, const BlobBody& blob, Response& response) {
    const bool by_kernel = blob.blob->file() >= 0 && !wire_.secure();
    std::shared_ptr<std::vector<std::uint8_t>> buffer;
    std::uint64_t at = 0;
    std::string_view prefix = head;
    while (at < blob.length_bytes || !prefix.empty()) {
      const std::uint64_t left = blob.length_bytes - at;
      const auto next = static_cast<std::size_t>(std::min<std::uint64_t>(left, file_bytes));
      std::size_t n = 0;
      if (by_kernel && in_page_cache(blob.blob->file(), blob.offset + at, next)) {
        if (!prefix.empty() && !co_await write(asio::buffer(prefix))) co_return false;
        n = co_await send_file(blob.blob->file(), blob.offset + at, next, response);
        if (n < next) co_return false;
      } else {
        if (!buffer) {
          const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, blob_bytes));
          buffer = std::make_shared<std::vector<std::uint8_t>>(size);
        }
        const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer->size()));
        // The job owns what it touches: it may outlive this coroutine when the server is torn down.
        Result<std::size_t> read = co_await async_run_on(
            group_.disk_, [source = blob.blob, offset = blob.offset + at, bytes, buffer] {
              return source->read(offset, std::span(buffer->data(), bytes));
            });
        if (!read || (*read == 0 && bytes > 0)) {
          response.log_detail =
              read ? std::string(blob_too_short) : read.error().message + " " + read.error().detail;
          co_return false;
        }
        n = *read;
        std::array<asio::const_buffer, 2> both{asio::buffer(prefix), asio::buffer(buffer->data(), n)};
        if (!co_await write(both)) co_return false;
      }
      prefix = {};
      at += n;
    }
    co_return true;
  }

  // Up to `bytes` of the file, under one deadline as every piece; fewer: the connection is to be cut.
  asio::awaitable<std::size_t> send_file(int file, std::uint64_t offset, std::size_t bytes,
                                         Response& response) {
    std::size_t sent = 0;
    auto at = static_cast<off_t>(offset);
    allow(group_.options_.write_deadline);
    while (sent < bytes) {
      const ssize_t n = ::sendfile(socket_.native_handle(), file, &at, bytes - sent);
      if (n > 0) {
        sent += static_cast<std::size_t>(n);
        continue;
      }
      if (n == 0) response.log_detail = blob_too_short;
      if (n == 0 || (errno != EAGAIN && errno != EINTR)) break;
      error_code ec;
      co_await socket_.async_wait(StreamSocket::wait_write, asio::redirect_error(asio::use_awaitable, ec));
      if (ec) break;
    }
    rest();
    sent_bytes_ += sent;
    // A reader that is always ready must not keep the thread from the others.
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    co_return sent;
  }

  class StreamWriter final : public BodyWriter {
   public:
    StreamWriter(Session& session, std::optional<std::uint64_t> length, bool chunked)
        : session_(session), left_(length), chunked_(chunked) {}

    asio::awaitable<Result<void>> write(std::string_view bytes) override {
      if (bytes.empty()) co_return Result<void>();
      if (left_ && bytes.size() > *left_) {
        co_return fail(ErrorKind::internal, "", "more bytes written than announced");
      }
      if (!left_ && session_.group_.stopping_) co_return fail(ErrorKind::unavailable, "The server stops.");
      while (!bytes.empty()) {
        std::string_view piece = bytes.substr(0, write_bytes);
        bytes.remove_prefix(piece.size());
        bool fine = false;
        if (chunked_) {
          std::array<char, 20> digits{};
          char* end = std::to_chars(digits.data(), digits.data() + 16, piece.size(), 16).ptr;
          *end++ = '\r';
          *end++ = '\n';
          std::size_t size = static_cast<std::size_t>(end - digits.data());
          std::array<asio::const_buffer, 3> parts{asio::buffer(digits.data(), size), asio::buffer(piece),
                                                  asio::buffer("\r\n", 2)};
          fine = co_await session_.write(parts);
        } else {
          fine = co_await session_.write(asio::buffer(piece));
        }
        if (!fine) co_return fail(ErrorKind::unavailable, "The client is gone.");
        if (left_) *left_ -= piece.size();
      }
      co_return Result<void>();
    }

    bool complete() const { return left_.value_or(0) == 0; }

   private:
    Session& session_;
    std::optional<std::uint64_t> left_;
    bool chunked_;
  };

  asio::awaitable<bool> send_stream(std::string_view head, const StreamBody& stream, const Request& request,
                                    Response& response) {
    bool chunked = !stream.length_bytes && !request.http_1_0;
    if (!co_await write(asio::buffer(head))) co_return false;
    StreamWriter writer(*this, stream.length_bytes, chunked);
    endless_ = !stream.length_bytes;
    if (endless_ && group_.stopping_) co_return false;
    Result<void> done = fail(ErrorKind::internal, "");
    try {
      done = co_await stream.run(writer);
    } catch (const std::exception& e) {
      if (cancelled_) throw;
      done = fail(ErrorKind::internal, "", e.what());
    }
    endless_ = false;
    if (!done || !writer.complete()) {
      response.log_detail =
          done ? "fewer bytes written than announced" : done.error().message + " " + done.error().detail;
      co_return false;
    }
    if (chunked) co_return co_await write(asio::buffer("0\r\n\r\n", 5));
    co_return true;
  }

  // What cannot be answered in order: the framing is not trusted, so nothing after it is read as a request.
  asio::awaitable<void> refuse(Refusal refused) {
    Response response = refusal(refused.status, refused.sentence);
    if (refused.status == 503) response.header("retry-after", "5");
    write_head(head_, response, {"", false, false, Millis(0), group_.clock_.now()});
    log::info("request_refused",
              {{"status", refused.status}, {"remote", remote_}, {"reason", refused.sentence}});
    if (co_await send_text(head_, std::get<std::string>(response.body))) co_await linger();
  }

  Wire wire_;
  StreamSocket& socket_;  // of the wire
  asio::steady_timer timer_;
  SessionGroup& group_;
  asio::cancellation_signal signal_;
  std::string remote_;
  bool over_cap_;
  bool https_ = false;  // here, or as the trusted proxy in front says

  Steady::time_point deadline_ = Steady::time_point::max();
  Steady::time_point armed_ = Steady::time_point::max();
  bool timed_out_ = false;
  bool idle_ = false;     // between requests: may be closed at any time
  bool endless_ = false;  // in a stream that ends when its client or the server does
  bool cancelled_ = false;
  bool first_request_ = true;

  beast::flat_buffer buffer_;
  std::size_t head_end_ = 0;
  std::optional<Parser> parser_;
  std::function<void(std::uint64_t, beast::string_view, error_code&)> on_chunk_ =
      [](std::uint64_t, beast::string_view extensions, error_code& ec) {
        if (extensions.size() > chunk_extension_bytes_max) ec = http::error::bad_chunk_extension;
      };
  std::uint64_t body_bytes_ = 0;
  std::uint64_t body_bytes_max_ = 0;
  Millis body_waited_{0};
  std::optional<Error> body_error_;
  bool body_broken_ = false;
  std::size_t lent_bytes_ = 0;  // of buffer_, in the hands of whoever reads the body
  bool expect_pending_ = false;

  Steady::time_point started_at_;
  std::uint64_t sent_bytes_ = 0;
  std::string head_;  // of the answer
};

SessionGroup::SessionGroup(const HttpOptions& options, const HttpService& service, WorkPool& disk,
                           const Clock& clock, Random& random, std::function<void()> ended)
    : options_(options),
      service_(service),
      disk_(disk),
      clock_(clock),
      random_(random),
      ended_(std::move(ended)) {}

SessionGroup::~SessionGroup() = default;

std::string SessionGroup::next_request_id() {
  if (id_bytes_.empty()) id_bytes_ = random_bytes(random_, ids_drawn * id_bytes);
  const std::string drawn = id_bytes_.substr(id_bytes_.size() - id_bytes);
  id_bytes_.resize(id_bytes_.size() - id_bytes);
  return to_hex(as_bytes(drawn));
}

void SessionGroup::start(StreamSocket socket, std::shared_ptr<asio::ssl::context> tls, bool over_cap) {
  if (over_cap) {
    std::size_t refusing = 0;
    for (const Session* session : sessions_) refusing += session->over_cap() ? 1 : 0;
    if (refusing >= refusing_max) {
      ended_();
      return;
    }
  }
  auto executor = socket.get_executor();
  auto session = std::make_shared<Session>(std::move(socket), std::move(tls), *this, over_cap);
  asio::co_spawn(executor, session->run(),
                 asio::bind_cancellation_slot(session->cancellation(),
                                              [this, session](const std::exception_ptr&) { ended_(); }));
}

void SessionGroup::stop() {
  stopping_ = true;
  // A session that is cancelled may leave the set at once.
  std::vector<Session*> all(sessions_.begin(), sessions_.end());
  for (Session* session : all) session->stop();
}

void SessionGroup::cancel() {
  std::vector<Session*> all(sessions_.begin(), sessions_.end());
  for (Session* session : all) session->cancel();
}

}  // namespace sallyport
