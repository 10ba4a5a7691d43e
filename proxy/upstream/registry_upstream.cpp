#include "proxy/upstream/registry_upstream.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "proxy/hops.hpp"
#include "storage/base/log.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace asio = boost::asio;

constexpr std::uint64_t publish_answer_bytes_max = 1 << 20;
constexpr std::size_t message_bytes_max = 500;
constexpr int tarball_redirects_max = 3;

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

// The sentence in an npm error body, fit for our own sentences; empty if there is none.
std::string words_of(const std::string& body) {
  boost::system::error_code ec;
  const auto document = boost::json::parse(body, ec);
  if (ec || !document.is_object()) return {};
  for (const char* key : {"error", "reason", "message"})
    if (const auto* text = document.as_object().if_contains(key); text != nullptr && text->is_string())
      return log::redacted(printable(std::string_view(text->as_string()), message_bytes_max));
  return {};
}

// The id by which a registry answers for what it holds; empty: none that could stand in a path.
std::string stage_in(const std::string& body) {
  boost::system::error_code ec;
  const auto document = boost::json::parse(body, ec);
  if (ec || !document.is_object()) return {};
  const auto* id = document.as_object().if_contains("stageId");
  if (id == nullptr || !id->is_string() || id->as_string().size() > 64) return {};
  const bool plain = std::ranges::all_of(id->as_string(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
  });
  return plain ? std::string(id->as_string()) : std::string();
}

bool may_pass_later(int status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status != loop_status);
}

// Counts what has ended, and tells what it says of the upstream. Not every 5xx is about the upstream: one
// that cannot take a publish, has a service that fails, or leads back here, may well serve packages.
enum class Telling { of_any_failure, of_answers_only };

int status_of(const HttpResponse& response) {
  return response.status;
}
int status_of(const std::unique_ptr<HttpStream>& stream) {
  return stream->status();
}
template <class Answer>
void tell(UpstreamHealth& health, UpstreamHealth::Turn turn, const Result<Answer>& answer,
          Telling telling = Telling::of_any_failure) {
  const bool failed = answer ? status_of(*answer) >= 500 && status_of(*answer) != loop_status
                             : answer.error().kind == ErrorKind::unavailable;
  health.count(failed || !answer);
  if (!failed) return turn.answered();
  if (telling == Telling::of_any_failure)
    turn.failed(answer ? "status " + std::to_string(status_of(*answer))
                       : log::redacted(answer.error().message));
}

bool is_down(const Error& error) {
  return error.kind == ErrorKind::unavailable;
}

// Too much of an answer is its upstream's fault, and no word about the request of who waits for it.
Error of_answer(Error error) {
  if (error.kind == ErrorKind::too_large) error.kind = ErrorKind::upstream;
  return error;
}

std::string header_or_empty(const HttpHeaders& headers, std::string_view name) {
  const std::string* value = headers.find(name);
  return value == nullptr ? "" : *value;
}

}  // namespace

Result<std::unique_ptr<RegistryUpstream>> RegistryUpstream::make(HttpClient& client,
                                                                 UpstreamOptions options) {
  const std::string whose = "upstream \"" + printable(options.name) + "\": ";
  auto url = parse_url(options.url);
  if (!url) return fail(ErrorKind::invalid, whose + url.error().message, url.error().detail);
  if (!url->query.empty()) return fail(ErrorKind::invalid, whose + "its url may not hold a query");
  if (!url->path.ends_with('/')) url->path += '/';
  if (!is_printable_ascii(options.token) || !is_printable_ascii(options.basic_auth))
    return fail(ErrorKind::invalid, whose + "its credential holds blanks or characters that no token has");
  for (const std::string& secret : {options.token, options.basic_auth})
    if (!secret.empty()) log::redact(secret);
  return std::unique_ptr<RegistryUpstream>(new RegistryUpstream(client, std::move(options), std::move(*url)));
}

RegistryUpstream::RegistryUpstream(HttpClient& client, UpstreamOptions options, Url base)
    : client_(client),
      options_(std::move(options)),
      base_(std::move(base)),
      health_(options_.name, base_.origin(), options_.breaker),
      url_(base_.text()) {
  url_.pop_back();  // the slash
  if (!options_.token.empty())
    authorization_ = "Bearer " + options_.token;
  else if (!options_.basic_auth.empty())
    authorization_ = "Basic " + options_.basic_auth;
}

