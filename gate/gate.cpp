#include "gate/gate.hpp"

#include <algorithm>

#include "policies/context_record.hpp"
#include "policies/report.hpp"
#include "storage/base/fault.hpp"
#include "storage/base/log.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

Error forbidden(std::string message) {
  return fail(ErrorKind::forbidden, std::move(message));
}
Error conflict(std::string message) {
  return fail(ErrorKind::conflict, std::move(message));
}

std::string list_of(const std::vector<const Finding*>& findings) {
  std::string text;
  for (const Finding* f : findings) {
    if (text.find(f->rule) != std::string::npos) continue;
    if (!text.empty()) text += ", ";
    text += f->rule;
  }
  return text;
}

// Same publisher, same bytes, same document: a client that did not hear our answer, or a re-run.
bool same_publish(const Stage& stage, const Principal& who, const ReceivedPublish& publish) {
  return stage.publisher == who.user && stage.sha512 == publish.digests.sha512 &&
         stage.tag == publish.document.tag && stage.manifest_digest == publish.document.digest();
}

json::object about(const Stage& stage) {
  return {{"stage", stage.id}, {"code", stage.code}, {"binding", stage.binding()}};
}

std::string findings_digest(const std::vector<Finding>& findings) {
  json::array all;
  for (const Finding& f : findings) all.push_back(to_json(f));
  return "sha256-" + to_hex(sha256(canonical(all)));
}

// Moves the stage, or says why it cannot.
Result<void> move(Stage& stage, StageEvent event, Instant now) {
  auto to = next_state(stage.state, event);
  if (!to)
    return conflict(stage.subject() + " (" + stage.code + ") is " + std::string(to_text(stage.state)) +
                    (stage.why.empty() ? "" : ": " + stage.why) + "; it cannot be changed any more.");
  stage.state = *to;
  stage.updated = now;
  return {};
}

bool overdue(const Stage& stage, Instant now) {
  return stage.state == StageState::held && stage.expires <= now;
}

Result<void> expire(Fact& fact, Stage& stage) {
  if (auto moved = move(stage, StageEvent::expire, fact.now()); !moved) return moved;
  stage.why = "nobody decided in time";
  StageStore::update(fact, stage);
  fact.record({"gate", "stage.expired", stage.subject(), about(stage)});
  return {};
}

}  // namespace

std::string_view to_text(VersionStatus status) {
  switch (status) {
    case VersionStatus::absent:
      return "absent";
    case VersionStatus::staged:
      return "staged";
    case VersionStatus::blocked:
      return "blocked";
    case VersionStatus::published:
      return "published";
    case VersionStatus::failed:
      return "failed";
  }
  return "absent";
}

Gate::Gate(GateParts parts)
    : parts_(std::move(parts)),
      catalog_(parts_.store),
      stages_(parts_.store),
      history_(parts_.store, parts_.blobs, parts_.inspection),
      origins_(parts_.store),
      outbox_(parts_.store, parts_.ledger, parts_.blobs, stages_, parts_.upstream,
              [this](const Stage& stage) { return against_local(stage); }),
      outside_(parts_.clock, catalog_, parts_.packages, parts_.upstream, parts_.malware, {}, &origins_) {}

Result<void> Gate::may_publish(const Principal& who, const PackageName& name) const {
  if (who.read_only) return forbidden("This token is read-only: publish with one that may write.");
  const PackageRule& rule = parts_.packages.rule_for(name);
  if (rule.publish == "deny")
    return forbidden(
        "Publishing " + name.full() +
        " through this registry is switched off: ask an administrator to add a [[packages]] entry for it.");
  if (!is_publisher(who, rule))
    return forbidden(printable(who.user) + " is not a publisher of " + name.full() +
                     ": ask an administrator for the role.");
  return {};
}

Result<std::unique_ptr<Intake>> Gate::begin(const PackageName& name) {
  auto tarball = parts_.blobs.begin();
  if (!tarball) return tarball.error();
  return std::make_unique<Intake>(name, std::move(*tarball), parts_.inspection);
}

// Whether the version is free here, and the stage that may stand in its way is this publisher's own.
Result<void> Gate::check_free(const Principal& who, const ReceivedPublish& publish,
                              const std::optional<Stage>& latest) const {
  if (!latest || latest->state == StageState::blocked || latest->state == StageState::rejected) return {};
  const std::string subject = publish.document.name + "@" + publish.document.version;
  if (latest->state == StageState::published)
    return conflict(subject + " is published already: raise the version.");
  if (latest->publisher != who.user)
    return conflict(subject + " is under review already (" + latest->code + ", by " +
                    printable(latest->publisher) + "): raise the version, or have it withdrawn first.");
  if (latest->state == StageState::approved)
    return conflict(subject + " is approved and being published (" + latest->code +
                    "): other bytes need another version.");
  return {};
}

