#include "proxy/http/server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <csignal>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "proxy/http/session.hpp"
#include "proxy/http/tls.hpp"
#include "storage/base/log.hpp"

namespace sallyport {

using boost::system::error_code;
using Stream = asio::generic::stream_protocol;

namespace {

using Acceptor = asio::basic_socket_acceptor<Stream>;

constexpr std::chrono::milliseconds accept_pause{50};  // after running out of descriptors
constexpr std::chrono::seconds cancel_grace{5};        // for what was cancelled to notice

Error listen_error(const std::string& where, const error_code& ec) {
  ErrorKind kind = ec == asio::error::address_in_use ? ErrorKind::conflict : ErrorKind::unavailable;
  std::string why = ec == asio::error::address_in_use ? "something else listens there" : ec.message();
  return fail(kind, "Cannot listen on " + where + ": " + why + ".", ec.message());
}

// Open, bound and listening; `share` lets the acceptors of several threads have one port.
Result<std::unique_ptr<Acceptor>> open_acceptor(asio::io_context& context, const Stream::endpoint& endpoint,
                                                bool share, const std::string& where) {
  auto acceptor = std::make_unique<Acceptor>(context);
  error_code ec;
  acceptor->open(endpoint.protocol(), ec);
  if (!ec && endpoint.protocol().family() != AF_UNIX) {
    acceptor->set_option(asio::socket_base::reuse_address(true), ec);
    using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
    if (!ec && share) acceptor->set_option(ReusePort(true), ec);
  }
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return listen_error(where, ec);
  return acceptor;
}

bool out_of_descriptors(const error_code& ec) {
  return ec.value() == EMFILE || ec.value() == ENFILE || ec.value() == ENOBUFS || ec.value() == ENOMEM;
}

}  // namespace

struct HttpServer::State {
  // One I/O thread. `group` stands before `context`, whose end destroys the last sessions.
  struct Worker {
    Worker(State& state, const HttpService& service, WorkPool& disk, const Clock& clock, Random& random)
        : group(state.options, service, disk, clock, random, [&state] { state.left(); }) {}
    ~Worker() {
      if (reserve_fd >= 0) ::close(reserve_fd);
    }
    SessionGroup group;
    asio::io_context context{1};
    std::vector<std::unique_ptr<Acceptor>> acceptors;
    int reserve_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    std::thread thread;
  };

  State(HttpOptions o, const HttpService& service, WorkPool& disk, const Clock& clock, Random& random)
      : options(std::move(o)) {
    for (unsigned i = 0; i < std::max(1u, options.io_threads); ++i) {
      workers.push_back(std::make_unique<Worker>(*this, service, disk, clock, random));
    }
  }

  bool enter() {
    std::lock_guard lock(mutex);
    ++count;
    return count > options.connections_max;
  }
  void left() {
    std::lock_guard lock(mutex);
    --count;
    if (count == 0) empty.notify_all();
  }
  bool wait_empty(std::chrono::steady_clock::duration span) {
    std::unique_lock lock(mutex);
    return empty.wait_for(lock, span, [this] { return count == 0; });
  }

  asio::awaitable<void> accept(Worker& worker, Acceptor& acceptor) {
    asio::steady_timer pause(worker.context);
    // Whoever may open the Unix socket is on this machine already.
    const bool local = acceptor.local_endpoint().protocol().family() == AF_UNIX;
    const TlsIdentity* tls = local ? nullptr : options.tls;
    bool told = false;  // once for a shortage, however long it lasts
    while (acceptor.is_open()) {
      error_code ec;
      StreamSocket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, ec));
      if (!acceptor.is_open()) co_return;
      if (!ec) {
        if (std::exchange(told, false)) log::info("accept_works_again");
        int on = 1;  // answers are written whole; fails harmlessly on a Unix socket
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        bool over_cap = enter();
        worker.group.start(std::move(socket), tls ? tls->current() : nullptr, over_cap);
      } else if (out_of_descriptors(ec)) {
        // The waiting connection would make accept() fail again at once, for ever. The reserve descriptor
        // takes it in and ends it, so that its client knows; then a pause instead of a spin.
        if (!std::exchange(told, true)) log::warn("accept_failed", {{"error", ec.message()}});
        if (worker.reserve_fd >= 0) ::close(worker.reserve_fd);
        int refused = ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (refused >= 0) ::close(refused);
        worker.reserve_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        pause.expires_after(accept_pause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      } else if (ec != asio::error::connection_aborted) {
        log::warn("accept_failed", {{"error", ec.message()}});
        pause.expires_after(accept_pause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      }
    }
  }

