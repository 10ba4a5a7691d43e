#include "storage/base/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <climits>
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

// Lines that a pipe takes whole are written side by side: a lock held over each write would make the threads
// that serve wait for one another. A longer one is written alone.
struct Sink {
  std::shared_mutex mutex;
  std::function<void(std::string_view)> take;
  std::atomic<bool> taken{false};
};
Sink& sink() {
  static Sink instance;
  return instance;
}

void write_out(std::string_view line) {
  while (!line.empty()) {
    const auto n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n >= 0) {
      line.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd room{STDERR_FILENO, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      return;  // nobody is left to read it
    }
  }
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

constexpr std::array<bool, 256> secret_beginnings = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("nNsSbBaA_:")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();
bool may_begin_secret(char c) {
  return secret_beginnings[static_cast<unsigned char>(c)];
}

// The first secret from `from` on; empty and at the end where there is none.
Span next_secret(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at < text.size(); ++at) {
    if (!may_begin_secret(text[at])) continue;
    const Span secret = secret_at_front(text.substr(at));
    if (secret.end > secret.begin) return {at + secret.begin, at + secret.end};
  }
  return {text.size(), text.size()};
}

std::string without_shapes(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Span secret = next_secret(text, at);
    clean += text.substr(at, secret.begin - at);
    if (secret.end > secret.begin) clean += hidden;
    at = secret.end;
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

// Under the lock of secrets().
bool is_plain(std::string_view text) {
  return text.size() <= value_bytes_max && next_secret(text, 0).begin == text.size() &&
         std::none_of(secrets().values.begin(), secrets().values.end(),
                      [&](const std::string& secret) { return text.find(secret) != text.npos; }) &&
         is_utf8(text);
}

// Under the lock of secrets().
std::string cleaned(std::string_view text) {
  std::string clean(text);
  for (const std::string& secret : secrets().values) replace_all(clean, secret);
  clean = without_shapes(clean);
  if (clean.size() > value_bytes_max || !is_utf8(clean)) clean = printable(clean, value_bytes_max);
  return clean;
}

// A line as it grows. Under the lock of secrets().
class Line {
 public:
  Line() { text_.reserve(512); }
  void text(std::string_view text) {
    if (is_plain(text)) {
      quoted(text);
    } else {
      quoted(cleaned(text));
    }
  }

  void value(const json::value& value, int depth) {
    if (depth > depth_max) {
      quoted(hidden);
    } else if (const auto* string = value.if_string()) {
      text(*string);
    } else if (const auto* array = value.if_array()) {
      text_ += '[';
      for (const auto& element : *array) {
        if (&element != array->data()) text_ += ',';
        this->value(element, depth + 1);
      }
      text_ += ']';
    } else if (const auto* object = value.if_object()) {
      text_ += '{';
      const char* comma = "";
      for (const auto& member : *object) {
        text_ += std::exchange(comma, ",");
        this->member(member, depth + 1);
      }
      text_ += '}';
    } else if (const auto* number = value.if_int64()) {
      text_ += std::to_string(*number);
    } else if (const auto* count = value.if_uint64()) {
      text_ += std::to_string(*count);
    } else {
      text_ += json::serialize(value);
    }
  }

  void member(const json::key_value_pair& member, int depth) {
    text(member.key());
    text_ += ':';
    if (is_secret_name(member.key()) && !member.value().is_null()) {
      quoted(hidden);
    } else {
      value(member.value(), depth);
    }
  }

  void raw(std::string_view json) { text_ += json; }
  std::string& done() { return text_; }

 private:
  void quoted(std::string_view text) {
    text_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t plain = run(
          text, at, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; });
      text_ += text.substr(at, plain - at);
      if (plain < text.size()) escaped(text[plain]);
      at = plain + 1;
    }
    text_ += '"';
  }

  void escaped(char c) {
    text_ += '\\';
    if (c == '\n') {
      text_ += 'n';
    } else if (c == '"' || c == '\\') {
      text_ += c;
    } else {
      static constexpr std::string_view digits = "0123456789abcdef";
      text_ += "u00";
      text_ += digits[static_cast<unsigned char>(c) >> 4];
      text_ += digits[static_cast<unsigned char>(c) & 15];
    }
  }

  std::string text_;
};

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
  Line line;
  {
    const std::shared_lock lock(secrets().mutex);
    line.raw("{\"time\":\"");
    line.raw(to_iso8601(SystemClock().now()));
    line.raw("\",\"level\":\"");
    line.raw(level_name(level));
    line.raw("\",\"event\":");
    line.text(event);
    for (const auto& member : fields) {
      if (member.key() == "time" || member.key() == "level" || member.key() == "event") continue;
      line.raw(",");
      line.member(member, 0);
    }
    line.raw("}");
  }
  std::string& text = line.done();
  if (sink().taken) {
    const std::unique_lock lock(sink().mutex);
    if (sink().take) {
      sink().take(text);
      return;
    }
  }
  text += '\n';
  if (text.size() <= PIPE_BUF) {
    const std::shared_lock lock(sink().mutex);
    write_out(text);
  } else {
    const std::unique_lock lock(sink().mutex);
    write_out(text);
  }
}

void redact(std::string secret) {
  if (secret.size() < secret_bytes_min) return;
  const std::unique_lock lock(secrets().mutex);
  auto& values = secrets().values;
  if (std::find(values.begin(), values.end(), secret) != values.end()) return;
  const auto at =
      std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.size() < secret.size(); });
  values.insert(at, std::move(secret));
}

std::string redacted(std::string_view text) {
  const std::shared_lock lock(secrets().mutex);
  return cleaned(text);
}

void set_sink(std::function<void(std::string_view)> take) {
  const std::unique_lock lock(sink().mutex);
  sink().take = std::move(take);
  sink().taken = static_cast<bool>(sink().take);
}

}  // namespace sallyport::log