Result<std::string> Gate::free_code(Fact& fact) const {
  for (int tries = 0; tries < 100; ++tries) {
    std::string code = review_code(parts_.random);
    auto taken = StageStore::code_taken(fact, code);
    if (!taken) return taken.error();
    if (!*taken) return code;
  }
  return fail(ErrorKind::internal, "No review code is free: ask an administrator.");
}

// `repository` of a manifest as it is written: a text, or the url of an object.
static std::string repository_written(const json::object& manifest) {
  if (const auto text = string_at(manifest, "repository")) return std::string(*text);
  const json::object* repository = object_at(manifest, "repository");
  return repository ? std::string(string_at(*repository, "url").value_or("")) : std::string();
}

// Who built this release, and who built the one before.
void Gate::add_provenance(ReleaseContext& context, const Principal& who, const ReceivedPublish& publish,
                          const UpstreamReleases* there, Upstream* upstream) const {
  OutsideFacts& outside = context.outside;
  outside.origin = origin_of(who, publish.document.provenance.has_value());
  if (publish.document.provenance) {
    const AttestedRelease about{publish.document.name, publish.document.version, publish.digests.sha512,
                                repository_written(publish.document.manifest)};
    outside.provenance = check_provenance(publish.document.provenance->data, about, parts_.trust_root);
    outside.origin->repository = outside.provenance->repository;
    outside.origin->workflow = outside.provenance->workflow;
    outside.origin->builder = outside.provenance->builder;
  }
  if (context.history.baseline)
    add_previous_provenance(outside, *context.history.baseline, there, upstream, parts_.trust_root);
}

