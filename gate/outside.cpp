#include "gate/outside.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "gate/upstream_releases.hpp"
#include "policies/dependency_spec.hpp"
#include "storage/base/log.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t remembered_max = 256;
constexpr Millis attestations_max{5'000};
constexpr std::uint64_t attestations_bytes_max = 4u << 20;

using State = DependencyKnowledge::State;

void unavailable(DependencyKnowledge& known, std::string why) {
  known.state = State::unavailable;
  known.why = std::move(why);
}

// "npm:name@range" leads to another package.
std::string_view range_of_alias(std::string_view spec, std::string_view target) {
  const std::size_t at = spec.find(target);
  std::string_view rest = at == std::string_view::npos ? std::string_view() : spec.substr(at + target.size());
  if (rest.starts_with('@')) rest.remove_prefix(1);
  return rest;
}

// A name that only the organisation may own: in a scope that its rules give to this registry.
bool is_organisations(const PackageName& name, const PackageRule& rule) {
  if (rule.read != "local" && rule.publish != "local") return false;
  const auto scopes = scopes_of(rule);
  return std::find(scopes.begin(), scopes.end(), name.scope()) != scopes.end();
}

}  // namespace

ReleaseOrigin origin_of(const Principal& who, bool attested) {
  ReleaseOrigin origin;
  origin.publisher = who.user;
  origin.credential = who.credential;
  origin.client = who.client;
  origin.path = who.service ? "ci" : "token";
  origin.attested = attested;
  return origin;
}

void add_previous_provenance(OutsideFacts& facts, const Facts& baseline, const UpstreamReleases* there,
                             Upstream* upstream, const TrustRoot* root) {
  if (there == nullptr || upstream == nullptr) return;
  const auto release = there->versions.find(baseline.version);
  if (release == there->versions.end() || release->second.attestations.empty()) return;
  const auto name = PackageName::parse(baseline.name);
  const auto integrity = parse_integrity(release->second.integrity);
  if (!name || !integrity || integrity->algorithm != "sha512") {
    facts.previous_unavailable = "the upstream does not say which bytes it is of";
    return;
  }
  AttestedRelease about{baseline.name, baseline.version, {}, {}};
  if (integrity->digest.size() != about.sha512.bytes.size()) {
    facts.previous_unavailable = "the upstream does not say which bytes it is of";
    return;
  }
  std::copy(integrity->digest.begin(), integrity->digest.end(),
            reinterpret_cast<char*>(about.sha512.bytes.data()));
  const auto answer =
      upstream->attestations(*name, release->second.attestations,
                             {.deadline = attestations_max, .bytes_max = attestations_bytes_max});
  if (!answer) {
    facts.previous_unavailable = printable(answer.error().message);
    return;
  }
  facts.previous_provenance = check_attestations(*answer, about, root);
}

OutsideCollector::OutsideCollector(const Clock& clock, Catalog& catalog, const PackageRules& packages,
                                   std::function<Upstream*(std::string_view)> upstream,
                                   const MalwareFeed* feed, OutsideLimits limits, const NameOrigins* origins)
    : clock_(clock),
      catalog_(catalog),
      packages_(packages),
      origins_(origins),
      upstream_(std::move(upstream)),
      feed_(feed),
      limits_(limits) {}

std::vector<OutsideCollector::Question> OutsideCollector::questions(const Manifest& published,
                                                                    const Facts* baseline) const {
  std::vector<Question> out;
  std::set<std::string> seen;
  const auto unchanged = [baseline](const std::string& name, const std::string& spec) {
    if (baseline == nullptr) return false;
    for (const DependencyMap* map :
         {&baseline->dependencies, &baseline->optional_dependencies, &baseline->peer_dependencies})
      if (const auto found = map->find(name); found != map->end() && found->second == spec) return true;
    return false;
  };
  for (const DependencyMap* map :
       {&published.dependencies, &published.optional_dependencies, &published.peer_dependencies}) {
    for (const auto& [name, spec] : *map) {
      const DependencySpec kind = parse_dependency_spec(spec);
      if (kind.kind != DependencySpec::Kind::registry && kind.kind != DependencySpec::Kind::alias) continue;
      if (!seen.insert(name).second) continue;
      Question question{name, name, spec, !unchanged(name, spec)};
      if (kind.kind == DependencySpec::Kind::alias) {
        question.name = kind.target;
        question.range = range_of_alias(spec, kind.target);
      }
      out.push_back(std::move(question));
    }
  }
  return out;
}

