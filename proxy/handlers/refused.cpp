#include "proxy/handlers/refused.hpp"

#include "gate/principal.hpp"

namespace sallyport {
namespace {

Handler refuse_with(int status, std::string sentence) {
  return [status, sentence = std::move(sentence)](Exchange&) -> asio::awaitable<Response> {
    co_return refusal(status, sentence);
  };
}

}  // namespace

std::vector<Route> refused_routes() {
  struct Row {
    Method method;
    const char* pattern;
    const char* what;
  };
  static constexpr Row rows[] = {
      {Method::put, "/-/package/:pkg/dist-tags/:tag", "Moving a dist-tag"},
      {Method::post, "/-/package/:pkg/dist-tags", "Moving dist-tags"},
      {Method::put, "/-/package/:pkg/dist-tags", "Moving dist-tags"},
      {Method::del, "/-/package/:pkg/dist-tags/:tag", "Removing a dist-tag"},
      {Method::put, "/:pkg/-rev/:rev", "Unpublishing, starring and changing owners"},
      {Method::del, "/:pkg/-rev/:rev", "Unpublishing a package"},
      {Method::del, "/:pkg/-/:file/-rev/:rev", "Unpublishing a version"},
      {Method::put, "/:pkg/-/:file/-rev/:rev", "Replacing a tarball"},
      {Method::put, "/:pkg/:version", "Publishing by this old route"},
      {Method::put, "/:pkg/:version/-tag/:tag", "Publishing by this old route"},
      {Method::put, "/-/package/:pkg/owners", "Changing owners"},
      {Method::del, "/-/package/:pkg/owners/:user", "Changing owners"},
      {Method::post, "/-/package/:pkg/access", "Changing a package's access"},
      {Method::put, "/-/package/:pkg/access", "Changing a package's access"},
      {Method::post, "/-/package/:pkg/trust", "Changing trusted publishers"},
      {Method::del, "/-/package/:pkg/trust/:id", "Changing trusted publishers"},
      {Method::put, "/-/team/:scope/:team/package", "Changing a team's packages"},
      {Method::del, "/-/team/:scope/:team/package", "Changing a team's packages"},
      {Method::put, "/-/team/:scope/:team/user", "Changing a team's members"},
      {Method::del, "/-/team/:scope/:team/user", "Changing a team's members"},
      {Method::del, "/-/team/:scope/:team", "Removing a team"},
      {Method::put, "/-/org/:scope/team", "Creating a team"},
      {Method::put, "/-/org/:scope/user", "Changing an organisation's members"},
      {Method::del, "/-/org/:scope/user", "Changing an organisation's members"},
      {Method::put, "/team/:scope", "Creating a team"},
      {Method::put, "/team/:scope/:team", "Changing a team"},
      {Method::del, "/team/:scope/:team", "Removing a team"},
      {Method::put, "/team/:scope/:team/user", "Changing a team's members"},
      {Method::del, "/team/:scope/:team/user", "Changing a team's members"},
      {Method::put, "/-/user/v1/star", "Starring"},
      {Method::del, "/-/user/v1/star", "Starring"},
      {Method::put, "/-/user/package/:pkg/star", "Starring"},
      {Method::del, "/-/user/package/:pkg/star", "Starring"},
      {Method::put, "/-/pnpr/v0/publish", "Publishing several packages in one request"},
  };
  std::vector<Route> routes;
  for (const Row& row : rows)
    routes.push_back(
        {row.method, row.pattern, BodyMode::none, Access::user,
         refuse_with(
             403,
             std::string(row.what) +
                 " does not go through this registry: only a publish that a second engineer approves does."),
         "refused"});
  return routes;
}

Route unknown_route() {
  Handler handler = [](Exchange& exchange) -> asio::awaitable<Response> {
    const Method method = exchange.request.method;
    if (method == Method::get || method == Method::head || method == Method::options)
      co_return refusal(404, "There is nothing at this address.");
    // The audit of clients is a read in the form of a POST; 404 tells them that there is none here.
    if (exchange.request.target.starts_with("/-/npm/v1/security/") ||
        exchange.request.target.starts_with("/-/npm/v1/oidc/"))
      co_return refusal(404, "This registry does not offer this service.");
    co_return refusal(
        403,
        "This registry takes no such write: only a publish that a second engineer approves goes through it.");
  };
  return {Method::other, "", BodyMode::none, Access::anonymous, std::move(handler), "refused"};
}

}  // namespace sallyport