Result<Gate::Submission> Gate::submit(const Principal& who, ReceivedPublish&& publish) {
  auto name = PackageName::parse(publish.document.name);
  if (!name) return name.error();
  if (auto allowed = may_publish(who, *name); !allowed) return allowed.error();
  const PackageRule& rule = parts_.packages.rule_for(*name);
  const std::string version = publish.document.version;
  const std::string subject = name->full() + "@" + version;

  auto latest = stages_.latest_of(name->full(), version);
  if (!latest) return latest.error();
  if (*latest && overdue(**latest, parts_.clock.now())) latest->reset();  // refused in the fact below
  if (*latest && ((*latest)->open() || (*latest)->state == StageState::published) &&
      same_publish(**latest, who, publish))
    return Submission{std::move(**latest), {}};
  if (auto free = check_free(who, publish, *latest); !free) return free.error();
  if (auto local = catalog_.version(*name, version); local)
    return conflict(subject + " is published already: raise the version.");
  else if (local.error().kind != ErrorKind::not_found)
    return local.error();

  // A name has one origin. What is local is never asked upstream.
  auto is_local = catalog_.has_package(*name);
  if (!is_local) return is_local.error();
  auto owner = origins_.of(*name);
  if (!owner) return owner.error();
  if (*is_local && rule.publish != "local") return belongs_elsewhere(*name, {"local", {}}, rule.publish);
  bool shadows = !*is_local && *owner && (*owner)->origin != rule.publish;
  if (shadows && (rule.publish != "local" || !who.admin))
    return belongs_elsewhere(*name, **owner, rule.publish);
  const std::string& asked = rule.publish != "local" ? rule.publish : *is_local ? "local" : rule.read;
  Upstream* origin = asked == "local" ? nullptr : parts_.upstream(asked);
  if (asked != "local" && !origin)
    return fail(ErrorKind::internal, "The registry is not configured to publish " + name->full() + ".",
                "no upstream " + asked);
  std::optional<UpstreamReleases> there;
  if (origin) {
    auto text = origin->packument(*name);
    if (text) {
      auto parsed = UpstreamReleases::parse(*text);
      if (!parsed) return parsed.error();
      there = std::move(*parsed);
    } else if (text.error().kind != ErrorKind::not_found) {
      return text.error();
    }
  }
  if (there) {
    if (rule.publish == "local") {
      if (!who.admin)
        return conflict("The upstream registry has a package " + name->full() +
                        " already: a package of your own needs another name (a scope), or an administrator "
                        "to publish it first.");
      shadows = true;
      there.reset();  // its history is not ours
    } else if (there->versions.contains(version)) {
      return conflict(subject + " is published upstream already: raise the version.");
    }
  }

  auto prior = history_.before(*name, version, there ? &*there : nullptr, origin);
  if (!prior) return prior.error();
  ReleaseContext context;
  context.digests = publish.digests;
  context.profile = rule.profile;
  context.tag = publish.document.tag;
  context.public_upstream = rule.publish != "local";
  context.publisher_scopes = scopes_of(rule);
  if (!parts_.public_url.empty()) {
    context.registries.push_back(parts_.public_url);
    if (const Upstream* target = parts_.upstream(rule.publish)) context.registries.push_back(target->url());
  }
  context.history = std::move(*prior);
  if (there) {
    if (auto tag = there->tags.find(publish.document.tag); tag != there->tags.end())
      context.history.tag_target = tag->second;
  } else if (*is_local) {
    auto package = catalog_.package(*name);
    if (!package) return package.error();
    if (auto tag = package->tags.find(publish.document.tag); tag != package->tags.end())
      context.history.tag_target = tag->second;
  }
  context.now = parts_.clock.now();
  auto published = Manifest::from(publish.document.manifest);
  if (!published) return published.error();
  context.outside =
      outside_.collect(*published, context.history.baseline ? &*context.history.baseline : nullptr);
  add_provenance(context, who, publish, there ? &*there : nullptr, origin);
  const json::object recorded = to_json(context);
  context.published = std::move(*published);
  Report report = publish.inspection->finish(std::move(context));
  report.facts.name = name->full();
  report.facts.version = version;
  report.facts.tag = publish.document.tag;

  Stage stage;
  stage.id = uuid_v4(parts_.random);
  stage.name = name->full();
  stage.version = version;
  stage.tag = publish.document.tag;
  stage.access = publish.document.access;
  stage.target = rule.publish;
  stage.sha512 = publish.digests.sha512;
  stage.sha1 = publish.digests.sha1;
  stage.size_bytes = report.packed_bytes;
  stage.unpacked_bytes = report.unpacked_bytes;
  stage.file_count = report.file_count;
  stage.manifest_digest = publish.document.digest();
  stage.publisher = who.user;
  stage.publisher_is_service = who.service;
  stage.shadows = shadows;
  stage.verdict = report.verdict;
  stage.findings = report.findings;
  stage.policy_digest = report.policy_digest;
  stage.baseline = report.baseline;
  stage.findings_digest = findings_digest(report.findings);
  stage.approvals_needed = approvals_needed(rule.approvals, report.findings);
  const bool blocked = report.verdict == Verdict::block;
  stage.state = *next_state(std::nullopt, blocked ? StageEvent::block : StageEvent::hold);
  if (blocked) stage.why = "refused by policy";

  if (!blocked) {
    if (auto kept = publish.tarball->commit(publish.digests.sha512); !kept) return kept.error();
  }
  fault_point("submit.after_blob");

  std::optional<Stage> repeated;
  auto written = parts_.ledger.commit([&](Fact& fact) -> Result<void> {
    auto now_latest = StageStore::read_latest(fact, stage.name, stage.version);
    if (!now_latest) return now_latest.error();
    if (*now_latest && overdue(**now_latest, fact.now()))
      if (auto expired = expire(fact, **now_latest); !expired) return expired;
    if (*now_latest && (*now_latest)->open() && same_publish(**now_latest, who, publish)) {
      repeated = std::move(**now_latest);
      return {};
    }
    if (auto free = check_free(who, publish, *now_latest); !free) return free.error();
    auto code = free_code(fact);
    if (!code) return code.error();
    stage.code = std::move(*code);
    stage.created = stage.updated = fact.now();
    stage.expires = fact.now() + rule.hold_max;
    const bool in_the_way = *now_latest && next_state((*now_latest)->state, StageEvent::supersede);
    // What is refused takes nobody's place: a release under review stays the one of its version.
    if (!in_the_way || !blocked) StageStore::take_version(fact, stage);
    if (in_the_way && !blocked) {
      Stage old = std::move(**now_latest);
      if (auto moved = move(old, StageEvent::supersede, fact.now()); !moved) return moved;
      old.why = "superseded by " + stage.code;
      fact.remove(Family::outbox, old.id);
      StageStore::update(fact, old);
      fact.record({who.user, "stage.superseded", old.subject(), about(old)});
    }
    json::object detail = about(stage);
    detail["integrity"] = to_integrity(stage.sha512);
    detail["size"] = stage.size_bytes;
    detail["tag"] = stage.tag;
    detail["verdict"] = to_text(stage.verdict);
    detail["policy"] = stage.policy_digest;
    detail["credential"] = who.credential;
    detail["address"] = who.address;
    if (stage.shadows) detail["shadows"] = true;
    json::array findings;
    for (const Finding& f : stage.findings)
      findings.push_back(
          json::object{{"rule", f.rule}, {"action", to_text(f.action)}, {"fingerprint", f.fingerprint}});
    detail["findings"] = std::move(findings);
    fact.record({who.user, blocked ? "stage.blocked" : "stage.held", stage.subject(), std::move(detail)});
    if (!blocked && stage.approvals_needed == 0) {
      if (auto moved = move(stage, StageEvent::approve, fact.now()); !moved) return moved;
      Outbox::add(fact, stage);
      fact.record({"gate", "stage.approved", stage.subject(), about(stage)});
    }
    StageStore::create(fact, stage, publish.document, report.facts, recorded);
    return {};
  });
  if (!written) return written.error();
  fault_point("submit.after_record");
  if (repeated) return Submission{std::move(*repeated), {}};
  Submission submission{std::move(stage), blocked ? refusal_text(report) : std::string()};
  if (submission.stage.state == StageState::approved) {
    auto sent = forwarded(submission.stage.id);
    if (!sent) return sent.error();
    submission.stage = std::move(*sent);
  }
  return submission;
}

