#include "proxy/handlers/version_status.hpp"

#include "proxy/handlers/document.hpp"
#include "proxy/hops.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/json.hpp"

namespace sallyport {
namespace {

std::string_view to_text(Sight sight) {
  switch (sight) {
    case Sight::visible:
      return "visible";
    case Sight::hidden:
      return "hidden";
    case Sight::denied:
      break;
  }
  return "denied";
}

class VersionStatuses {
 public:
  VersionStatuses(Gate& gate, PackageCache& cache, WorkPool& disk)
      : gate_(gate), cache_(cache), disk_(disk) {}

  asio::awaitable<Response> status(Exchange& exchange) {
    auto name = PackageName::parse(exchange.param("pkg"));
    if (!name) co_return error_response(name.error());
    const std::string version(exchange.param("version"));
    auto read = [this, name = *name, version] { return gate_.status(name, version); };
    auto stage = co_await async_run_on(disk_, std::move(read));
    if (!stage) co_return error_response(stage.error());

    json::object out{{"name", name->full()}, {"version", version}, {"status", sallyport::to_text(*stage)}};
    auto found = co_await cache_.packument(*name, hops_in(exchange.request.headers));
    if (found) {
      const auto at = found->packument->versions.find(version);
      if (at != found->packument->versions.end()) {
        const Seen& seen = at->second.seen;
        // What became of a release here stands above what its name means elsewhere: somebody else's, perhaps.
        if (*stage == VersionStatus::absent) out["status"] = sallyport::to_text(VersionStatus::published);
        out["visibility"] = to_text(seen.sight);
        if (!seen.why.empty()) out["reason"] = seen.why;
      }
    } else if (*stage == VersionStatus::absent && found.error().kind != ErrorKind::not_found) {
      co_return error_response(found.error());  // whether its origin has it is not known
    }
    co_return document_response(json::serialize(out));
  }

 private:
  Gate& gate_;
  PackageCache& cache_;
  WorkPool& disk_;
};

}  // namespace

std::vector<Route> version_status_routes(Gate& gate, PackageCache& cache, WorkPool& disk) {
  auto statuses = std::make_shared<VersionStatuses>(gate, cache, disk);
  return {{Method::get, "/-/package/:pkg/version/:version/status", BodyMode::none, Access::user,
           handled_by(statuses, &VersionStatuses::status),
           "published (and visible, hidden or denied), staged, blocked, failed or absent"}};
}

}  // namespace sallyport
