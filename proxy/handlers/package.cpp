#include "proxy/handlers/package.hpp"

#include "proxy/handlers/document.hpp"
#include "proxy/http/error_map.hpp"

namespace sallyport {
namespace {

constexpr std::string_view abbreviated_type = "application/vnd.npm.install-v1+json";

// Packuments are asked about again each time and cost a 304: what was approved is seen at once.
constexpr const char* revalidate = "no-cache";
constexpr const char* immutable = "public, max-age=31557600, immutable";

// RFC 9110 section 12.5.3, as far as clients use it; bun's malformed "gzip/deflate" means gzip too.
bool accepts_gzip(const Headers& headers) {
  const std::string accepted = headers.joined("accept-encoding");
  const std::size_t at = accepted.find("gzip");
  if (at == std::string::npos) return false;
  std::string_view quality = std::string_view(accepted).substr(at + 4);
  quality = quality.substr(0, quality.find(','));
  for (const std::string_view none : {";q=0", "; q=0"})
    if (quality.starts_with(none) && quality.find_first_of("123456789", none.size()) == quality.npos)
      return false;
  return true;
}

class Packages {
 public:
  explicit Packages(PackageCache& cache) : cache_(cache) {}

  asio::awaitable<Response> packument(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    if (auto some = anything_to_see(*found->packument); !some) co_return error_response(some.error());
    const Headers& headers = exchange.request.headers;
    const bool abbreviated = headers.joined("accept").find(abbreviated_type) != std::string::npos;
    const bool gzipped = accepts_gzip(headers);
    const Document& document = abbreviated ? found->packument->abbreviated : found->packument->full;
    Response response = prepared_response(gzipped ? document.gzipped : document.bytes,
                                          abbreviated ? std::string(abbreviated_type) : "application/json");
    if (gzipped) response.header("content-encoding", "gzip");
    response.header("etag", gzipped ? document.gzipped_etag : document.etag)
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
    auto named = version_named(*found->packument, exchange.param("version"));
    if (!named) co_return error_response(named.error());
    co_return document_response(std::string((*named)->manifest));
  }

  asio::awaitable<Response> tags(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    if (auto some = anything_to_see(*found->packument); !some) co_return error_response(some.error());
    co_return document_response(tags_json(*found->packument));
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
  PackageCache& cache_;
};

}  // namespace

std::vector<Route> package_routes(PackageCache& cache) {
  auto packages = std::make_shared<Packages>(cache);
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
