#include "proxy/handlers/signatures.hpp"

#include <set>

#include "proxy/handlers/document.hpp"
#include "proxy/hops.hpp"
#include "proxy/http/error_map.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/json.hpp"
#include "storage/base/semver.hpp"

namespace sallyport {
namespace {

constexpr Millis keys_fresh{10 * 60'000}, attestations_fresh{60 * 60'000};
constexpr std::uint64_t keys_bytes_max = 256u << 10, attestations_bytes_max = 4u << 20;
constexpr std::string_view key_type = "ecdsa-sha2-nistp256";

Response told(std::shared_ptr<const std::string> text, bool stale) {
  Response response = document_response(std::move(text));
  if (stale) mark_stale(response);
  return response;
}

json::object own_key(const SigningKey& key) {
  return {{"expires", nullptr},
          {"keyid", key.id()},
          {"keytype", key_type},
          {"scheme", key_type},
          {"key", base64_encode(as_bytes(key.spki()))}};
}

class Signatures {
 public:
  explicit Signatures(SignatureParts parts) : parts_(std::move(parts)) {}

  asio::awaitable<Response> keys(Exchange& exchange) {
    const std::string hops = hops_in(exchange.request.headers);
    json::array keys;
    std::set<std::string, std::less<>> ids;
    auto any_own = [this] {
      bool any = false;
      auto read = parts_.catalog.each_name([&](std::string_view) { return !(any = true); });
      return read ? Result<bool>(any) : Result<bool>(read.error());
    };
    auto own = co_await async_run_on(parts_.disk, std::move(any_own));
    if (!own) co_return error_response(own.error());
    ids.insert(parts_.own.key().id());  // no upstream speaks for us
    if (*own) keys.push_back(own_key(parts_.own.key()));
    bool stale = false;
    std::set<std::string> origins;
    for (const PackageRule& rule : parts_.packages.all()) origins.insert(rule.read);
    for (const std::string& origin : origins) {
      RegistryUpstream* upstream = parts_.upstream(origin);
      if (upstream == nullptr) continue;
      ServiceAnswers::Ask ask = [upstream, hops]() -> asio::awaitable<Result<std::string>> {
        ServiceQuestion question;
        question.hops = hops;
        question.path = "-/npm/v1/keys";
        question.answer_bytes_max = keys_bytes_max;
        auto answer = co_await upstream->ask(std::move(question));
        // npm's own registry says 400 where there are none.
        if (!answer && answer.error().detail.starts_with("status 400 "))
          co_return fail(ErrorKind::not_found, "There are no keys.");
        if (!answer) co_return answer.error();
        if (!keys_in(*answer)) co_return fail(ErrorKind::upstream, "The upstream's keys could not be read.");
        co_return answer;
      };
      auto answer = co_await parts_.answers.get("keys " + origin, keys_fresh, std::move(ask), hops);
      if (!answer && answer.error().kind == ErrorKind::not_found) continue;
      // Without these every version signed with them would pass for forged.
      if (!answer) co_return error_response(answer.error());
      stale |= answer->stale;
      const auto theirs = keys_in(*answer->text);
      for (const json::value& key : *theirs) {
        const auto id = key.is_object() ? string_at(key.get_object(), "keyid") : std::nullopt;
        if (id && string_at(key.get_object(), "key") && ids.emplace(*id).second) keys.push_back(key);
      }
    }
    if (keys.empty()) co_return refusal(404, "This registry has no signing keys.");
    auto text = std::make_shared<const std::string>(json::serialize(json::object{{"keys", std::move(keys)}}));
    co_return told(std::move(text), stale);
  }

  asio::awaitable<Response> attestations(Exchange& exchange) {
    const std::string spec(exchange.param("spec"));
    const std::size_t at = spec.rfind('@');
    if (at == std::string::npos || at == 0)
      co_return refusal(400, "Attestations are asked for as NAME@VERSION.");
    auto name = PackageName::parse(std::string_view(spec).substr(0, at));
    if (!name) co_return error_response(name.error());
    const std::string hops = hops_in(exchange.request.headers);
    auto found = co_await parts_.cache.packument(*name, hops);
    if (!found) co_return error_response(found.error());
    // By version only: what a tag names may change between two questions.
    const std::string wanted = spec.substr(at + 1);
    if (!Version::parse(wanted) || !found->packument->versions.contains(wanted))
      co_return refusal(404, "There is no version " + wanted + " of " + name->full() + ".");
    auto version = version_named(*found->packument, wanted);
    if (!version) co_return error_response(version.error());
    RegistryUpstream* upstream =
        (*version)->url.empty() ? nullptr : parts_.upstream(parts_.packages.rule_for(*name).read);
    if (upstream == nullptr || !(*version)->attested)
      co_return refusal(404, "There are no attestations of " + name->full() + "@" + wanted + ".");

    // Where they are is not read from the packument, so that no packument makes us knock at other doors.
    const std::string path = "-/npm/v1/attestations/" + name->escaped() + "@" + wanted;
    ServiceAnswers::Ask ask = [upstream, path, hops]() -> asio::awaitable<Result<std::string>> {
      ServiceQuestion question;
      question.hops = hops;
      question.path = path;
      question.answer_bytes_max = attestations_bytes_max;
      auto answer = co_await upstream->ask(std::move(question));
      if (!answer) co_return answer.error();
      auto value = parse_strict(*answer, {.bytes_max = attestations_bytes_max});
      if (!value || !value->is_object() || array_at(value->get_object(), "attestations") == nullptr)
        co_return fail(ErrorKind::upstream, "The upstream's attestations could not be read.");
      co_return answer;
    };
    auto answer = co_await parts_.answers.get("attestations " + upstream->name() + " " + spec,
                                              attestations_fresh, std::move(ask), hops);
    if (!answer) co_return error_response(answer.error());
    co_return told(answer->text, answer->stale);
  }

 private:
  static std::optional<json::array> keys_in(const std::string& text) {
    auto value = parse_strict(text, {.bytes_max = keys_bytes_max});
    if (!value || !value->is_object()) return std::nullopt;
    const json::array* keys = array_at(value->get_object(), "keys");
    if (keys == nullptr) return std::nullopt;
    return *keys;
  }

  SignatureParts parts_;
};

}  // namespace

std::vector<Route> signature_routes(SignatureParts parts) {
  auto signatures = std::make_shared<Signatures>(std::move(parts));
  return {{Method::get, "/-/npm/v1/keys", BodyMode::none, Access::reader,
           handled_by(signatures, &Signatures::keys),
           "the keys that versions are signed with: the upstreams' and our own"},
          {Method::get, "/-/npm/v1/attestations/*spec", BodyMode::none, Access::reader,
           handled_by(signatures, &Signatures::attestations),
           "the attestations of NAME@VERSION, from its origin"}};
}

}  // namespace sallyport
