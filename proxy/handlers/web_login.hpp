#pragma once
// `npm login` through a page in the browser: the client is told where the page is, and asks meanwhile whether
// somebody has logged in there; then it gets its token, once.

#include <string>
#include <vector>

#include "proxy/handlers/account_context.hpp"
#include "proxy/http/route.hpp"
#include "proxy/identity/web_login.hpp"

namespace sallyport {

// Both must outlive the routes. `base_url`: of this registry; no slash at the end.
std::vector<Route> web_login_routes(AccountContext& context, WebLogins& logins, std::string base_url);

}  // namespace sallyport
