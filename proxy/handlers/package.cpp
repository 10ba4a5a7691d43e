#include "proxy/handlers/package.hpp"

#include "proxy/handlers/authorize.hpp"
#include "proxy/handlers/document.hpp"
#include "proxy/hops.hpp"
#include "proxy/http/error_map.hpp"

namespace sallyport {
namespace {

constexpr std::string_view abbreviated_type = "application/vnd.npm.install-v1+json";

// Packuments are asked about again each time and cost a 304: what was approved is seen at once.
constexpr const char* revalidate = "no-cache";
constexpr std::size_t piece_bytes = 128u << 10;  // of a tarball that arrives, in memory for each who reads
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

Puller puller_of(const Exchange& exchange) {
  Puller who;
  if (exchange.principal) {
    who.user = exchange.principal->user;
    who.token = exchange.principal->credential;
  }
  who.address = exchange.request.remote;
  who.client = client_of(exchange.request);
  return who;
}

class Packages {
 public:
  Packages(PackageCache& cache, Pulls& pulls, WorkPool& disk) : cache_(cache), pulls_(pulls), disk_(disk) {}

  asio::awaitable<Response> packument(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    if (auto some = anything_to_see(*found->packument); !some) co_return error_response(some.error());
    const Headers& headers = exchange.request.headers;
    const bool abbreviated = headers.joined("accept").find(abbreviated_type) != std::string::npos;
    const Document& document = abbreviated ? found->packument->abbreviated : found->packument->full;
    // Who names what they hold in the other encoding holds this content: a 304 with the tag that they know.
    bool gzipped = accepts_gzip(headers);
    if (headers.joined("if-none-match").find(gzipped ? document.etag : document.gzipped_etag) !=
        std::string::npos)
      gzipped = !gzipped;
    auto bytes = document.gzipped;
    if (!gzipped) {
      auto plain = co_await cache_.plain(document);
      if (!plain) co_return error_response(plain.error());
      bytes = std::move(*plain);
    }
    Response response =
        prepared_response(std::move(bytes), abbreviated ? std::string(abbreviated_type) : "application/json");
    if (gzipped) response.header("content-encoding", "gzip");
    response.header("etag", gzipped ? document.gzipped_etag : document.etag)
        .header("vary", "accept, accept-encoding")
        .header("cache-control", revalidate);
    if (!found->packument->last_modified.empty())
      response.header("last-modified", found->packument->last_modified);
    if (found->stale) mark_stale(response);
    co_return response;
  }

  asio::awaitable<Response> version(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    auto named = version_named(*found->packument, exchange.param("version"));
    if (!named) co_return error_response(named.error());
    auto text = co_await cache_.plain(found->packument->holding(**named));
    if (!text) co_return error_response(text.error());
    Response response = document_response(std::string(manifest_of(**named, **text)));
    if (found->stale) mark_stale(response);
    co_return response;
  }

  asio::awaitable<Response> tags(Exchange& exchange) {
    auto found = co_await look(exchange);
    if (!found) co_return error_response(found.error());
    if (auto some = anything_to_see(*found->packument); !some) co_return error_response(some.error());
    Response response = document_response(tags_json(*found->packument));
    if (found->stale) mark_stale(response);
    co_return response;
  }

  asio::awaitable<Response> tarball(Exchange& exchange) {
    auto name = PackageName::parse(exchange.param("pkg"));
    if (!name) co_return error_response(name.error());
    std::string file(exchange.param("file"));
    auto tarball = co_await cache_.tarball(*name, file, hops_in(exchange.request.headers));
    if (!tarball) co_return error_response(tarball.error());
    if (exchange.request.method == Method::get) pulls_.note(*name, tarball->version, puller_of(exchange));
    Response response = std::visit([this](auto& bytes) { return body_of(std::move(bytes)); }, tarball->bytes);
    response.header("etag", std::move(tarball->etag)).header("cache-control", immutable);
    if (tarball->fetched) response.header("x-cache", "MISS");
    co_return response;
  }

 private:
  asio::awaitable<Result<PackageCache::Found>> look(Exchange& exchange) {
    auto name = PackageName::parse(exchange.param("pkg"));
    if (!name) co_return name.error();
    auto found = co_await cache_.packument(*name, hops_in(exchange.request.headers));
    co_return found;
  }
  static constexpr const char* tarball_type = "application/octet-stream";
  Response body_of(std::shared_ptr<const std::string> bytes) {
    Response response = prepared_response(std::move(bytes), tarball_type);
    response.header("accept-ranges", "bytes");
    return response;
  }
  Response body_of(std::shared_ptr<const Blob> blob) { return blob_response(std::move(blob), tarball_type); }
  // As it arrives; what was promised and does not come cuts the connection.
  Response body_of(std::shared_ptr<ArrivingTarball> tarball) {
    Response response;
    response.header("content-type", tarball_type);
    StreamBody body;
    body.length_bytes = tarball->length_bytes();
    body.run = [this, tarball](BodyWriter& writer) { return send(tarball, writer); };
    response.body = std::move(body);
    return response;
  }
  asio::awaitable<Result<void>> send(std::shared_ptr<ArrivingTarball> tarball, BodyWriter& writer) {
    auto piece = std::make_shared<std::string>(piece_bytes, '\0');
    for (std::uint64_t at = 0; at < tarball->length_bytes();) {
      auto until = co_await tarball->readable_beyond(at);
      if (!until) co_return until.error();
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(*until - at, piece->size()));
      auto read = [tarball, piece, at, want] {
        return tarball->read(at, {reinterpret_cast<std::uint8_t*>(piece->data()), want});
      };
      auto n = co_await async_run_on(disk_, std::move(read));
      if (!n) co_return n.error();
      if (*n == 0) co_return fail(ErrorKind::corrupt, "", "a tarball that arrives is shorter than what came");
      auto written = co_await writer.write(std::string_view(*piece).substr(0, *n));
      if (!written) co_return written.error();
      at += *n;
    }
    co_return Result<void>();
  }

  PackageCache& cache_;
  Pulls& pulls_;
  WorkPool& disk_;
};

}  // namespace

std::vector<Route> package_routes(PackageCache& cache, Pulls& pulls, WorkPool& disk) {
  auto packages = std::make_shared<Packages>(cache, pulls, disk);
  std::vector<Route> routes;
  auto add = [&](const char* pattern, HandlerMember<Packages> member, const char* doc) {
    routes.push_back(
        {Method::get, pattern, BodyMode::none, Access::reader, handled_by(packages, member), doc});
  };
  add("/:pkg", &Packages::packument, "the packument, full or abbreviated as asked for");
  add("/:pkg/:version", &Packages::version, "one version's manifest, by version or dist-tag");
  add("/:pkg/-/:file", &Packages::tarball, "a tarball, verified before a complete one leaves");
  add("/-/package/:pkg/dist-tags", &Packages::tags, "the dist-tags");
  return routes;
}

}  // namespace sallyport
