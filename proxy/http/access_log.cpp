#include "proxy/http/access_log.hpp"

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <utility>
#include <vector>

#include "storage/base/log.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

// The path as the access log may show it: no query, and no segment that is a secret.
std::string logged_path(const Request& request, const std::vector<PathParam>& params) {
  auto secret = [&](std::size_t index) {
    for (const PathParam& param : params) {
      if (param.segment == index && (param.name == "token" || param.name == "secret")) return true;
    }
    // `npm logout` names the token itself in the path; hidden whether or not such a route exists.
    return index == 3 && request.segments[0] == "-" && request.segments[1] == "user" &&
           request.segments[2] == "token";
  };
  std::string out;
  for (std::size_t i = 0; i < request.segments.size(); ++i) {
    out += "/";
    out += secret(i) ? "***" : printable(request.segments[i], 256);
  }
  return out.empty() ? "/" : out;
}

}  // namespace

void log_answer(const Exchange& exchange, const Answered& answered, const std::string& detail) {
  const Request& request = exchange.request;
  std::array<unsigned char, 2048> room;  // NOLINT: left as it is, most of it is never used
  boost::json::monotonic_resource memory(room.data(), room.size());
  boost::json::object fields({{"method", to_text(request.method)},
                              {"path", logged_path(request, exchange.params)},
                              {"status", answered.status},
                              {"bytes", answered.sent_bytes},
                              {"ms", answered.took.count() / 1000},
                              {"request", request.id},
                              {"remote", request.remote}},
                             10, &memory);
  if (answered.https) fields["https"] = true;
  if (!exchange.user.empty()) fields["user"] = exchange.user;
  if (!answered.complete) fields["cut"] = true;
  log::info("request", std::move(fields));
  if (answered.status >= 500 || !detail.empty()) {
    const auto level = answered.status >= 500 || !answered.complete ? log::Level::error : log::Level::warn;
    log::write(level, "request_failed",
               {{"request", request.id}, {"status", answered.status}, {"detail", detail}});
  }
}

}  // namespace sallyport
