#pragma once
// What upstreams' services (keys, attestations, search) answered, kept a while in memory: one question for
// many who ask, and the last answer where the upstream is down.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "proxy/cache/single_flight.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

// Any thread; awaitables resume on the caller's executor. Stop the HttpClient before this.
class ServiceAnswers {
 public:
  explicit ServiceAnswers(const Clock& clock, std::uint64_t bytes_max = 16u << 20);
  ~ServiceAnswers();

  struct Answer {
    std::shared_ptr<const std::string> text;
    bool stale = false;  // it is what the upstream said last
  };
  using Ask = std::function<asio::awaitable<Result<std::string>>()>;
  // What `ask` answered within `fresh_for`. That there is nothing (not_found), and that nobody answers, is
  // kept too, for a shorter time; in the second case an older answer does. `hops`: as in PackageCache.
  asio::awaitable<Result<Answer>> get(std::string key, Millis fresh_for, Ask ask, std::string hops = {});

 private:
  struct Kept {
    Result<Answer> answer;
    Instant good_until;
  };
  using Order = std::list<std::pair<std::string, Kept>>;

  asio::awaitable<Result<Answer>> fill(std::string key, Millis fresh_for, Ask ask, bool for_another_gateway);
  std::optional<Result<Answer>> fresh(const std::string& key);
  Result<Answer> keep(const std::string& key, Result<Answer> answer, Millis good_for);
  static std::uint64_t bytes(const Order::value_type& entry);
  void drop(Order::iterator entry);

  const Clock& clock_;
  const std::uint64_t bytes_max_;
  asio::io_context fills_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  SingleFlight<Answer> flights_;

  std::mutex mutex_;
  Order order_;  // most recently used first
  std::unordered_map<std::string, Order::iterator> kept_;
  std::uint64_t bytes_ = 0;
  std::thread thread_;
};

}  // namespace sallyport
