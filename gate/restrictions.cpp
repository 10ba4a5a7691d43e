#include "gate/restrictions.hpp"

#include <unordered_map>

#include "storage/base/record.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::string_view freeze_key = "freeze";
constexpr std::string_view deny_prefix = "deny ";
constexpr std::size_t reason_bytes_max = 200;

bool is_digest(std::string_view entry) {
  if (entry.starts_with("sha512-")) {
    auto parsed = parse_integrity(entry);
    return parsed && parsed->algorithm == "sha512" && entry.find(' ') == entry.npos;
  }
  return entry.size() == 40 && from_hex(entry).has_value();
}

Result<void> check_entry(const std::string& entry) {
  if (is_digest(entry)) return {};
  if (entry.starts_with("sha512-"))  // a name like any other, and surely not what was meant
    return fail(ErrorKind::invalid, "\"" + printable(entry, 100) + "\" is no whole sha512 digest");
  if (auto denied = Denied::parse(entry); !denied)
    return fail(ErrorKind::invalid,
                denied.error().message + ", or the digest of a tarball (\"sha512-…\", or its shasum)");
  return {};
}

Result<void> check_reason(const std::string& reason) {
  if (reason.empty() || reason.size() > reason_bytes_max || printable(reason, reason_bytes_max) != reason)
    return fail(ErrorKind::invalid,
                "Give a reason of one line, up to 200 bytes: people will read it when an "
                "install fails.");
  return {};
}

constexpr const char* what = "what is frozen or denied";

struct Record {
  std::string reason, by;
  Instant since;
  std::optional<Instant> at;  // of a freeze
};
Result<Record> read(std::string_view text) {
  auto object = read_record(text, 1, what);
  if (!object) return object.error();
  RecordReader reader(*object);
  Record out{reader.text("reason"), reader.text("by"), reader.instant("since"), std::nullopt};
  if (reader.has("at")) out.at = reader.instant("at");
  if (!reader.sound()) return damaged_record(what);
  return out;
}

}  // namespace

struct Restrictions::State {
  std::optional<Freeze> freeze;
  std::vector<Denial> denied;
  std::unordered_map<std::string, std::vector<Advisory>> by_name;
  std::shared_ptr<const std::set<std::string, std::less<>>> digests;
};

Result<std::unique_ptr<Restrictions>> Restrictions::open(RestrictionParts parts) {
  std::unique_ptr<Restrictions> made(new Restrictions(parts));
  if (auto loaded = made->reload(); !loaded) return loaded.error();
  return made;
}

Result<void> Restrictions::reload() {
  auto fresh = std::make_shared<State>();
  auto digests = std::make_shared<std::set<std::string, std::less<>>>();
  auto frozen = parts_.store.get(Family::system, freeze_key);
  if (!frozen) return frozen.error();
  if (*frozen) {
    auto record = read(**frozen);
    if (!record) return record.error();
    if (!record->at) return damaged_record(what);
    fresh->freeze = Freeze{*record->at, record->reason, record->by, record->since};
  }
  Result<void> sound;
  auto visit = [&](std::string_view key, std::string_view value) {
    auto record = read(value);
    const std::string entry(key.substr(deny_prefix.size()));
    if (record) {
      fresh->denied.push_back({entry, record->reason, record->by, record->since});
      if (is_digest(entry)) {
        digests->insert(canonical_digest(entry).value_or(entry));
        return true;
      }
      if (auto denied = Denied::parse(entry); denied) {
        denied->advisory.summary = record->reason;
        fresh->by_name[denial_key(denied->name)].push_back(std::move(denied->advisory));
        return true;
      }
    }
    sound = record ? damaged_record(what) : record.error();
    return false;
  };
  if (auto done = parts_.store.scan(Family::system, deny_prefix, {}, false, visit); !done) return done;
  if (!sound) return sound;
  fresh->digests = std::move(digests);
  std::lock_guard lock(mutex_);
  state_ = std::move(fresh);
  ++changed_;
  return {};
}

