#pragma once
// Gateways that ask each other in a circle. Each adds its own id to the header CDN-Loop (RFC 8586) of what it
// asks; who finds its own id in what it is asked answers 508 (Loop Detected), and so does who is told so.

#include <string>
#include <string_view>

#include "proxy/http/request.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace sallyport {

inline constexpr const char* hops_header = "cdn-loop";
inline constexpr int loop_status = 508;

// A name that no other gateway has, and that tells nothing of this one.
std::string hop_id(Random& random);
// The gateways that a request came by. What others say in the header is not passed on: somebody may have made
// it up to have a registry refuse us.
std::string hops_in(const Headers& headers);
// Whether a question has passed here before, or by too many to be true.
bool goes_in_circles(std::string_view hops, std::string_view own_id);
std::string with_hop(std::string hops, std::string_view own_id);
// What waits under one key for an upstream's answer: one that came by other gateways waits for none that may
// wait for it.
std::string flight_key(std::string key, std::string_view hops);
// Whether an upstream said so.
bool is_loop(const Error& error);

}  // namespace sallyport