HttpRequest RegistryUpstream::request(std::string method, std::string_view path, std::string hops) const {
  HttpRequest request;
  request.method = std::move(method);
  request.url = base_.origin() + base_.path + std::string(path);
  request.authorization = authorization_;
  request.route.ca_file = options_.ca_file;
  request.route.proxy = options_.proxy;
  request.route.proxy_from_environment = options_.proxy_from_environment;
  request.route.http_allowed = base_.scheme == "http";
  request.connect_max = options_.connect_max;
  request.idle_max = options_.idle_max;
  if (!options_.hop_id.empty()) request.headers.add("CDN-Loop", with_hop(std::move(hops), options_.hop_id));
  return request;
}

HttpRequest RegistryUpstream::packument_request(const PackageName& name, std::string hops) const {
  HttpRequest asked = request("GET", name.escaped(), std::move(hops));
  asked.headers.add("Accept", "application/json");
  asked.total_max = options_.packument_max;
  asked.response_bytes_max = options_.packument_bytes_max;
  asked.accept_gzip = true;
  return asked;
}

Result<HttpRequest> RegistryUpstream::tarball_request(const PackageName& name, std::string_view url,
                                                      std::string hops) const {
  HttpRequest asked = request("GET", name.escaped(), std::move(hops));
  auto packument = parse_url(asked.url);
  if (!packument) return packument.error();
  auto target = resolve_url(*packument, url);
  if (!target)
    return fail(ErrorKind::upstream, "the upstream " + origin() + " names a tarball by what is not a URL",
                target.error().detail);
  // A registry behind a TLS front often writes http:// for itself; its credential goes by https or not at
  // all.
  if (target->scheme == "http" && target->port == "80" && base_.scheme == "https" && base_.port == "443" &&
      target->host == base_.host) {
    target->scheme = base_.scheme;
    target->port = base_.port;
  }
  asked.url = target->text();
  if (target->origin() != origin()) asked.authorization.clear();
  asked.headers.add("Accept", "*/*");
  asked.headers.add("Accept-Encoding", "identity");
  // What arrives is held against its digest, so that another host, and plain http, may carry it. But a
  // packument may not send us knocking at the doors of this machine.
  asked.route.http_allowed = true;
  asked.route.local_refused = !is_local_host(base_.host);
  asked.route.local_allowed_origin = origin();
  asked.redirects_max = tarball_redirects_max;
  asked.total_max = options_.tarball_max;
  asked.response_bytes_max = options_.tarball_bytes_max;
  return asked;
}

Error RegistryUpstream::refusal(int status, const HttpHeaders& headers, std::string_view what) const {
  const std::string who = "the upstream " + origin();
  const std::string detail = "status " + std::to_string(status) + " for " + std::string(what);
  if (status == 404) return fail(ErrorKind::not_found, who + " has no " + std::string(what), detail);
  if (status == 401 || status == 403) {
    const char* why = authorization_.empty()
                          ? " asks for a credential, and the gate has none for it: set token_file"
                          : " refused the credential of the gate: an administrator has to renew it";
    return fail(ErrorKind::upstream, who + why, detail);
  }
  if (status == loop_status)
    return fail(ErrorKind::upstream,
                who +
                    " leads in a circle, from registry to registry and back: an administrator has to give " +
                    std::string(what) + " one origin (\"read\" in [[packages]])",
                detail);
  if (may_pass_later(status))
    return fail(ErrorKind::unavailable,
                who + " cannot answer now (" + std::to_string(status) + "): try again later", detail);
  if (const std::string* location = headers.find("Location");
      location != nullptr && status >= 300 && status < 400)
    if (const auto target = resolve_url(base_, *location))
      return fail(ErrorKind::upstream,
                  who + " redirects to " + target->origin() + ": set the upstream's url to where it is",
                  detail);
  return fail(ErrorKind::upstream,
              who + " gave an answer that makes no sense here (" + std::to_string(status) + ")", detail);
}

