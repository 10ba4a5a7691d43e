#include "proxy/handlers/otp_challenge.hpp"

#include "proxy/handlers/account.hpp"

namespace sallyport {
namespace {

// yarn and berry know the challenge by its header only, others by "one-time pass" in the sentence as well.
Response challenge(std::string_view sentence) {
  Response response = refusal(401, sentence);
  response.header("www-authenticate", "OTP");
  return response;
}

bool needed(const Principal& who, OtpUse use) {
  return use == OtpUse::write ? who.otp_on_writes : who.otp_enrolled;
}

}  // namespace

asio::awaitable<std::optional<Response>> require_otp(AccountContext& context, Exchange& exchange,
                                                     OtpUse use) {
  if (!exchange.principal) co_return refusal(401, "You are not logged in here: run `npm login`.");
  Principal who = *exchange.principal;
  co_return co_await require_otp_of(context, exchange, std::move(who), use);
}

asio::awaitable<std::optional<Response>> require_otp_of(AccountContext& context, Exchange& exchange,
                                                        Principal who, OtpUse use) {
  if (use == OtpUse::decision && context.otp_to_approve_required && !who.otp_enrolled)
    co_return refusal(
        403,
        "Decisions here need a one-time password, and your account has none yet: set it up with "
        "`npm profile enable-2fa`, then decide again.");
  if (!needed(who, use)) co_return std::nullopt;
  const std::string code(exchange.request.headers.only("npm-otp").value_or(""));
  if (code.empty())
    co_return challenge("You must provide a one-time pass. Run the same command with --otp=CODE.");
  auto check = [&identity = context.identity, who, code, address = exchange.request.remote] {
    return identity.check_otp(who.user, code, address);
  };
  auto checked = co_await async_run_on(context.pool, std::move(check));
  if (checked) co_return std::nullopt;
  if (checked.error().kind == ErrorKind::unauthenticated) co_return challenge(checked.error().message);
  co_return account_error(checked.error());
}

}  // namespace sallyport
