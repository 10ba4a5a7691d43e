#include "proxy/cache/service_answers.hpp"

#include "proxy/hops.hpp"

namespace sallyport {
namespace {

constexpr Millis nothing_for{60'000};  // an upstream that has no such thing is left alone
constexpr Millis retry_after{10'000};  // one that does not answer
constexpr std::uint64_t entry_bytes = 256;

}  // namespace

ServiceAnswers::ServiceAnswers(const Clock& clock, std::uint64_t bytes_max)
    : clock_(clock),
      bytes_max_(bytes_max),
      fills_(1),
      work_(asio::make_work_guard(fills_)),
      flights_(fills_.get_executor()),
      thread_([this] { fills_.run(); }) {}

ServiceAnswers::~ServiceAnswers() {
  work_.reset();  // fills end by themselves: the upstream client is stopped already
  thread_.join();
}

asio::awaitable<Result<ServiceAnswers::Answer>> ServiceAnswers::get(std::string key, Millis fresh_for,
                                                                    Ask ask, std::string hops) {
  if (auto known = fresh(key)) co_return std::move(*known);
  std::function<asio::awaitable<Result<Answer>>()> fill_it = [this, key, fresh_for, ask = std::move(ask),
                                                              another = !hops.empty()] {
    return fill(key, fresh_for, ask, another);
  };
  auto answer = co_await flights_.run(flight_key(std::move(key), hops), std::move(fill_it));
  co_return answer;
}

asio::awaitable<Result<ServiceAnswers::Answer>> ServiceAnswers::fill(std::string key, Millis fresh_for,
                                                                     Ask ask, bool for_another_gateway) {
  if (auto known = fresh(key)) co_return std::move(*known);  // filled while we queued
  auto text = co_await ask();
  if (text)
    co_return keep(key, Answer{std::make_shared<const std::string>(std::move(*text)), false}, fresh_for);
  if (text.error().kind == ErrorKind::not_found) co_return keep(key, text.error(), nothing_for);
  std::optional<Answer> last;
  {
    std::lock_guard lock(mutex_);
    const auto found = kept_.find(key);
    if (found != kept_.end() && found->second->second.answer) last = *found->second->second.answer;
  }
  if (for_another_gateway && !last) co_return text.error();  // perhaps that gateway's own trouble
  if (!last) co_return keep(key, text.error(), retry_after);
  last->stale = true;
  co_return keep(key, *last, retry_after);
}

std::optional<Result<ServiceAnswers::Answer>> ServiceAnswers::fresh(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = kept_.find(key);
  if (found == kept_.end() || found->second->second.good_until <= clock_.now()) return std::nullopt;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->second.answer;
}

Result<ServiceAnswers::Answer> ServiceAnswers::keep(const std::string& key, Result<Answer> answer,
                                                    Millis good_for) {
  std::lock_guard lock(mutex_);
  if (const auto old = kept_.find(key); old != kept_.end()) drop(old->second);
  order_.emplace_front(key, Kept{answer, clock_.now() + good_for});
  kept_[key] = order_.begin();
  bytes_ += bytes(order_.front());
  while (bytes_ > bytes_max_ && order_.size() > 1) drop(std::prev(order_.end()));
  return answer;
}

std::uint64_t ServiceAnswers::bytes(const Order::value_type& entry) {
  const Result<Answer>& answer = entry.second.answer;
  return entry_bytes + 2 * entry.first.size() + (answer ? answer->text->size() : 0);
}

void ServiceAnswers::drop(Order::iterator entry) {
  bytes_ -= bytes(*entry);
  kept_.erase(entry->first);
  order_.erase(entry);
}

}  // namespace sallyport
