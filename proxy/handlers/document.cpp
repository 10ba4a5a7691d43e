#include "proxy/handlers/document.hpp"

#include "storage/base/base64.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {

Response document_response(std::shared_ptr<const std::string> json) {
  const std::string etag = "\"" + base64url_encode(Bytes(sha256(*json).bytes)) + "\"";
  Response response = prepared_response(std::move(json), "application/json");
  response.header("etag", etag).header("cache-control", "no-cache");
  return response;
}

Response document_response(std::string json) {
  return document_response(std::make_shared<const std::string>(std::move(json)));
}

void mark_stale(Response& response) {
  response.header("warning", "110 - \"Response is Stale\"");
}

}  // namespace sallyport
