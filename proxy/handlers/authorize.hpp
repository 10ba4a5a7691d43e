#pragma once
// Who is asking, before a byte of the body is read: HttpService::authorize.

#include <optional>
#include <string>

#include "proxy/handlers/account_context.hpp"
#include "proxy/http/request.hpp"
#include "proxy/http/response.hpp"

namespace sallyport {

// Sets the exchange's principal, or returns the refusal. Roles of a package are the gate's; here it is
// decided that there is a valid token, that a read-only one writes nothing, and that administrators are.
asio::awaitable<std::optional<Response>> authorize(AccountContext& context, Exchange& exchange);

// What the client calls itself, printable: "npm/11.19.1" of "npm/11.19.1 node/v24.1.0 linux x64".
std::string client_of(const Request& request);

}  // namespace sallyport
