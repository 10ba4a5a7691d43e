#include "gate/outbox.hpp"

#include <algorithm>
#include <array>

#include "gate/history.hpp"
#include "gate/name_origins.hpp"
#include "gate/upstream_releases.hpp"
#include "storage/base/base64.hpp"
#include "storage/base/fault.hpp"
#include "storage/base/record.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t read_step_bytes = 96u << 10;  // a multiple of 3, so that base64 groups never straddle

Result<void> check_bytes(const Blob& blob, const Sha512& expected) {
  Sha512Hasher hasher;
  std::vector<std::uint8_t> buffer(read_step_bytes);
  for (std::uint64_t at = 0; at < blob.size();) {
    auto n = blob.read(at, buffer);
    if (!n) return n.error();
    if (*n == 0) break;
    hasher.update(Bytes(buffer.data(), *n));
    at += *n;
  }
  if (hasher.finish() != expected)
    return fail(ErrorKind::corrupt, "the stored tarball is no longer the one that was approved");
  return {};
}

struct EncodedBody {
  std::string before, after;
  std::shared_ptr<const Blob> tarball;
  std::uint64_t encoded_bytes = 0;

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) const {
    std::size_t done = 0;
    auto take = [&](std::string_view text, std::uint64_t at) {
      const std::size_t n = std::min<std::size_t>(text.size() - at, out.size() - done);
      std::copy_n(text.data() + at, n, out.data() + done);
      done += n;
      offset += n;
    };
    if (offset < before.size()) take(before, offset);
    while (done < out.size() && offset >= before.size() && offset < before.size() + encoded_bytes) {
      const std::uint64_t at = offset - before.size();
      const std::uint64_t group = at / 4;
      const std::size_t room = out.size() - done;
      std::vector<std::uint8_t> raw(std::min<std::size_t>(read_step_bytes, (room / 4 + 2) * 3));
      std::size_t have = 0;
      while (have < raw.size()) {  // whole groups, or the end of the tarball
        auto n = tarball->read(group * 3 + have, std::span(raw).subspan(have));
        if (!n) return n.error();
        if (*n == 0) break;
        have += *n;
      }
      if (have == 0) return fail(ErrorKind::corrupt, "The stored tarball is shorter than it was.");
      const std::string encoded = base64_encode(Bytes(raw.data(), have));
      take(encoded, at % 4);
    }
    if (done < out.size() && offset >= before.size() + encoded_bytes) {
      const std::uint64_t at = offset - before.size() - encoded_bytes;
      if (at < after.size()) take(after, at);
    }
    return done;
  }
};

// What a registry says of a version is not its publisher's to say: clients trust more where a version names a
// trusted publisher or attestations, and of the latter we serve none of our own.
void say_as_registry(json::object& manifest, const Stage& stage) {
  manifest["_npmUser"] = json::object{{"name", stage.publisher}};
  if (json::value* dist = manifest.if_contains("dist"); dist && dist->is_object())
    for (const char* member : {"attestations", "signatures"}) dist->get_object().erase(member);
}

}  // namespace

Result<BodySource> publish_body(const PublishDocument& document, const std::string& upstream_url,
                                std::shared_ptr<const Blob> tarball) {
  auto name = PackageName::parse(document.name);
  if (!name) return name.error();
  json::object manifest = document.manifest;
  if (json::value* dist = manifest.if_contains("dist"); dist && dist->is_object())
    dist->get_object()["tarball"] = upstream_url + "/" + document.name + "/-/" + document.tarball_key;

  json::object root{{"_id", document.name}, {"name", document.name}};
  for (const auto& [key, value] : document.rest) root.insert_or_assign(key, value);
  root["dist-tags"] = json::object{{document.tag, document.version}};
  root["versions"] = json::object{{document.version, std::move(manifest)}};
  root["access"] = document.access.empty() ? json::value(nullptr) : json::value(document.access);

  std::string before = json::serialize(root);
  before.pop_back();  // the closing brace: attachments follow
  before += ",\"_attachments\":{" + json::serialize(document.tarball_key) +
            ":{\"content_type\":\"application/octet-stream\",\"data\":\"";
  std::string after = "\",\"length\":" + std::to_string(tarball->size()) + "}";
  if (document.provenance)
    after += "," + json::serialize(document.provenance->key) + ":" +
             json::serialize(json::object{{"content_type", document.provenance->content_type},
                                          {"data", document.provenance->data},
                                          {"length", document.provenance->length}});
  after += "}}";

  auto body = std::make_shared<EncodedBody>();
  body->before = std::move(before);
  body->after = std::move(after);
  body->encoded_bytes = (tarball->size() + 2) / 3 * 4;
  body->tarball = std::move(tarball);
  BodySource source;
  source.size_bytes = body->before.size() + body->encoded_bytes + body->after.size();
  source.read = [body](std::uint64_t offset, std::span<char> out) { return body->read(offset, out); };
  return source;
}

