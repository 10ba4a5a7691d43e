#include "policies/report.hpp"

namespace sallyport {

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
  if (finding.known) out["known"] = true;
  if (const auto& w = finding.waiver)
    out["waiver"] = {{"owner", w->owner},
                     {"reason", w->reason},
                     {"until", w->until},
                     {"insteadOf", to_text(w->instead_of)}};
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

}  // namespace sallyport
