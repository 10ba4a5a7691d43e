#include "proxy/handlers/stage_answer.hpp"

#include <algorithm>

#include "policies/report.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

std::size_t count_of(const Stage& stage, Action action) {
  return static_cast<std::size_t>(std::count_if(stage.findings.begin(), stage.findings.end(),
                                                [&](const Finding& f) { return f.action == action; }));
}

std::string plural(std::size_t n, const char* noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace

json::object stage_item(const Stage& s) {
  json::object item{
      {"id", s.id},
      {"packageName", s.name},
      {"version", s.version},
      {"tag", s.tag},
      {"createdAt", to_iso8601(s.created)},
      {"actor", s.publisher},
      {"actorType", s.publisher_is_service ? "service" : "user"},
      {"shasum", to_hex(s.sha1)},
      {"status", to_text(s.state)},
      {"code", s.code},
      {"verdict", to_text(s.verdict)},
      {"approvals", std::to_string(s.approvers().size()) + " of " + std::to_string(s.approvals_needed)},
      {"integrity", to_integrity(s.sha512)},
      {"size", human_bytes(s.size_bytes)},
      {"unpackedSize", human_bytes(s.unpacked_bytes)},
      {"fileCount", s.file_count},
      {"expiresAt", to_iso8601(s.expires)}};
  std::string findings;
  for (Action action : {Action::block, Action::escalate, Action::warn, Action::note})
    if (auto n = count_of(s, action))
      findings += (findings.empty() ? "" : ", ") + std::to_string(n) + " " + std::string(to_text(action));
  item["findings"] = findings.empty() ? "none" : findings;
  std::size_t shown = 0;
  for (const Finding& f : s.findings) {
    if (f.action == Action::note || shown == 9) continue;
    item["finding" + std::to_string(++shown)] = f.rule + " (" + std::string(to_text(f.action)) + ")" +
                                                (f.file.empty() ? "" : " " + f.file) + ": " + f.message;
  }
  if (!s.why.empty()) item["why"] = s.why;
  return item;
}

json::object stage_report(const Stage& s, const Facts& facts) {
  json::array findings, decisions;
  for (const Finding& f : s.findings) findings.push_back(to_json(f));
  const std::string binding = s.binding();
  for (const Decision& d : s.decisions)
    decisions.push_back(json::object{{"kind", to_text(d.kind)},
                                     {"user", d.user},
                                     {"at", to_iso8601(d.at)},
                                     {"reason", d.reason},
                                     {"findings", json::array(d.fingerprints.begin(), d.fingerprints.end())},
                                     {"valid", d.binding == binding}});
  return {{"id", s.id},
          {"code", s.code},
          {"state", to_text(s.state)},
          {"why", s.why},
          {"name", s.name},
          {"version", s.version},
          {"tag", s.tag},
          {"publisher", s.publisher},
          {"createdAt", to_iso8601(s.created)},
          {"expiresAt", to_iso8601(s.expires)},
          {"target", s.target},
          {"integrity", to_integrity(s.sha512)},
          {"shasum", to_hex(s.sha1)},
          {"size", s.size_bytes},
          {"unpackedSize", s.unpacked_bytes},
          {"fileCount", s.file_count},
          {"verdict", to_text(s.verdict)},
          {"findings", std::move(findings)},
          {"baseline", s.baseline.empty() ? json::value(nullptr) : json::value(s.baseline)},
          {"facts", to_json(facts)},
          {"policy", s.policy_digest},
          {"binding", binding},
          {"approvals", {{"needed", s.approvals_needed}, {"given", s.approvers().size()}}},
          {"decisions", std::move(decisions)}};
}

std::string review_url(const Stage& stage, const std::string& base_url) {
  return base_url + "/-/stage/" + stage.code + "/report";
}

std::string held_sentence(const Stage& s, const std::string& base_url) {
  const std::size_t given = s.approvers().size();
  const std::size_t missing = s.approvals_needed > given ? s.approvals_needed - given : 0;
  std::string text =
      "held as " + s.code + ": " + printable(s.subject()) + " needs " + plural(missing, "approval");
  std::size_t fresh = 0, known = 0;
  std::string rules;
  for (const Finding& f : s.findings) {
    if (f.action < Action::warn) continue;
    ++(f.known ? known : fresh);
    if (!f.known && rules.find(f.rule) == std::string::npos) rules += (rules.empty() ? "" : ", ") + f.rule;
  }
  text += fresh == 0 ? known == 0 ? "; nothing found that needs attention" : "; nothing new found"
                     : "; " + plural(fresh, "finding") + " (" + rules + ")";
  if (known > 0) text += ", " + std::to_string(known) + " as in the last approved release";
  return text + "; review: " + review_url(s, base_url);
}

}  // namespace sallyport