std::shared_ptr<const Restrictions::State> Restrictions::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

std::uint64_t Restrictions::generation() const {
  return changed_ + (parts_.malware ? parts_.malware->generation() : 0) +
         (parts_.known ? parts_.known->generation() : 0);
}

Conditions Restrictions::of(const PackageName& name) const {
  Conditions out;
  out.generation = generation();  // before what it counts: a change meanwhile makes this outdated, not wrong
  out.name = name.full();
  out.rule = parts_.packages.rule_for(name);
  const auto now = state();
  if (const auto found = now->by_name.find(denial_key(out.name)); found != now->by_name.end())
    out.bad = found->second;
  if (parts_.malware) {
    out.bad_unknown = !parts_.malware->status().known;
    for (Advisory& advisory : parts_.malware->about(out.name)) out.bad.push_back(std::move(advisory));
  }
  if (parts_.known) out.known = parts_.known->about(out.name);
  out.bad_digests = now->digests;
  if (now->freeze) out.frozen_at = now->freeze->at;
  return out;
}

Result<void> Restrictions::change(const std::function<Result<void>(Fact&)>& fact) {
  std::lock_guard one_at_a_time(changes_);
  if (auto done = parts_.ledger.commit(fact); !done) return done;
  return reload();
}

Result<void> Restrictions::freeze(const std::string& actor, Instant at, const std::string& reason) {
  if (auto fine = check_reason(reason); !fine) return fine;
  return change([&](Fact& fact) -> Result<void> {
    if (at > fact.now())
      return fail(ErrorKind::invalid, "That is a time to come: freeze at now, or at a time that has been.");
    fact.put(Family::system, std::string(freeze_key),
             json::serialize(json::object{{"v", 1},
                                          {"at", to_iso8601(at)},
                                          {"reason", reason},
                                          {"by", actor},
                                          {"since", to_iso8601(fact.now())}}));
    fact.record({actor, "install.frozen", to_iso8601(at), {{"reason", reason}}});
    return {};
  });
}

Result<void> Restrictions::unfreeze(const std::string& actor) {
  return change([&](Fact& fact) -> Result<void> {
    auto there = fact.get(Family::system, freeze_key);
    if (!there) return there.error();
    if (!*there) return fail(ErrorKind::not_found, "Nothing is frozen.");
    fact.remove(Family::system, std::string(freeze_key));
    fact.record({actor, "install.unfrozen", "", {}});
    return {};
  });
}

Result<void> Restrictions::deny(const std::string& actor, const std::string& entry,
                                const std::string& reason) {
  if (auto fine = check_entry(entry); !fine) return fine;
  if (auto fine = check_reason(reason); !fine) return fine;
  return change([&](Fact& fact) -> Result<void> {
    fact.put(Family::system, std::string(deny_prefix) + entry,
             json::serialize(json::object{
                 {"v", 1}, {"reason", reason}, {"by", actor}, {"since", to_iso8601(fact.now())}}));
    fact.record({actor, "install.denied", entry, {{"reason", reason}}});
    return {};
  });
}

Result<void> Restrictions::allow(const std::string& actor, const std::string& entry) {
  return change([&](Fact& fact) -> Result<void> {
    const std::string key = std::string(deny_prefix) + entry;
    auto there = fact.get(Family::system, key);
    if (!there) return there.error();
    if (!*there)
      return fail(ErrorKind::not_found,
                  "\"" + printable(entry, 100) + "\" is not denied: \"sallyport deny\" lists what is.");
    fact.remove(Family::system, key);
    fact.record({actor, "install.allowed", entry, {}});
    return {};
  });
}

std::optional<Freeze> Restrictions::frozen() const {
  return state()->freeze;
}
std::vector<Denial> Restrictions::denied() const {
  return state()->denied;
}

}  // namespace sallyport
