#include "gate/upstream_releases.hpp"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>

#include "policies/toolchain.hpp"

namespace sallyport {
namespace {

constexpr std::size_t text_bytes_max = 200;  // of what people may have written

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
  std::array<std::string, 6> path;      // path[n]: the key in the nth open object
  std::string text;                     // of the key or string being read
  bool versions_seen = false, times_seen = false, tags_seen = false;
  UpstreamRelease* release = nullptr;
  // Of the release being read, by place.
  enum Place : std::size_t {
    dist,
    tarball,
    integrity,
    shasum,
    unpacked,
    attestations,
    url,
    user,
    user_name,
    trust,
    npm,
    node,
    places
  };
  std::array<bool, places> seen{};

  static bool twice(error_code& ec) {
    ec = boost::json::error::exception;
    return false;
  }
  // Notes that a place was reached; false, with an error, the second time.
  static bool once(bool& seen, error_code& ec) {
    if (seen) return twice(ec);
    return seen = true;
  }
  bool in_version(std::size_t depth) const { return objects == depth && path[1] == "versions"; }
  // The place below a version that the current key leads to, or `places`.
  Place version_place() const {
    const auto is = [this](std::size_t depth, std::string_view key) { return path[depth] == key; };
    if (in_version(3))
      return is(3, "dist")           ? dist
             : is(3, "_npmUser")     ? user
             : is(3, "_npmVersion")  ? npm
             : is(3, "_nodeVersion") ? node
                                     : places;
    if (in_version(4) && is(3, "dist"))
      return is(4, "tarball")        ? tarball
             : is(4, "integrity")    ? integrity
             : is(4, "shasum")       ? shasum
             : is(4, "unpackedSize") ? unpacked
             : is(4, "attestations") ? attestations
                                     : places;
    if (in_version(4) && is(3, "_npmUser"))
      return is(4, "name") ? user_name : is(4, "trustedPublisher") ? trust : places;
    if (in_version(5) && is(3, "dist") && is(4, "attestations") && is(5, "url")) return url;
    return places;
  }
  // The place of the string that is read now, or null.
  std::string* place() {
    if (arrays > 0) return nullptr;
    if (objects == 2 && path[1] == "time") return &releases.times[path[2]];
    if (objects == 2 && path[1] == "dist-tags") return &releases.tags[path[2]];
    switch (version_place()) {
      case tarball:
        return &release->tarball;
      case integrity:
        return &release->integrity;
      case shasum:
        return &release->shasum;
      case url:
        return &release->attestations;
      case user_name:
        return &release->publisher;
      case npm:
        return &release->npm_version;
      case node:
        return &release->node_version;
      default:
        return nullptr;
    }
  }
  bool number(std::uint64_t value) {
    if (arrays > 0) return true;
    const Place at = version_place();
    if (at == unpacked) release->unpacked_bytes = value;
    return true;
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
      seen = {};
      return fresh || twice(ec);
    } else if (objects == 2 && path[1] == "time") {
      return !releases.times.contains(key) || twice(ec);
    } else if (objects == 2 && path[1] == "dist-tags") {
      return !releases.tags.contains(key) || twice(ec);
    } else if (const Place at = version_place(); at != places) {
      return once(seen[at], ec);
    }
    return true;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    object_seen = object_seen || (objects == 0 && arrays == 0);
    if (arrays == 0 && version_place() == trust) release->trusted = true;
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
    auto* kept = place();
    if (kept == nullptr) return true;
    const bool of_dist = objects >= 4 && path[3] == "dist";
    const std::size_t room =
        of_dist || objects == 2 ? s.size() : text_bytes_max - std::min(kept->size(), text_bytes_max);
    kept->append(s.data(), std::min(s.size(), room));
    return true;
  }
  bool on_string(string_view s, std::size_t n, error_code& ec) { return on_string_part(s, n, ec); }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t n, string_view, error_code&) {
    return number(n > 0 ? static_cast<std::uint64_t>(n) : 0);
  }
  bool on_uint64(std::uint64_t n, string_view, error_code&) { return number(n); }
  bool on_double(double, string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

}  // namespace

std::optional<ReleaseOrigin> UpstreamRelease::origin() const {
  if (publisher.empty() && attestations.empty()) return {};
  ReleaseOrigin origin;
  origin.publisher = publisher;
  origin.attested = !attestations.empty();
  // An attestation is made by a build service, whatever credential it then publishes with.
  origin.path = trusted ? "trusted" : origin.attested ? "ci" : "token";
  return origin;
}

std::map<std::string, std::string> UpstreamRelease::toolchain() const {
  std::map<std::string, std::string> out;
  if (const auto npm = major_of(npm_version); !npm.empty()) out["npm"] = npm;
  if (const auto node = major_of(node_version); !node.empty()) out["node"] = node;
  return out;
}

std::optional<Instant> UpstreamReleases::time_of(std::string_view version) const {
  const auto found = times.find(version);
  if (found == times.end()) return {};
  const auto at = parse_iso8601(found->second);
  return at ? std::optional(*at) : std::nullopt;
}

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
