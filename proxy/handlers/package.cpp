#include "proxy/handlers/package.hpp"

#include "proxy/http/error_map.hpp"

namespace sallyport {
namespace {

constexpr std::string_view abbreviated_type = "application/vnd.npm.install-v1+json";

// Packuments are asked about again each time and cost a 304: what was approved is seen at once.
constexpr const char* revalidate = "no-cache";
constexpr const char* immutable = "public, max-age=31557600, immutable";

class Packages {
 public:
  Packages(PackageCache& cache, WorkPool& scan) : cache_(cache), scan_(scan) {}

  asio::awaitable<Response> packument(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    const bool abbreviated =
        exchange.request.headers.joined("accept").find(abbreviated_type) != std::string::npos;
    const Document& document = abbreviated ? found->packument->abbreviated : found->packument->full;
    Response response =
        prepared_response(document.bytes, abbreviated ? std::string(abbreviated_type) : "application/json");
    response.header("etag", document.etag)
        .header("vary", "accept, accept-encoding")
        .header("cache-control", revalidate);
    if (!found->packument->last_modified.empty())
      response.header("last-modified", found->packument->last_modified);
    if (found->stale) response.header("warning", "110 - \"Response is Stale\"");
    co_return response;
  }

  asio::awaitable<Response> version(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    auto pick = [packument = found->packument, version = std::string(exchange.param("version"))] {
      return version_manifest(*packument, version);
    };
    auto manifest = co_await async_run_on(scan_, std::move(pick));
    co_return part(std::move(manifest));
  }

  asio::awaitable<Response> tags(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    auto pick = [packument = found->packument] { return dist_tags(*packument); };
    auto tags = co_await async_run_on(scan_, std::move(pick));
    co_return part(std::move(tags));
  }

  asio::awaitable<Response> tarball(Exchange& exchange) {
    auto name = PackageName::parse(exchange.param("pkg"));
    if (!name) co_return error_response(name.error());
    std::string file(exchange.param("file"));
    auto tarball = co_await cache_.tarball(*name, file);
    if (!tarball) co_return error_response(tarball.error());
    Response response = blob_response(std::move(tarball->blob), "application/octet-stream");
    response.header("etag", "\"" + to_integrity(tarball->digest) + "\"").header("cache-control", immutable);
    co_return response;
  }

 private:
  asio::awaitable<Result<PackageCache::Found>> look(Exchange& exchange) {
    auto name = PackageName::parse(exchange.param("pkg"));
    if (!name) co_return name.error();
    auto found = co_await cache_.packument(*name);
    co_return found;
  }
  static Response part(Result<std::string> text) {
    if (!text) return error_response(text.error());
    Response response = text_response(200, std::move(*text), "application/json");
    response.header("cache-control", revalidate);
    return response;
  }

  PackageCache& cache_;
  WorkPool& scan_;
};

}  // namespace

std::vector<Route> package_routes(PackageCache& cache, WorkPool& scan) {
  auto packages = std::make_shared<Packages>(cache, scan);
  using Member = asio::awaitable<Response> (Packages::*)(Exchange&);
  std::vector<Route> routes;
  auto add = [&](const char* pattern, Member member, const char* doc) {
    routes.push_back({Method::get, pattern, BodyMode::none, Access::reader,
                      [packages, member](Exchange& exchange) { return ((*packages).*member)(exchange); },
                      doc});
  };
  add("/:pkg", &Packages::packument, "the packument, full or abbreviated as asked for");
  add("/:pkg/:version", &Packages::version, "one version's manifest, by version or dist-tag");
  add("/:pkg/-/:file", &Packages::tarball, "a tarball, verified before a complete one leaves");
  add("/-/package/:pkg/dist-tags", &Packages::tags, "the dist-tags");
  return routes;
}

}  // namespace sallyport