// A release waits for its approval, and meanwhile an upstream may have got a package of that name.
Result<std::string> Gate::against_local(const Stage& stage) {
  if (stage.shadows) return std::string();
  auto name = PackageName::parse(stage.name);
  if (!name) return name.error();
  auto is_local = catalog_.has_package(*name);
  if (!is_local) return is_local.error();
  if (*is_local) return std::string();
  auto owner = origins_.of(*name);
  if (!owner) return owner.error();
  if (*owner && (*owner)->origin != "local") return belongs_elsewhere(*name, **owner, "local").message;
  const PackageRule& rule = parts_.packages.rule_for(*name);
  Upstream* origin = rule.read == "local" ? nullptr : parts_.upstream(rule.read);
  if (origin == nullptr) return std::string();
  auto text = origin->packument(*name);
  if (text)
    return "the upstream registry has got a package " + name->full() +
           " since: an administrator has to publish it, or it needs another name";
  if (text.error().kind != ErrorKind::not_found) return text.error();
  return std::string();
}

bool Gate::may_view(const Principal& who, const Stage& stage) const {
  if (who.admin || who.user == stage.publisher) return true;
  auto name = PackageName::parse(stage.name);
  return name && is_reviewer(who, parts_.packages.rule_for(*name));
}

Result<Gate::Page> Gate::list(const Principal& who, std::string_view package, std::size_t page,
                              std::size_t per_page) {
  Page out;
  auto read = stages_.each_open([&](const Stage& stage) {
    if (!package.empty() && stage.name != package) return true;
    if (!may_view(who, stage)) return true;
    if (out.total >= page * per_page && out.items.size() < per_page) out.items.push_back(stage);
    ++out.total;
    return true;
  });
  if (!read) return read.error();
  return out;
}

Result<Stage> Gate::view(const Principal& who, std::string_view id) {
  auto stage = stages_.find(id);
  if (!stage) return stage;
  if (!may_view(who, *stage))
    return forbidden(  // without its name: review codes can be guessed
        "Only a reviewer of the package, its publisher or an administrator may look at this release.");
  return stage;
}

Result<std::shared_ptr<const Blob>> Gate::tarball(const Principal& who, std::string_view id) {
  auto stage = view(who, id);
  if (!stage) return stage.error();
  if (stage->state == StageState::blocked)
    return fail(ErrorKind::not_found, "The tarball of a release refused by policy is not kept.");
  auto blob = parts_.blobs.open(stage->sha512);
  if (!blob && blob.error().kind == ErrorKind::not_found && stage->state == StageState::rejected)
    return fail(ErrorKind::not_found,
                "The tarball of this release is no longer kept: it was turned down on " +
                    to_iso8601(stage->updated) + ".");
  return blob;
}

Result<Facts> Gate::facts(const Principal& who, std::string_view id) {
  auto stage = view(who, id);
  if (!stage) return stage.error();
  return stages_.facts(stage->id);
}

