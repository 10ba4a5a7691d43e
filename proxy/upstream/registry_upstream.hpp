#pragma once
// An npm registry over HTTP: what the gate asks of it (blocking) and what installs ask of it (awaitables).
// Any thread. The credential goes to the upstream's own origin only and appears in no error and no log.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gate/upstream.hpp"
#include "proxy/upstream/http_client.hpp"
#include "proxy/upstream/url.hpp"

namespace sallyport {

struct UpstreamOptions {
  std::string name;        // of `[upstreams.NAME]`
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
};

struct UpstreamPackument {
  int status = 0;    // 200; 304: what `etag` named still holds, no body; 404: no such package
  std::string body;  // of a 200
  std::string etag;  // empty: none was sent
  std::string last_modified;
};

// A question to one of a registry's services beside its packages: audit, keys, attestations, search.
struct ServiceQuestion {
  std::string path;                 // below the registry's own, escaped: "-/npm/v1/keys?x=1"
  std::optional<std::string> body;  // JSON: a POST; nothing: a GET
  Millis total_max{20'000};
  std::uint64_t answer_bytes_max = 8u << 20;
};

class RegistryUpstream final : public Upstream {
 public:
  // `client` must outlive the upstream. invalid: the URL is none, or holds a user or a query.
  static Result<std::unique_ptr<RegistryUpstream>> make(HttpClient& client, UpstreamOptions options);

  const std::string& name() const override { return options_.name; }
  const std::string& url() const override { return url_; }
  std::string origin() const { return base_.origin(); }

  Result<std::string> packument(const PackageName& name, const PackumentLimits& limits = {}) override;
  Result<std::string> attestations(const PackageName& name, std::string_view url,
                                   const PackumentLimits& limits) override;
  Result<void> tarball(const PackageName& name, std::string_view url, StagedBlob& into,
                       std::uint64_t bytes_max) override;
  PublishOutcome publish(const PackageName& name, const BodySource& body, Millis deadline) override;

  // The full packument, if it is not the one that `etag` (as the upstream sent it; empty: none) names.
  boost::asio::awaitable<Result<UpstreamPackument>> packument_async(PackageName name, std::string etag);
  // The bytes behind `url`, a `dist.tarball` of that package (absolute, or relative to the packument).
  // Another host is asked without the credential, and refused when it is this machine or its link.
  // A status that is not 200 is an error; not_found for 404.
  boost::asio::awaitable<Result<std::unique_ptr<HttpStream>>> tarball_async(PackageName name,
                                                                            std::string url);
  // The body of a 200. not_found: it has no such service (404, 405, 410), or nothing to answer.
  boost::asio::awaitable<Result<std::string>> ask(ServiceQuestion question);

  // Since the start: requests, and those without an answer of use (none at all, or a status of 5xx).
  struct Asked {
    std::uint64_t requests = 0, failures = 0;
  };
  Asked asked() const { return {requests_.load(), failures_.load()}; }

 private:
  RegistryUpstream(HttpClient& client, UpstreamOptions options, Url base);
  HttpRequest request(std::string method, std::string_view path) const;
  Result<HttpRequest> tarball_request(const PackageName& name, std::string_view url) const;
  HttpRequest packument_request(const PackageName& name) const;
  Result<UpstreamPackument> read_packument(const PackageName& name, bool conditional,
                                           Result<HttpResponse> response) const;
  // What a status that is of no use means.
  Error refusal(int status, const HttpHeaders& headers, std::string_view what) const;

  // Counts one that has ended.
  void count(const Result<HttpResponse>& response);
  void count(const Result<std::unique_ptr<HttpStream>>& stream);

  HttpClient& client_;
  std::atomic<std::uint64_t> requests_{0}, failures_{0};
  UpstreamOptions options_;
  Url base_;  // its path ends in '/'
  std::string url_;
  std::string authorization_;  // empty: none
};

}  // namespace sallyport
