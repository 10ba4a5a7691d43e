#include "proxy/http/route.hpp"

#include <algorithm>
#include <cstdlib>

#include "storage/base/log.hpp"

namespace sallyport {

std::string_view to_text(BodyMode mode) {
  switch (mode) {
    case BodyMode::none:
      return "none";
    case BodyMode::small:
      return "small";
    case BodyMode::stream:
      return "stream";
  }
  return "";
}

std::string_view to_text(Access access) {
  switch (access) {
    case Access::anonymous:
      return "anonymous";
    case Access::reader:
      return "reader";
    case Access::user:
      return "user";
    case Access::publisher:
      return "publisher";
    case Access::reviewer:
      return "reviewer";
    case Access::administrator:
      return "administrator";
  }
  return "";
}

std::vector<RouteTable::Part> RouteTable::compile(std::string_view pattern) {
  std::vector<Part> parts;
  if (!pattern.empty() && pattern.front() == '/') pattern.remove_prefix(1);
  while (!pattern.empty()) {
    std::size_t end = pattern.find('/');
    std::string text(pattern.substr(0, end));
    if (text == ":pkg") {
      parts.push_back({Kind::package, "pkg"});
    } else if (text.starts_with(':')) {
      parts.push_back({Kind::parameter, text.substr(1)});
    } else if (text.starts_with('*')) {
      parts.push_back({Kind::rest, text.substr(1)});
    } else {
      parts.push_back({Kind::literal, std::move(text)});
    }
    if (end == std::string_view::npos) break;
    pattern.remove_prefix(end + 1);
  }
  return parts;
}

bool RouteTable::matches(const Entry& entry, const std::vector<std::string>& segments,
                         std::vector<PathParam>& params) {
  std::size_t at = 0;
  for (const Part& part : entry.parts) {
    if (at >= segments.size()) return false;
    const std::string& segment = segments[at];
    switch (part.kind) {
      case Kind::literal:
        if (segment != part.text) return false;
        ++at;
        break;
      case Kind::parameter:
        params.push_back({part.text, segment, at});
        ++at;
        break;
      case Kind::package:
        if (segment == "-") return false;
        // A scope at the end of a path is taken too: who reads the name says that it is none.
        if (segment.front() != '@' || segment.find('/') != std::string::npos || at + 1 == segments.size()) {
          params.push_back({part.text, segment, at});
          ++at;
        } else {
          // The next segment belongs to it, unless it is the "-" of a route.
          if (segments[at + 1] == "-" || segments[at + 1].find('/') != std::string::npos) return false;
          params.push_back({part.text, segment + "/" + segments[at + 1], at});
          at += 2;
        }
        break;
      case Kind::rest: {
        std::string rest = segment;
        for (std::size_t i = at + 1; i < segments.size(); ++i) rest += "/" + segments[i];
        params.push_back({part.text, std::move(rest), at});
        return true;
      }
    }
  }
  return at == segments.size();
}

// Compared part by part from the left, the more literal first; of two equal beginnings the longer.
bool RouteTable::before(const Entry& a, const Entry& b) {
  std::size_t shared = std::min(a.parts.size(), b.parts.size());
  for (std::size_t i = 0; i < shared; ++i) {
    if (a.parts[i].kind != b.parts[i].kind) return a.parts[i].kind < b.parts[i].kind;
  }
  return a.parts.size() > b.parts.size();
}

void RouteTable::add(Route route) {
  Entry entry{std::make_unique<Route>(std::move(route)), {}};
  entry.parts = compile(entry.route->pattern);
  for (const Entry& other : entries_) {
    bool same = other.route->method == entry.route->method && other.parts.size() == entry.parts.size();
    for (std::size_t i = 0; same && i < entry.parts.size(); ++i) {
      const Part& a = entry.parts[i];
      const Part& b = other.parts[i];
      same = a.kind == b.kind && (a.kind != Kind::literal || a.text == b.text);
    }
    if (same) {
      log::error("route_twice", {{"pattern", entry.route->pattern}, {"other", other.route->pattern}});
      std::abort();
    }
  }
  std::size_t index = entries_.size();
  entries_.push_back(std::move(entry));
  auto place = std::upper_bound(order_.begin(), order_.end(), index, [this](std::size_t a, std::size_t b) {
    return before(entries_[a], entries_[b]);
  });
  order_.insert(place, index);
}

void RouteTable::set_fallback(Route route) {
  fallback_ = std::make_unique<Route>(std::move(route));
}

RouteMatch RouteTable::match(Method method, const std::vector<std::string>& segments) const {
  RouteMatch result;
  std::vector<PathParam> params;
  const Entry* as_get = nullptr;
  std::vector<PathParam> as_get_params;
  for (std::size_t index : order_) {
    const Entry& entry = entries_[index];
    // Most are told apart by their first word or their length.
    if (entry.parts.size() > segments.size()) continue;
    if (!entry.parts.empty() && entry.parts[0].kind == Kind::literal && entry.parts[0].text != segments[0])
      continue;
    params.clear();
    if (!matches(entry, segments, params)) continue;
    if (entry.route->method == method) {
      result.route = entry.route.get();
      result.params = std::move(params);
      result.allowed.clear();
      return result;
    }
    if (entry.route->method == Method::get && !as_get) {
      as_get = &entry;
      as_get_params = params;
    }
    if (std::find(result.allowed.begin(), result.allowed.end(), entry.route->method) ==
        result.allowed.end()) {
      result.allowed.push_back(entry.route->method);
    }
  }
  if (method == Method::head && as_get) {
    result.route = as_get->route.get();
    result.params = std::move(as_get_params);
    result.allowed.clear();
  }
  return result;
}

std::vector<const Route*> RouteTable::list() const {
  std::vector<const Route*> all;
  for (const Entry& entry : entries_) all.push_back(entry.route.get());
  return all;
}

}  // namespace sallyport