// As npm picks: the version that `latest` names if it is admitted, else the highest one; a tag by its name.
void OutsideCollector::resolve(const Published& published, const std::string& range,
                               DependencyKnowledge& known) {
  const auto take = [&](const Version& version) {
    for (const auto& [there, at] : published.versions) {
      if (compare(there, version) != 0) continue;
      known.resolved = there.text();
      known.resolved_published = at;
    }
  };
  const auto take_tag = [&](const std::string& tag, const Range* admitted) {
    const auto named = published.tags.find(tag);
    if (named == published.tags.end()) return;
    if (const auto version = Version::parse(named->second);
        version && (admitted == nullptr || admitted->matches(*version)))
      take(*version);
  };
  const auto parsed = Range::parse(range);
  if (!parsed) return take_tag(range, nullptr);
  take_tag("latest", &*parsed);
  if (!known.resolved.empty()) return;
  std::vector<Version> versions;
  for (const auto& [version, at] : published.versions) versions.push_back(version);
  if (const auto best = max_satisfying(versions, *parsed)) take(*best);
}

Result<std::shared_ptr<const OutsideCollector::Published>> OutsideCollector::ask(const PackageName& name,
                                                                                 Upstream& upstream,
                                                                                 Instant give_up) {
  const std::string key = upstream.name() + "\n" + name.full();
  const Instant now = clock_.now();
  {
    std::lock_guard lock(mutex_);
    const auto found = remembered_.find(key);
    if (found != remembered_.end() && now >= found->second.at && now - found->second.at < limits_.kept_for)
      return found->second.published;
  }
  PackumentLimits limits;
  limits.deadline = std::min(limits_.each_deadline, give_up - now);
  limits.bytes_max = limits_.packument_bytes_max;
  if (limits.deadline <= Millis(0))
    return fail(ErrorKind::unavailable, "there was no time left to ask its registry");
  auto text = upstream.packument(name, limits);
  auto published = std::make_shared<Published>();
  if (text) {
    auto releases = UpstreamReleases::parse(*text);
    if (!releases) return releases.error();
    for (const auto& [version, release] : releases->versions) {
      auto parsed = Version::parse(version);
      if (!parsed) continue;
      const auto at = releases->time_of(version);
      if (at && (!published->first || *at < *published->first)) published->first = at;
      published->versions.emplace_back(std::move(*parsed), at);
    }
    published->tags = std::move(releases->tags);
    published->absent = published->versions.empty();
  } else if (text.error().kind == ErrorKind::not_found) {
    published->absent = true;
  } else {
    return text.error();
  }
  std::lock_guard lock(mutex_);
  if (remembered_.size() >= remembered_max) remembered_.clear();
  remembered_[key] = {now, published};
  return std::shared_ptr<const Published>(std::move(published));
}