Result<UpstreamPackument> RegistryUpstream::read_packument(const PackageName& name, bool conditional,
                                                           Result<HttpResponse> response) const {
  if (!response) return response.error();
  UpstreamPackument read{response->status,
                         {},
                         header_or_empty(response->headers, "ETag"),
                         header_or_empty(response->headers, "Last-Modified"),
                         options_.name};
  if (read.status == 404 || (read.status == 304 && conditional)) return read;
  if (read.status != 200) return refusal(read.status, response->headers, name.full());
  if (const auto first = response->body.find_first_not_of(" \t\r\n");
      first == std::string::npos || response->body[first] != '{')
    return fail(ErrorKind::upstream,
                "the upstream " + origin() + " sends what is not a packument: is its url a registry's?");
  read.body = std::move(response->body);
  return read;
}

Result<std::string> RegistryUpstream::packument(const PackageName& name, const PackumentLimits& limits) {
  HttpRequest asked = packument_request(name);
  asked.headers.add("Cache-Control", "no-cache");
  asked.total_max = limits.deadline;
  asked.response_bytes_max = std::min(limits.bytes_max, options_.packument_bytes_max);
  auto turn = health_.turn();
  if (!turn) return turn.error();
  auto response = client_.fetch_blocking(std::move(asked));
  tell(health_, std::move(*turn), response);
  auto read = read_packument(name, false, std::move(response));
  if (!read) return read.error();
  if (read->status == 404) return refusal(404, {}, name.full());
  return std::move(read->body);
}

Result<std::string> RegistryUpstream::attestations(const PackageName& name, std::string_view url,
                                                   const PackumentLimits& limits) {
  HttpRequest asked = request("GET", name.escaped());
  auto packument = parse_url(asked.url);
  if (!packument) return packument.error();
  auto target = resolve_url(*packument, url);
  if (!target || target->host != base_.host || target->port != base_.port)
    return fail(ErrorKind::upstream,
                "the upstream " + origin() + " names another host for its attestations, which is not asked");
  target->scheme = base_.scheme;
  asked.url = target->text();
  asked.headers.add("Accept", "application/json");
  asked.total_max = limits.deadline;
  asked.response_bytes_max = limits.bytes_max;
  asked.accept_gzip = true;
  auto turn = health_.turn();
  if (!turn) return turn.error();
  auto response = client_.fetch_blocking(std::move(asked));
  tell(health_, std::move(*turn), response, Telling::of_answers_only);
  if (!response) return response.error();
  if (response->status != 200) return refusal(response->status, response->headers, name.full());
  return std::move(response->body);
}

asio::awaitable<Result<UpstreamPackument>> RegistryUpstream::packument_here(PackageName name,
                                                                            std::string etag,
                                                                            std::string hops) {
  HttpRequest asked = packument_request(name, std::move(hops));
  if (!etag.empty()) asked.headers.add("If-None-Match", etag);
  auto turn = health_.turn();
  if (!turn) co_return turn.error();
  auto response = co_await client_.fetch(std::move(asked));
  tell(health_, std::move(*turn), response);
  if (!response) co_return of_answer(response.error());
  co_return read_packument(name, !etag.empty(), std::move(response));
}

asio::awaitable<Result<UpstreamPackument>> RegistryUpstream::packument_async(PackageName name,
                                                                             std::string etag,
                                                                             std::string from,
                                                                             std::string hops) {
  // An ETag means something to who made it alone.
  const auto known_to = [&](const RegistryUpstream& asked) {
    return asked.name() == (from.empty() ? options_.name : from) ? etag : std::string();
  };
  auto own = co_await packument_here(name, known_to(*this), hops);
  if (own || !is_down(own.error())) co_return own;
  for (RegistryUpstream* mirror : mirrors_) {
    auto theirs = co_await mirror->packument_here(name, known_to(*mirror), hops);
    if (theirs && theirs->status != 404) co_return theirs;
  }
  co_return own;
}

std::optional<std::string> RegistryUpstream::path_below(const Url& target) const {
  const bool behind_tls = target.scheme == "http" && target.port == "80" && base_.port == "443";
  if (target.host != base_.host || (target.port != base_.port && !behind_tls) ||
      !target.path.starts_with(base_.path))
    return std::nullopt;
  return target.path.substr(base_.path.size()) + (target.query.empty() ? "" : "?" + target.query);
}

