#include "gate/publish_parser.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cctype>
#include <cmath>
#include <vector>

#include "storage/base/record.hpp"
#include "storage/base/semver.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

Error invalid(std::string message) {
  return fail(ErrorKind::invalid, std::move(message));
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

// Boost.JSON's events -> one json::value, with `_attachments.*.data` taken out of it on the way.
struct PublishParser::Handler {
  constexpr static std::size_t max_object_size = std::size_t(-1);
  constexpr static std::size_t max_array_size = std::size_t(-1);
  constexpr static std::size_t max_key_size = std::size_t(-1);
  constexpr static std::size_t max_string_size = std::size_t(-1);

  using error_code = boost::system::error_code;
  using string_view = boost::json::string_view;

  struct Frame {
    json::value value;  // an object or an array
    std::string key;    // of the member being read
  };

  PublishLimits limits;
  TarballText tarball_text;
  std::vector<Frame> open;
  json::value document;
  std::string text;  // of the string or key being read
  std::size_t metadata_bytes = 0;
  std::optional<Error> error;

  std::string tarball_key;  // of the one attachment whose data went to the sink
  bool tarball_seen = false;
  std::string provenance_data;
  bool provenance_seen = false;

  bool stop(error_code& ec, Error why) {
    error = std::move(why);
    ec = boost::json::error::exception;
    return false;
  }

  // Sums up alike however a text comes in parts.
  bool count(std::size_t n, error_code& ec) {
    metadata_bytes += n;
    if (metadata_bytes <= limits.metadata_bytes_max) return true;
    return stop(ec, fail(ErrorKind::too_large,
                         "The publish carries more than " + human_bytes(limits.metadata_bytes_max) +
                             " of metadata beside the tarball: shorten the readme or the manifest."));
  }

  // Whether the string being read is `_attachments.<key>.data`.
  bool in_data() const {
    return open.size() == 3 && open[0].key == "_attachments" && open[2].key == "data" &&
           open[1].value.is_object() && open[2].value.is_object();
  }
  const std::string& attachment_key() const { return open[1].key; }

  bool add(json::value value, error_code& ec) {
    if (open.empty()) {
      document = std::move(value);
      return true;
    }
    Frame& top = open.back();
    if (top.value.is_array()) {
      top.value.get_array().push_back(std::move(value));
      return true;
    }
    json::object& object = top.value.get_object();
    if (object.contains(top.key))
      return stop(ec, invalid("The publish has the key \"" + printable(top.key) +
                              "\" twice in one object: readers would disagree on it."));
    object.emplace(top.key, std::move(value));
    return true;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) {
    open.push_back({json::object(), {}});
    return count(2, ec);
  }
  bool on_array_begin(error_code& ec) {
    open.push_back({json::array(), {}});
    return count(2, ec);
  }
  bool close(error_code& ec) {
    json::value done = std::move(open.back().value);
    open.pop_back();
    return add(std::move(done), ec);
  }
  bool on_object_end(std::size_t, error_code& ec) { return close(ec); }
  bool on_array_end(std::size_t, error_code& ec) { return close(ec); }

  bool on_key_part(string_view s, std::size_t, error_code& ec) {
    text.append(s.data(), s.size());
    if (text.size() > limits.key_bytes_max)
      return stop(ec, invalid("The publish has a key of more than " + std::to_string(limits.key_bytes_max) +
                              " bytes."));
    return count(s.size(), ec);
  }
  bool on_key(string_view s, std::size_t n, error_code& ec) {
    if (!on_key_part(s, n, ec) || !count(1, ec)) return false;
    if (text.find('\0') != std::string::npos)
      return stop(ec, invalid("The publish has a key with a NUL in it, which readers take differently."));
    if (text == "__proto__")
      return stop(ec, invalid("The publish has a key \"__proto__\", which readers take differently."));
    Frame& top = open.back();
    if (top.value.get_object().contains(text))
      return stop(ec, invalid("The publish has the key \"" + printable(text) +
                              "\" twice in one object: readers would disagree on it."));
    top.key.swap(text);
    text.clear();
    return true;
  }

  bool data_part(string_view s, error_code& ec) {
    const std::string& key = attachment_key();
    if (key.ends_with(".sigstore")) {
      if (provenance_data.size() + s.size() > limits.provenance_bytes_max)
        return stop(ec, fail(ErrorKind::too_large, "The provenance attachment is larger than " +
                                                       human_bytes(limits.provenance_bytes_max) + "."));
      provenance_data.append(s.data(), s.size());
      return true;
    }
    if (!tarball_seen) {
      tarball_seen = true;
      tarball_key = key;
    } else if (tarball_key != key) {
      return stop(ec, invalid("The publish carries more than one tarball: publish one version at a time."));
    }
    auto taken = tarball_text(std::string_view(s.data(), s.size()));
    return taken ? true : stop(ec, taken.error());
  }
  bool on_string_part(string_view s, std::size_t, error_code& ec) {
    if (in_data()) return data_part(s, ec);
    text.append(s.data(), s.size());
    return count(s.size(), ec);
  }
  bool on_string(string_view s, std::size_t n, error_code& ec) {
    if (in_data()) {
      if (!data_part(s, ec)) return false;
      if (attachment_key().ends_with(".sigstore")) provenance_seen = true;
      return add(nullptr, ec);  // the member is there, its text is not
    }
    if (!on_string_part(s, n, ec) || !count(1, ec)) return false;
    json::value value(text);
    text.clear();
    return add(std::move(value), ec);
  }
  bool on_number_part(string_view, error_code&) { return true; }  // its digits are not kept
  bool on_int64(std::int64_t i, string_view, error_code& ec) { return count(9, ec) && add(i, ec); }
  bool on_uint64(std::uint64_t u, string_view, error_code& ec) { return count(9, ec) && add(u, ec); }
  bool on_double(double d, string_view, error_code& ec) {
    if (!std::isfinite(d))
      return stop(ec, invalid("The publish has a number too large for JSON readers to agree on."));
    return count(9, ec) && add(d, ec);
  }
  bool on_bool(bool b, error_code& ec) { return count(2, ec) && add(b, ec); }
  bool on_null(error_code& ec) { return count(2, ec) && add(nullptr, ec); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

struct PublishParser::Parser {
  boost::json::basic_parser<Handler> json;
  std::uint64_t consumed = 0;

  static boost::json::parse_options options(const PublishLimits& limits) {
    boost::json::parse_options o;
    o.max_depth = limits.depth_max;
    return o;
  }
  Parser(const PublishLimits& limits, TarballText sink) : json(options(limits)) {
    json.handler().limits = limits;
    json.handler().tarball_text = std::move(sink);
  }
};

PublishParser::PublishParser(PublishLimits limits, TarballText tarball_text)
    : parser_(std::make_unique<Parser>(limits, std::move(tarball_text))) {}
PublishParser::~PublishParser() = default;

Result<void> PublishParser::write(std::string_view bytes) {
  auto& json = parser_->json;
  const Error trailing = invalid("There are bytes after the end of the publish document.");
  if (json.done()) {
    if (!blank(bytes)) return trailing;
    return {};
  }
  boost::system::error_code ec;
  std::size_t taken = json.write_some(true, bytes.data(), bytes.size(), ec);
  parser_->consumed += taken;
  if (json.handler().error) return *json.handler().error;
  if (ec)
    return invalid("The body is not valid JSON at byte " + std::to_string(parser_->consumed) + " (" +
                   ec.message() + "): publish with an npm client.");
  if (taken < bytes.size() && !blank(bytes.substr(taken))) return trailing;
  return {};
}

namespace {

std::string quoted(std::string_view text) {
  return "\"" + printable(text, 100) + "\"";
}

// What npm would read as a version or a range ("1.2", "v1", "x") is no tag; nor is what a reviewer could take
// for another one, or a terminal for an option.
bool is_tag(std::string_view tag) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '~';
  };
  if (tag.empty() || tag.size() > 100 || tag.front() == '-' || tag.front() == '.' || tag.front() == '~' ||
      !std::all_of(tag.begin(), tag.end(), plain))
    return false;
  const std::string_view number = tag.substr(tag.front() == 'v' ? 1 : 0);
  if (Version::parse(number)) return false;
  return number.empty() || number.find_first_not_of("0123456789.xX") != std::string_view::npos;
}

// "@acme/lib-1.2.3.tgz", with or without the scope. Build metadata is told by some clients here only.
bool is_attachment_of(const PublishDocument& document, std::string_view key, std::string_view extension) {
  std::string_view name = document.name;
  if (!key.starts_with(name)) name.remove_prefix(name.find('/') + 1);
  if (!key.starts_with(name) || !key.ends_with(extension) || key.size() <= name.size() + extension.size())
    return false;
  key.remove_prefix(name.size());
  key.remove_suffix(extension.size());
  if (!key.starts_with('-')) return false;
  key.remove_prefix(1);
  const auto told = Version::parse(key), meant = Version::parse(document.version);
  return told && meant && told->text() == meant->text();
}

}  // namespace

Result<PublishDocument> PublishParser::finish(const PackageName& name_in_url) {
  auto& json_parser = parser_->json;
  Handler& handler = json_parser.handler();
  if (!json_parser.done()) {
    boost::system::error_code ec;
    json_parser.write_some(false, "", 0, ec);
    if (!json_parser.done()) return invalid("The body ends before the publish document does: send it again.");
  }
  if (!handler.document.is_object()) return invalid("The body of a publish must be a JSON object.");
  json::object& root = handler.document.get_object();

  const json::object* attachments = object_at(root, "_attachments");
  if (!attachments || attachments->empty())  // npm sends deprecations and stars by the same route
    return fail(
        ErrorKind::forbidden,
        "The document carries no tarball: only publishing goes through this registry, not deprecating, "
        "starring or changing owners.");

  PublishDocument document;
  document.name = std::string(string_at(root, "name").value_or(""));
  if (document.name != name_in_url.full())
    return invalid("The URL says " + quoted(name_in_url.full()) + " but the document's \"name\" says " +
                   quoted(document.name) + ".");
  if (auto id = string_at(root, "_id"); id && *id != document.name)
    return invalid("The document's \"_id\" says " + quoted(*id) + " but its \"name\" says " +
                   quoted(document.name) + ".");

  const json::object* versions = object_at(root, "versions");
  if (!versions || versions->size() != 1)
    return invalid("A publish must carry exactly one version; this one has " +
                   std::to_string(versions ? versions->size() : 0) + ".");
  const auto& [version_key, manifest_value] = *versions->begin();
  document.version = std::string(version_key);
  if (!manifest_value.is_object()) return invalid("The manifest under \"versions\" must be an object.");
  document.manifest = manifest_value.get_object();
  if (string_at(document.manifest, "name") != document.name)
    return invalid("The manifest's \"name\" must be " + quoted(document.name) + ".");
  if (string_at(document.manifest, "version") != document.version)
    return invalid("The manifest's \"version\" must be " + quoted(document.version) +
                   ", the key it stands under.");
  if (!Version::parse(document.version))
    return invalid(quoted(document.version) + " is not a semantic version (like 1.2.3).");

  const json::object* tags = object_at(root, "dist-tags");
  if (!tags || tags->size() != 1)
    return invalid("A publish must carry exactly one dist-tag; this one has " +
                   std::to_string(tags ? tags->size() : 0) + ".");
  document.tag = std::string(tags->begin()->key());
  if (!tags->begin()->value().is_string() || tags->begin()->value().get_string() != document.version)
    return invalid("The dist-tag " + quoted(document.tag) + " must point to the version being published.");
  if (!is_tag(document.tag))
    return invalid("The dist-tag " + quoted(document.tag) +
                   " is not a usable name: use letters, digits, '-', '_' and '.', and no version.");

  const json::value* access = root.if_contains("access");
  if (access && !access->is_null()) {
    if (!access->is_string() || (access->get_string() != "public" && access->get_string() != "restricted"))
      return invalid("\"access\" must be \"public\", \"restricted\" or absent.");
    document.access = std::string(access->get_string());
  }

  const json::object* dist = object_at(document.manifest, "dist");
  document.integrity = std::string(dist ? string_at(*dist, "integrity").value_or("") : "");
  document.shasum = std::string(dist ? string_at(*dist, "shasum").value_or("") : "");
  if (document.integrity.empty() || document.shasum.empty())
    return invalid(
        "The manifest's \"dist\" must carry \"integrity\" and \"shasum\" of the tarball: publish with an npm "
        "client.");

  for (const auto& [key, value] : *attachments) {
    const bool is_provenance = key.ends_with(".sigstore");
    if (!value.is_object() || !value.get_object().contains("data") ||
        !value.get_object().at("data").is_null() ||
        !(is_provenance ? handler.provenance_seen : handler.tarball_seen))
      return invalid("The attachment " + quoted(key) + " has no \"data\" text.");
    const json::object& attachment = value.get_object();
    auto length = int_at(attachment, "length");
    if (!length || *length < 0)
      return invalid("The attachment " + quoted(key) + " must say its \"length\" in bytes.");
    if (is_provenance) {
      if (document.provenance) return invalid("The publish carries more than one provenance attachment.");
      document.provenance = ProvenanceAttachment{
          std::string(key), std::string(string_at(attachment, "content_type").value_or("application/json")),
          std::move(handler.provenance_data), static_cast<std::uint64_t>(*length)};
      continue;
    }
    if (!document.tarball_key.empty())
      return invalid("The publish carries more than one tarball: publish one version at a time.");
    if (key != handler.tarball_key)
      return invalid("The attachment " + quoted(key) + " has no \"data\" text.");
    document.tarball_key = std::string(key);
    document.tarball_bytes = static_cast<std::uint64_t>(*length);
  }
  if (document.tarball_key.empty()) return invalid("The publish carries no tarball among its attachments.");
  // An upstream may store it under this name, with our credential: it names this release and nothing else.
  if (!is_attachment_of(document, document.tarball_key, ".tgz"))
    return invalid("The tarball's attachment is named " + quoted(document.tarball_key) + " and must be \"" +
                   document.name + "-" + document.version + ".tgz\".");
  if (document.provenance && !is_attachment_of(document, document.provenance->key, ".sigstore"))
    return invalid("The provenance attachment is named " + quoted(document.provenance->key) +
                   " and must be \"" + document.name + "-" + document.version + ".sigstore\".");

  // Owners, stars, times and revisions are other writes: beside a tarball they would pass unseen.
  for (const char* key : {"_id", "name", "description", "readme", "readmeFilename"})
    if (const json::value* value = root.if_contains(key)) document.rest.emplace(key, *value);
  return document;
}

std::string PublishDocument::digest() const {
  json::object all = to_json(*this);
  // The path of a temporary file that pnpm 10 leaks: another one each time the same is published.
  all["manifest"].as_object().erase("_resolved");
  return "sha256-" + to_hex(sha256(canonical(all)));
}

json::object to_json(const PublishDocument& d) {
  json::object out{{"v", 1},
                   {"name", d.name},
                   {"version", d.version},
                   {"tag", d.tag},
                   {"access", d.access},
                   {"tarball", d.tarball_key},
                   {"bytes", d.tarball_bytes},
                   {"integrity", d.integrity},
                   {"shasum", d.shasum},
                   {"manifest", d.manifest},
                   {"rest", d.rest}};
  if (d.provenance)
    out["provenance"] = {{"key", d.provenance->key},
                         {"content_type", d.provenance->content_type},
                         {"data", d.provenance->data},
                         {"length", d.provenance->length}};
  return out;
}

Result<PublishDocument> publish_document_from_json(const json::value& value) {
  constexpr std::string_view what = "a publish";
  if (!value.is_object()) return damaged_record(what, "not an object");
  const json::object& object = value.get_object();
  if (int_at(object, "v") != 1) return damaged_record(what, "of another version");
  RecordReader r(object);
  PublishDocument d;
  d.name = r.text("name");
  d.version = r.text("version");
  d.tag = r.text("tag");
  d.access = r.text("access");
  d.tarball_key = r.text("tarball");
  d.tarball_bytes = r.number("bytes");
  d.integrity = r.text("integrity");
  d.shasum = r.text("shasum");
  d.manifest = r.object("manifest");
  d.rest = r.object("rest");
  if (r.has("provenance")) {
    RecordReader p(r.object("provenance"));
    d.provenance = {p.text("key"), p.text("content_type"), p.text("data"), p.number("length")};
    r.require(p.sound());
  }
  r.require(!d.name.empty() && !d.version.empty() && !d.tarball_key.empty());
  if (!r.sound()) return damaged_record(what);
  return d;
}

}  // namespace sallyport
