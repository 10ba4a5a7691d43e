#pragma once
// A JSON document made for who asks: with a strong ETag of its content, and asked about again each time.

#include <memory>
#include <string>

#include "proxy/http/response.hpp"

namespace sallyport {

Response document_response(std::shared_ptr<const std::string> json);
Response document_response(std::string json);

}  // namespace sallyport
