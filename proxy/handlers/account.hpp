#pragma once
// npm's routes for accounts: log-in, whoami, profile, tokens.

#include <vector>

#include "proxy/handlers/account_context.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

// `context` must outlive the routes.
std::vector<Route> account_routes(AccountContext& context);

// As error_response, but slowed-down attempts are 403: clients send a 429 again by themselves, and would wait
// in silence instead of showing the sentence.
Response account_error(const Error& error);

}  // namespace sallyport
