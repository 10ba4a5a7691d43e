#pragma once
// /-/stage: what npm's `stage` commands and a reviewer's tools ask and decide.

#include <vector>

#include "proxy/handlers/context.hpp"
#include "proxy/http/route.hpp"

namespace sallyport {

std::vector<Route> stage_routes(HandlerContext& context);

}  // namespace sallyport