std::string RegistryUpstream::url_at(const RegistryUpstream& other, const PackageName& name,
                                     const std::string& url) const {
  const auto packument = parse_url(request("GET", name.escaped()).url);
  const auto target = packument ? resolve_url(*packument, url) : packument;
  if (!target) return url;  // told where it is asked for
  auto path = path_below(*target);
  for (const RegistryUpstream* mirror : mirrors_)
    if (!path) path = mirror->path_below(*target);
  if (path) return other.url_ + "/" + *path;
  if (&other == this) return url;
  // On a host of files alone: a mirror has it where registries have tarballs.
  return other.url_ + "/" + name.full() + "/-" + target->path.substr(target->path.rfind('/'));
}

Result<void> RegistryUpstream::tarball(const PackageName& name, std::string_view url, StagedBlob& into,
                                       std::uint64_t bytes_max) {
  auto asked = tarball_request(name, url);
  if (!asked) return asked.error();
  asked->response_bytes_max = bytes_max;
  auto turn = health_.turn();
  if (!turn) return turn.error();
  auto response =
      client_.download_blocking(std::move(*asked), [&](Bytes bytes) { return into.append(bytes); });
  tell(health_, std::move(*turn), response);
  if (!response) return response.error();
  if (response->status != 200) return refusal(response->status, response->headers, name.full());
  return {};
}

asio::awaitable<Result<std::string>> TarballStream::read_some() {
  auto piece = co_await stream_->read_some();
  if (piece && !piece->empty()) co_return piece;
  if (turn_ && piece)
    turn_->answered();
  else if (turn_ && piece.error().kind == ErrorKind::unavailable)
    turn_->cut(log::redacted(piece.error().message));
  turn_.reset();
  if (!piece) co_return of_answer(piece.error());
  co_return piece;
}

asio::awaitable<Result<std::unique_ptr<TarballStream>>> RegistryUpstream::tarball_here(PackageName name,
                                                                                       std::string url,
                                                                                       std::string hops) {
  auto asked = tarball_request(name, url, std::move(hops));
  if (!asked) co_return asked.error();
  const auto target = parse_url(asked->url);
  const bool elsewhere = target && target->origin() != origin();  // says nothing of this one, nor this of it
  std::optional<UpstreamHealth::Turn> turn;
  if (!elsewhere) {
    auto granted = health_.turn();
    if (!granted) co_return granted.error();
    turn.emplace(std::move(*granted));
  }
  auto stream = co_await client_.open(std::move(*asked));
  const bool comes = stream && (*stream)->status() == 200;
  if (turn && (!comes || turn->probes())) {  // others wait for what a probe finds: its head has to do
    tell(health_, std::move(*turn), stream);
    turn.reset();
  } else if (turn) {
    health_.count(false);
  }
  if (!stream) co_return of_answer(stream.error());
  if (!comes) co_return refusal((*stream)->status(), (*stream)->headers(), name.full());
  co_return std::make_unique<TarballStream>(std::move(*stream), options_.name, std::move(turn));
}

asio::awaitable<Result<std::unique_ptr<TarballStream>>> RegistryUpstream::tarball_async(PackageName name,
                                                                                        std::string url,
                                                                                        std::string cut_by,
                                                                                        std::string hops) {
  std::vector<RegistryUpstream*> order{this};
  order.insert(order.end(), mirrors_.begin(), mirrors_.end());
  const auto broke_off =
      std::ranges::find_if(order, [&](const RegistryUpstream* one) { return one->name() == cut_by; });
  if (broke_off != order.end()) std::rotate(order.begin(), broke_off + 1, order.end());
  Error of_origin;
  for (RegistryUpstream* asked : order) {
    auto stream = co_await asked->tarball_here(name, url_at(*asked, name, url), hops);
    if (stream) co_return stream;
    if (asked != this) continue;
    if (!is_down(stream.error())) co_return stream;
    of_origin = stream.error();
  }
  co_return of_origin;
}

