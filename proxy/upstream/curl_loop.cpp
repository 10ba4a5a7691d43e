#include "proxy/upstream/curl_loop.hpp"

#include <curl/curl.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <unordered_map>

#include "proxy/upstream/proxy_environment.hpp"
#include "proxy/upstream/url.hpp"
#include "storage/base/log.hpp"

namespace sallyport {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t head_bytes_max = 64 << 10;
// What is read of a redirect's own body to keep its connection.
constexpr std::uint64_t redirect_body_bytes_max = 64 << 10;
// A wake-up can get lost between versions of libcurl; then it costs this much, not a hang.
constexpr Millis poll_max{1000};
// Older idle connections are likely dead on the other side.
constexpr long connection_idle_seconds_max = 30;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;
using Multi = std::unique_ptr<CURLM, FreeMulti>;

void append(List& list, const std::string& line) {
  if (curl_slist* grown = curl_slist_append(list.get(), line.c_str())) {
    static_cast<void>(list.release());
    list.reset(grown);
  }
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

enum class Ask { start, resume, cancel };
struct Command {
  Ask ask;
  std::shared_ptr<HttpTransfer> transfer;
};

class CurlLoop::Commands final : public TransferControl {
 public:
  explicit Commands(CURLM* multi) : multi_(multi) {}

  bool put(Ask ask, std::shared_ptr<HttpTransfer> transfer) {
    const std::lock_guard lock(mutex_);
    if (multi_ == nullptr || stopping_) return false;
    queue_.push_back({ask, std::move(transfer)});
    curl_multi_wakeup(multi_);
    return true;
  }
  void resume(std::shared_ptr<HttpTransfer> transfer) override { put(Ask::resume, std::move(transfer)); }
  void cancel(std::shared_ptr<HttpTransfer> transfer) override { put(Ask::cancel, std::move(transfer)); }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (multi_ != nullptr) curl_multi_wakeup(multi_);
  }
  // False once stop() was called.
  bool drain(std::vector<Command>& into) {
    const std::lock_guard lock(mutex_);
    into.clear();
    std::swap(into, queue_);
    return !stopping_;
  }
  // The multi handle is about to go.
  void detach() {
    const std::lock_guard lock(mutex_);
    multi_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::vector<Command> queue_;
  CURLM* multi_;
  bool stopping_ = false;
};

namespace {

// The sockets that are open, to look at the one behind a kept connection: what lies in it before anything
// was asked would be taken for the answer, and the libcurl of Debian 12 does not look.
class Sockets {
 public:
  curl_socket_t open(const curl_sockaddr& address) {
    const int socket = ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
    if (socket >= 0) open_.push_back(socket);
    return socket;
  }
  int close(curl_socket_t socket) {
    std::erase(open_, socket);
    return ::close(socket);
  }
  // Whether nothing has come in, not even its end. In TLS it may have been harmless; then a new connection
  // costs a handshake.
  bool is_quiet(std::string_view peer_address, int peer_port, int local_port) const {
    for (const int socket : open_) {
      char byte = 0;
      if (end_of(socket, getsockname).second == local_port &&
          end_of(socket, getpeername) == std::pair(std::string(peer_address), peer_port))
        return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    return false;
  }

 private:
  static std::pair<std::string, int> end_of(int socket, int (*which)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (which(socket, any, &size) != 0 || getnameinfo(any, size, host.data(), host.size(), port.data(),
                                                      port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
      return {};
    return {host.data(), std::atoi(port.data())};
  }
  std::vector<int> open_;
};

// One transfer as the curl thread sees it, over all the hops of its redirects.
class Job {
 public:
  Job(std::shared_ptr<HttpTransfer> transfer, const HttpClientOptions& options, Sockets& sockets)
      : transfer_(std::move(transfer)),
        options_(options),
        sockets_(sockets),
        began_(Steady::now()),
        active_(began_) {}
  ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // Makes the handle of the first hop.
  Result<void> begin();
  // After the handle's transfer is done: whether there is another hop, whose handle is then made.
  Result<bool> next_hop(CURLcode code);
  CURL* easy() const { return easy_.get(); }
  HttpTransfer& transfer() const { return *transfer_; }

  void resume() {
    paused_ = false;
    active_ = Steady::now();
    curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
  }
  // How long it may stay silent from now on; nothing if nobody minds.
  std::optional<Millis> silence_left(Steady::time_point now) const {
    if (transfer_->request().idle_max.count() == 0 || paused_) return std::nullopt;
    return std::chrono::duration_cast<Millis>(active_ + transfer_->request().idle_max - now);
  }
  Error silent() const { return timed_out("no bytes within idle_max"); }
  // What the end of the last hop means to the asker.
  std::optional<Error> outcome(CURLcode code) const;

 private:
  Result<void> make_handle();
  Result<void> check_target() const;
  bool local_refused() const;
  std::string proxy() const;
  bool set_options(const std::string& proxy);
  Error because(ErrorKind kind, const std::string& what, std::string detail = {}) const;
  Error timed_out(std::string detail) const;
  Error local_target() const;

  std::size_t on_header(std::string_view line);
  bool head_is_complete();
  std::size_t on_body(std::string_view bytes);
  std::size_t on_upload(std::span<char> out);
  curl_socket_t on_socket(const curl_sockaddr& address);
  int on_connected(const char* address, int port, int local_port);
  std::size_t give_up(Error error) {
    if (!error_) error_ = std::move(error);
    return 0;
  }
  void touch() { active_ = Steady::now(); }

  const std::shared_ptr<HttpTransfer> transfer_;
  const HttpClientOptions& options_;
  Sockets& sockets_;
  const Steady::time_point began_;
  Steady::time_point active_;  // of the last byte in either direction
  bool paused_ = false;        // because the asker is slow, which is not the other side's silence

  Url first_;  // what was asked for; where it is now
  Url url_;
  int hops_left_ = 0;

  std::array<char, CURL_ERROR_SIZE> curl_error_{};
  List headers_sent_;
  List resolve_;
  Easy easy_;  // after what it refers to

  int status_ = 0;
  HttpHeaders head_;
  std::size_t head_bytes_ = 0;
  bool head_given_ = false;
  std::optional<Url> redirect_;
  std::uint64_t body_bytes_ = 0;
  bool local_met_ = false;
  bool again_fresh_ = false;  // the kept connection was no good, and nothing has been sent on it
  bool through_proxy_ = false;
  std::optional<Error> error_;  // ours; stands over what libcurl says
};

Error Job::because(ErrorKind kind, const std::string& what, std::string detail) const {
  if (curl_error_[0] != '\0') detail += (detail.empty() ? "" : ": ") + std::string(curl_error_.data());
  return fail(kind, "the upstream " + url_.origin() + " " + what, std::move(detail));
}

Error Job::timed_out(std::string detail) const {
  return because(ErrorKind::unavailable,
                 head_given_ ? "stopped in the middle of an answer" : "did not answer in time",
                 std::move(detail));
}

Error Job::local_target() const {
  return because(ErrorKind::upstream,
                 "stands on this machine or its own link, where an answer of another upstream may not lead");
}

Result<void> Job::begin() {
  const HttpRequest& request = transfer_->request();
  auto url = parse_url(request.url);
  if (!url) return url.error();
  first_ = url_ = *url;
  hops_left_ = request.method == "GET" ? request.redirects_max : 0;
  return make_handle();
}

Result<void> Job::check_target() const {
  const HttpRoute& route = transfer_->request().route;
  if (url_.scheme != "https" && !route.http_allowed)
    return because(ErrorKind::upstream, "is not reached over https, and plain http is not allowed here");
  if (local_refused() && is_local_host(url_.host)) return local_target();
  return {};
}

bool Job::local_refused() const {
  const HttpRoute& route = transfer_->request().route;
  return route.local_refused && url_.origin() != route.local_allowed_origin;
}

std::string Job::proxy() const {
  const HttpRoute& route = transfer_->request().route;
  if (!route.proxy.empty() || !route.proxy_from_environment) return route.proxy;
  return proxy_for(url_, [](const char* name) -> const char* { return std::getenv(name); });
}

Result<void> Job::make_handle() {
  if (auto allowed = check_target(); !allowed) return allowed.error();
  status_ = 0;
  head_ = {};
  head_bytes_ = 0;
  redirect_.reset();
  body_bytes_ = 0;
  curl_error_[0] = '\0';
  const std::string through = proxy();
  through_proxy_ = !through.empty();
  easy_.reset(curl_easy_init());
  if (!easy_ || !set_options(through)) return fail(ErrorKind::internal, "cannot set up a request", "libcurl");
  touch();
  return {};
}

bool Job::set_options(const std::string& proxy) {
  const HttpRequest& request = transfer_->request();
  bool good = true;
  const auto set = [&](auto option, auto value) {
    good = good && curl_easy_setopt(easy_.get(), option, value) == CURLE_OK;
  };

  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, curl_error_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_URL, url_.text().c_str());
  set(CURLOPT_PROTOCOLS_STR, request.route.http_allowed ? "http,https" : "https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // next_hop() does, with its own rules
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_PROXY, proxy.c_str());  // an empty one keeps libcurl from the environment
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // Pausing is at its most reliable without HTTP/2's windows, and nothing here needs more.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_BUFFERSIZE, 64L << 10);
  set(CURLOPT_MAXAGE_CONN, connection_idle_seconds_max);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_max.count()));
  if (request.total_max.count() > 0) {
    const auto left = request.total_max - std::chrono::duration_cast<Millis>(Steady::now() - began_);
    set(CURLOPT_TIMEOUT_MS, std::max<long>(1, static_cast<long>(left.count())));
  }
  if (request.idle_max.count() > 0) {
    // Against a trickle that is never idle; whole seconds, at least a few.
    set(CURLOPT_LOW_SPEED_LIMIT, 256L);
    set(CURLOPT_LOW_SPEED_TIME, std::max<long>(5, static_cast<long>(request.idle_max.count() / 1000)));
  }
  if (!request.route.ca_file.empty()) {
    set(CURLOPT_CAINFO, request.route.ca_file.c_str());
  } else if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0') {
    set(CURLOPT_CAINFO, file);
  }
  if (request.accept_gzip) set(CURLOPT_ACCEPT_ENCODING, "gzip");

  headers_sent_.reset();
  for (const auto& [name, value] : request.headers.all()) append(headers_sent_, name + ": " + value);
  if (!request.authorization.empty() && url_.origin() == first_.origin())
    append(headers_sent_, "Authorization: " + request.authorization);
  append(headers_sent_, "User-Agent: sallyport/" SALLYPORT_VERSION);
  append(headers_sent_, "Expect:");  // no second of waiting for a 100 that few servers send
  set(CURLOPT_HTTPHEADER, headers_sent_.get());

  if (const auto bytes = transfer_->upload_bytes()) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*bytes));
    set(CURLOPT_READFUNCTION,
        static_cast<curl_read_callback>([](char* out, std::size_t size, std::size_t n, void* job) {
          return static_cast<Job*>(job)->on_upload({out, size * n});
        }));
    set(CURLOPT_READDATA, static_cast<void*>(this));
  } else if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  }
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  // On a reused connection that turns out dead, libcurl sends the request again by itself. A GET may be;
  // of anything else the other side could have taken the first one.
  if (again_fresh_ || (request.method != "GET" && request.method != "HEAD")) set(CURLOPT_FRESH_CONNECT, 1L);

  resolve_.reset();
  for (const std::string& line : options_.resolve) append(resolve_, line);
  if (resolve_) set(CURLOPT_RESOLVE, resolve_.get());

  set(CURLOPT_HEADERFUNCTION,
      static_cast<curl_write_callback>([](char* line, std::size_t size, std::size_t n, void* job) {
        return static_cast<Job*>(job)->on_header({line, size * n});
      }));
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION,
      static_cast<curl_write_callback>([](char* bytes, std::size_t size, std::size_t n, void* job) {
        return static_cast<Job*>(job)->on_body({bytes, size * n});
      }));
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_OPENSOCKETFUNCTION,
      static_cast<curl_opensocket_callback>([](void* job, curlsocktype, curl_sockaddr* address) {
        return static_cast<Job*>(job)->on_socket(*address);
      }));
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  set(CURLOPT_CLOSESOCKETFUNCTION,
      static_cast<curl_closesocket_callback>(
          [](void* sockets, curl_socket_t socket) { return static_cast<Sockets*>(sockets)->close(socket); }));
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&sockets_));
  set(CURLOPT_PREREQFUNCTION,
      static_cast<curl_prereq_callback>([](void* job, char* there, char*, int port, int local_port) {
        return static_cast<Job*>(job)->on_connected(there, port, local_port);
      }));
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  return good;
}

