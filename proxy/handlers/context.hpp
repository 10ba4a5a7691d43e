#pragma once
// What the handlers of releases and packages share; made once by proxy/cli/serve.

#include <functional>
#include <string>

#include "gate/executors.hpp"
#include "gate/gate.hpp"
#include "proxy/http/request.hpp"
#include "proxy/http/response.hpp"

namespace sallyport {

struct HandlerContext {
  Gate& gate;
  WorkPool& disk;        // short blocking work: a read, a look-up
  WorkPool& scan;        // inspection of what arrives
  WorkPool& desk;        // submissions and decisions: an fsync, perhaps a wait for the upstream
  std::string base_url;  // of this registry, for links; no slash at the end
  std::uint64_t publish_body_bytes_max;
  // Asks for the one-time password where the user has one (or where it is required of all): the challenge to
  // answer with, or nothing.
  std::function<asio::awaitable<std::optional<Response>>(Exchange&)> require_otp;
  // A release has arrived, and this has become of it at once.
  std::function<void(StageState)> submitted = [](StageState) {};
};

}  // namespace sallyport
