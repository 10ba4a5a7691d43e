#include "gate/osv.hpp"

#include <algorithm>
#include <optional>

#include "storage/base/json.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t summary_bytes_max = 120, weaknesses_max = 16, vector_bytes_max = 120;

Error not_osv(std::string_view what) {
  return fail(ErrorKind::invalid, "not an OSV advisory: " + std::string(what));
}

Result<void> add_range(Advisory& advisory, const std::string& text) {
  auto range = Range::parse(text);
  if (!range) return not_osv("a version in its events is none");
  advisory.ranges.push_back(std::move(*range));
  if (!advisory.affected.empty()) advisory.affected += " || ";
  advisory.affected += text;
  return {};
}

// Events in the order of the file: each "introduced" opens a stretch that the next "fixed" or
// "last_affected" closes.
Result<void> read_events(const json::object& range, Advisory& advisory) {
  const json::array* events = array_at(range, "events");
  if (!events) return not_osv("a range without events");
  std::optional<std::string> open;
  for (const json::value& item : *events) {
    if (!item.is_object()) return not_osv("an event that is no object");
    const json::object& event = item.get_object();
    const auto from = string_at(event, "introduced"), fixed = string_at(event, "fixed"),
               last = string_at(event, "last_affected");
    if (from) {
      if (open) return not_osv("a range that begins twice");
      open = *from == "0" ? "" : ">=" + std::string(*from) + " ";
    } else if (fixed || last) {
      if (!open) return not_osv("a range that ends before it begins");
      const std::string until = fixed ? "<" + std::string(*fixed) : "<=" + std::string(*last);
      if (auto added = add_range(advisory, *open + until); !added) return added;
      if (fixed) advisory.fixed_in.emplace_back(*fixed);
      open.reset();
    } else if (!event.contains("limit")) {
      return not_osv("an event of an unknown kind");
    }
  }
  if (!open) return {};
  if (open->empty()) {
    advisory.every_version = true;
    return {};
  }
  open->pop_back();
  return add_range(advisory, *open);
}

// What the document says of the fault itself.
Advisory read_fault(const json::object& root, std::string_view id) {
  Advisory advisory;
  advisory.id = printable(id, 60);
  advisory.summary = printable(string_at(root, "summary").value_or(""), summary_bytes_max);
  const bool malware = id.starts_with("MAL-");
  const json::object* more = object_at(root, "database_specific");
  std::string severity(more ? string_at(*more, "severity").value_or("") : "");
  for (char& c : severity)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const bool known =
      severity == "low" || severity == "moderate" || severity == "high" || severity == "critical";
  advisory.severity = known ? severity : malware ? "critical" : "high";
  if (const json::array* scores = array_at(root, "severity"))
    for (const json::value& score : *scores)
      if (score.is_object() && string_at(score.get_object(), "type") == "CVSS_V3")
        advisory.cvss = printable(string_at(score.get_object(), "score").value_or(""), vector_bytes_max);
  if (const json::array* weaknesses = more ? array_at(*more, "cwe_ids") : nullptr)
    for (const json::value& weakness : *weaknesses)
      if (weakness.is_string() && advisory.weaknesses.size() < weaknesses_max)
        advisory.weaknesses.push_back(printable(std::string_view(weakness.get_string()), 20));
  if (advisory.weaknesses.empty() && malware) advisory.weaknesses = {"CWE-506"};
  return advisory;
}

Result<Advisory> read_affected(const json::object& affected, Advisory advisory) {
  bool limited = false;
  if (const json::value* versions = affected.if_contains("versions"); versions && !versions->is_null()) {
    if (!versions->is_array()) return not_osv("\"versions\" is no list");
    for (const json::value& version : versions->get_array()) {
      if (!version.is_string()) return not_osv("a version that is no text");
      advisory.versions.emplace_back(version.get_string());
    }
    limited = !advisory.versions.empty();
  }
  if (const json::value* ranges = affected.if_contains("ranges"); ranges && !ranges->is_null()) {
    if (!ranges->is_array()) return not_osv("\"ranges\" is no list");
    for (const json::value& item : ranges->get_array()) {
      if (!item.is_object()) return not_osv("a range that is no object");
      if (string_at(item.get_object(), "type") == "GIT") continue;
      limited = true;
      if (auto read = read_events(item.get_object(), advisory); !read) return read.error();
    }
  }
  advisory.every_version = advisory.every_version || !limited;
  return advisory;
}

}  // namespace

