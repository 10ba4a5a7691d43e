#pragma once
// The thread that owns libcurl's multi handle. No handle of libcurl's is ever touched from another thread;
// everything else reaches it as a command in a queue.

#include <memory>
#include <mutex>
#include <thread>

#include "proxy/upstream/http_client.hpp"
#include "proxy/upstream/http_transfer.hpp"

namespace sallyport {

class CurlLoop {
 public:
  explicit CurlLoop(const HttpClientOptions& options);
  ~CurlLoop();  // stop()

  void start(std::shared_ptr<HttpTransfer> transfer);  // any thread; after stop() it ends at once
  std::shared_ptr<TransferControl> control() const;
  // Ends every transfer, then the thread.
  void stop();

 private:
  class Commands;
  std::shared_ptr<Commands> commands_;
  std::thread thread_;
  std::mutex stop_mutex_;
};

}  // namespace sallyport
