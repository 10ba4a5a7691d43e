#include "gate/executors.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>

#include "storage/base/log.hpp"

namespace sallyport {

WorkPool::WorkPool(std::string name, unsigned threads, std::size_t queue_max, int niceness)
    : name_(std::move(name)), queue_max_(queue_max), work_(context_.get_executor()) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this, niceness] {
      pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
      // On Linux a priority belongs to a thread; failing to lower it costs nothing but fairness.
      if (niceness != 0) {
        setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), niceness);
      }
      context_.run();
    });
  }
}

WorkPool::~WorkPool() {
  stop();
}

void WorkPool::stop() {
  stopped_.store(true);
  work_.reset();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkPool::report(const std::exception_ptr& error) const {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    log::error("job_failed", {{"pool", name_}, {"error", e.what()}});
  } catch (...) {
    log::error("job_failed", {{"pool", name_}});
  }
}

}  // namespace sallyport
