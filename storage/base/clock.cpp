#include "storage/base/clock.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace sallyport {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Civil {
  std::chrono::year_month_day date;
  std::chrono::weekday weekday;
  std::chrono::hh_mm_ss<Millis> time;
};

Civil civil(Instant t) {
  const auto day = std::chrono::floor<days>(t);
  return {std::chrono::year_month_day(day), std::chrono::weekday(day),
          std::chrono::hh_mm_ss<Millis>(t - day)};
}

// By hand: both texts are made for every answer, and printf cost more than the rest of its head.
void put(std::string& out, unsigned number, std::size_t width) {
  out.resize(out.size() + width);
  for (std::size_t i = 1; i <= width; ++i, number /= 10)
    out[out.size() - i] = static_cast<char>('0' + number % 10);
}

void put_time(std::string& out, const std::chrono::hh_mm_ss<Millis>& time) {
  put(out, static_cast<unsigned>(time.hours().count()), 2);
  out += ':';
  put(out, static_cast<unsigned>(time.minutes().count()), 2);
  out += ':';
  put(out, static_cast<unsigned>(time.seconds().count()), 2);
}

// Reads exactly `width` digits at `at` and moves past them; -1 where there are others.
int digits(std::string_view text, std::size_t& at, std::size_t width) {
  if (text.size() < at + width) return -1;
  int value = 0;
  for (const char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  at += width;
  return value;
}

bool skip(std::string_view text, std::size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

struct Unit {
  std::string_view name;
  Millis length;
};

constexpr std::array<Unit, 20> units = {{
    {"ms", Millis(1)},       {"s", seconds(1)},  {"sec", seconds(1)}, {"second", seconds(1)},
    {"seconds", seconds(1)}, {"m", minutes(1)},  {"min", minutes(1)}, {"minute", minutes(1)},
    {"minutes", minutes(1)}, {"h", hours(1)},    {"hour", hours(1)},  {"hours", hours(1)},
    {"d", days(1)},          {"day", days(1)},   {"days", days(1)},   {"w", days(7)},
    {"week", days(7)},       {"weeks", days(7)}, {"hr", hours(1)},    {"hrs", hours(1)},
}};

}  // namespace

Instant SystemClock::now() const {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

std::string to_iso8601(Instant t) {
  const Civil c = civil(t);
  std::string text;
  text.reserve(24);
  put(text, static_cast<unsigned>(static_cast<int>(c.date.year())), 4);
  text += '-';
  put(text, static_cast<unsigned>(c.date.month()), 2);
  text += '-';
  put(text, static_cast<unsigned>(c.date.day()), 2);
  text += 'T';
  put_time(text, c.time);
  text += '.';
  put(text, static_cast<unsigned>(c.time.subseconds().count()), 3);
  text += 'Z';
  return text;
}

Result<Instant> parse_iso8601(std::string_view text) {
  const auto refused = [&] {
    return fail(ErrorKind::invalid, "a time must look like 2026-03-31T04:23:06.123Z",
                std::string(text.substr(0, 64)));
  };
  std::size_t at = 0;
  const int year = digits(text, at, 4);
  if (year < 0 || !skip(text, at, '-')) return refused();
  const int month = digits(text, at, 2);
  if (month < 0 || !skip(text, at, '-')) return refused();
  const int day = digits(text, at, 2);
  if (day < 0 || !skip(text, at, 'T')) return refused();
  const int hour = digits(text, at, 2);
  if (hour < 0 || hour > 23 || !skip(text, at, ':')) return refused();
  const int minute = digits(text, at, 2);
  if (minute < 0 || minute > 59 || !skip(text, at, ':')) return refused();
  const int second = digits(text, at, 2);
  if (second < 0 || second > 59) return refused();
  int millis = 0;
  if (skip(text, at, '.')) {
    const std::size_t begin = at;
    for (int scale = 100; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      millis += (text[at] - '0') * scale;  // digits past the third weigh nothing
    }
    if (at == begin || at - begin > 9) return refused();
  }
  minutes offset{0};
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    const int sign = text[at++] == '+' ? 1 : -1;
    const int offset_hours = digits(text, at, 2);
    skip(text, at, ':');
    const int offset_minutes = digits(text, at, 2);
    if (offset_hours < 0 || offset_hours > 23 || offset_minutes < 0 || offset_minutes > 59) return refused();
    offset = sign * (hours(offset_hours) + minutes(offset_minutes));
  } else if (!skip(text, at, 'Z')) {
    return refused();
  }
  if (at != text.size()) return refused();
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return refused();
  return Instant(std::chrono::sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) +
         Millis(millis) - offset;
}

std::string to_http_date(Instant t) {
  static constexpr std::array<const char*, 7> weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Civil c = civil(t);
  std::string text = weekdays[c.weekday.c_encoding()];
  text.reserve(29);
  text += ", ";
  put(text, static_cast<unsigned>(c.date.day()), 2);
  text += ' ';
  text += months[static_cast<unsigned>(c.date.month()) - 1];
  text += ' ';
  put(text, static_cast<unsigned>(static_cast<int>(c.date.year())), 4);
  text += ' ';
  put_time(text, c.time);
  text += " GMT";
  return text;
}

Result<Millis> parse_duration(std::string_view text) {
  const auto refused = [&](std::string_view why) {
    return fail(
        ErrorKind::invalid,
        "a duration is a whole number and its unit, as \"3 days\", \"72h\" or \"45s\": " + std::string(why));
  };
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc::result_out_of_range) return refused("the number is too large");
  if (error != std::errc{} || count < 0) return refused("there is no number");
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.empty()) return refused("the unit is missing");
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    // A hundred years and more is a slip of the keyboard, and would overflow sums with the time of day.
    if (count > Millis(days(36525)) / known.length) return refused("the number is too large");
    return count * known.length;
  }
  return refused("the unit is unknown");
}

std::string to_text(Millis duration) {
  static constexpr std::array<std::pair<Millis, std::string_view>, 4> steps = {
      {{hours(1), " h"}, {minutes(1), " min"}, {seconds(1), " s"}, {Millis(1), " ms"}}};
  const Millis day = days(1);
  if (duration != Millis(0) && duration % day == Millis(0)) {
    const auto n = duration / day;
    return std::to_string(n) + (n == 1 ? " day" : " days");
  }
  for (const auto& [length, name] : steps) {
    if (duration != Millis(0) && duration % length == Millis(0)) {
      return std::to_string(duration / length) + std::string(name);
    }
  }
  return "0 s";
}

}  // namespace sallyport
