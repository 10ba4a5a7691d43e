#include "proxy/handlers/own_advisories.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

constexpr std::size_t paths_max = 20, depth_max = 64;  // of one version; of a tree

std::string url_of(const Advisory& advisory) {
  return (advisory.id.starts_with("GHSA-") ? "https://github.com/advisories/"
                                           : "https://osv.dev/vulnerability/") +
         advisory.id;
}

// Clients want a number: one that stays the same, and beyond those that npm's registry gives.
std::int64_t number_of(const Advisory& advisory) {
  constexpr std::int64_t beyond = 1 << 30;
  std::int64_t number = 0;
  for (const std::uint8_t byte : Bytes(sha256(advisory.id).bytes).first(4)) number = number << 8 | byte;
  return beyond + number % beyond;
}

json::object told(const Advisory& advisory) {
  json::array weaknesses;
  for (const std::string& weakness : advisory.weaknesses) weaknesses.emplace_back(weakness);
  const double score = cvss3_score(advisory.cvss);
  return {
      {"id", number_of(advisory)},
      {"url", url_of(advisory)},
      {"title", advisory.summary.empty() ? advisory.id : advisory.summary},
      {"severity", advisory.severity},
      {"vulnerable_versions", advisory.vulnerable_versions()},
      {"cwe", std::move(weaknesses)},
      {"cvss", {{"score", score}, {"vectorString", score > 0 ? json::value(advisory.cvss) : json::value()}}}};
}

bool is_about(const json::value& there, const Advisory& advisory) {
  return there.is_object() && string_at(there.get_object(), "url").value_or("").ends_with("/" + advisory.id);
}

// Versions in a tree, each with some of the ways that lead to it.
using Found = std::map<std::string, std::map<std::string, std::vector<std::string>>>;

void collect(const json::object& node, const std::string& way, std::size_t depth, Found& found) {
  const json::object* below = depth < depth_max ? object_at(node, "dependencies") : nullptr;
  if (below == nullptr) return;
  for (const auto& [name, child] : *below) {
    if (!child.is_object()) continue;
    const json::object& inner = child.get_object();
    const std::string here = way.empty() ? std::string(name) : way + ">" + std::string(name);
    if (const auto version = string_at(inner, "version")) {
      auto& ways = found[std::string(name)][std::string(*version)];
      if (ways.size() < paths_max) ways.push_back(here);
    }
    collect(inner, here, depth + 1, found);
  }
}

// A metric's letter, "" where the vector has none.
std::string_view metric(std::string_view vector, std::string_view name) {
  const std::string key = "/" + std::string(name) + ":";
  const std::size_t at = vector.find(key);
  if (at == vector.npos) return {};
  const std::string_view rest = vector.substr(at + key.size());
  return rest.substr(0, rest.find('/'));
}

std::optional<double> weight(std::string_view letter,
                             std::initializer_list<std::pair<std::string_view, double>> weights) {
  for (const auto& [name, value] : weights)
    if (name == letter) return value;
  return std::nullopt;
}

}  // namespace

