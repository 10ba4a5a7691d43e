#pragma once
// A JSON document made for who asks: with a strong ETag of its content, and asked about again each time.

#include <memory>
#include <string>

#include "proxy/http/response.hpp"

namespace sallyport {

Response document_response(std::shared_ptr<const std::string> json);
Response document_response(std::string json);

// What is answered from what an upstream said last: RFC 9111 no longer asks for the mark, and npm shows it.
void mark_stale(Response& response);

}  // namespace sallyport