void Outbox::add(Fact& fact, const Stage& stage, std::uint64_t attempts) {
  fact.put(Family::outbox, stage.id, json::serialize(json::object{{"v", 1}, {"attempts", attempts}}));
}

Result<std::vector<std::string>> Outbox::pending() {
  std::vector<std::string> ids;
  auto read = store_.scan(Family::outbox, "", "", false, [&](std::string_view key, std::string_view) {
    ids.emplace_back(key);
    return true;
  });
  if (!read) return read.error();
  return ids;
}

Result<Stage> Outbox::forward(const std::string& stage_id, Millis deadline) {
  const auto give_up = std::chrono::steady_clock::now() + deadline;
  {
    std::unique_lock lock(sending_mutex_);
    const bool free = sending_done_.wait_until(lock, give_up, [&] { return !sending_.contains(stage_id); });
    if (!free) return stages_.find(stage_id);
    sending_.insert(stage_id);
  }
  struct Done {
    Outbox& outbox;
    const std::string& id;
    ~Done() {
      std::lock_guard lock(outbox.sending_mutex_);
      outbox.sending_.erase(id);
      outbox.sending_done_.notify_all();
    }
  } done{*this, stage_id};

  auto stage = stages_.find(stage_id);
  if (!stage || stage->state != StageState::approved) return stage;
  Owed owed;
  if (stage->target != "local") {
    auto before = count_attempt(stage_id);
    if (!before) return before.error();
    owed = std::move(*before);
  }
  fault_point("forward.before_send");
  const auto left = std::chrono::duration_cast<Millis>(give_up - std::chrono::steady_clock::now());
  auto sent = send(*stage, owed, std::max(left, Millis(1)));
  if (!sent) return sent.error();
  fault_point("forward.after_send");
  if (sent->kind == Sent::Kind::held && !owed.held) return note_held(stage_id, *sent);
  if (sent->kind == Sent::Kind::unclear || sent->kind == Sent::Kind::held) return stages_.find(stage_id);
  return settle(stage_id, std::move(*sent));
}

Result<Outbox::Owed> Outbox::owed_in(const Result<std::optional<std::string>>& text,
                                     const std::string& stage_id) {
  if (!text) return text.error();
  if (!*text) return fail(ErrorKind::corrupt, "An approved release is missing from the outbox.", stage_id);
  constexpr std::string_view what = "an approved release";
  const auto record = read_record(**text, 1, what);
  if (!record) return record.error();
  RecordReader reader(*record);
  Owed owed;
  owed.attempts = reader.number("attempts");
  owed.held = reader.has("held");
  if (owed.held) owed.review = reader.text("review");
  if (!reader.sound()) return damaged_record(what, stage_id);
  return owed;
}

Result<Outbox::Owed> Outbox::count_attempt(const std::string& stage_id) {
  auto owed = owed_in(store_.get(Family::outbox, stage_id), stage_id);
  if (!owed || owed->held) return owed;
  auto counted = ledger_.commit([&](Fact& fact) -> Result<void> {
    owed = owed_in(fact.get(Family::outbox, stage_id), stage_id);
    if (!owed) return owed.error();
    fact.put(Family::outbox, stage_id,
             json::serialize(json::object{{"v", 1}, {"attempts", owed->attempts + 1}}));
    return {};
  });
  if (!counted) return counted.error();
  return owed;
}

