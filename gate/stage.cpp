#include "gate/stage.hpp"

#include <algorithm>
#include <array>

#include "policies/report.hpp"
#include "storage/base/record.hpp"

namespace sallyport {
namespace {

constexpr std::array state_names{"blocked", "held", "approved", "published", "failed", "rejected"};
constexpr std::array event_names{"block", "hold",   "approve",  "publish", "fail",
                                 "retry", "reject", "withdraw", "expire",  "supersede"};
constexpr std::array decision_names{"approve", "reject", "withdraw", "acknowledge", "comment"};

template <class Enum, std::size_t N>
std::optional<Enum> named(const std::array<const char*, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i)
    if (text == names[i]) return static_cast<Enum>(i);
  return std::nullopt;
}

struct Transition {
  std::optional<StageState> from;
  StageEvent event;
  StageState to;
};

using enum StageState;
// The whole life of a release. What is not here cannot happen.
constexpr Transition transitions[] = {
    {std::nullopt, StageEvent::block, blocked}, {std::nullopt, StageEvent::hold, held},
    {held, StageEvent::approve, approved},      {held, StageEvent::reject, rejected},
    {held, StageEvent::withdraw, rejected},     {held, StageEvent::expire, rejected},
    {held, StageEvent::supersede, rejected},    {approved, StageEvent::publish, published},
    {approved, StageEvent::fail, failed},       {failed, StageEvent::retry, approved},
    {failed, StageEvent::reject, rejected},     {failed, StageEvent::withdraw, rejected},
    {failed, StageEvent::supersede, rejected},
};

json::object to_json(const Decision& d) {
  json::array prints(d.fingerprints.begin(), d.fingerprints.end());
  return {{"kind", to_text(d.kind)},     {"user", d.user},
          {"at", to_iso8601(d.at)},      {"reason", d.reason},
          {"prints", std::move(prints)}, {"binding", d.binding}};
}

template <std::size_t N>
std::optional<Digest<N>> digest_from_hex(std::string_view hex) {
  const auto raw = from_hex(hex);
  if (!raw || raw->size() != N) return std::nullopt;
  Digest<N> out;
  std::copy(raw->begin(), raw->end(), out.bytes.begin());
  return out;
}

// Of the values of an enumeration, the one with this name.
template <class Enum, std::size_t N>
auto one_of(const std::array<const char*, N>& names) {
  return [&names](std::string_view text) { return named<Enum>(names, text); };
}

Decision decision_from(const json::object& object, RecordReader& whole) {
  RecordReader r(object);
  Decision d;
  d.kind = r.parsed("kind", one_of<DecisionKind>(decision_names));
  d.user = r.text("user");
  d.at = r.instant("at");
  d.reason = r.text("reason");
  d.fingerprints = r.texts("prints");
  d.binding = r.text("binding");
  whole.require(r.sound());
  return d;
}

Finding finding_from(const json::object& object, RecordReader& whole) {
  RecordReader r(object);
  Finding f;
  f.rule = r.text("rule");
  f.action = r.parsed("action", parse_action);
  if (r.has("file")) f.file = r.text("file");
  if (r.has("line")) f.line = r.small_number("line");
  if (r.has("offset")) f.offset = r.number("offset");
  f.message = r.text("message");
  f.fix = r.text("fix");
  f.evidence = r.text("evidence");
  f.fingerprint = r.text("fingerprint");
  if (r.has("known")) f.known = r.flag("known");
  if (r.has("waiver")) {
    RecordReader w(r.object("waiver"));
    f.waiver = {w.text("owner"), w.text("reason"), w.text("until"), w.parsed("insteadOf", parse_action)};
    r.require(w.sound());
  }
  whole.require(r.sound());
  return f;
}

}  // namespace

std::string_view to_text(StageState state) {
  return state_names[static_cast<std::size_t>(state)];
}
std::string_view to_text(StageEvent event) {
  return event_names[static_cast<std::size_t>(event)];
}
std::string_view to_text(DecisionKind kind) {
  return decision_names[static_cast<std::size_t>(kind)];
}

std::optional<StageState> next_state(std::optional<StageState> state, StageEvent event) {
  for (const Transition& t : transitions)
    if (t.from == state && t.event == event) return t.to;
  return std::nullopt;
}

std::string Stage::binding() const {
  json::object bound{{"name", name},
                     {"version", version},
                     {"tag", tag},
                     {"target", target},
                     {"access", access},
                     {"sha512", to_hex(sha512)},
                     {"manifest", manifest_digest},
                     {"policy", policy_digest},
                     {"findings", findings_digest}};
  return "sha256-" + to_hex(sha256(canonical(bound)));
}