// The guard looks at the address that is connected to, so that no name and no change of DNS gets around it.
curl_socket_t Job::on_socket(const curl_sockaddr& address) {
  if (local_refused() && !through_proxy_) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(&address.addr, address.addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) !=
            0 ||
        is_local_host(text.data())) {
      local_met_ = true;
      return CURL_SOCKET_BAD;
    }
  }
  return sockets_.open(address);
}

// And at the one of a connection that some other request has left behind.
int Job::on_connected(const char* address, int port, int local_port) {
  if (local_refused() && !through_proxy_ && is_local_host(address)) {
    local_met_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  long connects = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &connects);
  if (connects == 0 && !sockets_.is_quiet(address, port, local_port)) {
    again_fresh_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  return CURL_PREREQFUNC_OK;
}

std::size_t Job::on_header(std::string_view line) {
  touch();
  if (error_) return 0;
  const std::size_t line_bytes = line.size();
  head_bytes_ += line_bytes;
  if (head_bytes_ > head_bytes_max)
    return give_up(because(ErrorKind::upstream, "sends a head that is larger than any we know"));
  if (head_given_ || redirect_) return line_bytes;  // a trailer
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return head_is_complete() ? line_bytes : 0;
  if (line.starts_with("HTTP/")) {
    head_ = {};  // what came before was an interim answer
  } else if (const auto colon = line.find(':'); colon != line.npos && colon != 0) {
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    head_.add(std::string(line.substr(0, colon)), std::string(value));
  }
  return line_bytes;
}

bool Job::head_is_complete() {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return true;
  status_ = static_cast<int>(status);
  const HttpRequest& request = transfer_->request();
  const std::string* location = head_.find("Location");
  if (request.method == "GET" && request.redirects_max > 0 && is_redirect(status_) && location != nullptr) {
    if (hops_left_ == 0) {
      give_up(because(ErrorKind::upstream, "redirects too often"));
      return false;
    }
    auto target = resolve_url(url_, *location);
    if (!target) {
      give_up(because(ErrorKind::upstream, "redirects to what is not a URL", target.error().detail));
      return false;
    }
    redirect_ = *target;
    return true;
  }
  // Refused before a byte of it is read, where the other side is honest; on_body() holds in any case.
  if (const std::string* length = head_.find("Content-Length");
      length != nullptr && request.method != "HEAD") {
    std::uint64_t bytes = 0;
    std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (bytes > request.response_bytes_max) {
      give_up(because(ErrorKind::too_large, "sends an answer over the limit of " +
                                                std::to_string(request.response_bytes_max) + " bytes"));
      return false;
    }
  }
  head_given_ = true;
  transfer_->give_head(status_, std::move(head_));
  return true;
}

std::size_t Job::on_body(std::string_view bytes) {
  touch();
  if (error_ || bytes.empty()) return 0;  // it may be called again after an error
  if (redirect_) {
    body_bytes_ += bytes.size();
    return body_bytes_ > redirect_body_bytes_max ? 0 : bytes.size();
  }
  const std::uint64_t bytes_max = transfer_->request().response_bytes_max;
  if (bytes.size() > bytes_max - body_bytes_)
    return give_up(because(ErrorKind::too_large,
                           "sends an answer over the limit of " + std::to_string(bytes_max) + " bytes"));
  if (!transfer_->give(bytes)) {
    paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  body_bytes_ += bytes.size();
  return bytes.size();
}

std::size_t Job::on_upload(std::span<char> out) {
  touch();
  std::size_t taken = 0;
  if (transfer_->pull(out, taken) == HttpTransfer::Pull::pause) {
    paused_ = true;
    return CURL_READFUNC_PAUSE;
  }
  return taken;
}

Result<bool> Job::next_hop(CURLcode code) {
  // A write error here is our own refusal to read the whole body of the redirect.
  if (again_fresh_ && code == CURLE_ABORTED_BY_CALLBACK) {
    if (auto made = make_handle(); !made) return made.error();
    again_fresh_ = false;
    return true;
  }
  if (!redirect_ || error_ || (code != CURLE_OK && code != CURLE_WRITE_ERROR)) return false;
  --hops_left_;
  url_ = *std::exchange(redirect_, std::nullopt);
  if (auto made = make_handle(); !made) return made.error();
  return true;
}

std::optional<Error> Job::outcome(CURLcode code) const {
  if (error_) return error_;
  if (code == CURLE_OK && head_given_) return std::nullopt;
  const std::string detail = curl_easy_strerror(code);
  if (local_met_ && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
    return local_target();
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out(detail);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return because(ErrorKind::unavailable, "cannot be found: check its host name and the name service",
                     detail);
    case CURLE_COULDNT_CONNECT:
      return because(ErrorKind::unavailable, "cannot be reached", detail);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
      return because(
          ErrorKind::unavailable,
          "cannot be trusted: its certificate does not hold; set ca_file if it has an authority of its own",
          detail);
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return because(ErrorKind::upstream, "sends what is not a proper HTTP answer", detail);
    default:
      return because(ErrorKind::unavailable, head_given_ ? "cut its answer short" : "gave no answer", detail);
  }
}

Error shutting_down() {
  return fail(ErrorKind::unavailable, "the server is shutting down: try again in a moment");
}

class Transfers {
 public:
  Transfers(CURLM* multi, const HttpClientOptions& options, Sockets& sockets)
      : multi_(multi), options_(options), sockets_(sockets) {}

  void start(const std::shared_ptr<HttpTransfer>& transfer) {
    auto job = std::make_unique<Job>(transfer, options_, sockets_);
    if (auto began = job->begin(); !began) return transfer->end(began.error());
    if (curl_multi_add_handle(multi_, job->easy()) != CURLM_OK)
      return transfer->end(fail(ErrorKind::internal, "cannot set up a request", "curl_multi_add_handle"));
    jobs_.emplace(transfer.get(), std::move(job));
  }
  void resume(HttpTransfer* transfer) {
    if (const auto found = jobs_.find(transfer); found != jobs_.end()) found->second->resume();
  }
  void end(HttpTransfer* transfer, std::optional<Error> error) {
    const auto found = jobs_.find(transfer);
    if (found == jobs_.end()) return;
    const auto job = std::move(found->second);
    jobs_.erase(found);
    curl_multi_remove_handle(multi_, job->easy());
    transfer->end(std::move(error));
  }
  void end_all(const Error& error) {
    while (!jobs_.empty()) end(jobs_.begin()->first, error);
  }
  void collect_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* job = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
      done(*static_cast<Job*>(job), message->data.result);
    }
  }
  // Ends those whose other side has been silent for too long; says when to look again.
  Millis end_silent() {
    const auto now = Steady::now();
    Millis next = poll_max;
    std::vector<HttpTransfer*> silent;
    for (const auto& [transfer, job] : jobs_) {
      const auto left = job->silence_left(now);
      if (!left) continue;
      if (left->count() <= 0)
        silent.push_back(transfer);
      else
        next = std::min(next, *left + Millis(1));
    }
    for (HttpTransfer* transfer : silent) end(transfer, jobs_.at(transfer)->silent());
    return next;
  }

 private:
  void done(Job& job, CURLcode code) {
    curl_multi_remove_handle(multi_, job.easy());
    auto more = job.next_hop(code);
    if (!more) return end(&job.transfer(), more.error());
    if (!*more) return end(&job.transfer(), job.outcome(code));
    if (curl_multi_add_handle(multi_, job.easy()) != CURLM_OK)
      end(&job.transfer(), fail(ErrorKind::internal, "cannot set up a request", "curl_multi_add_handle"));
  }

  CURLM* const multi_;
  const HttpClientOptions& options_;
  Sockets& sockets_;
  std::unordered_map<HttpTransfer*, std::unique_ptr<Job>> jobs_;
};

