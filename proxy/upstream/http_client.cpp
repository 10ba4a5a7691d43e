#include "proxy/upstream/http_client.hpp"

#include <algorithm>

#include "proxy/upstream/curl_loop.hpp"
#include "proxy/upstream/http_transfer.hpp"

namespace sallyport {
namespace {

namespace asio = boost::asio;
using Want = HttpTransfer::Want;

constexpr std::size_t upload_piece_bytes = 64 << 10;
// What is kept of the body of a download that is not a 200: an error text.
constexpr std::size_t refusal_bytes_max = 64 << 10;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// Whoever stops waiting, by an error, an exception or a cancelled coroutine, ends the transfer.
class Asking {
 public:
  explicit Asking(std::shared_ptr<HttpTransfer> transfer) : transfer_(std::move(transfer)) {}
  ~Asking() {
    if (transfer_) transfer_->drop();
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  HttpTransfer* operator->() const { return transfer_.get(); }
  std::shared_ptr<HttpTransfer> release() { return std::move(transfer_); }

 private:
  std::shared_ptr<HttpTransfer> transfer_;
};

std::shared_ptr<HttpTransfer> begin(CurlLoop& loop, HttpRequest request, HttpTransfer::Body body,
                                    std::optional<std::uint64_t> upload_bytes = {}) {
  auto transfer = std::make_shared<HttpTransfer>(std::move(request), body, upload_bytes, loop.control());
  loop.start(transfer);
  return transfer;
}

// Feeds `body` to the transfer as fast as it is sent, until all is handed over or the transfer has ended.
Result<void> send(HttpTransfer& transfer, const BodySource& body) {
  std::string piece;
  for (std::uint64_t offset = 0; offset < body.size_bytes; offset += piece.size()) {
    transfer.until_blocking(Want::upload_room);
    piece.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(upload_piece_bytes, body.size_bytes - offset)));
    const auto filled = body.read(offset, piece);
    if (!filled) return filled.error();
    if (*filled == 0) return fail(ErrorKind::internal, "what is to be sent ends too early", "body source");
    piece.resize(*filled);
    if (!transfer.upload(piece)) break;
  }
  return {};
}

}  // namespace

void HttpHeaders::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

const std::string* HttpHeaders::find(std::string_view name) const {
  const auto same = [name](const auto& field) {
    return std::ranges::equal(field.first, name, [](char a, char b) { return lower(a) == lower(b); });
  };
  const auto found = std::ranges::find_if(fields_, same);
  return found == fields_.end() ? nullptr : &found->second;
}

HttpStream::HttpStream(std::shared_ptr<HttpTransfer> transfer) : transfer_(std::move(transfer)) {}
HttpStream::~HttpStream() {
  transfer_->drop();
}
int HttpStream::status() const {
  return transfer_->status();
}
const HttpHeaders& HttpStream::headers() const {
  return transfer_->headers();
}

asio::awaitable<Result<std::string>> HttpStream::read_some() {
  co_await transfer_->until(Want::piece);
  co_return transfer_->take();
}

Result<std::string> HttpStream::read_some_blocking() {
  transfer_->until_blocking(Want::piece);
  return transfer_->take();
}

HttpClient::HttpClient(HttpClientOptions options) : loop_(std::make_unique<CurlLoop>(options)) {}
HttpClient::~HttpClient() = default;
void HttpClient::stop() {
  loop_->stop();
}

asio::awaitable<Result<HttpResponse>> HttpClient::fetch(HttpRequest request) {
  const Asking asking(begin(*loop_, std::move(request), HttpTransfer::Body::whole));
  co_await asking->until(Want::end);
  co_return asking->take_whole();
}

asio::awaitable<Result<HttpResponse>> HttpClient::fetch(HttpRequest request, std::string body) {
  const Asking asking(begin(*loop_, std::move(request), HttpTransfer::Body::whole, body.size()));
  asking->upload(std::move(body));
  co_await asking->until(Want::end);
  co_return asking->take_whole();
}

asio::awaitable<Result<std::unique_ptr<HttpStream>>> HttpClient::open(HttpRequest request) {
  Asking asking(begin(*loop_, std::move(request), HttpTransfer::Body::streamed));
  co_await asking->until(Want::head);
  if (const auto error = asking->head_error()) co_return *error;
  co_return std::make_unique<HttpStream>(asking.release());
}

Result<HttpResponse> HttpClient::fetch_blocking(HttpRequest request, const BodySource* body) {
  std::optional<std::uint64_t> upload_bytes;
  if (body != nullptr) upload_bytes = body->size_bytes;
  const Asking asking(begin(*loop_, std::move(request), HttpTransfer::Body::whole, upload_bytes));
  if (body != nullptr)
    if (auto sent = send(*asking.operator->(), *body); !sent) return sent.error();
  asking->until_blocking(Want::end);
  return asking->take_whole();
}

Result<HttpResponse> HttpClient::download_blocking(HttpRequest request,
                                                   const std::function<Result<void>(Bytes)>& sink) {
  const Asking asking(begin(*loop_, std::move(request), HttpTransfer::Body::streamed));
  asking->until_blocking(Want::head);
  if (const auto error = asking->head_error()) return *error;
  HttpResponse response{asking->status(), asking->headers(), {}};
  while (true) {
    asking->until_blocking(Want::piece);
    auto piece = asking->take();
    if (!piece) return piece.error();
    if (piece->empty()) return response;
    if (response.status == 200) {
      if (auto taken = sink(as_bytes(*piece)); !taken) return taken.error();
    } else {
      response.body.append(*piece, 0, refusal_bytes_max - response.body.size());
      if (response.body.size() == refusal_bytes_max) return response;
    }
  }
}

}  // namespace sallyport
