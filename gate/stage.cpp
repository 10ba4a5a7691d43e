#include "gate/stage.hpp"

#include <algorithm>
#include <array>

#include "policies/report.hpp"

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

// Reads a record we wrote ourselves; any missing or odd member makes the whole record corrupt.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}
  std::string text(std::string_view key) {
    auto value = string_at(object_, key);
    if (!value) ok_ = false;
    return std::string(value.value_or(""));
  }
  std::uint64_t number(std::string_view key) {
    auto value = int_at(object_, key);
    if (!value || *value < 0) ok_ = false;
    return static_cast<std::uint64_t>(value.value_or(0));
  }
  bool flag(std::string_view key) {
    auto value = bool_at(object_, key);
    if (!value) ok_ = false;
    return value.value_or(false);
  }
  Instant time(std::string_view key) {
    auto value = parse_iso8601(text(key));
    if (!value) ok_ = false;
    return value ? *value : Instant{};
  }
  template <class Enum, std::size_t N>
  Enum one_of(std::string_view key, const std::array<const char*, N>& names) {
    auto value = named<Enum>(names, text(key));
    if (!value) ok_ = false;
    return value.value_or(Enum{});
  }
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> out;
    const json::array* array = array_at(object_, key);
    if (!array)
      ok_ = false;
    else
      for (const auto& item : *array)
        if (item.is_string())
          out.emplace_back(item.get_string());
        else
          ok_ = false;
    return out;
  }
  const json::array& array(std::string_view key) {
    static const json::array none;
    const json::array* found = array_at(object_, key);
    if (!found) ok_ = false;
    return found ? *found : none;
  }
  template <std::size_t N>
  Digest<N> digest(std::string_view key) {
    Digest<N> out;
    auto raw = from_hex(text(key));
    if (!raw || raw->size() != N)
      ok_ = false;
    else
      std::copy(raw->begin(), raw->end(), out.bytes.begin());
    return out;
  }
  void require(bool condition) { ok_ = ok_ && condition; }
  bool ok() const { return ok_; }

 private:
  const json::object& object_;
  bool ok_ = true;
};

Decision decision_from(Reader r, bool& ok) {
  Decision d;
  d.kind = r.one_of<DecisionKind>("kind", decision_names);
  d.user = r.text("user");
  d.at = r.time("at");
  d.reason = r.text("reason");
  d.fingerprints = r.texts("prints");
  d.binding = r.text("binding");
  ok = ok && r.ok();
  return d;
}

Finding finding_from(const json::object& object, bool& ok) {
  Reader r(object);
  Finding f;
  f.rule = r.text("rule");
  auto action = parse_action(r.text("action"));
  r.require(action.has_value());
  f.action = action.value_or(Action::block);
  f.file = std::string(string_at(object, "file").value_or(""));
  if (auto line = int_at(object, "line")) f.line = static_cast<std::uint32_t>(*line);
  if (auto offset = int_at(object, "offset")) f.offset = static_cast<std::uint64_t>(*offset);
  f.message = r.text("message");
  f.fix = r.text("fix");
  f.evidence = std::string(string_at(object, "evidence").value_or(""));
  f.fingerprint = r.text("fingerprint");
  f.known = bool_at(object, "known").value_or(false);
  if (const json::object* waived = object_at(object, "waiver")) {
    Reader w(*waived);
    const auto instead_of = parse_action(w.text("insteadOf"));
    w.require(instead_of.has_value());
    f.waiver = {w.text("owner"), w.text("reason"), w.text("until"), instead_of.value_or(Action::block)};
    r.require(w.ok());
  }
  ok = ok && r.ok();
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
  const Error corrupt = fail(ErrorKind::corrupt, "A stored release could not be read.", "stage record");
  if (!value.is_object()) return corrupt;
  const json::object& object = value.get_object();
  if (int_at(object, "v") != 1) return corrupt;
  Reader r(object);
  Stage s;
  s.id = r.text("id");
  s.code = r.text("code");
  s.state = r.one_of<StageState>("state", state_names);
  s.why = r.text("why");
  s.name = r.text("name");
  s.version = r.text("version");
  s.tag = r.text("tag");
  s.access = r.text("access");
  s.target = r.text("target");
  s.sha512 = r.digest<64>("sha512");
  s.sha1 = r.digest<20>("sha1");
  s.size_bytes = r.number("size");
  s.unpacked_bytes = r.number("unpacked");
  s.file_count = static_cast<std::uint32_t>(r.number("files"));
  s.manifest_digest = r.text("manifest");
  s.publisher = r.text("publisher");
  s.publisher_is_service = r.flag("service");
  s.created = r.time("created");
  s.expires = r.time("expires");
  s.updated = r.time("updated");
  auto verdict = parse_verdict(r.text("verdict"));
  r.require(verdict.has_value());
  s.verdict = verdict.value_or(Verdict::block);
  bool ok = true;
  for (const auto& item : r.array("findings"))
    if (item.is_object())
      s.findings.push_back(finding_from(item.get_object(), ok));
    else
      ok = false;
  s.policy_digest = r.text("policy");
  s.findings_digest = r.text("findings_digest");
  s.baseline = r.text("baseline");
  s.approvals_needed = static_cast<std::uint32_t>(r.number("needed"));
  for (const auto& item : r.array("decisions"))
    if (item.is_object())
      s.decisions.push_back(decision_from(Reader(item.get_object()), ok));
    else
      ok = false;
  if (!ok || !r.ok()) return corrupt;
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
