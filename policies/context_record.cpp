#include "policies/context_record.hpp"

namespace sallyport {

namespace {

constexpr std::int64_t kFormat = 1;

Error corrupt(std::string_view member) {
  return fail(ErrorKind::corrupt, "What a verdict was given on cannot be read: \"" + std::string(member) +
                                      "\" is missing or not what it should be.");
}

bool read_texts(const json::object& object, std::string_view key, std::vector<std::string>& out) {
  const json::array* texts = array_at(object, key);
  if (texts == nullptr) return false;
  for (const json::value& text : *texts) {
    if (!text.is_string()) return false;
    out.emplace_back(text.get_string());
  }
  return true;
}

}  // namespace

json::object to_json(const ReleaseContext& context) {
  json::object out;
  out["v"] = kFormat;
  out["at"] = to_iso8601(context.now);
  out["profile"] = to_text(context.profile);
  out["tag"] = context.tag;
  out["publicUpstream"] = context.public_upstream;
  out["publisherScopes"] = json::array(context.publisher_scopes.begin(), context.publisher_scopes.end());
  out["registries"] = json::array(context.registries.begin(), context.registries.end());
  out["outside"] = to_json(context.outside);
  out["history"] = to_json(context.history);
  if (context.published) out["published"] = context.published->raw;
  return out;
}

Result<ReleaseContext> context_from_json(const json::value& value) {
  if (!value.is_object()) return corrupt("(root)");
  const json::object& object = value.get_object();
  if (int_at(object, "v") != kFormat) return corrupt("v");
  ReleaseContext context;
  const auto at = parse_iso8601(string_at(object, "at").value_or(""));
  if (!at) return corrupt("at");
  context.now = *at;
  const auto profile = parse_profile(string_at(object, "profile").value_or(""));
  if (!profile) return corrupt("profile");
  context.profile = *profile;
  const auto tag = string_at(object, "tag");
  if (!tag) return corrupt("tag");
  context.tag = *tag;
  const auto public_upstream = bool_at(object, "publicUpstream");
  if (!public_upstream) return corrupt("publicUpstream");
  context.public_upstream = *public_upstream;
  if (!read_texts(object, "publisherScopes", context.publisher_scopes)) return corrupt("publisherScopes");
  if (!read_texts(object, "registries", context.registries)) return corrupt("registries");
  if (!object.contains("outside")) return corrupt("outside");
  auto outside = outside_from_json(object.at("outside"));
  if (!outside) return outside.error();
  context.outside = std::move(*outside);
  if (!object.contains("history")) return corrupt("history");
  auto history = history_from_json(object.at("history"));
  if (!history) return history.error();
  context.history = std::move(*history);
  if (const json::value* published = object.if_contains("published")) {
    if (!published->is_object()) return corrupt("published");
    auto manifest = Manifest::from(published->get_object());
    if (!manifest) return manifest.error();
    context.published = std::move(*manifest);
  }
  return context;
}

}  // namespace sallyport
