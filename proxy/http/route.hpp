#pragma once
// The table of routes: what exists, who may use it, what its body is. 404, 405 with Allow, HEAD and the
// printed route reference fall out of it.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/request.hpp"
#include "proxy/http/response.hpp"

namespace sallyport {

enum class BodyMode : std::uint8_t {
  none,    // a body is read past and ignored
  small,   // Exchange::read_small
  stream,  // Exchange::body()
};

// Who may call; the authorize hook gives each its meaning.
enum class Access : std::uint8_t { anonymous, reader, user, publisher, reviewer, administrator };
std::string_view to_text(BodyMode mode);
std::string_view to_text(Access access);

using Handler = std::function<asio::awaitable<Response>(Exchange&)>;

// A member of what several routes share, which lives as long as they do.
template <class T>
using HandlerMember = asio::awaitable<Response> (T::*)(Exchange&);
template <class T>
Handler handled_by(std::shared_ptr<T> shared, HandlerMember<T> member) {
  return [shared = std::move(shared), member](Exchange& exchange) { return ((*shared).*member)(exchange); };
}

struct Route {
  Method method = Method::get;
  // Segments, each literal, ":name" (one segment) or "*name" (the rest, at least one, joined by '/').
  // ":pkg" is a package name: one segment "lib" or "@acme/lib" (sent as @acme%2flib), or two, "@acme" and
  // "lib"; never "-". A single trailing slash means nothing.
  std::string pattern;
  BodyMode body = BodyMode::none;
  Access access = Access::user;
  Handler handler;
  std::string doc;                          // one line
  std::uint64_t body_bytes_max = 1u << 20;  // over it: 413, by Content-Length before the handler runs
};

struct RouteMatch {
  const Route* route = nullptr;
  std::vector<PathParam> params;
  std::vector<Method> allowed;  // where the path exists and the method does not
};

// Filled before the server starts, only read afterwards. Routes keep their address.
class RouteTable {
 public:
  // Aborts the program for two routes of the same method and shape: a fault of the table, not of a user.
  void add(Route route);
  // Answers paths that no route has, whatever the method; without it a plain 404 does.
  void set_fallback(Route route);

  // The most literal route wins, segment by segment from the left. HEAD falls back to GET.
  RouteMatch match(Method method, const std::vector<std::string>& segments) const;
  const Route* fallback() const { return fallback_.get(); }
  std::vector<const Route*> list() const;  // in order of adding

 private:
  enum class Kind : std::uint8_t { literal, package, parameter, rest };  // by falling weight
  struct Part {
    Kind kind;
    std::string text;
  };
  struct Entry {
    std::unique_ptr<Route> route;
    std::vector<Part> parts;
  };
  static std::vector<Part> compile(std::string_view pattern);
  static bool matches(const Entry& entry, const std::vector<std::string>& segments,
                      std::vector<PathParam>& params);
  static bool before(const Entry& a, const Entry& b);

  std::vector<Entry> entries_;      // in order of adding
  std::vector<std::size_t> order_;  // of trying
  std::unique_ptr<Route> fallback_;
};

}  // namespace sallyport
