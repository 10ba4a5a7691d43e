#include "storage/base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "storage/base/clock.hpp"
#include "storage/base/text.hpp"

namespace sallyport::log {

namespace {

namespace json = boost::json;

constexpr std::string_view hidden = "***";
constexpr std::size_t secret_bytes_min = 8;    // a shorter one would blank out ordinary words
constexpr std::size_t value_bytes_max = 8192;  // one value of a line
constexpr int depth_max = 32;

std::atomic<Level> threshold{Level::info};

struct Secrets {
  std::shared_mutex mutex;
  std::vector<std::string> values;  // longest first, so that none is cut by a shorter one inside it
};
Secrets& secrets() {
  static Secrets instance;
  return instance;
}

struct Sink {
  std::mutex mutex;
  std::function<void(std::string_view)> take;
};
Sink& sink() {
  static Sink instance;
  return instance;
}

// Each line is one write to standard error before write() returns, so that a crash loses none.
spdlog::logger& stderr_logger() {
  static const auto logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("sallyport", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}
bool is_token_character(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '-';
}
bool is_credential_character(char c) {
  return is_token_character(c) || std::string_view("+/=.~").find(c) != std::string_view::npos;
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char p, char t) { return p == lower(t); });
}

template <class Predicate>
std::size_t run(std::string_view text, std::size_t from, Predicate accept) {
  while (from < text.size() && accept(text[from])) ++from;
  return from;
}

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Past a key's ':' or '=' with its quotes and blanks; the end of the text where there is none.
std::size_t after_separator(std::string_view text, std::size_t from) {
  const std::size_t end =
      run(text, from, [](char c) { return std::string_view(" :=\"").find(c) != std::string_view::npos; });
  const bool separated = text.substr(from, end - from).find_first_of(":=") != std::string_view::npos;
  return separated ? end : text.size();
}

// The secret that starts exactly at the front of `text`, as a part of it; empty if none does.
Span secret_at_front(std::string_view text) {
  switch (lower(text.front())) {
    case 'n':
      // npm_config_registry and its like are no tokens: those are 36 letters and digits in a row.
      if (text.starts_with("npm_")) {
        const std::size_t end = run(text, 4, is_letter_or_digit);
        if (end >= 24) return {0, end};
      }
      return {};
    case 's':
      if (text.starts_with("slp_")) {
        const std::size_t end = run(text, 4, is_token_character);
        if (end >= 24) return {0, end};
      }
      return {};
    case 'b':
      for (const std::string_view scheme : {"bearer ", "basic "}) {
        if (!begins_with(text, scheme)) continue;
        const std::size_t begin = run(text, scheme.size(), [](char c) { return c == ' '; });
        return {begin, run(text, begin, is_credential_character)};
      }
      return {};
    case 'a':
      if (begins_with(text, "authorization")) {
        const std::size_t begin = after_separator(text, 13);
        return {begin, run(text, begin, [](char c) { return c != '\r' && c != '\n' && c != '"'; })};
      }
      return {};
    case '_':
      for (const std::string_view key : {"_authtoken", "_auth", "_password"}) {
        if (!begins_with(text, key)) continue;
        const std::size_t begin = after_separator(text, key.size());
        return {begin, run(text, begin, is_credential_character)};
      }
      return {};
    case ':':
      // "https://user:password@host"
      if (text.starts_with("://")) {
        const std::size_t end = run(text, 3, [](char c) {
          return std::string_view("/?# \t\r\n\"").find(c) == std::string_view::npos;
        });
        const std::size_t at = text.substr(0, end).rfind('@');
        if (at != std::string_view::npos && at > 3) return {3, at};
      }
      return {};
    default:
      return {};
  }
}

std::string without_shapes(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const Span secret = secret_at_front(rest);
    if (secret.end > secret.begin) {
      clean += rest.substr(0, secret.begin);
      clean += hidden;
      at += secret.end;
    } else {
      clean += rest.front();
      ++at;
    }
  }
  return clean;
}

void replace_all(std::string& text, std::string_view secret) {
  for (std::size_t at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + hidden.size())) {
    text.replace(at, secret.size(), hidden);
  }
}

// Members whose very name says that the value is nobody's business.
bool is_secret_name(std::string_view key) {
  static constexpr std::array<std::string_view, 8> names = {
      "authorization", "password", "token", "otp", "npm-otp", "cookie", "secret", "_authtoken"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return name.size() == key.size() && begins_with(key, name);
  });
}

void clean(json::value& value, int depth) {
  if (depth > depth_max) {
    value = hidden;
  } else if (auto* text = value.if_string()) {
    *text = redacted(*text);
  } else if (auto* array = value.if_array()) {
    for (auto& element : *array) clean(element, depth + 1);
  } else if (auto* object = value.if_object()) {
    for (auto& member : *object) {
      if (is_secret_name(member.key()) && !member.value().is_null()) {
        member.value() = hidden;
      } else {
        clean(member.value(), depth + 1);
      }
    }
  }
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
    case Level::off:
      break;
  }
  return "off";
}

}  // namespace

void set_level(Level level) {
  threshold = level;
}

Level parse_level(std::string_view name, Level otherwise) {
  for (const Level level : {Level::debug, Level::info, Level::warn, Level::error, Level::off}) {
    if (name == level_name(level)) return level;
  }
  return otherwise;
}

void write(Level level, std::string_view event, json::object fields) {
  if (level < threshold.load(std::memory_order_relaxed) || level == Level::off) return;
  json::object line;
  line["time"] = to_iso8601(SystemClock().now());
  line["level"] = level_name(level);
  line["event"] = redacted(event);
  json::value cleaned(std::move(fields));
  clean(cleaned, 0);
  for (auto& [key, value] : cleaned.get_object()) line.emplace(redacted(key), std::move(value));
  const std::string text = json::serialize(line);

  {
    const std::lock_guard lock(sink().mutex);
    if (sink().take) {
      sink().take(text);
      return;
    }
  }
  stderr_logger().log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
}

void redact(std::string secret) {
  if (secret.size() < secret_bytes_min) return;
  const std::lock_guard lock(secrets().mutex);
  auto& values = secrets().values;
  if (std::find(values.begin(), values.end(), secret) != values.end()) return;
  const auto at =
      std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.size() < secret.size(); });
  values.insert(at, std::move(secret));
}

std::string redacted(std::string_view text) {
  std::string clean_text(text);
  {
    const std::shared_lock lock(secrets().mutex);
    for (const std::string& secret : secrets().values) replace_all(clean_text, secret);
  }
  clean_text = without_shapes(clean_text);
  if (clean_text.size() > value_bytes_max || !is_utf8(clean_text))
    clean_text = printable(clean_text, value_bytes_max);
  return clean_text;
}

void set_sink(std::function<void(std::string_view)> take) {
  const std::lock_guard lock(sink().mutex);
  sink().take = std::move(take);
}

}  // namespace sallyport::log
