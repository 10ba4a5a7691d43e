#include "proxy/handlers/health.hpp"

#include <boost/json/object.hpp>

namespace sallyport {

std::vector<Route> health_routes(const std::atomic<bool>& ready, MetaStore& store, WorkPool& disk,
                                 std::function<std::vector<FeedFigures>()> feeds) {
  Handler live = [](Exchange&) -> asio::awaitable<Response> {
    co_return json_response(200, boost::json::object{{"live", true}});
  };
  Handler is_ready = [&ready, &store, &disk,
                      feeds = std::move(feeds)](Exchange&) -> asio::awaitable<Response> {
    if (!ready) co_return refusal(503, "The registry is stopping or not up yet.");
    auto look = [&store] { return store.get(Family::system, "format"); };
    auto format = co_await async_run_on(disk, std::move(look));
    if (!format) co_return refusal(503, "The metadata store does not answer.");
    boost::json::object answer{{"ready", true}};
    for (const FeedFigures& feed : feeds()) {
      boost::json::object told{{"state", to_text(feed.status.standing)},
                               {"advisories", feed.status.advisories}};
      if (feed.status.as_of != Instant()) told["asOf"] = to_iso8601(feed.status.as_of);
      if (!answer.contains("feeds")) answer["feeds"] = boost::json::object();
      answer["feeds"].get_object()[feed.name] = std::move(told);
    }
    co_return json_response(200, answer);
  };
  return {{Method::get, "/-/livez", BodyMode::none, Access::anonymous, std::move(live), "the process lives"},
          {Method::get, "/-/readyz", BodyMode::none, Access::anonymous, std::move(is_ready),
           "requests can be served"}};
}

}  // namespace sallyport
