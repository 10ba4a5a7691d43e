#include "proxy/handlers/stage.hpp"

#include <charconv>

#include "policies/context_record.hpp"
#include "proxy/handlers/stage_answer.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t per_page_max = 100;  // more makes npm's clients loop
constexpr std::size_t decision_bytes_max = 64u << 10;

std::size_t number_in(const Exchange& exchange, std::string_view key, std::size_t otherwise) {
  auto text = exchange.request.query_value(key);
  std::size_t value = otherwise;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

// What a decision led to, as every client must hear it: any 2xx of an approval is printed as "approved and
// published", so everything short of that is an error with a sentence.
Response after_approval(const Stage& s, const std::string& base_url) {
  switch (s.state) {
    case StageState::published:
      return json_response(
          200, json::object{{"ok", true}, {"success", true}, {"stageId", s.id}, {"state", "published"}});
    case StageState::held:
      return refusal(409, "Your approval is recorded. Still " + held_sentence(s, base_url));
    case StageState::approved:
      return error_response(
          fail(ErrorKind::unavailable, s.subject() + " (" + s.code + ") is approved, but " +
                                           (s.why.empty() ? "the upstream has not confirmed it yet; "
                                                            "sending goes on by itself"
                                                          : s.why) +
                                           ". Ask again later."));
    case StageState::failed:
      return refusal(409, s.subject() + " (" + s.code + ") is approved, but could not be published: " +
                              s.why + ". Approve again to try again.");
    default:
      return refusal(409,
                     s.subject() + " (" + s.code + ") is " + std::string(to_text(s.state)) + ": " + s.why);
  }
}

// One route a member; each hops to the pool its work needs.
class Stages {
 public:
  explicit Stages(HandlerContext& context) : context_(context) {}

  asio::awaitable<Response> list(Exchange& exchange) {
    const std::size_t page = number_in(exchange, "page", 0);
    const std::size_t per_page =
        std::min(std::max<std::size_t>(number_in(exchange, "perPage", per_page_max), 1), per_page_max);
    std::string package(exchange.request.query_value("package").value_or(""));
    auto read = [&gate = context_.gate, who = exchange.principal, package, page, per_page] {
      return gate.list(*who, package, page, per_page);
    };
    auto found = co_await async_run_on(context_.disk, std::move(read));
    if (!found) co_return error_response(found.error());
    json::array items;
    for (const Stage& stage : found->items) items.push_back(stage_item(stage));
    co_return json_response(200, json::object{{"items", std::move(items)}, {"total", found->total}});
  }

  asio::awaitable<Response> view(Exchange& exchange) {
    auto stage = co_await look(exchange);
    if (!stage) co_return error_response(stage.error());
    co_return json_response(200, stage_item(*stage));
  }

  asio::awaitable<Response> report(Exchange& exchange) {
    auto stage = co_await look(exchange);
    if (!stage) co_return error_response(stage.error());
    auto read = [&gate = context_.gate, who = exchange.principal, id = stage->id] {
      return gate.facts(*who, id);
    };
    auto facts = co_await async_run_on(context_.disk, std::move(read));
    if (!facts) co_return error_response(facts.error());
    auto recall = [&gate = context_.gate, who = exchange.principal, id = stage->id] {
      return gate.context(*who, id);
    };
    auto context = co_await async_run_on(context_.disk, std::move(recall));
    json::object document = stage_report(*stage, *facts);
    if (context)
      document["context"] = to_json(*context);
    else if (context.error().kind != ErrorKind::not_found)
      co_return error_response(context.error());
    co_return json_response(200, document);
  }

  asio::awaitable<Response> tarball(Exchange& exchange) {
    auto read = [&gate = context_.gate, who = exchange.principal, id = std::string(exchange.param("id"))] {
      return gate.tarball(*who, id);
    };
    auto blob = co_await async_run_on(context_.disk, std::move(read));
    if (!blob) co_return error_response(blob.error());
    Response response = blob_response(std::move(*blob), "application/octet-stream");
    response.header("cache-control", "no-store");
    co_return response;
  }

  asio::awaitable<Response> approve(Exchange& exchange) {
    auto challenge = co_await context_.require_otp(exchange);
    if (challenge) co_return std::move(*challenge);
    auto stage = co_await decide(exchange, [](Gate& gate, const Principal& who, const std::string& id) {
      return gate.approve(who, id);
    });
    if (!stage) co_return error_response(stage.error());
    co_return after_approval(*stage, context_.base_url);
  }

  asio::awaitable<Response> reject(Exchange& exchange) {
    auto challenge = co_await context_.require_otp(exchange);
    if (challenge) co_return std::move(*challenge);
    std::string reason(exchange.request.query_value("reason").value_or(""));
    auto stage = co_await decide(exchange, [reason](Gate& gate, const Principal& who, const std::string& id) {
      return gate.reject(who, id, reason);
    });
    if (!stage) co_return error_response(stage.error());
    co_return json_response(200,
                            json::object{{"ok", true}, {"success", true}, {"state", to_text(stage->state)}});
  }

  asio::awaitable<Response> decisions(Exchange& exchange) {
    auto stage = co_await look(exchange);
    if (!stage) co_return error_response(stage.error());
    json::object report = stage_report(*stage, Facts());
    co_return json_response(
        200, json::object{{"decisions", report.at("decisions")}, {"approvals", report.at("approvals")}});
  }

  // {"decision": "approve" | "reject" | "comment" | "acknowledge", "reason": "…", "findings": ["…"], "all":
  // true}
  asio::awaitable<Response> add_decision(Exchange& exchange) {
    auto text = co_await exchange.read_small(decision_bytes_max);
    if (!text) co_return error_response(text.error());
    auto value = parse_strict(*text);
    if (!value) co_return error_response(value.error());
    const json::object* body = value->if_object();
    const std::string kind(body ? string_at(*body, "decision").value_or("") : "");
    const std::string reason(body ? string_at(*body, "reason").value_or("") : "");
    if (kind == "approve") {
      auto answer = co_await approve(exchange);
      co_return answer;
    }
    if (kind != "reject" && kind != "comment" && kind != "acknowledge")
      co_return refusal(400, "\"decision\" must be approve, reject, comment or acknowledge.");
    if (kind != "comment") {
      auto challenge = co_await context_.require_otp(exchange);
      if (challenge) co_return std::move(*challenge);
    }
    std::vector<std::string> names;
    if (const json::array* findings = array_at(*body, "findings"))
      for (const auto& item : *findings)
        if (item.is_string()) names.emplace_back(item.get_string());
    const bool all = bool_at(*body, "all").value_or(false);
    auto act = [kind, reason, names, all](Gate& gate, const Principal& who,
                                          const std::string& id) -> Result<Stage> {
      if (kind == "reject") return gate.reject(who, id, reason);
      if (kind == "comment") return gate.comment(who, id, reason);
      if (!all) return gate.acknowledge(who, id, names);
      auto seen = gate.view(who, id);
      if (!seen) return seen;
      std::vector<std::string> open;
      for (const Finding* f : seen->to_acknowledge(who.user)) open.push_back(f->fingerprint);
      if (open.empty()) return seen;
      return gate.acknowledge(who, id, open);
    };
    auto stage = co_await decide(exchange, std::move(act));
    if (!stage) co_return error_response(stage.error());
    co_return json_response(200, json::object{{"ok", true}, {"state", to_text(stage->state)}});
  }

 private:
  asio::awaitable<Result<Stage>> look(Exchange& exchange) {
    auto read = [&gate = context_.gate, who = exchange.principal, id = std::string(exchange.param("id"))] {
      return gate.view(*who, id);
    };
    auto stage = co_await async_run_on(context_.disk, std::move(read));
    co_return stage;
  }

  template <class Act>
  asio::awaitable<Result<Stage>> decide(Exchange& exchange, Act act) {
    auto job = [&gate = context_.gate, who = exchange.principal, id = std::string(exchange.param("id")),
                act = std::move(act)] { return act(gate, *who, id); };
    auto stage = co_await async_run_on(context_.desk, std::move(job));
    co_return stage;
  }

  HandlerContext& context_;
};

}  // namespace