void OutsideCollector::answer(const Question& question, Instant give_up, DependencyKnowledge& known) {
  const auto name = PackageName::parse(question.name);
  if (!name) return unavailable(known, "it is no name that a registry could have");
  const PackageRule& rule = packages_.rule_for(*name);
  known.organisation = is_organisations(*name, rule);
  const auto own = catalog_.has_package(*name);
  if (!own) return unavailable(known, own.error().message);
  known.own = *own;
  if (known.own) {
    const auto package = catalog_.package(*name);
    if (!package) return unavailable(known, package.error().message);
    Published published;
    for (const LocalVersion& version : package->versions)
      if (auto parsed = Version::parse(version.version))
        published.versions.emplace_back(std::move(*parsed), version.time);
    published.tags.insert(package->tags.begin(), package->tags.end());
    known.state = State::known;
    known.first_published = package->created;
    return resolve(published, question.range, known);
  }
  if (rule.read == "local") {
    // A name has one origin: what is read from here alone is asked of nobody else.
    if (!known.organisation) return unavailable(known, "no registry is configured that it is read from");
    known.state = State::absent;
    return;
  }
  if (origins_ != nullptr) {
    // As installs have it: what belongs to another upstream is not taken from this one.
    const auto owner = origins_->of(*name);
    if (!owner) return unavailable(known, owner.error().message);
    if (*owner && (*owner)->origin != rule.read)
      return unavailable(known, belongs_elsewhere(*name, **owner, rule.read).message);
  }
  Upstream* upstream = upstream_(rule.read);
  if (upstream == nullptr) return unavailable(known, "no registry is configured that it is read from");
  const auto published = ask(*name, *upstream, give_up);
  if (!published) return unavailable(known, printable(published.error().message));
  known.state = (*published)->absent ? State::absent : State::known;
  known.first_published = (*published)->first;
  resolve(**published, question.range, known);
}

void OutsideCollector::judge_known_bad(const std::string& name, const std::string& range,
                                       const std::string& resolved, OutsideFacts& facts) const {
  for (const Advisory& advisory : feed_->about(name)) {
    KnownBad bad{name, {}, advisory.id, advisory.summary, true};
    if (!advisory.every_version) {
      const auto asked = Range::parse(range);
      std::string version = resolved;
      if (version.empty() && Version::parse(range)) version = range;
      if (!version.empty()) {
        if (!advisory.covers(version)) continue;
        bad.version = version;
      } else {
        // Which version is installed is not known: it matters whether the bad ones are admitted at all.
        const bool apart =
            asked && advisory.ranges.empty() &&
            std::none_of(advisory.versions.begin(), advisory.versions.end(), [&](const std::string& text) {
              const auto bad_version = Version::parse(text);
              return !bad_version || asked->matches(*bad_version);
            });
        if (apart) continue;
        bad.certain = false;
      }
    }
    facts.known_bad.push_back(std::move(bad));
  }
}

OutsideFacts OutsideCollector::collect(const Manifest& published, const Facts* baseline) {
  OutsideFacts facts;
  facts.collected = true;
  if (feed_ != nullptr) facts.feed = feed_->state();
  const std::vector<Question> all = questions(published, baseline);

  // What only some versions of are bad is asked for first: an unknown version holds the release.
  std::vector<const Question*> wanted;
  const auto in_feed = [this](const Question& question) {
    return feed_ != nullptr && !feed_->about(question.name).empty();
  };
  for (const Question& question : all)
    if (in_feed(question)) wanted.push_back(&question);
  for (const Question& question : all)
    if (question.wanted && !in_feed(question)) wanted.push_back(&question);

  std::vector<DependencyKnowledge> answers(wanted.size());
  const Instant give_up = clock_.now() + limits_.deadline;
  const std::size_t asked = std::min(wanted.size(), limits_.dependencies_max);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < asked; i = next++) {
      try {
        answer(*wanted[i], give_up, answers[i]);
      } catch (const std::exception& e) {
        unavailable(answers[i], "its registry could not be asked");
        log::error("outside.failed", {{"package", wanted[i]->name}, {"error", e.what()}});
      }
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min(asked, limits_.at_once); ++i) others.emplace_back(work);
  work();
  others.clear();
  for (std::size_t i = asked; i < wanted.size(); ++i)
    unavailable(answers[i], "more than " + std::to_string(limits_.dependencies_max) +
                                " dependencies are new: only so many are looked up");
  for (std::size_t i = 0; i < wanted.size(); ++i)
    facts.dependencies.emplace(wanted[i]->key, std::move(answers[i]));

  if (feed_ != nullptr) {
    judge_known_bad(published.name, published.version, published.version, facts);
    for (const Question& question : all) {
      const auto known = facts.dependencies.find(question.key);
      judge_known_bad(question.name, question.range,
                      known == facts.dependencies.end() ? std::string() : known->second.resolved, facts);
    }
  }
  return facts;
}

}  // namespace sallyport