bool Advisory::covers(std::string_view version) const {
  if (every_version || std::find(versions.begin(), versions.end(), version) != versions.end()) return true;
  const auto parsed = Version::parse(version);
  if (!parsed) return true;
  // What an advisory lists as 1.0.0 is 1.0.0+build too, as it is in a range.
  for (const std::string& listed : versions)
    if (const auto bad = Version::parse(listed); bad && compare(*bad, *parsed) == 0) return true;
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return r.matches(*parsed, true); });
}

std::string Advisory::vulnerable_versions() const {
  if (every_version) return "*";
  std::string out = affected;
  for (const std::string& listed : versions) {
    if (!Version::parse(listed)) continue;  // a client would take the whole range for none
    if (!out.empty()) out += " || ";
    out += listed;
  }
  return out.empty() ? "<0.0.0-0" : out;  // nothing that has a version: no range at all is every one
}

std::uint64_t Advisory::bytes() const {
  constexpr std::uint64_t piece = 32, range = 120;
  std::uint64_t sum = sizeof *this + id.size() + summary.size() + affected.size() + cvss.size();
  for (const auto* texts : {&versions, &fixed_in, &weaknesses})
    for (const std::string& text : *texts) sum += piece + text.size();
  return sum + range * ranges.size();
}

std::string denial_key(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<Denied> Denied::parse(std::string_view text) {
  Denied denied;
  const std::size_t at = text.find('@', 1);
  denied.name = text.substr(0, at);
  // A pattern would deny nothing, and look as if it did.
  if (!PackageName::parse(denied.name) || denied.name.find('*') != std::string::npos)
    return fail(ErrorKind::invalid,
                "\"" + printable(text, 60) + "\" is no package: write \"name\" or \"name@range\"");
  denied.advisory.id = "deny";
  denied.advisory.summary = "on the list of packages that this registry does not admit";
  denied.advisory.every_version = at == std::string_view::npos;
  if (!denied.advisory.every_version) {
    auto range = Range::parse(text.substr(at + 1));
    if (!range || at + 1 == text.size())
      return fail(ErrorKind::invalid, "\"" + printable(text, 60) + "\" ends in no range of versions");
    denied.advisory.ranges.push_back(std::move(*range));
  }
  return denied;
}

Result<std::vector<std::pair<std::string, Advisory>>> parse_osv(std::string_view text) {
  auto value = parse_strict(text, {.bytes_max = osv_bytes_max});
  if (!value) return not_osv(value.error().message);
  if (!value->is_object()) return not_osv("it is no JSON object");
  const json::object& root = value->get_object();
  const auto id = string_at(root, "id");
  const json::array* affected = array_at(root, "affected");
  const bool withdrawn = string_at(root, "withdrawn").has_value();
  if (!id || id->empty()) return not_osv("it has no id");
  std::vector<std::pair<std::string, Advisory>> out;
  if (withdrawn) return out;
  if (!affected) return not_osv("it does not say what is affected");
  const Advisory fault = read_fault(root, *id);
  for (const json::value& item : *affected) {
    const json::object* package = item.is_object() ? object_at(item.get_object(), "package") : nullptr;
    const auto ecosystem = package ? string_at(*package, "ecosystem") : std::nullopt;
    const auto name = package ? string_at(*package, "name") : std::nullopt;
    if (!ecosystem || !name || name->empty()) return not_osv("an affected package without a name");
    if (*ecosystem != "npm") continue;
    auto advisory = read_affected(item.get_object(), fault);
    if (!advisory) return advisory.error();
    out.emplace_back(denial_key(*name), std::move(*advisory));
  }
  return out;
}

}  // namespace sallyport
