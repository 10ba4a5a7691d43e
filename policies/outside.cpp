#include "policies/outside.hpp"

#include <array>

namespace sallyport {

namespace {

constexpr std::int64_t kFormat = 1;

constexpr std::array<std::string_view, 3> kKnowledge = {"known", "absent", "unavailable"};
constexpr std::array<std::string_view, 3> kProvenance = {"verified", "unverified", "invalid"};

template <class State, std::size_t N>
bool read_state(const json::object& object, const std::array<std::string_view, N>& names, State& out) {
  const auto text = string_at(object, "state");
  for (std::size_t i = 0; text && i < N; ++i) {
    if (names[i] != *text) continue;
    out = static_cast<State>(i);
    return true;
  }
  return false;
}

bool read_text(const json::object& object, std::string_view key, std::string& out) {
  const auto text = string_at(object, key);
  if (text) out = *text;
  return text.has_value();
}

bool read_flag(const json::object& object, std::string_view key, bool& out) {
  const auto flag = bool_at(object, key);
  if (flag) out = *flag;
  return flag.has_value();
}

json::value time_or_null(const std::optional<Instant>& at) {
  return at ? json::value(to_iso8601(*at)) : json::value(nullptr);
}

bool read_time(const json::object& object, std::string_view key, std::optional<Instant>& out) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !(value->is_null() || value->is_string())) return false;
  if (value->is_null()) return true;
  const auto at = parse_iso8601(std::string_view(value->get_string()));
  if (at) out = *at;
  return at.has_value();
}

json::object to_object(const DependencyKnowledge& known) {
  return {{"state", kKnowledge[static_cast<std::size_t>(known.state)]},
          {"why", known.why},
          {"own", known.own},
          {"organisation", known.organisation},
          {"firstPublished", time_or_null(known.first_published)},
          {"resolved", known.resolved},
          {"resolvedPublished", time_or_null(known.resolved_published)}};
}

bool read(const json::object& object, DependencyKnowledge& out) {
  return read_state(object, kKnowledge, out.state) && read_text(object, "why", out.why) &&
         read_flag(object, "own", out.own) && read_flag(object, "organisation", out.organisation) &&
         read_time(object, "firstPublished", out.first_published) &&
         read_text(object, "resolved", out.resolved) &&
         read_time(object, "resolvedPublished", out.resolved_published);
}

json::object to_object(const KnownBad& bad) {
  return {{"name", bad.name},
          {"version", bad.version},
          {"id", bad.id},
          {"summary", bad.summary},
          {"certain", bad.certain}};
}

bool read(const json::object& object, KnownBad& out) {
  return read_text(object, "name", out.name) && read_text(object, "version", out.version) &&
         read_text(object, "id", out.id) && read_text(object, "summary", out.summary) &&
         read_flag(object, "certain", out.certain);
}

constexpr std::array<std::pair<std::string_view, std::string Provenance::*>, 9> kProvenanceTexts = {{
    {"fault", &Provenance::fault},
    {"issuer", &Provenance::issuer},
    {"identity", &Provenance::identity},
    {"repository", &Provenance::repository},
    {"workflow", &Provenance::workflow},
    {"ref", &Provenance::ref},
    {"commit", &Provenance::commit},
    {"builder", &Provenance::builder},
    {"buildType", &Provenance::build_type},
}};

json::value to_value(const std::optional<Provenance>& provenance) {
  if (!provenance) return nullptr;
  json::object out;
  out["state"] = kProvenance[static_cast<std::size_t>(provenance->state)];
  for (const auto& [key, member] : kProvenanceTexts) out[key] = (*provenance).*member;
  return out;
}

bool read(const json::object& object, Provenance& out) {
  for (const auto& [key, member] : kProvenanceTexts) {
    if (!read_text(object, key, out.*member)) return false;
  }
  return read_state(object, kProvenance, out.state);
}

// null is as good as absent.
template <class T, class Read>
bool read_optional(const json::object& object, std::string_view key, std::optional<T>& out, Read read_it) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return true;
  return value->is_object() && read_it(value->get_object(), out.emplace());
}

Error corrupt(std::string_view member) {
  return fail(ErrorKind::corrupt, "The facts recorded with a verdict are damaged: \"" + std::string(member) +
                                      "\" is missing or not what it should be.");
}

}  // namespace

json::object to_json(const OutsideFacts& outside) {
  json::object dependencies;
  for (const auto& [name, known] : outside.dependencies) dependencies[name] = to_object(known);
  json::array bad;
  for (const KnownBad& entry : outside.known_bad) bad.push_back(to_object(entry));
  return {{"v", kFormat},
          {"collected", outside.collected},
          {"dependencies", std::move(dependencies)},
          {"knownBad", std::move(bad)},
          {"feed", outside.feed},
          {"origin", outside.origin ? json::value(to_json(*outside.origin)) : json::value(nullptr)},
          {"provenance", to_value(outside.provenance)},
          {"previousProvenance", to_value(outside.previous_provenance)},
          {"previousUnavailable", outside.previous_unavailable}};
}

Result<OutsideFacts> outside_from_json(const json::value& value) {
  if (!value.is_object()) return corrupt("(root)");
  const json::object& object = value.get_object();
  const auto format = int_at(object, "v");
  if (!format) return corrupt("v");
  if (*format > kFormat) {
    return fail(ErrorKind::corrupt, "The facts of a verdict were recorded by a newer Sallyport: upgrade.",
                "outside: format " + std::to_string(*format));
  }
  OutsideFacts out;
  if (!read_flag(object, "collected", out.collected)) return corrupt("collected");
  const json::object* dependencies = object_at(object, "dependencies");
  if (dependencies == nullptr) return corrupt("dependencies");
  for (const auto& [name, known] : *dependencies) {
    if (!known.is_object() || !read(known.get_object(), out.dependencies[name]))
      return corrupt("dependencies");
  }
  const json::array* bad = array_at(object, "knownBad");
  if (bad == nullptr) return corrupt("knownBad");
  for (const json::value& entry : *bad) {
    if (!entry.is_object() || !read(entry.get_object(), out.known_bad.emplace_back()))
      return corrupt("knownBad");
  }
  if (!read_text(object, "feed", out.feed)) return corrupt("feed");
  const auto provenance = [](const json::object& from, Provenance& into) { return read(from, into); };
  if (!read_optional(object, "origin", out.origin, read_origin)) return corrupt("origin");
  if (!read_optional(object, "provenance", out.provenance, provenance)) return corrupt("provenance");
  if (!read_optional(object, "previousProvenance", out.previous_provenance, provenance))
    return corrupt("previousProvenance");
  if (!read_text(object, "previousUnavailable", out.previous_unavailable))
    return corrupt("previousUnavailable");
  return out;
}

}  // namespace sallyport