asio::awaitable<Result<std::string>> RegistryUpstream::ask_here(ServiceQuestion question) {
  HttpRequest asked = request(question.body ? "POST" : "GET", question.path, std::move(question.hops));
  asked.headers.add("Accept", "application/json");
  asked.total_max = question.total_max;
  asked.response_bytes_max = question.answer_bytes_max;
  asked.accept_gzip = true;
  if (question.body) asked.headers.add("Content-Type", "application/json");
  auto turn = health_.turn();
  if (!turn) co_return turn.error();
  auto response = question.body ? co_await client_.fetch(std::move(asked), std::move(*question.body))
                                : co_await client_.fetch(std::move(asked));
  tell(health_, std::move(*turn), response, Telling::of_answers_only);
  if (!response) co_return of_answer(response.error());
  if (response->status == 200) co_return std::move(response->body);
  const bool absent = response->status == 404 || response->status == 405 || response->status == 410;
  co_return refusal(absent ? 404 : response->status, response->headers,
                    question.path.substr(0, question.path.find('?')));
}

asio::awaitable<Result<std::string>> RegistryUpstream::ask(ServiceQuestion question) {
  auto own = co_await ask_here(question);
  if (own || !is_down(own.error())) co_return own;
  for (RegistryUpstream* mirror : mirrors_) {
    auto theirs = co_await mirror->ask_here(question);
    if (theirs) co_return theirs;
  }
  co_return own;
}

PublishOutcome RegistryUpstream::publish(const PackageName& name, const BodySource& body, Millis deadline) {
  HttpRequest asked = request("PUT", name.escaped());
  asked.headers.add("Accept", "*/*");
  asked.headers.add("Content-Type", "application/json");
  asked.headers.add("npm-command", "publish");
  // A registry may think for long about what it was sent; only the deadline ends that.
  asked.idle_max = Millis(0);
  asked.total_max = std::max(deadline, Millis(1));
  asked.response_bytes_max = publish_answer_bytes_max;
  auto turn = health_.turn();
  if (!turn) return {PublishOutcome::Kind::unclear, 0, turn.error().message};
  const auto response = client_.fetch_blocking(std::move(asked), &body);
  tell(health_, std::move(*turn), response, Telling::of_answers_only);
  if (!response) return {PublishOutcome::Kind::unclear, 0, log::redacted(response.error().message)};

  const int status = response->status;
  std::string words = words_of(response->body);
  if (status == 202) {
    // Another gate, such as this one: what it has taken is not published before its own reviewers say so.
    const std::string notice = header_or_empty(response->headers, "npm-notice");
    return {PublishOutcome::Kind::held, status,
            "the upstream " + origin() + " holds it for a review of its own" +
                (notice.empty() ? "" : " (" + log::redacted(printable(notice, message_bytes_max)) + ")"),
            stage_in(response->body)};
  }
  if (status >= 200 && status < 300) return {PublishOutcome::Kind::accepted, status, std::move(words)};
  if (words.empty()) words = "the upstream " + origin() + " answered " + std::to_string(status);
  const bool definite = status >= 400 && status < 500 && !may_pass_later(status);
  return {definite ? PublishOutcome::Kind::refused : PublishOutcome::Kind::unclear, status, std::move(words)};
}

Result<UpstreamReview> RegistryUpstream::review_of(const std::string& review) {
  HttpRequest asked = request("GET", "-/stage/" + review);
  asked.headers.add("Accept", "application/json");
  asked.total_max = PackumentLimits().deadline;
  asked.response_bytes_max = publish_answer_bytes_max;
  auto turn = health_.turn();
  if (!turn) return turn.error();
  const auto response = client_.fetch_blocking(std::move(asked));
  tell(health_, std::move(*turn), response, Telling::of_answers_only);
  if (!response) return response.error();
  if (response->status == 404) return UpstreamReview{UpstreamReview::State::over, {}};
  if (response->status != 200) return refusal(response->status, response->headers, "a release under review");
  boost::system::error_code ec;
  const auto item = boost::json::parse(response->body, ec);
  if (ec || !item.is_object())
    return fail(ErrorKind::upstream,
                "the upstream " + origin() + " does not say how far its review has come");
  const auto text = [&](const char* key) {
    const auto* value = item.as_object().if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  // npm's own has no such member: there, what is staged is undecided, and gone afterwards.
  const std::string state = text("status");
  if (state == "rejected" || state == "blocked" || state == "failed")
    return UpstreamReview{UpstreamReview::State::refused,
                          log::redacted(printable(text("why"), message_bytes_max))};
  return UpstreamReview{state == "published" ? UpstreamReview::State::over : UpstreamReview::State::pending,
                        {}};
}

}  // namespace sallyport