Result<Stage> Outbox::note_held(const std::string& stage_id, const Sent& sent) {
  Stage after;
  auto written = ledger_.commit([&](Fact& fact) -> Result<void> {
    auto stage = StageStore::read(fact, stage_id);
    if (!stage) return stage.error();
    after = std::move(*stage);
    if (after.state != StageState::approved) return {};
    after.why = sent.why;
    after.updated = fact.now();
    StageStore::update(fact, after);
    fact.put(
        Family::outbox, stage_id,
        json::serialize(json::object{{"v", 1}, {"attempts", 1}, {"held", true}, {"review", sent.review}}));
    fact.record({"gate", "release.held_upstream", after.subject(),
                 json::object{{"stage", after.id}, {"target", after.target}, {"review", sent.review}}});
    return {};
  });
  if (!written) return written.error();
  return after;
}

Result<Outbox::Sent> Outbox::ask_review(Upstream& upstream, const Stage& stage, const std::string& review) {
  UpstreamReview found;  // where it cannot be asked for, only the packument tells
  if (!review.empty()) {
    auto asked = upstream.review_of(review);
    if (!asked) return asked.error();
    found = std::move(*asked);
    if (found.state == UpstreamReview::State::pending) return Sent{Sent::Kind::held};
  }
  auto there = read_back(upstream, stage);
  if (!there || there->kind != Sent::Kind::unclear) return there;
  if (found.state == UpstreamReview::State::pending) return Sent{Sent::Kind::held};
  return Sent{Sent::Kind::failed, "the upstream's own review did not let it through" +
                                      (found.why.empty() ? std::string() : ": " + found.why)};
}

Result<std::shared_ptr<const Blob>> Outbox::approved_tarball(const Stage& stage) {
  auto tarball = blobs_.open(stage.sha512);
  if (!tarball && tarball.error().kind == ErrorKind::not_found)
    return fail(ErrorKind::corrupt, "the stored tarball is missing");
  if (!tarball) return tarball.error();
  if (auto same = check_bytes(**tarball, stage.sha512); !same) return same.error();
  return tarball;
}

Result<PublishDocument> Outbox::approved_document(const Stage& stage) {
  auto document = stages_.document(stage.id);
  if (document && document->digest() != stage.manifest_digest)
    return fail(ErrorKind::corrupt, "the stored manifest is no longer the one that was approved");
  return document;
}

Result<Outbox::Sent> Outbox::send(const Stage& stage, const Owed& owed, Millis deadline) {
  const bool local = stage.target == "local";
  Upstream* upstream = local ? nullptr : upstream_(stage.target);
  if (!local && !upstream)
    return Sent{Sent::Kind::failed,
                "there is no upstream \"" + stage.target + "\" in the configuration any more"};
  if (owed.held) {
    auto there = ask_review(*upstream, stage, owed.review);
    if (!there) return Sent{Sent::Kind::unclear, there.error().message};
    return there;
  }
  if (owed.attempts > 0) {
    auto there = read_back(*upstream, stage);
    if (!there) return Sent{Sent::Kind::unclear, there.error().message};
    if (there->kind != Sent::Kind::unclear) return there;
  }

  auto tarball = approved_tarball(stage);
  if (!tarball && tarball.error().kind == ErrorKind::corrupt)
    return Sent{Sent::Kind::failed, tarball.error().message};
  if (!tarball) return tarball.error();
  auto document = approved_document(stage);
  if (!document && document.error().kind == ErrorKind::corrupt)
    return Sent{Sent::Kind::failed, document.error().message};
  if (!document) return document.error();
  if (local) {
    auto objection = objection_(stage);
    if (!objection && objection.error().kind == ErrorKind::unavailable)
      return Sent{Sent::Kind::unclear, objection.error().message};
    if (!objection) return objection.error();
    if (!objection->empty()) return Sent{Sent::Kind::failed, std::move(*objection)};
    return Sent{Sent::Kind::published, {}, std::move(document->manifest)};
  }

  auto body = publish_body(*document, upstream->url(), *tarball);
  if (!body) return body.error();
  auto name = PackageName::parse(stage.name);
  if (!name) return name.error();
  const PublishOutcome outcome = upstream->publish(*name, *body, deadline);
  if (outcome.kind == PublishOutcome::Kind::accepted) return Sent{Sent::Kind::published};
  if (outcome.kind == PublishOutcome::Kind::held)
    return Sent{Sent::Kind::held, outcome.message, {}, outcome.review};
  // A refusal may mean that an earlier attempt arrived after all; a silence may mean anything.
  auto there = read_back(*upstream, stage);
  if (there && there->kind != Sent::Kind::unclear) return there;
  if (outcome.kind == PublishOutcome::Kind::unclear) return Sent{Sent::Kind::unclear, outcome.message};
  if (!there) return Sent{Sent::Kind::unclear, there.error().message};
  return Sent{Sent::Kind::failed, outcome.message.empty() ? "the upstream refused it with status " +
                                                                std::to_string(outcome.status)
                                                          : outcome.message};
}

