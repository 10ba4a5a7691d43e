#include "policies/report.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "policies/rule.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::size_t kColumns = 76;

std::size_t count(const Report& report, Action action) {
  return static_cast<std::size_t>(std::count_if(report.findings.begin(), report.findings.end(),
                                                [action](const Finding& f) { return f.action == action; }));
}

std::string place(const Finding& finding) {
  std::string out = printable(finding.file);
  if (finding.line) out += ":" + std::to_string(*finding.line);
  return out;
}

// `text` in lines of at most kColumns columns, each begun with `indent`. A word longer than a line stays
// whole: a path that is cut cannot be copied.
std::string wrapped(std::string_view text, std::string_view indent) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (used > 0 && used + 1 + word.size() > kColumns) {
      out += '\n';
      used = 0;
    }
    if (used == 0) {
      out += indent;
      used = indent.size();
    } else {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out + '\n';
}

std::string_view colour_of(Action action) {
  switch (action) {
    case Action::block:
      return "\x1b[31m";
    case Action::escalate:
      return "\x1b[35m";
    case Action::warn:
      return "\x1b[33m";
    default:
      return "\x1b[36m";
  }
}

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

// RFC 3986: a path of the package as a relative URI reference, without the archive's own top folder, so that
// a viewer finds the file in the folder that was packed.
std::string to_uri(std::string_view path) {
  if (const std::size_t slash = path.find('/'); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 && byte < 0x80) {
      out += c;
    } else if (std::string_view("-._~/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      (out += '%') += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

json::object text_object(std::string_view text) {
  return {{"text", text}};
}

json::object sarif_location(const Finding& finding) {
  json::object physical;
  physical["artifactLocation"] = {{"uri", finding.file.empty() ? "package.json" : to_uri(finding.file)},
                                  {"uriBaseId", "PACKAGE"}};
  if (finding.line) {
    physical["region"] = {{"startLine", *finding.line}};
  } else if (finding.offset) {
    physical["region"] = {{"byteOffset", *finding.offset}, {"byteLength", 0}};
  }
  return {{"physicalLocation", std::move(physical)}};
}

json::object sarif_rule(const Rule& rule, Action worst) {
  const std::string_view family = rule.info.id.substr(0, rule.info.id.find('/'));
  return {{"id", rule.info.id},
          {"shortDescription", text_object(rule.info.title)},
          {"help", text_object(rule.info.fix)},
          {"defaultConfiguration", {{"level", level_of(worst)}}},
          {"properties", {{"tags", json::array{"security", family}}}}};
}

}  // namespace

json::object to_json(const Finding& finding) {
  json::object out;
  out["rule"] = finding.rule;
  out["action"] = to_text(finding.action);
  out["file"] = finding.file.empty() ? json::value() : json::value(finding.file);
  out["line"] = finding.line ? json::value(*finding.line) : json::value();
  out["offset"] = finding.offset ? json::value(*finding.offset) : json::value();
  out["message"] = finding.message;
  out["fix"] = finding.fix;
  out["evidence"] = finding.evidence;
  out["fingerprint"] = finding.fingerprint;
  return out;
}

json::object to_json(const Report& report) {
  json::array findings;
  for (const Finding& finding : report.findings) findings.push_back(to_json(finding));
  json::object out;
  out["name"] = report.name;
  out["version"] = report.version;
  out["integrity"] = report.integrity;
  out["shasum"] = report.shasum;
  out["size"] = report.packed_bytes;
  out["unpackedSize"] = report.unpacked_bytes;
  out["fileCount"] = report.file_count;
  out["verdict"] = to_text(report.verdict);
  out["findings"] = std::move(findings);
  out["baseline"] = report.baseline.empty() ? json::value() : json::value(report.baseline);
  out["facts"] = to_json(report.facts);
  out["policy"] = report.policy_digest;
  return out;
}

std::string to_text(const Report& report, bool colour) {
  const std::string_view bold = colour ? "\x1b[1m" : "", reset = colour ? "\x1b[0m" : "";
  std::string out(bold);
  out += printable(report.name) + "@" + printable(report.version);
  out += reset;
  out += "  " + human_bytes(report.packed_bytes) + " packed, " + human_bytes(report.unpacked_bytes) +
         " unpacked, " + thousands(report.file_count) + (report.file_count == 1 ? " file" : " files");
  out += report.baseline.empty() ? ", no earlier release to compare with\n"
                                 : ", compared with " + printable(report.baseline) + "\n";
  for (const Finding& finding : report.findings) {
    out += '\n';
    if (colour) out += colour_of(finding.action);
    std::string action(to_text(finding.action));
    action.resize(9, ' ');
    out += action;
    out += reset;
    out += bold;
    out += finding.rule;
    out += reset;
    if (!finding.file.empty()) out += "  " + place(finding);
    out += '\n';
    out += wrapped(printable(finding.message, 1000), "         ");
    if (!finding.evidence.empty()) out += wrapped("found: " + printable(finding.evidence), "         ");
    out += wrapped("fix: " + printable(finding.fix, 1000), "         ");
  }
  out += '\n';
  const auto sum = [&](Action action, std::string_view text) {
    const std::size_t n = count(report, action);
    return n == 0 ? std::string() : ", " + std::to_string(n) + " " + std::string(text);
  };
  const std::string counts = sum(Action::block, "refused") + sum(Action::escalate, "escalated") +
                             sum(Action::warn, "to acknowledge") + sum(Action::note, "noted");
  switch (report.verdict) {
    case Verdict::clean:
      out += "clean";
      break;
    case Verdict::hold:
      out += "hold: a publish would wait for a reviewer to look at these findings";
      break;
    case Verdict::block:
      out += "block: a publish would be refused";
      break;
  }
  return out + counts + "\n";
}

json::object to_sarif(const Report& report) {
  std::vector<const Rule*> used;
  json::array rules, results;
  for (const Rule* rule : all_rules()) {
    Action worst = Action::off;
    for (const Finding& finding : report.findings) {
      if (finding.rule == rule->info.id) worst = std::max(worst, finding.action);
    }
    if (worst == Action::off) continue;
    used.push_back(rule);
    rules.push_back(sarif_rule(*rule, worst));
  }
  for (const Finding& finding : report.findings) {
    json::object result = {{"ruleId", finding.rule},
                           {"level", level_of(finding.action)},
                           {"message", text_object(finding.message + " To fix it: " + finding.fix)},
                           {"locations", json::array{sarif_location(finding)}},
                           {"properties", {{"action", to_text(finding.action)}}}};
    const auto rule =
        std::find_if(used.begin(), used.end(), [&](const Rule* r) { return r->info.id == finding.rule; });
    if (rule != used.end()) result["ruleIndex"] = rule - used.begin();
    if (!finding.fingerprint.empty()) {
      result["partialFingerprints"] = {{"sallyportFinding/v1", finding.fingerprint}};
    }
    results.push_back(std::move(result));
  }
  json::object run;
  run["tool"] = {
      {"driver", {{"name", "Sallyport"}, {"version", SALLYPORT_VERSION}, {"rules", std::move(rules)}}}};
  run["originalUriBaseIds"] = {{"PACKAGE", {{"description", text_object("the root folder of the package")}}}};
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

std::string refusal_text(const Report& report, std::size_t findings_max) {
  const std::size_t blocking = count(report, Action::block);
  std::string out = printable(report.name) + "@" + printable(report.version) +
                    " is refused: " + (blocking == 1 ? "one finding" : thousands(blocking) + " findings") +
                    ".\n";
  std::size_t shown = 0;
  for (const Finding& finding : report.findings) {
    if (finding.action != Action::block || shown == findings_max) break;
    ++shown;
    out += wrapped(finding.rule + (finding.file.empty() ? "" : ": " + place(finding)), "");
    out += wrapped(printable(finding.message, 600), "  ");
    out += wrapped("Fix: " + printable(finding.fix, 400), "  ");
  }
  if (blocking > shown) {
    out +=
        "And " + thousands(blocking - shown) + " more; \"sallyport scan\" on the package lists them all.\n";
  }
  out.pop_back();
  return out;
}

}  // namespace sallyport
