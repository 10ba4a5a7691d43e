#include "proxy/handlers/authorize.hpp"

#include <algorithm>
#include <cctype>

#include "gate/principal.hpp"
#include "proxy/http/error_map.hpp"
#include "proxy/http/route.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t client_bytes_max = 60;

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "Bearer TOKEN", or "Basic" with a token for its password, as `_auth` of older clients sends it. A password
// is taken at log-in only: with every request it would cost a derivation each. Nothing: no such header.
std::optional<std::string> token_of(const Request& request) {
  if (request.headers.count("authorization") == 0) return {};
  const auto value = request.headers.only("authorization").value_or("");
  const auto blank = value.find(' ');
  if (blank == value.npos) return "";
  const auto scheme = value.substr(0, blank), rest = value.substr(blank + 1);
  if (same_word(scheme, "bearer")) return std::string(rest);
  if (!same_word(scheme, "basic")) return "";
  const auto plain = base64_decode(rest);
  if (!plain) return "";
  const auto colon = plain->find(':');
  return colon == plain->npos ? std::string() : plain->substr(colon + 1);
}

bool writes(const Exchange& exchange, std::string_view token) {
  if (exchange.request.method == Method::get || exchange.request.method == Method::head) return false;
  if (exchange.route != nullptr && exchange.route->pattern == "/-/user/token/:token" &&
      exchange.param("token") == token)
    return false;  // its own end
  // A few POSTs only read: audits. Their routes say so.
  return exchange.route == nullptr ||
         (exchange.route->access != Access::anonymous && exchange.route->access != Access::reader);
}

}  // namespace

std::string client_of(const Request& request) {
  const std::string_view agent = request.headers.only("user-agent").value_or("");
  return printable(agent.substr(0, agent.find(' ')), client_bytes_max);
}

asio::awaitable<std::optional<Response>> authorize(AccountContext& context, Exchange& exchange) {
  const Access access = exchange.route == nullptr ? Access::user : exchange.route->access;
  if (access == Access::anonymous) co_return std::nullopt;
  const auto token = token_of(exchange.request);
  if (!token) {
    if (access == Access::reader && context.anonymous_reads) co_return std::nullopt;
    // Without www-authenticate: with one, npm puts words of its own in place of the sentence.
    co_return refusal(401, "You are not logged in here: run `npm login`, or give a token in .npmrc.");
  }
  const std::string address = exchange.request.remote;
  auto checked = context.identity.check_token_cached(*token, address);
  if (!checked) {
    auto look = [&identity = context.identity, token = *token, address] {
      return identity.check_token(token, address);
    };
    checked = co_await async_run_on(context.pool, std::move(look));
  }
  if (checked->has_error()) co_return error_response(checked->error());
  auto principal = std::make_shared<Principal>(**checked);
  principal->client = client_of(exchange.request);
  exchange.principal = principal;
  const Principal& who = *exchange.principal;
  exchange.user = who.user;
  if (who.read_only && writes(exchange, *token))
    co_return refusal(403, "This token is read-only: use one that may write.");
  if (access == Access::administrator && !who.admin)
    co_return refusal(403, "Only an administrator may do this.");
  co_return std::nullopt;
}

}  // namespace sallyport
