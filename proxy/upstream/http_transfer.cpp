#include "proxy/upstream/http_transfer.hpp"

#include <algorithm>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <semaphore>

namespace sallyport {
namespace {

namespace asio = boost::asio;

constexpr std::size_t piece_bytes_max = 64 << 10;
constexpr std::size_t queue_bytes_max = 4 * piece_bytes_max;
constexpr std::size_t upload_queue_bytes_max = 2 * piece_bytes_max;

}  // namespace

HttpTransfer::HttpTransfer(HttpRequest request, Body body, std::optional<std::uint64_t> upload_bytes,
                           std::shared_ptr<TransferControl> control)
    : request_(std::move(request)), body_(body), upload_bytes_(upload_bytes), control_(std::move(control)) {}

bool HttpTransfer::ready(Want want) const {
  if (ended_) return true;
  switch (want) {
    case Want::head:
      return head_given_;
    case Want::piece:
      return !pieces_.empty();
    case Want::upload_room:
      return upload_queued_bytes_ < upload_queue_bytes_max;
    case Want::end:
      break;
  }
  return false;
}

HttpTransfer::Waiter HttpTransfer::waiter_if_ready() {
  if (!waiter_ || !ready(want_)) return {};
  return std::exchange(waiter_, {});
}

void HttpTransfer::wake(Waiter waiter) const {
  if (waiter) waiter({});
}

void HttpTransfer::wait(Want want, Waiter waiter) {
  {
    const std::lock_guard lock(mutex_);
    if (!ready(want)) {
      want_ = want;
      waiter_ = std::move(waiter);
      return;
    }
  }
  waiter({});
}

void HttpTransfer::cancel_wait() {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    waiter = std::exchange(waiter_, {});
  }
  if (waiter) waiter(asio::error::operation_aborted);
}

asio::awaitable<void> HttpTransfer::until(Want want) {
  // The wake-up comes from the curl thread and is posted to where the coroutine lives; until then the
  // coroutine's context counts it as work.
  auto initiate = [self = shared_from_this(), want](auto handler) {
    auto executor =
        asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    if (slot.is_connected()) slot.assign([self](asio::cancellation_type) { self->cancel_wait(); });
    self->wait(want, [executor, slot, shared = std::move(shared)](boost::system::error_code ec) mutable {
      asio::post(executor, [slot, shared = std::move(shared), ec]() mutable {
        if (slot.is_connected()) slot.clear();
        auto complete = std::move(*shared);
        complete(ec);
      });
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(boost::system::error_code)>(
      initiate, asio::use_awaitable);
}

void HttpTransfer::until_blocking(Want want) {
  // Shared: release() may still be running when acquire() has returned.
  const auto ready_now = std::make_shared<std::binary_semaphore>(0);
  wait(want, [ready_now](boost::system::error_code) { ready_now->release(); });
  ready_now->acquire();
}

std::optional<Error> HttpTransfer::head_error() const {
  const std::lock_guard lock(mutex_);
  return head_given_ ? std::nullopt : error_;
}

bool HttpTransfer::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

Result<std::string> HttpTransfer::take() {
  std::string piece;
  bool resume = false;
  {
    const std::lock_guard lock(mutex_);
    if (pieces_.empty()) {
      if (error_) return *error_;
      return piece;
    }
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    queued_bytes_ -= piece.size();
    resume = receive_paused_ && queued_bytes_ <= queue_bytes_max / 2;
    if (resume) receive_paused_ = false;
  }
  if (resume) control_->resume(shared_from_this());
  return piece;
}

Result<HttpResponse> HttpTransfer::take_whole() {
  const std::lock_guard lock(mutex_);
  if (error_) return *error_;
  return HttpResponse{status_, headers_, std::move(whole_)};
}

bool HttpTransfer::upload(std::string piece) {
  bool resume = false;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    upload_queued_bytes_ += piece.size();
    uploads_.push_back(std::move(piece));
    resume = std::exchange(send_paused_, false);
  }
  if (resume) control_->resume(shared_from_this());
  return true;
}

void HttpTransfer::drop() {
  if (!ended()) control_->cancel(shared_from_this());
}

void HttpTransfer::give_head(int status, HttpHeaders headers) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    status_ = status;
    headers_ = std::move(headers);
    head_given_ = true;
    waiter = waiter_if_ready();
  }
  wake(std::move(waiter));
}

bool HttpTransfer::give(std::string_view bytes) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (body_ == Body::whole) {
      whole_.append(bytes);
      return true;
    }
    if (queued_bytes_ >= queue_bytes_max) {
      receive_paused_ = true;
      return false;
    }
    if (!pieces_.empty() && pieces_.back().size() + bytes.size() <= piece_bytes_max) {
      pieces_.back().append(bytes);
    } else {
      std::string piece;
      piece.reserve(piece_bytes_max);
      piece.append(bytes);
      pieces_.push_back(std::move(piece));
    }
    queued_bytes_ += bytes.size();
    waiter = waiter_if_ready();
  }
  wake(std::move(waiter));
  return true;
}

HttpTransfer::Pull HttpTransfer::pull(std::span<char> out, std::size_t& taken) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    taken = 0;
    while (taken < out.size() && !uploads_.empty()) {
      std::string& first = uploads_.front();
      const std::size_t n = std::min(out.size() - taken, first.size() - upload_offset_);
      std::memcpy(out.data() + taken, first.data() + upload_offset_, n);
      taken += n;
      upload_offset_ += n;
      if (upload_offset_ == first.size()) {
        upload_queued_bytes_ -= first.size();
        uploads_.pop_front();
        upload_offset_ = 0;
      }
    }
    uploaded_bytes_ += taken;
    if (taken == 0 && uploaded_bytes_ < upload_bytes_.value_or(0)) {
      send_paused_ = true;
      return Pull::pause;
    }
    waiter = waiter_if_ready();
  }
  wake(std::move(waiter));
  return Pull::some;
}

void HttpTransfer::end(std::optional<Error> error) {
  Waiter waiter;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    error_ = std::move(error);
    waiter = waiter_if_ready();
  }
  wake(std::move(waiter));
}

}  // namespace sallyport