Result<ReleaseContext> Gate::context(const Principal& who, std::string_view id) {
  auto stage = view(who, id);
  if (!stage) return stage.error();
  auto context = stages_.context(stage->id);
  if (context) context->digests = {stage->sha1, stage->sha512};
  return context;
}

Result<void> Gate::may_review(const Principal& who, const Stage& stage) const {
  if (who.read_only) return forbidden("This token is read-only: decide with one that may write.");
  if (who.service)
    return forbidden("A service identity can stage a release and never approve one: a person has to.");
  if (who.user == stage.publisher)
    return forbidden("Nobody approves their own release: " + stage.subject() + " needs a second engineer.");
  auto name = PackageName::parse(stage.name);
  if (!name) return name.error();
  if (!is_reviewer(who, parts_.packages.rule_for(*name)))
    return forbidden(printable(who.user) +
                     " is not a reviewer of this package: ask an administrator for the role.");
  return {};
}

// Reads the stage, lets `change` alter it, and writes it: one fact. An undecided hold that has run out is
// refused first, whatever was asked.
Result<Stage> Gate::change(std::string_view id, const std::function<Result<void>(Fact&, Stage&)>& change) {
  auto found = stages_.find(id);
  if (!found) return found;
  for (;;) {
    bool ran_out = false;
    Stage after;
    auto written = parts_.ledger.commit([&](Fact& fact) -> Result<void> {
      auto stage = StageStore::read(fact, found->id);
      if (!stage) return stage.error();
      ran_out = overdue(*stage, fact.now());
      auto done = ran_out ? expire(fact, *stage) : change(fact, *stage);
      if (done) after = std::move(*stage);
      return done;
    });
    if (!written) return written.error();
    // Refused for its age is a fact of its own, which stays also where what was asked is now an error.
    if (!ran_out) return after;
  }
}

Result<Stage> Gate::approve(const Principal& who, std::string_view id) {
  auto stage = change(id, [&](Fact& fact, Stage& s) -> Result<void> {
    if (auto allowed = may_review(who, s); !allowed) return allowed;
    if (s.state == StageState::published || s.state == StageState::approved) return {};
    if (s.state == StageState::failed) {
      if (auto moved = move(s, StageEvent::retry, fact.now()); !moved) return moved;
      s.why.clear();
      Outbox::add(fact, s, 1);
      StageStore::update(fact, s);
      fact.record({who.user, "stage.retried", s.subject(), about(s)});
      return {};
    }
    if (!next_state(s.state, StageEvent::approve)) return move(s, StageEvent::approve, fact.now());
    if (auto open = s.to_acknowledge(who.user); !open.empty())
      return conflict("Acknowledge these findings of " + s.subject() + " first: " + list_of(open) +
                      ". Run: sallyport stage ack " + s.code + " --all");
    const auto approvers = s.approvers();
    if (std::find(approvers.begin(), approvers.end(), who.user) == approvers.end()) {
      s.decisions.push_back({DecisionKind::approve, who.user, fact.now(), {}, {}, s.binding()});
      json::object detail = about(s);
      detail["credential"] = who.credential;
      detail["address"] = who.address;
      fact.record({who.user, "stage.approval", s.subject(), std::move(detail)});
    }
    if (s.approvers().size() >= s.approvals_needed) {
      if (auto moved = move(s, StageEvent::approve, fact.now()); !moved) return moved;
      Outbox::add(fact, s);
      fact.record({"gate", "stage.approved", s.subject(), about(s)});
    }
    StageStore::update(fact, s);
    return {};
  });
  fault_point("approve.after_record");
  if (!stage || stage->state != StageState::approved) return stage;
  return forwarded(stage->id);
}

Result<Stage> Gate::forwarded(const std::string& stage_id) {
  auto after = outbox_.forward(stage_id, parts_.forward_max);
  if (!after) return after;
  if (after->state == StageState::published)
    if (auto name = PackageName::parse(after->name)) parts_.released(*name);
  log::info("release." + std::string(to_text(after->state)), {{"package", after->name},
                                                              {"version", after->version},
                                                              {"target", after->target},
                                                              {"why", after->why}});
  return after;
}

