#pragma once
// Writes that npm's clients can send and that do not pass the gate: each refused with a sentence, and nothing
// sent upstream.

#include <vector>

#include "proxy/http/route.hpp"

namespace sallyport {

std::vector<Route> refused_routes();
// Whatever no route knows: 404 for reads and for services that are not offered, 403 for writes.
Route unknown_route();

}  // namespace sallyport
