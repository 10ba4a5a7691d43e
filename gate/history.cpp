#include "gate/history.hpp"

#include <algorithm>
#include <map>

#include "storage/base/log.hpp"
#include "storage/base/record.hpp"
#include "storage/base/semver.hpp"

namespace sallyport {
namespace {

constexpr std::size_t releases_remembered = 20;  // for the types and sizes that were seen
constexpr std::size_t line_max = 20;             // releases of a line
constexpr std::uint64_t baseline_bytes_max = 512u << 20;

std::string facts_key(std::string_view name, std::string_view version) {
  std::string key(name);
  key += '\0';
  key += version;
  return key;
}

std::string write_record(const Facts& facts, bool from_gate, const std::vector<Finding>& findings) {
  // Two findings may share a fingerprint: what is remembered is the milder one, so that the other counts as
  // new.
  std::map<std::string_view, Action> least;
  for (const Finding& f : findings) {
    const auto [at, fresh] = least.emplace(f.fingerprint, f.action);
    if (!fresh) at->second = std::min(at->second, f.action);
  }
  json::object prints;
  for (const auto& [print, action] : least) prints[print] = to_text(action);
  return json::serialize(json::object{{"v", 1},
                                      {"origin", from_gate ? "gate" : "upstream"},
                                      {"facts", to_json(facts)},
                                      {"findings", std::move(prints)}});
}

Result<FactsRecord> read_facts(std::string_view text) {
  constexpr std::string_view what = "an earlier release";
  const auto object = read_record(text, 1, what);
  if (!object) return object.error();
  RecordReader r(*object);
  const bool from_gate = r.parsed("origin", [](std::string_view origin) -> std::optional<bool> {
    if (origin == "gate") return true;
    return origin == "upstream" ? std::optional(false) : std::nullopt;
  });
  auto facts = facts_from_json(r.object("facts"));
  if (!facts) return facts.error();
  FactsRecord record{std::move(*facts), from_gate, {}};
  const json::object& prints = r.object("findings");
  RecordReader findings(prints);
  for (const auto& [print, action] : prints)
    record.findings.emplace(print, findings.parsed(print, parse_action));
  if (!r.sound() || !findings.sound()) return damaged_record(what);
  return record;
}

// What the upstream says of who made a release, and with what, where the gate did not see it itself.
void add_from_upstream(Facts& facts, const UpstreamReleases& there, const UpstreamRelease& release) {
  facts.origin = release.origin();
  for (const auto& [kind, tool] : release.toolchain()) facts.toolchain.insert_or_assign(kind, tool);
  if (const auto at = there.time_of(facts.version)) facts.released = *at;
}

Facts thin_facts(std::string_view name, const std::string& version, const UpstreamReleases& there,
                 const UpstreamRelease& release) {
  Facts facts;
  facts.name = name;
  facts.version = version;
  facts.unpacked_bytes = release.unpacked_bytes;
  add_from_upstream(facts, there, release);
  return facts;
}

bool newer(const Facts& a, const Facts& b) {
  if (a.released != b.released) return a.released > b.released;
  const auto va = Version::parse(a.version), vb = Version::parse(b.version);
  return va && vb ? *vb < *va : a.version > b.version;
}

}  // namespace

Result<History> ReleaseHistory::before(const PackageName& name, std::string_view version,
                                       const UpstreamReleases* there, Upstream* upstream) {
  std::map<std::string, FactsRecord> known;
  std::optional<Error> broken;
  auto read =
      store_.scan(Family::facts, facts_key(name.full(), ""), "", false,
                  [&](std::string_view key, std::string_view value) {
                    auto record = read_facts(value);
                    if (!record)
                      broken = record.error();
                    else
                      known.insert_or_assign(std::string(key.substr(key.find('\0') + 1)), std::move(*record));
                    return !broken;
                  });
  if (!read) return read.error();
  if (broken) return *broken;

  std::vector<std::string> versions;
  for (const auto& [v, record] : known)
    if (record.from_gate) versions.push_back(v);
  if (there)
    for (const auto& [v, release] : there->versions)
      if (!known.contains(v) || !known.at(v).from_gate) versions.push_back(v);

  if (there)
    for (auto& [v, record] : known)
      if (const auto release = there->versions.find(v); !record.from_gate && release != there->versions.end())
        add_from_upstream(record.facts, *there, release->second);

  History history;
  if (auto baseline = choose_baseline(versions, version)) {
    auto found = known.find(*baseline);
    if (found == known.end() && there && upstream) {
      auto measured = measure(name, *baseline, *there, *upstream);
      if (!measured) return measured.error();
      found = known.emplace(*baseline, FactsRecord{std::move(*measured), false, {}}).first;
      add_from_upstream(found->second.facts, *there, there->versions.at(*baseline));
    }
    if (found != known.end()) {
      history.baseline = found->second.facts;
      history.baseline_origin = found->second.from_gate ? "gate" : "upstream";
    }
  }

  std::vector<const FactsRecord*> newest;
  for (const auto& [v, record] : known) newest.push_back(&record);
  std::sort(newest.begin(), newest.end(),
            [](const FactsRecord* a, const FactsRecord* b) { return a->facts.released > b->facts.released; });
  for (std::size_t i = 0; i < std::min(newest.size(), releases_remembered); ++i) {
    std::uint64_t largest = 0;
    for (const FileFact& file : newest[i]->facts.files) {
      history.types_seen.insert(file.type);
      largest = std::max(largest, file.size);
    }
    history.largest_file_bytes.push_back(largest);
  }
  add_line(history, name.full(), known, versions, there);
  for (const FactsRecord* record : newest)
    if (record->from_gate) {
      history.known = record->findings;
      break;
    }
  return history;
}

// The releases of the baseline's major version, newest first, and when the last one of any was.
void ReleaseHistory::add_line(History& history, const std::string& name,
                              const std::map<std::string, FactsRecord>& known,
                              const std::vector<std::string>& versions, const UpstreamReleases* there) {
  const auto baseline = Version::parse(history.baseline ? history.baseline->version : "");
  for (const std::string& text : versions) {
    const auto found = known.find(text);
    Facts facts;
    if (found != known.end()) {
      facts = found->second.facts;
      facts.files.clear();
    } else {
      facts = thin_facts(name, text, *there, there->versions.at(text));
    }
    if (facts.released != Instant() && (!history.last_release || facts.released > *history.last_release))
      history.last_release = facts.released;
    const auto version = Version::parse(text);
    const bool same_line = version && baseline && version->major == baseline->major &&
                           (!version->is_prerelease() || baseline->is_prerelease());
    if (same_line) history.line.push_back(std::move(facts));
  }
  std::sort(history.line.begin(), history.line.end(), newer);
  if (history.line.size() > line_max) history.line.resize(line_max);
}

Result<Facts> ReleaseHistory::measure(const PackageName& name, const std::string& version,
                                      const UpstreamReleases& there, Upstream& upstream) {
  const UpstreamRelease& promised = there.versions.at(version);
  if (promised.tarball.empty())
    return fail(ErrorKind::upstream,
                "The upstream's packument of " + name.full() + " names no tarball for " + version + ".");
  auto tarball = blobs_.begin();
  if (!tarball) return tarball.error();
  if (auto fetched = upstream.tarball(name, promised.tarball, **tarball, baseline_bytes_max); !fetched)
    return fetched.error();

  Inspection inspection(rules_);
  Sha1Hasher sha1;
  std::vector<std::uint8_t> buffer(256u << 10);
  for (std::uint64_t at = 0; at < (*tarball)->size();) {
    auto n = (*tarball)->read(at, buffer);
    if (!n) return n.error();
    if (*n == 0) break;
    sha1.update(Bytes(buffer.data(), *n));
    inspection.feed(Bytes(buffer.data(), *n));
    at += *n;
  }
  ReleaseContext context;
  context.digests = {sha1.finish(), (*tarball)->digest()};
  if (const auto time = there.times.find(version); time != there.times.end())
    if (auto at = parse_iso8601(time->second)) context.now = *at;
  const Instant released = context.now;
  Report report = inspection.finish(std::move(context));
  if (promised.integrity.empty() ? promised.shasum != report.shasum : promised.integrity != report.integrity)
    return fail(
        ErrorKind::upstream,
        "The upstream's tarball of " + name.full() + "@" + version +
            " is not what its packument promises: the earlier release cannot be trusted as a baseline.");
  report.facts.name = name.full();
  report.facts.version = version;
  report.facts.released = released;
  MetaBatch batch;
  batch.put(Family::facts, facts_key(name.full(), version), write_record(report.facts, false, {}));
  if (auto kept = store_.write(batch, Durability::relaxed); !kept) return kept.error();
  log::info("history.measured",
            {{"package", name.full()}, {"version", version}, {"files", report.file_count}});
  return std::move(report.facts);
}

void ReleaseHistory::record(Fact& fact, const Facts& facts, const std::vector<Finding>& findings) {
  fact.put(Family::facts, facts_key(facts.name, facts.version), write_record(facts, true, findings));
}

}  // namespace sallyport
