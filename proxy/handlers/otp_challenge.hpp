#pragma once
// The second factor, as npm clients are asked for it: 401 with "www-authenticate: OTP", then the same request
// again with the header npm-otp.

#include <optional>
#include <string>

#include "gate/principal.hpp"
#include "proxy/handlers/account_context.hpp"
#include "proxy/http/request.hpp"
#include "proxy/http/response.hpp"

namespace sallyport {

enum class OtpUse : std::uint8_t {
  account,   // log-in, changes of an account: whoever has one
  write,     // other writes: who chose "auth-and-writes"
  decision,  // approving and rejecting: whoever has one; everybody, where the configuration requires it
};

// Nothing: go on. Otherwise the answer: the challenge, or a refusal. An accepted code is used up.
asio::awaitable<std::optional<Response>> require_otp(AccountContext& context, Exchange& exchange, OtpUse use);
// The same for who is not the exchange's principal (yet): a log-in.
asio::awaitable<std::optional<Response>> require_otp_of(AccountContext& context, Exchange& exchange,
                                                        Principal who, OtpUse use);

}  // namespace sallyport
