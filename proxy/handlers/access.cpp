#include "proxy/handlers/access.hpp"

#include "proxy/handlers/document.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/json.hpp"

namespace sallyport {
namespace {

constexpr std::size_t packages_max = 10'000;  // of a list that npm prints as a whole

Principal principal_of(const User& user) {
  Principal who;
  who.user = user.name;
  who.groups = user.groups;
  who.service = user.service;
  who.admin = user.admin;
  return who;
}

class Accesses {
 public:
  Accesses(AccountContext& accounts, Gate& gate, PackageCache& cache, WorkPool& disk)
      : accounts_(accounts), gate_(gate), cache_(cache), disk_(disk) {}

  asio::awaitable<Response> visibility(Exchange& exchange) {
    auto name = co_await existing(exchange);
    if (!name) co_return error_response(name.error());
    auto look = [this, name = *name] { return gate_.catalog().has_package(name); };
    auto own = co_await async_run_on(disk_, std::move(look));
    if (!own) co_return error_response(own.error());
    co_return document_response(json::serialize(json::object{{"public", !*own}}));
  }

  // Who may publish, and who may review.
  asio::awaitable<Response> collaborators(Exchange& exchange) {
    auto name = co_await existing(exchange);
    if (!name) co_return error_response(name.error());
    auto list = [this] { return accounts_.identity.users(); };
    auto users = co_await async_run_on(disk_, std::move(list));
    if (!users) co_return error_response(users.error());
    const PackageRule& rule = gate_.packages().rule_for(*name);
    json::object out;
    for (const User& user : *users) {
      if (user.disabled) continue;
      const Principal who = principal_of(user);
      if (rule.publish != "deny" && is_publisher(who, rule))
        out[user.name] = "write";
      else if (is_reviewer(who, rule))
        out[user.name] = "read";
    }
    co_return document_response(json::serialize(out));
  }

  // Our own packages, and what the user may do with them.
  asio::awaitable<Response> packages(Exchange& exchange) {
    const std::string user(exchange.param("user"));
    const Principal& who = *exchange.principal;
    if (user != who.user)
      co_return refusal(403, "Only your own list of packages can be read here: " + who.user + "'s.");
    auto list = [this, who]() -> Result<json::object> {
      json::object out;
      auto read = gate_.catalog().each_name([&](std::string_view text) {
        if (auto name = PackageName::parse(text)) {
          const PackageRule& rule = gate_.packages().rule_for(*name);
          out[text] = rule.publish != "deny" && is_publisher(who, rule) ? "write" : "read";
        }
        return out.size() < packages_max;
      });
      if (!read) return read.error();
      return out;
    };
    auto out = co_await async_run_on(disk_, std::move(list));
    if (!out) co_return error_response(out.error());
    co_return document_response(json::serialize(*out));
  }

 private:
  asio::awaitable<Result<PackageName>> existing(Exchange& exchange) {
    auto name = PackageName::parse(exchange.param("pkg"));
    if (!name) co_return name.error();
    auto found = co_await cache_.packument(*name);
    if (!found) co_return found.error();
    if (auto some = anything_to_see(*found->packument); !some) co_return some.error();
    co_return std::move(*name);
  }

  AccountContext& accounts_;
  Gate& gate_;
  PackageCache& cache_;
  WorkPool& disk_;
};

}  // namespace

std::vector<Route> access_routes(AccountContext& accounts, Gate& gate, PackageCache& cache, WorkPool& disk) {
  auto accesses = std::make_shared<Accesses>(accounts, gate, cache, disk);
  std::vector<Route> routes;
  auto add = [&](const char* pattern, HandlerMember<Accesses> member, const char* doc) {
    routes.push_back({Method::get, pattern, BodyMode::none, Access::user, handled_by(accesses, member), doc});
  };
  add("/-/package/:pkg/visibility", &Accesses::visibility, "`npm access get status`");
  add("/-/package/:pkg/collaborators", &Accesses::collaborators, "`npm access list collaborators`");
  add("/-/user/:user/package", &Accesses::packages, "`npm access list packages`: your own");
  return routes;
}

}  // namespace sallyport
