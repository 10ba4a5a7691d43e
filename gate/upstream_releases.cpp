#include "gate/upstream_releases.hpp"

#include <array>
#include <boost/json/basic_parser_impl.hpp>

namespace sallyport {
namespace {

// Boost.JSON's events; keeps only what UpstreamReleases has a place for.
struct ReleasesHandler {
  constexpr static std::size_t max_object_size = std::size_t(-1);
  constexpr static std::size_t max_array_size = std::size_t(-1);
  constexpr static std::size_t max_key_size = 4096;
  constexpr static std::size_t max_string_size = std::size_t(-1);
  using error_code = boost::system::error_code;
  using string_view = boost::json::string_view;

  UpstreamReleases releases;
  bool object_seen = false;

  std::size_t objects = 0, arrays = 0;  // open ones
  std::array<std::string, 5> path;      // path[n]: the key in the nth open object
  std::string text;                     // of the key or string being read
  bool versions_seen = false, times_seen = false, tags_seen = false, dist_seen = false;
  UpstreamRelease* release = nullptr;
  bool tarball_seen = false, integrity_seen = false, shasum_seen = false;

  static bool twice(error_code& ec) {
    ec = boost::json::error::exception;
    return false;
  }
  // Notes that a place was reached; false, with an error, the second time.
  static bool once(bool& seen, error_code& ec) {
    if (seen) return twice(ec);
    return seen = true;
  }
  bool in_dist() const { return objects == 4 && path[1] == "versions" && path[3] == "dist"; }
  // The place of the string that is read now, or null.
  std::string* place() {
    if (arrays > 0) return nullptr;
    if (objects == 2 && path[1] == "time") return &releases.times[path[2]];
    if (objects == 2 && path[1] == "dist-tags") return &releases.tags[path[2]];
    if (!in_dist()) return nullptr;
    if (path[4] == "tarball") return &release->tarball;
    if (path[4] == "integrity") return &release->integrity;
    if (path[4] == "shasum") return &release->shasum;
    return nullptr;
  }
  bool enter_key(error_code& ec) {
    const std::string& key = path[objects];
    if (objects == 1) {
      if (key == "versions") return once(versions_seen, ec);
      if (key == "time") return once(times_seen, ec);
      if (key == "dist-tags") return once(tags_seen, ec);
    } else if (objects == 2 && path[1] == "versions") {
      const auto [at, fresh] = releases.versions.try_emplace(key);
      release = &at->second;
      dist_seen = tarball_seen = integrity_seen = shasum_seen = false;
      return fresh || twice(ec);
    } else if (objects == 2 && path[1] == "time") {
      return !releases.times.contains(key) || twice(ec);
    } else if (objects == 2 && path[1] == "dist-tags") {
      return !releases.tags.contains(key) || twice(ec);
    } else if (objects == 3 && path[1] == "versions" && key == "dist") {
      return once(dist_seen, ec);
    } else if (in_dist()) {
      if (key == "tarball") return once(tarball_seen, ec);
      if (key == "integrity") return once(integrity_seen, ec);
      if (key == "shasum") return once(shasum_seen, ec);
    }
    return true;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    object_seen = object_seen || (objects == 0 && arrays == 0);
    ++objects;
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    --objects;
    return true;
  }
  bool on_array_begin(error_code&) {
    ++arrays;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    --arrays;
    return true;
  }
  bool wanted_key() const { return arrays == 0 && objects < path.size(); }
  bool on_key_part(string_view s, std::size_t, error_code&) {
    if (wanted_key()) text.append(s.data(), s.size());
    return true;
  }
  bool on_key(string_view s, std::size_t, error_code& ec) {
    if (!wanted_key()) return true;
    text.append(s.data(), s.size());
    path[objects].swap(text);
    text.clear();
    return enter_key(ec);
  }
  bool on_string_part(string_view s, std::size_t, error_code&) {
    if (auto* kept = place()) kept->append(s.data(), s.size());
    return true;
  }
  bool on_string(string_view s, std::size_t n, error_code& ec) { return on_string_part(s, n, ec); }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double, string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

}  // namespace

Result<UpstreamReleases> UpstreamReleases::parse(std::string_view packument) {
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::json::basic_parser<ReleasesHandler> parser(options);
  boost::system::error_code ec;
  const std::size_t taken = parser.write_some(false, packument.data(), packument.size(), ec);
  const bool whole =
      !ec && parser.done() && packument.find_first_not_of(" \t\r\n", taken) == std::string_view::npos;
  if (!whole || !parser.handler().object_seen)
    return fail(ErrorKind::upstream,
                "The upstream's packument could not be read: try again, or ask an administrator.",
                ec ? ec.message() : "not one JSON object");
  return std::move(parser.handler().releases);
}

}  // namespace sallyport