// https://www.first.org/cvss/v3.1/specification-document, section 7.1 and appendix A.
double cvss3_score(std::string_view vector) {
  if (!vector.starts_with("CVSS:3.")) return 0;
  const std::string_view scope = metric(vector, "S");
  const bool changed = scope == "C";
  const auto attack = weight(metric(vector, "AV"), {{"N", 0.85}, {"A", 0.62}, {"L", 0.55}, {"P", 0.2}});
  const auto complexity = weight(metric(vector, "AC"), {{"L", 0.77}, {"H", 0.44}});
  const auto privileges =
      weight(metric(vector, "PR"), {{"N", 0.85}, {"L", changed ? 0.68 : 0.62}, {"H", changed ? 0.5 : 0.27}});
  const auto interaction = weight(metric(vector, "UI"), {{"N", 0.85}, {"R", 0.62}});
  double spared = 1;
  for (const char* name : {"C", "I", "A"}) {
    const auto loss = weight(metric(vector, name), {{"H", 0.56}, {"L", 0.22}, {"N", 0}});
    if (!loss) return 0;
    spared *= 1 - *loss;
  }
  if (!attack || !complexity || !privileges || !interaction || (scope != "U" && !changed)) return 0;
  const double lost = 1 - spared;
  const double impact = changed ? 7.52 * (lost - 0.029) - 3.25 * std::pow(lost - 0.02, 15) : 6.42 * lost;
  if (impact <= 0) return 0;
  const double both = impact + 8.22 * *attack * *complexity * *privileges * *interaction;
  const auto whole = std::lround(std::min((changed ? 1.08 : 1.0) * both, 10.0) * 100'000);
  return static_cast<double>((whole + 9'999) / 10'000) / 10;
}

std::vector<Advisory> OwnAdvisories::about(std::string_view name) const {
  std::vector<Advisory> out = malware_.about(name);
  std::erase_if(out, [](const Advisory& a) { return a.severity.empty(); });  // of the operator's own list
  for (Advisory& advisory : faults_.about(name))
    if (std::none_of(out.begin(), out.end(), [&](const Advisory& a) { return a.id == advisory.id; }))
      out.push_back(std::move(advisory));
  return out;
}

std::size_t OwnAdvisories::add_to_bulk(json::object& answer, const json::object& question) const {
  std::size_t known = 0;
  for (const auto& [name, versions] : question) {
    if (!versions.is_array()) continue;
    for (const Advisory& advisory : about(name)) {
      const json::array& asked = versions.get_array();
      const bool met = std::any_of(asked.begin(), asked.end(), [&](const json::value& version) {
        return version.is_string() && advisory.covers(version.get_string());
      });
      if (!met) continue;
      ++known;
      json::value& list = answer[name];
      if (!list.is_array()) list = json::array();
      json::array& all = list.get_array();
      if (std::any_of(all.begin(), all.end(), [&](const json::value& v) { return is_about(v, advisory); }))
        continue;
      all.push_back(told(advisory));
    }
  }
  return known;
}

std::size_t OwnAdvisories::add_to_quick(json::object& answer, const json::object& tree) const {
  Found found;
  collect(tree, "", 0, found);
  std::size_t known = 0;
  json::object& advisories = answer["advisories"].get_object();
  for (const auto& [name, versions] : found)
    for (const Advisory& advisory : about(name)) {
      json::array findings;
      for (const auto& [version, ways] : versions)
        if (advisory.covers(version))
          findings.push_back(
              json::object{{"version", version}, {"paths", json::array(ways.begin(), ways.end())}});
      if (findings.empty()) continue;
      ++known;
      const bool there = std::any_of(advisories.begin(), advisories.end(), [&](const auto& one) {
        return is_about(one.value(), advisory) &&
               string_at(one.value().get_object(), "module_name") == std::string_view(name);
      });
      if (there) continue;
      json::value& count = answer["metadata"].get_object()["vulnerabilities"].get_object()[advisory.severity];
      count = (count.is_int64() ? count.get_int64() : 0) + static_cast<std::int64_t>(findings.size());
      json::object one = told(advisory);
      const std::string fixed = advisory.fixed_in.empty() ? "<0.0.0" : ">=" + advisory.fixed_in.back();
      one["module_name"] = name;
      one["findings"] = std::move(findings);
      one["patched_versions"] = fixed;
      one["github_advisory_id"] = advisory.id;
      one["cves"] = json::array();
      for (const char* empty : {"overview", "recommendation", "references", "found_by", "created", "updated"})
        one[empty] = "";
      one["access"] = "public";
      // One advisory may be about several packages: the first has the number, which nobody reads from the
      // key.
      std::string key = std::to_string(number_of(advisory));
      if (advisories.contains(key)) key += "-" + name;
      advisories[key] = std::move(one);
    }
  return known;
}

}  // namespace sallyport
