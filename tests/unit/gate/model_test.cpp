// Random lives of releases against a model small enough to be believed. A failure prints the seed and the
// steps; SALLYPORT_MODEL_SEED runs one seed again.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "tests/support/gate_house.hpp"

using namespace sallyport;

namespace {

// What ought to be true of one version, by the words of the design.
struct ModelVersion {
  std::string stage;  // id of the latest one
  StageState state = StageState::rejected;
  std::string publisher;
  int code = 0;  // which bytes
  bool warned = false;
  std::set<std::string> approvals, acknowledged;
  Instant expires;
};

class Walk {
 public:
  Walk(std::uint64_t seed, std::string target)
      : house_(rule(target), seed), random_(seed), target_(std::move(target)) {}

  void run(int steps) {
    for (int i = 0; i < steps && !failed_; ++i) {
      step();
      check();
    }
    // In the end the upstream answers, and everything that was approved is out.
    house_.upstream.down = house_.upstream.packuments_down = false;
    house_.upstream.forget_script();
    house_.restart();
    expect(house_.resume().has_value(), "the outbox could not be worked off");
    for (auto& [version, model] : versions_) adopt(version, model, false);
    for (const auto& [version, model] : versions_)
      expect(model.state != StageState::approved, "approved and never sent: " + version);
    check();
    expect(house_.ledger_intact(), "the ledger is broken");
  }
  bool failed() const { return failed_; }
  const std::string& story() const { return story_; }
  int published() const { return published_; }

 private:
  static PackageRule rule(const std::string& target) {
    PackageRule r = rule_to(target, 2);
    r.hold_max = std::chrono::hours(10);
    return r;
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  void tell(std::string what) { story_ += "\n  " + std::move(what); }
  void expect(bool condition, const std::string& what) {
    if (condition) return;
    failed_ = true;
    tell("WRONG: " + what);
  }
  static bool settled_for_publisher(StageState state) {
    return state == StageState::rejected || state == StageState::blocked;
  }

  Principal somebody() {
    static const std::vector<std::string> users{"alice", "bob", "rita", "rob", "ruth"};
    const std::string& user = users[below(users.size())];
    Principal who = person(user, user[0] == 'r' ? std::vector<std::string>{"release"}
                                                : std::vector<std::string>{"engineers", "release"});
    if (below(12) == 0) who.read_only = true;
    if (below(12) == 0) who.service = true;
    if (below(12) == 0) who.admin = true;
    return who;
  }

  void step() {
    const std::string version = "1.0." + std::to_string(below(3));
    ModelVersion& model = versions_[version];
    Principal who = somebody();
    const bool faulty = below(6) == 0;
    const auto moment = below(2) == 0 ? FaultMoment::before : FaultMoment::after;
    if (faulty)
      house_.store.writes.fail_nth(1 + static_cast<int>(below(3)),
                                   fail(ErrorKind::unavailable, "The disk is full."), moment);
    const std::string by =
        who.user + (who.read_only ? " (read-only)" : "") + (who.service ? " (service)" : "");
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        submit(version, model, who, by);
        break;
      case 3:
      case 4:
      case 5:
        approve(version, model, who, by);
        break;
      case 6:
        acknowledge(version, model, who, by);
        break;
      case 7:
        if (below(3) == 0) reject(version, model, who, by);
        break;
      case 8:
        house_.clock.advance(std::chrono::hours(below(6)));
        tell("time passes");
        if (below(2) == 0) (void)house_.gate->expire_due();
        break;
      case 9:
        weather();
        break;
    }
    if (faulty) {  // nobody knows what was written: the process starts anew
      house_.store.writes.disarm();
      house_.restart();
      tell("  (a write failed; restart)");
    }
    for (auto& [v, m] : versions_) adopt(v, m, faulty);
  }

  void weather() {
    switch (below(5)) {
      case 0:
        house_.upstream.down = !house_.upstream.down;
        tell(house_.upstream.down ? "the upstream goes away" : "the upstream is back");
        break;
      case 1:
        house_.upstream.packuments_down = !house_.upstream.packuments_down;
        tell("packuments come or go");
        break;
      case 2:
        house_.upstream.on_put(static_cast<OnPut>(below(6)));  // every one but a stranger's bytes
        tell("the next PUT goes otherwise");
        break;
      case 3:
        house_.restart();
        tell("restart");
        break;
      case 4:
        (void)house_.resume();
        tell("the outbox is worked off");
        break;
    }
  }

  PublishBody body(const std::string& version, int code, bool warned) {
    PublishBody b = warned ? warned_body("lib", version) : clean_body("lib", version);
    b.code = "module.exports = " + std::to_string(code) + "\n";
    return b;
  }

  void submit(const std::string& version, ModelVersion& model, const Principal& who, const std::string& by) {
    const int code = static_cast<int>(below(2));
    const bool warned = code == 1;
    const auto answer = house_.publish(who, body(version, code, warned));
    tell(by + " publishes " + version + " code " + std::to_string(code) + ": " +
         (answer ? std::string(to_text(answer->stage.state)) : answer.error().message));
    if (!answer) return;
    const Stage& stage = answer->stage;
    expect(!who.read_only, "a read-only token published");
    expect(who.user == "alice" || who.user == "bob", "who is no publisher published");
    if (stage.id == model.stage) {
      expect(model.publisher == who.user && model.code == code, "somebody got another's stage");
      return;
    }
    const bool ran_out = model.state == StageState::held && model.expires <= house_.clock.now();
    const bool free = model.stage.empty() || settled_for_publisher(model.state) || ran_out ||
                      (model.publisher == who.user &&
                       (model.state == StageState::held || model.state == StageState::failed));
    expect(free, "a version that was taken was taken again");
    model = {stage.id, StageState::held, who.user, code, warned, {}, {}, stage.expires};
    expect(stage.state == StageState::held, "not held");
    expect(stage.decisions.empty(), "a new stage with votes");
  }