std::vector<Route> stage_routes(HandlerContext& context) {
  auto stages = std::make_shared<Stages>(context);
  std::vector<Route> routes;
  auto add = [&](Method method, const char* pattern, BodyMode body, HandlerMember<Stages> member,
                 const char* doc) {
    routes.push_back({method, pattern, body, Access::user, handled_by(stages, member), doc});
  };
  add(Method::get, "/-/stage", BodyMode::none, &Stages::list,
      "npm stage list: the releases under review that you may see");
  add(Method::get, "/-/stage/:id", BodyMode::none, &Stages::view,
      "npm stage view: one of them, by id or review code");
  add(Method::get, "/-/stage/:id/tarball", BodyMode::none, &Stages::tarball,
      "npm stage download: the literal payload");
  add(Method::post, "/-/stage/:id/approve", BodyMode::none, &Stages::approve,
      "npm stage approve: a second engineer's yes");
  add(Method::del, "/-/stage/:id", BodyMode::none, &Stages::reject,
      "npm stage reject: a reviewer's no, or the publisher's withdrawal");
  add(Method::get, "/-/stage/:id/report", BodyMode::none, &Stages::report,
      "verdict, findings, facts, and what it was given on, for `scan --outside`");
  add(Method::get, "/-/stage/:id/decisions", BodyMode::none, &Stages::decisions, "who decided what");
  add(Method::post, "/-/stage/:id/decisions", BodyMode::small, &Stages::add_decision,
      "approve, reject, comment or acknowledge findings");
  return routes;
}

}  // namespace sallyport
