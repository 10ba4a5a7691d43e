#include "policies/facts.hpp"

namespace sallyport {

namespace {

constexpr std::int64_t kFormat = 1;

Error corrupt(std::string_view member) {
  return fail(ErrorKind::corrupt, "The recorded facts of an earlier release are damaged.",
              "facts: bad member " + std::string(member));
}

json::object map_to_json(const std::map<std::string, std::string>& map) {
  json::object out;
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

bool read_text(const json::object& object, std::string_view key, std::string& out) {
  const auto text = string_at(object, key);
  if (text) out = *text;
  return text.has_value();
}

bool read_count(const json::object& object, std::string_view key, std::uint64_t& out) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return false;
  json::error_code error;
  out = value->to_number<std::uint64_t>(error);
  return !error;
}

bool read_map(const json::object& object, std::string_view key, std::map<std::string, std::string>& out) {
  const json::object* map = object_at(object, key);
  if (map == nullptr) return false;
  for (const auto& [name, value] : *map) {
    if (!value.is_string()) return false;
    out.emplace(name, value.get_string());
  }
  return true;
}

bool read_texts(const json::value& value, std::set<std::string>& out) {
  if (!value.is_array()) return false;
  for (const json::value& item : value.get_array()) {
    if (!item.is_string()) return false;
    out.emplace(item.get_string());
  }
  return true;
}

// Members that older records lack; false where one is there and is not what it should be.
bool read_measured(const json::object& object, Facts& facts) {
  if (const json::value* origin = object.if_contains("origin")) {
    if (!origin->is_object() || !read_origin(origin->get_object(), facts.origin.emplace())) return false;
  }
  if (object.contains("toolchain") && !read_map(object, "toolchain", facts.toolchain)) return false;
  const json::value* capabilities = object.if_contains("capabilities");
  if (capabilities == nullptr) return true;
  facts.measured = true;
  const json::object* measures = object_at(object, "measures");
  const json::object* marks = object_at(object, "marks");
  if (!read_texts(*capabilities, facts.capabilities) || measures == nullptr || marks == nullptr) return false;
  for (const auto& [name, value] : *measures) {
    if (!read_count(*measures, name, facts.measures[name])) return false;
  }
  for (const auto& [rule, digests] : *marks) {
    if (!read_texts(digests, facts.marks[rule])) return false;
  }
  return true;
}

}  // namespace

json::object to_json(const ReleaseOrigin& origin) {
  return {{"publisher", origin.publisher}, {"credential", origin.credential},
          {"client", origin.client},       {"path", origin.path},
          {"attested", origin.attested},   {"repository", origin.repository},
          {"workflow", origin.workflow},   {"builder", origin.builder}};
}

bool read_origin(const json::object& object, ReleaseOrigin& out) {
  const auto attested = bool_at(object, "attested");
  if (attested) out.attested = *attested;
  return attested && read_text(object, "publisher", out.publisher) &&
         read_text(object, "credential", out.credential) && read_text(object, "client", out.client) &&
         read_text(object, "path", out.path) && read_text(object, "repository", out.repository) &&
         read_text(object, "workflow", out.workflow) && read_text(object, "builder", out.builder);
}

json::object to_json(const Facts& facts) {
  json::array files;
  for (const FileFact& file : facts.files) {
    files.push_back(
        json::object{{"path", file.path}, {"size", file.size}, {"digest", file.digest}, {"type", file.type}});
  }
  json::object out;
  out["v"] = kFormat;
  out["name"] = facts.name;
  out["version"] = facts.version;
  out["tag"] = facts.tag;
  out["released"] = to_iso8601(facts.released);
  out["packedBytes"] = facts.packed_bytes;
  out["unpackedBytes"] = facts.unpacked_bytes;
  out["files"] = std::move(files);
  out["dependencies"] = map_to_json(facts.dependencies);
  out["optionalDependencies"] = map_to_json(facts.optional_dependencies);
  out["peerDependencies"] = map_to_json(facts.peer_dependencies);
  out["scripts"] = map_to_json(facts.scripts);
  out["bin"] = map_to_json(facts.bin);
  out["filesField"] = facts.has_files_field;
  if (facts.license) out["license"] = *facts.license;
  if (facts.origin) out["origin"] = to_json(*facts.origin);
  if (!facts.toolchain.empty()) out["toolchain"] = map_to_json(facts.toolchain);
  if (facts.measured) {
    out["capabilities"] = json::array(facts.capabilities.begin(), facts.capabilities.end());
    json::object measures, marks;
    for (const auto& [name, count] : facts.measures) measures[name] = count;
    for (const auto& [rule, digests] : facts.marks) marks[rule] = json::array(digests.begin(), digests.end());
    out["measures"] = std::move(measures);
    out["marks"] = std::move(marks);
  }
  return out;
}

Result<Facts> facts_from_json(const json::value& value) {
  if (!value.is_object()) return corrupt("(root)");
  const json::object& object = value.get_object();
  const auto format = int_at(object, "v");
  if (!format) return corrupt("v");
  if (*format > kFormat) {
    return fail(ErrorKind::corrupt,
                "The facts of an earlier release were recorded by a newer Sallyport: upgrade.",
                "facts: format " + std::to_string(*format));
  }
  Facts facts;
  if (!read_text(object, "name", facts.name)) return corrupt("name");
  if (!read_text(object, "version", facts.version)) return corrupt("version");
  if (!read_text(object, "tag", facts.tag)) return corrupt("tag");
  const auto released = string_at(object, "released");
  if (!released) return corrupt("released");
  const auto instant = parse_iso8601(*released);
  if (instant.has_error()) return corrupt("released");
  facts.released = *instant;
  if (!read_count(object, "packedBytes", facts.packed_bytes)) return corrupt("packedBytes");
  if (!read_count(object, "unpackedBytes", facts.unpacked_bytes)) return corrupt("unpackedBytes");
  const json::array* files = array_at(object, "files");
  if (files == nullptr) return corrupt("files");
  for (const json::value& item : *files) {
    if (!item.is_object()) return corrupt("files");
    FileFact file;
    const json::object& fact = item.get_object();
    if (!read_text(fact, "path", file.path) || !read_count(fact, "size", file.size) ||
        !read_text(fact, "digest", file.digest) || !read_text(fact, "type", file.type)) {
      return corrupt("files");
    }
    facts.files.push_back(std::move(file));
  }
  if (!read_map(object, "dependencies", facts.dependencies)) return corrupt("dependencies");
  if (!read_map(object, "optionalDependencies", facts.optional_dependencies))
    return corrupt("optionalDependencies");
  if (!read_map(object, "peerDependencies", facts.peer_dependencies)) return corrupt("peerDependencies");
  if (!read_map(object, "scripts", facts.scripts)) return corrupt("scripts");
  if (!read_map(object, "bin", facts.bin)) return corrupt("bin");
  const auto has_files_field = bool_at(object, "filesField");
  if (!has_files_field) return corrupt("filesField");
  facts.has_files_field = *has_files_field;
  if (object.contains("license") && !read_text(object, "license", facts.license.emplace()))
    return corrupt("license");
  if (!read_measured(object, facts)) return corrupt("measured");
  return facts;
}

json::object to_json(const History& history) {
  json::array line;
  for (const Facts& facts : history.line) line.push_back(to_json(facts));
  json::object out;
  out["v"] = kFormat;
  out["baseline"] = history.baseline ? json::value(to_json(*history.baseline)) : json::value(nullptr);
  out["baselineOrigin"] = history.baseline_origin;
  out["typesSeen"] = json::array(history.types_seen.begin(), history.types_seen.end());
  out["largestFileBytes"] = json::array(history.largest_file_bytes.begin(), history.largest_file_bytes.end());
  out["tagTarget"] = history.tag_target ? json::value(*history.tag_target) : json::value(nullptr);
  out["lastRelease"] =
      history.last_release ? json::value(to_iso8601(*history.last_release)) : json::value(nullptr);
  json::object known;
  for (const auto& [fingerprint, action] : history.known) known[fingerprint] = to_text(action);
  out["known"] = std::move(known);
  out["line"] = std::move(line);
  return out;
}

Result<History> history_from_json(const json::value& value) {
  if (!value.is_object()) return corrupt("(root)");
  const json::object& object = value.get_object();
  if (int_at(object, "v") != kFormat) return corrupt("v");
  History history;
  const auto set = [&object](std::string_view key) {
    const json::value* member = object.if_contains(key);
    return member != nullptr && !member->is_null();
  };
  if (set("baseline")) {
    auto baseline = facts_from_json(object.at("baseline"));
    if (!baseline) return baseline.error();
    history.baseline = std::move(*baseline);
  }
  if (!read_text(object, "baselineOrigin", history.baseline_origin)) return corrupt("baselineOrigin");
  const json::array* types = array_at(object, "typesSeen");
  if (types == nullptr || !read_texts(*types, history.types_seen)) return corrupt("typesSeen");
  const json::array* sizes = array_at(object, "largestFileBytes");
  if (sizes == nullptr) return corrupt("largestFileBytes");
  for (const json::value& size : *sizes) {
    json::error_code error;
    history.largest_file_bytes.push_back(size.to_number<std::uint64_t>(error));
    if (error) return corrupt("largestFileBytes");
  }
  if (set("tagTarget") && !read_text(object, "tagTarget", history.tag_target.emplace()))
    return corrupt("tagTarget");
  if (set("lastRelease")) {
    const auto at = parse_iso8601(string_at(object, "lastRelease").value_or(""));
    if (!at) return corrupt("lastRelease");
    history.last_release = *at;
  }
  const json::object* known = object_at(object, "known");
  if (known == nullptr) return corrupt("known");
  for (const auto& [fingerprint, text] : *known) {
    const auto action = parse_action(text.is_string() ? std::string_view(text.get_string()) : "");
    if (!action) return corrupt("known");
    history.known.emplace(fingerprint, *action);
  }
  const json::array* line = array_at(object, "line");
  if (line == nullptr) return corrupt("line");
  for (const json::value& release : *line) {
    auto facts = facts_from_json(release);
    if (!facts) return facts.error();
    history.line.push_back(std::move(*facts));
  }
  return history;
}

}  // namespace sallyport
