#include "proxy/handlers/publish.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "policies/report.hpp"
#include "proxy/handlers/stage_answer.hpp"
#include "proxy/http/error_map.hpp"

namespace sallyport {
namespace {

constexpr std::size_t block_bytes = 256u << 10;  // one job of the scan pool
constexpr Millis wait_max{20'000};               // of held_answer = "wait"
constexpr Millis wait_step{250};

// Reads the body and feeds it to the intake, the next block being received while one is worked on. Lives in a
// shared_ptr of its own: a job goes on when its coroutine is cancelled.
class Reception : public std::enable_shared_from_this<Reception> {
 public:
  Reception(asio::any_io_executor executor, WorkPool& scan, std::unique_ptr<Intake> intake)
      : scan_(scan), intake_(std::move(intake)), idle_(executor), executor_(std::move(executor)) {}

  asio::awaitable<Result<void>> receive(BodyReader& body) {
    std::string block;
    block.reserve(block_bytes);
    for (;;) {
      auto piece = co_await body.read_some();
      if (!piece) co_return piece.error();
      if (!piece->empty()) block.append(piece->data(), piece->size());
      const bool end = piece->empty();
      if (block.size() + (64u << 10) <= block_bytes && !end) continue;
      auto fed = co_await settled();
      if (!fed) co_return fed.error();
      if (block.empty()) co_return Result<void>();
      std::swap(block, in_work_);
      block.clear();
      start();
      if (end) {
        auto last = co_await settled();
        co_return last;
      }
    }
  }

  asio::awaitable<Result<ReceivedPublish>> finish() {
    auto self = shared_from_this();
    auto finishing = [self] { return self->intake_->finish(); };
    auto received = co_await async_run_on(scan_, std::move(finishing));
    co_return received;
  }

 private:
  void start() {
    running_ = true;
    auto self = shared_from_this();
    auto work = [self]() -> asio::awaitable<void> { return self->feed(); };
    asio::co_spawn(executor_, std::move(work), asio::detached);
  }
  asio::awaitable<void> feed() {
    auto self = shared_from_this();
    try {
      auto job = [self] { return self->intake_->feed(self->in_work_); };
      result_ = co_await async_run_on(scan_, std::move(job));
    } catch (const std::exception& e) {
      result_ = fail(ErrorKind::internal, "The publish could not be read.", e.what());
    }
    running_ = false;
    idle_.cancel();
  }
  asio::awaitable<Result<void>> settled() {
    while (running_) {
      idle_.expires_at(asio::steady_timer::time_point::max());
      boost::system::error_code ec;
      co_await idle_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    co_return result_;
  }

  WorkPool& scan_;
  std::unique_ptr<Intake> intake_;
  asio::steady_timer idle_;
  asio::any_io_executor executor_;
  std::string in_work_;
  bool running_ = false;
  Result<void> result_;
};

// Freeing a large scratch file takes as long as writing it: neither on the way to the answer nor on an I/O
// thread.
std::shared_ptr<ReceivedPublish> dropped_on(WorkPool& pool, ReceivedPublish publish) {
  auto drop = [&pool](ReceivedPublish* last) {
    pool.post([owned = std::shared_ptr<ReceivedPublish>(last)]() mutable { owned.reset(); });
  };
  return {new ReceivedPublish(std::move(publish)), drop};
}

// `body` and what became of the release: pnpm prints the whole of a refusal, so what a person reads is first.
json::object outcome(json::object body, const Stage& stage, const std::string& base_url) {
  body["stageId"] = stage.id;
  body["code"] = stage.code;
  body["state"] = to_text(stage.state);
  body["verdict"] = to_text(stage.verdict);
  body["approvals"] = {{"needed", stage.approvals_needed}, {"given", stage.approvers().size()}};
  body["review"] = review_url(stage, base_url);
  json::array& findings = body["findings"].emplace_array();
  for (const Finding& f : stage.findings) findings.push_back(to_json(f));
  return body;
}

class Publishing {
 public:
  Publishing(HandlerContext& context, bool staged) : context_(context), staged_(staged) {}

  asio::awaitable<Response> operator()(Exchange& exchange) {
    auto name = PackageName::parse(exchange.param("pkg"));
    if (!name) co_return error_response(name.error());
    Gate& gate = context_.gate;
    auto open = [&gate, n = *name] { return gate.begin(n); };
    auto intake = co_await async_run_on(context_.disk, std::move(open));
    if (!intake) co_return error_response(intake.error());
    auto executor = co_await asio::this_coro::executor;
    auto reception = std::make_shared<Reception>(executor, context_.scan, std::move(*intake));
    auto taken = co_await reception->receive(exchange.body());
    if (!taken) co_return error_response(taken.error());
    auto received = co_await reception->finish();
    reception.reset();
    if (!received) co_return error_response(received.error());

    auto publish = dropped_on(context_.disk, std::move(*received));
    auto submit = [&gate, who = exchange.principal, publish] {
      return gate.submit(*who, std::move(*publish));
    };
    auto submission = co_await async_run_on(context_.desk, std::move(submit));
    publish.reset();
    if (!submission) co_return error_response(submission.error());
    Stage stage = std::move(submission->stage);
    context_.submitted(stage.state);
    if (stage.state == StageState::held && !staged_) {
      const HeldAnswer answer = gate.packages().rule_for(*name).held_answer;
      if (answer == HeldAnswer::wait) co_await decided(stage, exchange.principal);
      if (answer != HeldAnswer::accept && stage.state == StageState::held) {
        Response response = refusal(409, held_sentence(stage, context_.base_url));
        response.reason = "Held For Approval";
        co_return response;
      }
    }
    co_return answer(stage, submission->refusal);
  }

 private:
  json::object taken(const Stage& stage) const {
    return outcome({{"ok", true}, {"success", true}}, stage, context_.base_url);
  }
  Response answer(const Stage& stage, const std::string& blocked_text) const {
    switch (stage.state) {
      case StageState::blocked:
        return json_response(403, outcome({{"error", blocked_text}}, stage, context_.base_url));
      case StageState::rejected:
        return refusal(403, stage.subject() + " (" + stage.code + ") was refused: " + stage.why);
      case StageState::failed:
        return refusal(409, stage.subject() + " (" + stage.code +
                                ") is approved, but the upstream refused it: " + stage.why);
      case StageState::published:
        return json_response(201, taken(stage));
      case StageState::approved: {
        Response response = json_response(202, taken(stage));
        response.header("npm-notice",
                        "approved as " + stage.code + ": " + stage.subject() + " waits: " +
                            (stage.why.empty() ? "the upstream has not confirmed it yet" : stage.why));
        return response;
      }
      case StageState::held:
        break;
    }
    Response response = json_response(202, taken(stage));
    response.header("npm-notice", held_sentence(stage, context_.base_url));
    return response;
  }

  // Waits for a decision, for as long as a client may be kept.
  asio::awaitable<void> decided(Stage& stage, std::shared_ptr<const Principal> who) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    Gate& gate = context_.gate;
    const auto give_up = std::chrono::steady_clock::now() + wait_max;
    while ((stage.state == StageState::held || stage.state == StageState::approved) &&
           std::chrono::steady_clock::now() < give_up) {
      timer.expires_after(wait_step);
      co_await timer.async_wait(asio::use_awaitable);
      auto look = [&gate, who, id = stage.id] { return gate.view(*who, id); };
      auto now = co_await async_run_on(context_.disk, std::move(look));
      if (!now) co_return;
      stage = std::move(*now);
    }
  }

  HandlerContext& context_;
  bool staged_;
};

}  // namespace

std::vector<Route> publish_routes(HandlerContext& context) {
  std::vector<Route> routes;
  auto add = [&](Method method, const char* pattern, bool staged, const char* doc) {
    auto handler = std::make_shared<Publishing>(context, staged);
    routes.push_back({method, pattern, BodyMode::stream, Access::publisher,
                      [handler](Exchange& exchange) { return (*handler)(exchange); }, doc,
                      context.publish_body_bytes_max});
  };
  add(Method::put, "/:pkg", false, "publish: inspected while it arrives, then held for a second engineer");
  add(Method::post, "/-/stage/package/:pkg", true,
      "npm stage publish: the same, answered in npm's staged shape");
  return routes;
}

}  // namespace sallyport
