#pragma once
// One transfer, as the curl thread and its asker share it: the head, a bounded queue of body pieces, what
// is still to be sent, and how it ended. Knows nothing of libcurl.

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/upstream/http_client.hpp"

namespace sallyport {

class HttpTransfer;

// Asks of the curl thread; any thread, nothing happens once the thread has ended.
class TransferControl {
 public:
  virtual ~TransferControl() = default;
  virtual void resume(std::shared_ptr<HttpTransfer> transfer) = 0;
  virtual void cancel(std::shared_ptr<HttpTransfer> transfer) = 0;
};

class HttpTransfer : public std::enable_shared_from_this<HttpTransfer> {
 public:
  enum class Body {
    whole,     // kept until the end
    streamed,  // handed out as it comes; the transfer pauses while the queue is full
  };
  // What an asker waits for; the end of the transfer ends every wait.
  enum class Want { head, piece, end, upload_room };

  HttpTransfer(HttpRequest request, Body body, std::optional<std::uint64_t> upload_bytes,
               std::shared_ptr<TransferControl> control);

  const HttpRequest& request() const { return request_; }
  std::optional<std::uint64_t> upload_bytes() const { return upload_bytes_; }

  // --- the asker's side ---
  boost::asio::awaitable<void> until(Want want);
  void until_blocking(Want want);
  // After Want::head: why there is none. An error that came after the head is take()'s to tell.
  std::optional<Error> head_error() const;
  bool ended() const;
  // After Want::head: fixed from then on.
  int status() const { return status_; }
  const HttpHeaders& headers() const { return headers_; }
  // After Want::piece: the next piece, empty at the end.
  Result<std::string> take();
  // After Want::end: the response, its body moved out.
  Result<HttpResponse> take_whole();
  // After Want::upload_room: false once the upload is no longer wanted.
  bool upload(std::string piece);
  // The asker has gone; harmless after the end.
  void drop();

  // --- the curl thread's side ---
  void give_head(int status, HttpHeaders headers);
  bool give(std::string_view bytes);  // false: the queue is full, offer again after a resume
  enum class Pull { some, pause };
  Pull pull(std::span<char> out, std::size_t& taken);  // 0 bytes: everything has been sent
  void end(std::optional<Error> error);                // the first call counts

 private:
  using Waiter = std::function<void(boost::system::error_code)>;

  bool ready(Want want) const;
  Waiter waiter_if_ready();
  void wake(Waiter waiter) const;
  // Calls `waiter` when `want` is there, now or later.
  void wait(Want want, Waiter waiter);
  void cancel_wait();

  const HttpRequest request_;
  const Body body_;
  const std::optional<std::uint64_t> upload_bytes_;
  const std::shared_ptr<TransferControl> control_;

  mutable std::mutex mutex_;  // guards what follows
  bool head_given_ = false;
  int status_ = 0;  // these two are written once, before head_given_
  HttpHeaders headers_;
  std::deque<std::string> pieces_;
  std::size_t queued_bytes_ = 0;
  bool receive_paused_ = false;
  std::string whole_;
  std::deque<std::string> uploads_;
  std::size_t upload_offset_ = 0;  // of the first of uploads_
  std::size_t upload_queued_bytes_ = 0;
  std::uint64_t uploaded_bytes_ = 0;
  bool send_paused_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
  Want want_ = Want::head;
  Waiter waiter_;
};

}  // namespace sallyport