  void approve(const std::string& version, ModelVersion& model, const Principal& who, const std::string& by) {
    if (model.stage.empty()) return;
    const StageState before = model.state;
    const auto answer = house_.gate->approve(who, model.stage);
    tell(by + " approves " + version + ": " +
         (answer ? std::string(to_text(answer->state)) : answer.error().message));
    if (!answer) return;
    expect(!who.read_only && !who.service, "no decision may be made with this");
    expect(who.user != model.publisher, "somebody approved their own release");
    expect(before != StageState::rejected, "a refused release was approved");
    expect(before != StageState::held || model.expires > house_.clock.now(), "approved after its time");
    if (before != StageState::held) return;
    expect(!model.warned || model.acknowledged.contains(who.user) || known_,
           "approved without acknowledgement");
    model.approvals.insert(who.user);
  }

  void acknowledge(const std::string& version, ModelVersion& model, const Principal& who,
                   const std::string& by) {
    if (model.stage.empty() || !model.warned) return;
    const auto answer = house_.gate->acknowledge(who, model.stage, {"pack/files-allowlist"});
    tell(by + " acknowledges " + version + ": " + (answer ? "done" : answer.error().message));
    if (answer) model.acknowledged.insert(who.user);
  }

  void reject(const std::string& version, ModelVersion& model, const Principal& who, const std::string& by) {
    if (model.stage.empty()) return;
    const StageState before = model.state;
    const auto answer = house_.gate->reject(who, model.stage, "no");
    tell(by + " rejects " + version + ": " + (answer ? "done" : answer.error().message));
    if (!answer) return;
    expect(answer->state == StageState::rejected, "rejected and not so");
    expect(before == StageState::held || before == StageState::failed || before == StageState::rejected,
           "a release past deciding was rejected");
  }

  // Takes over the state that the gate now reports, if the table allows the way there.
  void adopt(const std::string& version, ModelVersion& model, bool faulty) {
    const auto latest = StageStore(house_.memory).latest_of("lib", version).value();
    if (!latest) return expect(model.stage.empty(), "a stage is lost: " + version);
    if (latest->id != model.stage) {
      expect(faulty, "a stage out of nowhere: " + version);
      model = {latest->id, latest->state, latest->publisher, 0, true, {}, {}, latest->expires};
      const std::string bytes = body(version, 0, false).tarball();
      if (latest->sha512 == sha512(as_bytes(bytes)))
        model.warned = false;
      else
        model.code = 1;
    }
    for (const Decision& d : latest->decisions) {
      if (d.kind == DecisionKind::approve) model.approvals.insert(d.user);
      if (d.kind == DecisionKind::acknowledge) model.acknowledged.insert(d.user);
    }
    const StageState was = model.state, now = latest->state;
    model.state = now;
    if (was == now) return;
    using enum StageState;
    const std::string way = std::string(to_text(was)) + " -> " + std::string(to_text(now)) + " " + version;
    if (was == published || was == rejected) return expect(false, "no way back: " + way);
    if (now == held) expect(false, "held again: " + way);
    if (now == approved || now == published || now == failed) {
      auto approvals = model.approvals;
      approvals.erase(model.publisher);
      expect(approvals.size() >= 2, "went on without its quorum: " + way);
    }
    if (now == published) {
      ++published_;
      known_ = known_ || model.warned;
    }
  }

  void check() {
    for (const auto& [version, model] : versions_) {
      if (model.stage.empty()) continue;
      const bool out =
          target_ == "local"
              ? house_.gate->catalog().version(PackageName::parse("lib").value(), version).has_value()
              : house_.upstream.has("lib", version);
      if (model.state == StageState::published) expect(out, "published and not there: " + version);
      if (model.state == StageState::held || (target_ == "local" && model.state != StageState::published))
        expect(!out, "visible and not approved: " + version);
      if (out && target_ != "local" && model.state == StageState::published)
        expect(
            house_.upstream.tarball_of("lib", version) == body(version, model.code, model.warned).tarball(),
            "other bytes went out: " + version);
    }
    expect(house_.upstream.repeated_puts == 0, "sent again what was stored");
  }

  GateHouse house_;
  std::mt19937_64 random_;
  std::string target_;
  std::map<std::string, ModelVersion> versions_;
  std::string story_;
  bool failed_ = false;
  bool known_ = false;  // the finding was in an approved release
  int published_ = 0;
};

}  // namespace

TEST_CASE("random lives of releases keep to the design") {
  std::vector<std::uint64_t> seeds;
  if (const char* one = std::getenv("SALLYPORT_MODEL_SEED"))
    seeds.push_back(std::strtoull(one, nullptr, 10));
  else
    for (std::uint64_t seed = 1; seed <= 40; ++seed) seeds.push_back(seed);
  int published = 0;
  for (const std::uint64_t seed : seeds)
    for (const std::string target : {"main", "local"}) {
      Walk walk(seed, target);
      walk.run(150);
      published += walk.published();
      REQUIRE_MESSAGE(!walk.failed(), "seed " << seed << " to " << target << walk.story());
    }
  CHECK(published > static_cast<int>(seeds.size()));  // the walks do get somewhere
}