  HttpOptions options;
  std::mutex mutex;
  std::condition_variable empty;
  std::size_t count = 0;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::filesystem::path> unix_paths;
  bool started = false;
  bool stopped = false;
};

HttpServer::HttpServer(HttpOptions options, const HttpService& service, WorkPool& disk, const Clock& clock,
                       Random& random)
    : state_(std::make_unique<State>(std::move(options), service, disk, clock, random)) {}

HttpServer::~HttpServer() {
  stop();
}

Result<std::uint16_t> HttpServer::listen(const std::string& address, std::uint16_t port) {
  error_code ec;
  std::string where = address + ":" + std::to_string(port);
  auto ip = asio::ip::make_address(address, ec);
  if (ec)
    return fail(ErrorKind::invalid, "Cannot listen on " + where + ": '" + address + "' is no IP address.");
  bool share = state_->workers.size() > 1;
  asio::ip::tcp::endpoint endpoint(ip, port);
  if (share && port != 0) {
    // A second server of the same user could share the port unnoticed. Binding once without sharing tells.
    auto probe = open_acceptor(state_->workers.front()->context, endpoint, false, where);
    if (!probe) return probe.error();
  }
  for (auto& worker : state_->workers) {
    auto acceptor = open_acceptor(worker->context, endpoint, share, where);
    if (!acceptor) return acceptor.error();
    if (endpoint.port() == 0) {
      auto bound = (*acceptor)->local_endpoint(ec);
      asio::ip::tcp::endpoint real;
      std::memcpy(real.data(), bound.data(), bound.size());
      endpoint.port(real.port());
    }
    worker->acceptors.push_back(std::move(*acceptor));
  }
  return endpoint.port();
}

Result<void> HttpServer::listen_unix(const std::filesystem::path& path) {
  State::Worker& worker = *state_->workers.front();
  const std::string where = path.string();
  if (where.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ErrorKind::invalid, "Cannot listen on " + where + ": the path is too long for a socket.");
  }
  asio::local::stream_protocol::endpoint endpoint(where);
  std::error_code file_error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, file_error))) {
    asio::local::stream_protocol::socket probe(worker.context);
    error_code ec;
    probe.connect(endpoint, ec);
    if (!ec) {
      return fail(ErrorKind::conflict, "Cannot listen on " + where + ": another server answers there.");
    }
    if (!std::filesystem::is_socket(std::filesystem::symlink_status(path, file_error))) {
      return fail(ErrorKind::conflict, "Cannot listen on " + where + ": a file of that name is in the way.");
    }
    std::filesystem::remove(path, file_error);
  }
  // Between bind and listen nobody can connect, so the mode is right before anybody could use the socket.
  auto acceptor = std::make_unique<Acceptor>(worker.context);
  error_code ec;
  acceptor->open(Stream::endpoint(endpoint).protocol(), ec);
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec && ::chmod(where.c_str(), S_IRUSR | S_IWUSR) != 0)
    ec.assign(errno, boost::system::system_category());
  if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return listen_error(where, ec);
  worker.acceptors.push_back(std::move(acceptor));
  state_->unix_paths.push_back(path);
  return {};
}

void HttpServer::start() {
  State& state = *state_;
  if (std::exchange(state.started, true)) return;
  for (std::size_t i = 0; i < state.workers.size(); ++i) {
    State::Worker& worker = *state.workers[i];
    for (auto& acceptor : worker.acceptors) {
      asio::co_spawn(worker.context, state.accept(worker, *acceptor), asio::detached);
    }
    worker.thread = std::thread([&worker, name = "io" + std::to_string(i)] {
      pthread_setname_np(pthread_self(), name.c_str());
      // sendfile(2) has no MSG_NOSIGNAL: a client that is gone is an error of the call, not a signal.
      sigset_t gone{};
      sigemptyset(&gone);
      sigaddset(&gone, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &gone, nullptr);
      worker.context.run();
    });
  }
}

void HttpServer::stop() {
  State& state = *state_;
  if (!state.started || std::exchange(state.stopped, true)) return;
  for (auto& worker : state.workers) {
    asio::post(worker->context, [&worker] {
      error_code ignored;
      for (auto& acceptor : worker->acceptors) acceptor->close(ignored);
      worker->group.stop();
    });
  }
  for (const auto& path : state.unix_paths) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  if (!state.wait_empty(state.options.stop_deadline)) {
    log::warn("stop_deadline_passed", {{"connections", connections()}});
    for (auto& worker : state.workers) {
      asio::post(worker->context, [&worker] { worker->group.cancel(); });
    }
    if (!state.wait_empty(cancel_grace)) {
      log::error("connections_abandoned", {{"connections", connections()}});
      for (auto& worker : state.workers) worker->context.stop();
    }
  }
  for (auto& worker : state.workers) worker->thread.join();
}

std::size_t HttpServer::connections() const {
  std::lock_guard lock(state_->mutex);
  return state_->count;
}

std::size_t HttpServer::in_flight() const {
  std::size_t sum = 0;
  for (const auto& worker : state_->workers) sum += worker->group.in_flight();
  return sum;
}

}  // namespace sallyport