Result<Stage> Gate::reject(const Principal& who, std::string_view id, std::string_view reason) {
  return change(id, [&](Fact& fact, Stage& s) -> Result<void> {
    if (who.read_only) return forbidden("This token is read-only: decide with one that may write.");
    const bool own = who.user == s.publisher;
    if (!own)
      if (auto allowed = may_review(who, s); !allowed) return allowed;
    if (s.state == StageState::rejected) return {};
    if (auto moved = move(s, own ? StageEvent::withdraw : StageEvent::reject, fact.now()); !moved)
      return moved;
    const std::string why = printable(reason, 500);
    s.why = (own ? "withdrawn by " : "rejected by ") + printable(who.user) + (why.empty() ? "" : ": " + why);
    s.decisions.push_back(
        {own ? DecisionKind::withdraw : DecisionKind::reject, who.user, fact.now(), why, {}, s.binding()});
    fact.remove(Family::outbox, s.id);
    StageStore::update(fact, s);
    json::object detail = about(s);
    detail["reason"] = why;
    fact.record({who.user, own ? "stage.withdrawn" : "stage.rejected", s.subject(), std::move(detail)});
    return {};
  });
}

Result<Stage> Gate::acknowledge(const Principal& who, std::string_view id,
                                const std::vector<std::string>& names) {
  return change(id, [&](Fact& fact, Stage& s) -> Result<void> {
    if (auto allowed = may_review(who, s); !allowed) return allowed;
    if (s.state != StageState::held) return move(s, StageEvent::approve, fact.now());
    std::vector<std::string> prints;
    for (const std::string& name : names) {
      bool found = false;
      for (const Finding& f : s.findings)
        if (f.fingerprint == name || f.rule == name) {
          prints.push_back(f.fingerprint);
          found = true;
        }
      if (!found) return fail(ErrorKind::invalid, "This release has no finding \"" + printable(name) + "\".");
    }
    if (prints.empty()) return fail(ErrorKind::invalid, "Name the findings to acknowledge.");
    json::object detail = about(s);
    detail["fingerprints"] = json::array(prints.begin(), prints.end());
    s.decisions.push_back(
        {DecisionKind::acknowledge, who.user, fact.now(), {}, std::move(prints), s.binding()});
    StageStore::update(fact, s);
    fact.record({who.user, "stage.acknowledged", s.subject(), std::move(detail)});
    return {};
  });
}

Result<Stage> Gate::comment(const Principal& who, std::string_view id, std::string_view text) {
  return change(id, [&](Fact& fact, Stage& s) -> Result<void> {
    if (who.read_only) return forbidden("This token is read-only: comment with one that may write.");
    if (!may_view(who, s)) return forbidden("Only who may look at this release may comment on it.");
    const std::string words = printable(text, 2000);
    if (words.empty()) return fail(ErrorKind::invalid, "A comment needs a text.");
    s.decisions.push_back({DecisionKind::comment, who.user, fact.now(), words, {}, s.binding()});
    StageStore::update(fact, s);
    json::object detail = about(s);
    detail["text"] = words;
    fact.record({who.user, "stage.comment", s.subject(), std::move(detail)});
    return {};
  });
}

Result<VersionStatus> Gate::status(const PackageName& name, std::string_view version) {
  auto local = catalog_.version(name, version);
  if (local) return VersionStatus::published;
  if (local.error().kind != ErrorKind::not_found) return local.error();
  auto latest = stages_.latest_of(name.full(), version);
  if (!latest) return latest.error();
  if (!*latest) return VersionStatus::absent;
  switch ((*latest)->state) {
    case StageState::held:
    case StageState::approved:
      return VersionStatus::staged;
    case StageState::blocked:
      return VersionStatus::blocked;
    case StageState::published:
      return VersionStatus::published;
    case StageState::failed:
      return VersionStatus::failed;
    case StageState::rejected:
      return VersionStatus::absent;
  }
  return VersionStatus::absent;
}

Result<void> Gate::expire_due() {
  std::vector<std::string> due;
  const Instant now = parts_.clock.now();
  auto read = stages_.each_open([&](const Stage& stage) {
    if (stage.state == StageState::held && stage.expires <= now) due.push_back(stage.id);
    return true;
  });
  if (!read) return read.error();
  for (const auto& id : due)
    if (auto expired = change(id, [](Fact&, Stage&) -> Result<void> { return {}; }); !expired)
      return expired.error();
  return {};
}

Result<void> Gate::forward_pending(const std::function<bool()>& stop) {
  auto ids = outbox_.pending();
  if (!ids) return ids.error();
  for (const auto& id : *ids) {
    if (stop()) break;
    if (auto sent = forwarded(id); !sent)
      log::error("forward.failed",
                 {{"stage", id}, {"error", sent.error().message}, {"detail", sent.error().detail}});
  }
  return {};
}

}  // namespace sallyport
