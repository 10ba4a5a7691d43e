#pragma once
// An npm registry over HTTP: what the gate asks of it (blocking) and what installs ask of it (awaitables).
// Any thread. The credential goes to the upstream's own origin only and appears in no error and no log.
//
// One that fails some times in a row is left alone for a while: everything is then `unavailable` at once.
// What installs ask goes to its mirrors, in order, while it is down; what the gate asks and sends never does.
// A mirror says what there is and never what there is not: only the origin's own 404 is one.
//
// `hops`: the gateways that a question has passed before (proxy/hops), for those behind.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/upstream.hpp"
#include "proxy/upstream/http_client.hpp"
#include "proxy/upstream/upstream_health.hpp"
#include "proxy/upstream/url.hpp"

namespace sallyport {

struct UpstreamOptions {
  std::string name;        // of `[upstreams.NAME]`
  std::string hop_id;      // of this gateway (proxy/hops); empty: it names itself to nobody
  std::string url;         // may have a path; http only if it says so
  std::string token;       // sent as "Bearer"; empty: none
  std::string basic_auth;  // npm's `_auth`: base64 of "user:password"; used when there is no token
  std::string ca_file;     // as in HttpRoute
  std::string proxy;
  bool proxy_from_environment = true;
  Millis connect_max{10'000};
  Millis idle_max{30'000};        // without a byte of an answer to a read
  Millis packument_max{120'000};  // for a whole packument, of an install
  Millis tarball_max{900'000};    // for a whole tarball
  std::uint64_t packument_bytes_max = 128u << 20;
  std::uint64_t tarball_bytes_max = 512u << 20;  // where the caller names no limit
  BreakerLimits breaker;
};

struct UpstreamPackument {
  int status = 0;    // 200; 304: what `etag` named still holds, no body; 404: no such package
  std::string body;  // of a 200
  std::string etag;  // empty: none was sent
  std::string last_modified;
  std::string from;  // the name of the upstream that said so: the origin's, or a mirror's
};

// A question to one of a registry's services beside its packages: audit, keys, attestations, search.
struct ServiceQuestion {
  std::string path;                 // below the registry's own, escaped: "-/npm/v1/keys?x=1"
  std::optional<std::string> body;  // JSON: a POST; nothing: a GET
  std::string hops = {};
  Millis total_max{20'000};
  std::uint64_t answer_bytes_max = 8u << 20;
};

// A tarball on its way. How its transfer ends counts for the health of who sends it.
class TarballStream {
 public:
  TarballStream(std::unique_ptr<HttpStream> stream, std::string from,
                std::optional<UpstreamHealth::Turn> turn)
      : stream_(std::move(stream)), from_(std::move(from)), turn_(std::move(turn)) {}

  const std::string& from() const { return from_; }  // the name of the upstream that was asked
  const HttpHeaders& headers() const { return stream_->headers(); }
  boost::asio::awaitable<Result<std::string>> read_some();  // as HttpStream's

 private:
  std::unique_ptr<HttpStream> stream_;
  std::string from_;
  std::optional<UpstreamHealth::Turn> turn_;  // nothing: told already, or not about an upstream
};

class RegistryUpstream final : public Upstream {
 public:
  // `client` must outlive the upstream. invalid: the URL is none, or holds a user or a query.
  static Result<std::unique_ptr<RegistryUpstream>> make(HttpClient& client, UpstreamOptions options);
  // Who is asked for the same packages while this one is down; before the first request.
  void set_mirrors(std::vector<RegistryUpstream*> mirrors) { mirrors_ = std::move(mirrors); }

  const std::string& name() const override { return options_.name; }
  const std::string& url() const override { return url_; }
  std::string origin() const { return base_.origin(); }

  Result<std::string> packument(const PackageName& name, const PackumentLimits& limits = {}) override;
  Result<std::string> attestations(const PackageName& name, std::string_view url,
                                   const PackumentLimits& limits) override;
  Result<void> tarball(const PackageName& name, std::string_view url, StagedBlob& into,
                       std::uint64_t bytes_max) override;
  PublishOutcome publish(const PackageName& name, const BodySource& body, Millis deadline) override;
  Result<UpstreamReview> review_of(const std::string& review) override;

  // The full packument, if it is not the one that `etag` (as the upstream `from` sent it; empty: none) names.
  boost::asio::awaitable<Result<UpstreamPackument>> packument_async(PackageName name, std::string etag,
                                                                    std::string from = {},
                                                                    std::string hops = {});
  // The bytes behind `url`, a `dist.tarball` of that package (absolute, or relative to the packument).
  // Another host is asked without the credential, and refused when it is this machine or its link.
  // A status that is not 200 is an error; not_found for 404. `cut_by`: the upstream that has just broken off
  // its transfer, which is asked again after all others.
  boost::asio::awaitable<Result<std::unique_ptr<TarballStream>>> tarball_async(PackageName name,
                                                                               std::string url,
                                                                               std::string cut_by = {},
                                                                               std::string hops = {});
  // The body of a 200. not_found: it has no such service (404, 405, 410), or nothing to answer.
  boost::asio::awaitable<Result<std::string>> ask(ServiceQuestion question);

  UpstreamHealth::Figures figures() const { return health_.figures(); }

 private:
  RegistryUpstream(HttpClient& client, UpstreamOptions options, Url base);
  HttpRequest request(std::string method, std::string_view path, std::string hops = {}) const;
  Result<HttpRequest> tarball_request(const PackageName& name, std::string_view url,
                                      std::string hops = {}) const;
  HttpRequest packument_request(const PackageName& name, std::string hops = {}) const;
  Result<UpstreamPackument> read_packument(const PackageName& name, bool conditional,
                                           Result<HttpResponse> response) const;
  // What a status that is of no use means.
  Error refusal(int status, const HttpHeaders& headers, std::string_view what) const;
  // The same, of this one alone.
  boost::asio::awaitable<Result<UpstreamPackument>> packument_here(PackageName name, std::string etag,
                                                                   std::string hops);
  boost::asio::awaitable<Result<std::unique_ptr<TarballStream>>> tarball_here(PackageName name,
                                                                              std::string url,
                                                                              std::string hops);
  boost::asio::awaitable<Result<std::string>> ask_here(ServiceQuestion question);
  // A tarball's URL without the registry that it stands at; nothing where it stands elsewhere.
  std::optional<std::string> path_below(const Url& target) const;
  // Where `other`, this one or a mirror, has what the packument says is at `url`.
  std::string url_at(const RegistryUpstream& other, const PackageName& name, const std::string& url) const;

  HttpClient& client_;
  UpstreamOptions options_;
  Url base_;  // its path ends in '/'
  UpstreamHealth health_;
  std::vector<RegistryUpstream*> mirrors_;
  std::string url_;
  std::string authorization_;  // empty: none
};

}  // namespace sallyport
