#pragma once
// Structured logs: one JSON object a line on standard error, {"time","level","event",...fields}.
// Any thread. No secret reaches a line: values of registered secrets and anything shaped like one of our
// tokens, an npm token, or an Authorization header are replaced by "***".

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace sallyport::log {

enum class Level { debug, info, warn, error, off };

void set_level(Level level);
Level parse_level(std::string_view name, Level otherwise);

void write(Level level, std::string_view event, boost::json::object fields = {});
inline void debug(std::string_view event, boost::json::object f = {}) {
  write(Level::debug, event, std::move(f));
}
inline void info(std::string_view event, boost::json::object f = {}) {
  write(Level::info, event, std::move(f));
}
inline void warn(std::string_view event, boost::json::object f = {}) {
  write(Level::warn, event, std::move(f));
}
inline void error(std::string_view event, boost::json::object f = {}) {
  write(Level::error, event, std::move(f));
}

// From now on every occurrence of `secret` (8 characters or more) in a value is replaced.
void redact(std::string secret);
std::string redacted(std::string_view text);

// Where lines go instead of standard error; for tests. Empty: standard error again.
void set_sink(std::function<void(std::string_view)> sink);

}  // namespace sallyport::log