Result<Outbox::Sent> Outbox::read_back(Upstream& upstream, const Stage& stage) {
  auto name = PackageName::parse(stage.name);
  if (!name) return name.error();
  auto text = upstream.packument(*name);
  if (!text) {
    if (text.error().kind == ErrorKind::not_found) return Sent{Sent::Kind::unclear, "not there"};
    return text.error();
  }
  auto there = UpstreamReleases::parse(*text);
  if (!there) return there.error();
  const auto found = there->versions.find(stage.version);
  if (found == there->versions.end()) return Sent{Sent::Kind::unclear, "not there"};
  const UpstreamRelease& release = found->second;
  const auto integrity = parse_integrity(release.integrity);
  const bool same = integrity && integrity->algorithm == "sha512"
                        ? integrity->digest == as_text(stage.sha512.bytes)
                        : release.integrity.empty() && release.shasum == to_hex(stage.sha1);
  if (same) return Sent{Sent::Kind::published};
  return Sent{Sent::Kind::failed, "the upstream has another " + stage.subject() + " with other bytes"};
}

Result<Stage> Outbox::settle(const std::string& stage_id, Sent sent) {
  Result<Facts> facts = Facts();
  if (sent.kind == Sent::Kind::published) facts = stages_.facts(stage_id);
  if (!facts) return facts.error();
  Stage after;
  auto written = ledger_.commit([&](Fact& fact) -> Result<void> {
    auto stage = StageStore::read(fact, stage_id);
    if (!stage) return stage.error();
    if (stage->state != StageState::approved) {  // somebody else settled it
      after = std::move(*stage);
      return {};
    }
    bool published = sent.kind == Sent::Kind::published;
    if (published && stage->target == "local") {
      auto name = PackageName::parse(stage->name);
      if (!name) return name.error();
      LocalVersion version{stage->version, sent.manifest, stage->sha512, stage->size_bytes, fact.now()};
      say_as_registry(version.manifest, *stage);
      auto done = Catalog::publish(fact, *name, version, stage->tag, stage->id);
      if (!done && done.error().kind != ErrorKind::conflict) return done;
      if (!done) {
        published = false;
        sent.why = "another " + stage->subject() + " is published here already";
      }
    }
    if (published) {
      auto name = PackageName::parse(stage->name);
      if (!name) return name.error();
      if (auto belongs = NameOrigins::released(fact, *name, stage->target); !belongs) return belongs;
    }
    stage->state = *next_state(stage->state, published ? StageEvent::publish : StageEvent::fail);
    stage->why = sent.why;
    stage->updated = fact.now();
    if (published) {
      facts->released = fact.now();
      ReleaseHistory::record(fact, *facts, stage->findings);
    }
    fact.remove(Family::outbox, stage_id);
    StageStore::update(fact, *stage);
    json::object detail{
        {"stage", stage->id}, {"target", stage->target}, {"integrity", to_integrity(stage->sha512)}};
    if (!sent.why.empty()) detail["why"] = sent.why;
    fact.record(
        {"gate", published ? "release.published" : "release.failed", stage->subject(), std::move(detail)});
    after = std::move(*stage);
    return {};
  });
  if (!written) return written.error();
  fault_point("forward.after_settle");
  return after;
}

}  // namespace sallyport
