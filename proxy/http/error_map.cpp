#include "proxy/http/error_map.hpp"

#include "proxy/hops.hpp"

namespace sallyport {

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return 400;
    case ErrorKind::unauthenticated:
      return 401;
    case ErrorKind::forbidden:
      return 403;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::too_large:
      return 413;
    case ErrorKind::busy:
      return 429;
    case ErrorKind::upstream:
      return 502;
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::corrupt:
    case ErrorKind::internal:
      break;
  }
  return 500;
}

Response error_response(const Error& error) {
  std::string_view sentence = error.message;
  if (sentence.empty()) {
    sentence = status_of(error.kind) >= 500
                   ? "Sallyport could not do this; its log has the reason under the id in x-request-id."
                   : "The request was refused.";
  }
  Response response = refusal(is_loop(error) ? loop_status : status_of(error.kind), sentence);
  if (error.kind == ErrorKind::busy || error.kind == ErrorKind::unavailable) {
    response.header("retry-after", "5");
  }
  response.log_detail = error.detail;
  return response;
}

}  // namespace sallyport