std::vector<std::string> Stage::approvers() const {
  std::vector<std::string> users;
  const std::string now_bound = binding();
  for (const Decision& d : decisions)
    if (d.kind == DecisionKind::approve && d.binding == now_bound && d.user != publisher &&
        std::find(users.begin(), users.end(), d.user) == users.end())
      users.push_back(d.user);
  return users;
}

std::vector<const Finding*> Stage::to_acknowledge(std::string_view user) const {
  const std::string now_bound = binding();
  std::vector<const Finding*> open_findings;
  for (const Finding& f : findings) {
    if (f.action != Action::warn || f.known) continue;
    auto same = [&](const std::string& print) { return print == f.fingerprint; };
    bool acknowledged = std::any_of(decisions.begin(), decisions.end(), [&](const Decision& d) {
      return d.kind == DecisionKind::acknowledge && d.user == user && d.binding == now_bound &&
             std::any_of(d.fingerprints.begin(), d.fingerprints.end(), same);
    });
    if (!acknowledged) open_findings.push_back(&f);
  }
  return open_findings;
}

json::object to_json(const Stage& s) {
  json::array findings, decisions;
  for (const Finding& f : s.findings) findings.push_back(to_json(f));
  for (const Decision& d : s.decisions) decisions.push_back(to_json(d));
  return {{"v", 1},
          {"id", s.id},
          {"code", s.code},
          {"state", to_text(s.state)},
          {"why", s.why},
          {"name", s.name},
          {"version", s.version},
          {"tag", s.tag},
          {"access", s.access},
          {"target", s.target},
          {"sha512", to_hex(s.sha512)},
          {"sha1", to_hex(s.sha1)},
          {"size", s.size_bytes},
          {"unpacked", s.unpacked_bytes},
          {"files", s.file_count},
          {"manifest", s.manifest_digest},
          {"publisher", s.publisher},
          {"service", s.publisher_is_service},
          {"shadows", s.shadows},
          {"created", to_iso8601(s.created)},
          {"expires", to_iso8601(s.expires)},
          {"updated", to_iso8601(s.updated)},
          {"verdict", to_text(s.verdict)},
          {"findings", std::move(findings)},
          {"policy", s.policy_digest},
          {"findings_digest", s.findings_digest},
          {"baseline", s.baseline},
          {"needed", s.approvals_needed},
          {"decisions", std::move(decisions)}};
}

Result<Stage> stage_from_json(const json::value& value) {
  constexpr std::string_view what = "a release";
  if (!value.is_object()) return damaged_record(what, "not an object");
  const json::object& object = value.get_object();
  if (int_at(object, "v") != 1) return damaged_record(what, "of another version");
  RecordReader r(object);
  Stage s;
  s.id = r.text("id");
  s.code = r.text("code");
  s.state = r.parsed("state", one_of<StageState>(state_names));
  s.why = r.text("why");
  s.name = r.text("name");
  s.version = r.text("version");
  s.tag = r.text("tag");
  s.access = r.text("access");
  s.target = r.text("target");
  s.sha512 = r.parsed("sha512", digest_from_hex<64>);
  s.sha1 = r.parsed("sha1", digest_from_hex<20>);
  s.size_bytes = r.number("size");
  s.unpacked_bytes = r.number("unpacked");
  s.file_count = r.small_number("files");
  s.manifest_digest = r.text("manifest");
  s.publisher = r.text("publisher");
  s.publisher_is_service = r.flag("service");
  if (r.has("shadows")) s.shadows = r.flag("shadows");  // older records lack it
  s.created = r.instant("created");
  s.expires = r.instant("expires");
  s.updated = r.instant("updated");
  s.verdict = r.parsed("verdict", parse_verdict);
  for (const auto& item : r.array("findings")) {
    r.require(item.is_object());
    if (item.is_object()) s.findings.push_back(finding_from(item.get_object(), r));
  }
  s.policy_digest = r.text("policy");
  s.findings_digest = r.text("findings_digest");
  s.baseline = r.text("baseline");
  s.approvals_needed = r.small_number("needed");
  for (const auto& item : r.array("decisions")) {
    r.require(item.is_object());
    if (item.is_object()) s.decisions.push_back(decision_from(item.get_object(), r));
  }
  if (!r.sound()) return damaged_record(what);
  return s;
}

std::uint32_t approvals_needed(std::uint32_t normally, const std::vector<Finding>& findings) {
  auto has = [&](Action action) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const Finding& f) { return f.action == action; });
  };
  if (has(Action::escalate)) return normally + 1;
  return has(Action::warn) ? std::max(normally, 1u) : normally;
}

}  // namespace sallyport
