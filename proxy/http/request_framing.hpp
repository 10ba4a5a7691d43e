#pragma once
// Which heads of requests are read at all. Whatever a front proxy and this server could read as two different
// requests is refused, and the connection with it: Beast's parser alone forgives too much (RFC 9112, 11.2).

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/http/request.hpp"

namespace sallyport {

// Why a head is not answered in order.
struct Refusal {
  int status = 400;
  std::string sentence;
};
Refusal bad_request(std::string_view why);

// The bytes of a head as they arrive, up to its blank line: what Beast would forgive of them.
class RawHead {
 public:
  enum class State { unfinished, complete, refused };
  // `bytes`: all so far, from the start of the head.
  State scan(std::string_view bytes);
  std::size_t end() const { return scanned_; }  // of a complete one, behind its blank line
  const Refusal& refusal() const { return refusal_; }

 private:
  State refuse(std::string_view why);
  std::size_t scanned_ = 0, line_start_ = 0;
  Refusal refusal_;
};

// A body that is only looked at where it lies, in the connection's buffer.
struct ViewBody {
  using value_type = std::span<const char>;
  struct reader {
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& piece) : piece_(piece) {}
    void init(const boost::optional<std::uint64_t>&, boost::system::error_code& ec) { ec = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& ec) {
      ec = {};
      boost::asio::const_buffer first = *boost::asio::buffer_sequence_begin(buffers);
      piece_ = {static_cast<const char*>(first.data()), first.size()};
      return first.size();
    }
    void finish(boost::system::error_code& ec) { ec = {}; }

   private:
    value_type& piece_;
  };
};
using Parser = boost::beast::http::request_parser<ViewBody>;

// Fills in `request` from a parsed head: headers, method, target, framing.
std::optional<Refusal> check_head(const Parser::value_type& message, Request& request);

}  // namespace sallyport
