// Reports for code scanning: SARIF 2.1.0.

#include <algorithm>

#include "policies/report.hpp"
#include "policies/rule.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr const char* package_root = "PACKAGE";

std::string_view level_of(Action action) {
  switch (action) {
    case Action::block:
    case Action::escalate:
      return "error";
    case Action::warn:
      return "warning";
    case Action::note:
      return "note";
    case Action::off:
      return "none";
  }
  return "error";
}

// What it would be without its waiver, which SARIF says by itself.
Action own_action(const Finding& finding) {
  return finding.waiver ? finding.waiver->instead_of : finding.action;
}

// RFC 3986: a path of the package as a relative URI reference, without the archive's own top folder, so that
// a viewer finds the file in the folder that was packed. Empty: the path leads elsewhere.
std::string to_uri(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == 0 || slash == path.npos) return {};
  path.remove_prefix(slash + 1);
  std::string out;
  for (bool more = true; more;) {
    const std::size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    more = end != path.npos;
    if (part.empty() || part == "." || part == "..") return {};
    out += percent_encoded(part);
    if (more) {
      out += '/';
      path.remove_prefix(end + 1);
    }
  }
  return out;
}

json::object text_object(std::string_view text) {
  return {{"text", text}};
}

json::object location_of(const Finding& finding) {
  std::string uri = to_uri(finding.file);
  const bool found = !uri.empty();
  json::object physical;
  // A finding of the release as a whole, or of a path that is none, is shown where every package has a file.
  physical["artifactLocation"] = {{"uri", found ? std::move(uri) : "package.json"},
                                  {"uriBaseId", package_root}};
  json::object region;
  if (finding.line) {
    region["startLine"] = std::max(*finding.line, 1u);
  } else if (finding.offset) {
    region["byteOffset"] = *finding.offset;
    region["byteLength"] = 0;
  }
  if (found && !region.empty()) physical["region"] = std::move(region);
  return {{"physicalLocation", std::move(physical)}};
}

json::object about(const Rule& rule, Action worst) {
  const std::string_view family = rule.info.id.substr(0, rule.info.id.find('/'));
  return {{"id", rule.info.id},
          {"name", rule.info.id},
          {"shortDescription", text_object(rule.info.title)},
          {"fullDescription", text_object(rule.info.title)},
          {"help", text_object(rule.info.fix)},
          {"defaultConfiguration", {{"level", level_of(worst)}}},
          {"properties", {{"tags", json::array{"security", family}}}}};
}

json::object result_of(const Finding& finding) {
  json::object properties = {{"action", to_text(finding.action)}};
  if (!finding.file.empty()) properties["path"] = finding.file;
  if (finding.known) properties["known"] = true;
  json::object result = {{"ruleId", finding.rule},
                         {"level", level_of(own_action(finding))},
                         {"message", text_object(finding.message + " To fix it: " + finding.fix)},
                         {"locations", json::array{location_of(finding)}},
                         {"properties", std::move(properties)}};
  if (!finding.fingerprint.empty())
    result["partialFingerprints"] = {{"sallyportFinding/v1", finding.fingerprint}};
  if (finding.waiver)
    result["suppressions"] = json::array{json::object{
        {"kind", "external"}, {"status", "accepted"}, {"justification", to_text(*finding.waiver)}}};
  return result;
}

}  // namespace

json::object to_sarif(const Report& report) {
  json::array rules, results;
  std::vector<std::string_view> listed;
  for (const Rule* rule : all_rules()) {
    Action worst = Action::off;
    for (const Finding& finding : report.findings)
      if (finding.rule == rule->info.id) worst = std::max(worst, own_action(finding));
    if (worst == Action::off) continue;
    listed.push_back(rule->info.id);
    rules.push_back(about(*rule, worst));
  }
  for (const Finding& finding : report.findings) {
    json::object result = result_of(finding);
    // The engine's own findings are of no rule.
    const auto rule = std::find(listed.begin(), listed.end(), finding.rule);
    if (rule != listed.end()) result["ruleIndex"] = rule - listed.begin();
    results.push_back(std::move(result));
  }
  json::object run;
  run["tool"] = {
      {"driver", {{"name", "Sallyport"}, {"version", SALLYPORT_VERSION}, {"rules", std::move(rules)}}}};
  run["originalUriBaseIds"] = {
      {package_root, {{"description", text_object("the root folder of the package")}}}};
  run["invocations"] = json::array{json::object{{"executionSuccessful", true}}};
  run["results"] = std::move(results);
  run["properties"] = {{"package", report.name + "@" + report.version},
                       {"integrity", report.integrity},
                       {"verdict", to_text(report.verdict)},
                       {"policy", report.policy_digest}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", json::array{std::move(run)}}};
}

}  // namespace sallyport
