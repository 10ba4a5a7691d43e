#pragma once
// PUT /:pkg and npm's staged POST: a release arrives.

#include <vector>

#include "proxy/handlers/context.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

std::vector<Route> publish_routes(HandlerContext& context);

}  // namespace sallyport
