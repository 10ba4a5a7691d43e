#include "proxy/http/request.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/url/parse.hpp>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> method_names{{{Method::get, "GET"},
                                                                           {Method::head, "HEAD"},
                                                                           {Method::put, "PUT"},
                                                                           {Method::post, "POST"},
                                                                           {Method::del, "DELETE"},
                                                                           {Method::patch, "PATCH"},
                                                                           {Method::options, "OPTIONS"}}};

Error bad_target(std::string_view why) {
  return fail(ErrorKind::invalid, "The address of this request cannot be used: " + std::string(why) + ".");
}

// Decodes %XX once; what is decoded is never looked at for '%' again.
Result<std::string> decode(std::string_view text, bool plus_is_blank) {
  auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return bad_target("'%' must be followed by two hexadecimal digits");
      int high = digit(text[i + 1]);
      int low = digit(text[i + 2]);
      if (high < 0 || low < 0) return bad_target("'%' must be followed by two hexadecimal digits");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    out.push_back(c);
  }
  return out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

Result<void> check_segment(const std::string& segment) {
  if (segment == "." || segment == "..") return bad_target("it has a dot segment");
  if (has_control(segment)) return bad_target("it has a control character");
  if (segment.find('\\') != std::string::npos) return bad_target("it has a backslash");
  if (!is_utf8(segment)) return bad_target("it is not UTF-8");
  std::size_t slash = segment.find('/');
  if (slash != std::string::npos) {
    // Only "@scope/name" is one segment with a slash in it. Everything else would be read as another path by
    // whoever splits after decoding.
    std::string_view name = std::string_view(segment).substr(slash + 1);
    bool scoped = segment.front() == '@' && slash > 1 && !name.empty() && name != "." && name != ".." &&
                  name.find('/') == std::string_view::npos;
    if (!scoped) return bad_target("'/' is encoded where no scoped package name stands");
  }
  return {};
}

}  // namespace

std::string_view to_text(Method method) {
  for (const auto& [value, name] : method_names) {
    if (value == method) return name;
  }
  return "";
}

Method parse_method(std::string_view text) {
  for (const auto& [value, name] : method_names) {
    if (name == text) return value;
  }
  return Method::other;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      all_.begin(), all_.end(), [&](const Header& h) { return boost::beast::iequals(h.name, name); }));
}

std::optional<std::string_view> Headers::first(std::string_view name) const {
  for (const Header& header : all_) {
    if (boost::beast::iequals(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Headers::only(std::string_view name) const {
  if (count(name) != 1) return std::nullopt;
  return first(name);
}

std::string Headers::joined(std::string_view name) const {
  std::string out;
  for (const Header& header : all_) {
    if (!boost::beast::iequals(header.name, name)) continue;
    if (!out.empty()) out += ", ";
    out += header.value;
  }
  return out;
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Result<void> parse_target(std::string_view target, Request& into) {
  into.target = std::string(target);
  into.segments.clear();
  into.query.clear();
  if (target.empty() || target.front() != '/') return bad_target("it must be a path that starts with '/'");
  auto url = boost::urls::parse_origin_form({target.data(), target.size()});
  if (!url) return bad_target("it is not a valid path");

  boost::core::string_view path_text = url->encoded_path();
  std::string_view path(path_text.data(), path_text.size());
  path.remove_prefix(1);
  while (!path.empty()) {
    std::size_t end = path.find('/');
    std::string_view raw = path.substr(0, end);
    if (raw.empty()) return bad_target("it has an empty segment");
    Result<std::string> segment = decode(raw, false);
    if (!segment) return segment.error();
    if (Result<void> checked = check_segment(*segment); !checked) return checked.error();
    into.segments.push_back(std::move(*segment));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }

  for (auto pair : url->encoded_params()) {
    Result<std::string> key = decode({pair.key.data(), pair.key.size()}, true);
    if (!key) return key.error();
    Result<std::string> value = decode({pair.value.data(), pair.value.size()}, true);
    if (!value) return value.error();
    if (!is_utf8(*key) || !is_utf8(*value)) return bad_target("its query is not UTF-8");
    if (has_control(*key) || has_control(*value)) return bad_target("its query has a control character");
    into.query.emplace_back(std::move(*key), std::move(*value));
  }
  return {};
}

std::string_view Exchange::param(std::string_view name) const {
  for (const PathParam& param : params) {
    if (param.name == name) return param.value;
  }
  return {};
}

asio::awaitable<Result<std::string>> Exchange::read_small(std::size_t bytes_max) {
  std::string all;
  if (request.content_length && *request.content_length <= bytes_max) {
    all.reserve(static_cast<std::size_t>(*request.content_length));
  }
  for (;;) {
    Result<std::span<const char>> piece = co_await body_->read_some();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return all;
    if (all.size() + piece->size() > bytes_max) {
      co_return fail(ErrorKind::too_large,
                     "The body is over the limit of " + human_bytes(bytes_max) + " for this request.");
    }
    all.append(piece->data(), piece->size());
  }
}

}  // namespace sallyport