// Until `drain` says that it is over.
void run(CURLM* multi, const HttpClientOptions& options, Sockets& sockets,
         const std::function<bool(std::vector<Command>&)>& drain) {
  Transfers transfers(multi, options, sockets);
  std::vector<Command> commands;
  for (bool going = true; going;) {
    going = drain(commands);
    for (Command& command : commands) {
      switch (command.ask) {
        case Ask::start:
          transfers.start(command.transfer);
          break;
        case Ask::resume:
          transfers.resume(command.transfer.get());
          break;
        case Ask::cancel:
          transfers.end(command.transfer.get(), fail(ErrorKind::unavailable, "the request was given up"));
      }
    }
    if (!going) break;
    int running = 0;
    curl_multi_perform(multi, &running);
    transfers.collect_done();
    const Millis next = transfers.end_silent();
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(next.count()), nullptr);
  }
  transfers.end_all(shutting_down());
}

}  // namespace

CurlLoop::CurlLoop(const HttpClientOptions& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  Multi multi(curl_multi_init());
  if (ready != CURLE_OK || !multi) throw std::runtime_error("libcurl cannot be initialised");
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options.connections_max));
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(options.connections_per_host_max));
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections_max));
  commands_ = std::make_shared<Commands>(multi.get());

  // Signals are main's; and a SIGPIPE that TLS may raise on this thread stays pending instead of killing.
  sigset_t all{}, before{};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([multi = std::move(multi), options, commands = commands_]() mutable {
    Sockets sockets;
    run(multi.get(), options, sockets, [&](std::vector<Command>& into) { return commands->drain(into); });
    commands->detach();
    multi.reset();  // while there are sockets to close
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

CurlLoop::~CurlLoop() {
  stop();
}

void CurlLoop::start(std::shared_ptr<HttpTransfer> transfer) {
  if (!commands_->put(Ask::start, transfer)) transfer->end(shutting_down());
}

std::shared_ptr<TransferControl> CurlLoop::control() const {
  return commands_;
}

void CurlLoop::stop() {
  commands_->stop();
  const std::lock_guard lock(stop_mutex_);
  if (thread_.joinable()) thread_.join();
}

}  // namespace sallyport
