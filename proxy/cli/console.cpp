#include "proxy/cli/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "storage/base/json.hpp"
#include "storage/base/log.hpp"

namespace sallyport {
namespace {

constexpr const char* socket_name = "console.sock";
constexpr std::size_t question_bytes_max = 1u << 20;
constexpr int question_seconds_max = 10, answer_seconds_max = 60;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string last_error() {
  return std::strerror(errno);
}

// A socket's address holds 108 bytes and a folder's path may be longer: the folder is named by its open
// descriptor instead.
struct Address {
  Fd folder;
  sockaddr_un name{};

  explicit Address(const std::string& path) : folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    name.sun_family = AF_UNIX;
    const std::string text = "/proc/self/fd/" + std::to_string(folder.get()) + '/' + socket_name;
    text.copy(name.sun_path, sizeof name.sun_path - 1);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

void give_up_after(int fd, int option, int seconds) {
  const timeval limit{seconds, 0};
  ::setsockopt(fd, SOL_SOCKET, option, &limit, sizeof limit);
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Lines of a socket. Nothing: the end, an error, or a line over the limit.
class Lines {
 public:
  Lines(int fd, std::size_t line_bytes_max) : fd_(fd), max_(line_bytes_max) {}

  std::optional<std::string> next() {
    for (;;) {
      if (const auto end = held_.find('\n'); end != held_.npos) {
        std::string line = held_.substr(0, end);
        held_.erase(0, end + 1);
        return line;
      }
      if (held_.size() > max_) return {};
      std::array<char, 16384> piece;
      const auto got = ::recv(fd_, piece.data(), piece.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return {};
      held_.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
  std::size_t max_;
  std::string held_;
};

bool same_user_or_root(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

bool send_line(int fd, const json::object& line) {
  return send_all(fd, json::serialize(line) + "\n");
}

}  // namespace

struct ConsoleServer::State {
  Address address;
  Fd listener, stop;
  Handler handler;
  std::thread thread;

  explicit State(const std::string& folder) : address(folder) {}

  void run() const {
    for (;;) {
      std::array<pollfd, 2> waiting{{{listener.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
      if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
      if (waiting[1].revents != 0) return;
      if (waiting[0].revents == 0) continue;
      const Fd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) continue;
      if (same_user_or_root(peer.get())) {
        answer(peer.get());
      } else {
        log::warn("console.refused", {{"reason", "another user"}});
      }
    }
  }

  // The server stops, or who asked has gone.
  bool ended(int peer) const {
    std::array<pollfd, 2> now{{{stop.get(), POLLIN, 0}, {peer, POLLRDHUP, 0}}};
    return ::poll(now.data(), now.size(), 0) > 0;
  }

  void answer(int peer) const {
    give_up_after(peer, SO_RCVTIMEO, question_seconds_max);
    give_up_after(peer, SO_SNDTIMEO, answer_seconds_max);
    const auto line = Lines(peer, question_bytes_max).next();
    if (!line) return;
    const auto question = parse_strict(*line);
    const auto* object = question ? question->if_object() : nullptr;
    const auto* args = object != nullptr ? array_at(*object, "args") : nullptr;
    const auto* given = object != nullptr ? object_at(*object, "input") : nullptr;
    if (args == nullptr || given == nullptr) return;
    std::vector<std::string> words;
    for (const auto& arg : *args) {
      if (!arg.is_string()) return;
      words.emplace_back(arg.as_string());
    }
    const ConsoleInput input{std::string(string_at(*given, "password").value_or("")),
                             std::string(string_at(*given, "folder").value_or("")),
                             bool_at(*given, "watched").value_or(false)};
    const ConsoleOutput output{[&](std::string_view text) { send_line(peer, {{"out", text}}); },
                               [&](std::string_view text) { send_line(peer, {{"err", text}}); },
                               [&] { return ended(peer); }};
    int code = 2;
    try {
      code = handler(words, input, output);
    } catch (const std::exception& error) {
      log::error("console.failed", {{"reason", error.what()}});
      output.err("sallyport: the server could not do this; its log has the reason.\n");
    }
    send_line(peer, {{"exit", code}});
  }
};

ConsoleServer::ConsoleServer(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

ConsoleServer::~ConsoleServer() {
  const std::uint64_t one = 1;
  if (::write(state_->stop.get(), &one, sizeof one) != sizeof one) std::abort();
  state_->thread.join();
  ::unlinkat(state_->address.folder.get(), socket_name, 0);
}

Result<std::unique_ptr<ConsoleServer>> ConsoleServer::start(const std::string& folder, Handler handler) {
  const auto failed = [&](const char* what) {
    return fail(ErrorKind::unavailable, "The console socket in " + folder + " cannot be opened.",
                std::string(what) + ": " + last_error());
  };
  auto state = std::make_unique<State>(folder);
  if (!state->address.folder) return failed("open");
  state->handler = std::move(handler);
  state->stop = Fd(::eventfd(0, EFD_CLOEXEC));
  state->listener = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!state->stop || !state->listener) return failed("socket");
  // The mode a socket has when it is bound is the mode of its file: at no moment may others connect.
  if (::fchmod(state->listener.get(), 0600) != 0) return failed("fchmod");
  ::unlinkat(state->address.folder.get(), socket_name, 0);
  if (::bind(state->listener.get(), state->address.get(), sizeof(sockaddr_un)) != 0) return failed("bind");
  if (::listen(state->listener.get(), 16) != 0) return failed("listen");
  return std::unique_ptr<ConsoleServer>(new ConsoleServer(std::move(state)));
}

Result<int> ask_console(const std::string& folder, const std::vector<std::string>& args,
                        const ConsoleInput& input, const ConsoleOutput& output) {
  const Address address(folder);
  const Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!address.folder || !peer || ::connect(peer.get(), address.get(), sizeof(sockaddr_un)) != 0)
    return fail(
        ErrorKind::unavailable,
        "Another process has the data folder " + folder + ", and no server answers in it: stop that process.",
        last_error());
  json::object question{
      {"input", {{"password", input.password}, {"folder", input.folder}, {"watched", input.watched}}}};
  question["args"] = json::array(args.begin(), args.end());
  if (send_line(peer.get(), question)) {
    Lines lines(peer.get(), 64u << 20);
    while (const auto line = lines.next()) {
      const auto value = parse_strict(*line, {.bytes_max = 64u << 20});
      if (!value || !value->is_object()) break;
      const auto& object = value->get_object();
      if (const auto text = string_at(object, "out")) output.out(*text);
      if (const auto text = string_at(object, "err")) output.err(*text);
      if (const auto code = int_at(object, "exit")) return static_cast<int>(*code);
    }
  }
  return fail(ErrorKind::unavailable, "The server went away before the command had ended: try again.");
}

}  // namespace sallyport
