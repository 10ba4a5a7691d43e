#include "policies/inspection.hpp"

#include <algorithm>
#include <deque>
#include <exception>

#include "policies/release.hpp"
#include "policies/rule.hpp"
#include "policies/rule_run.hpp"
#include "policies/rules/runtime.hpp"
#include "policies/tarball/header_walk.hpp"
#include "policies/tarball/inflate.hpp"
#include "policies/tarball/scratch.hpp"
#include "policies/tarball/second_reader.hpp"
#include "storage/base/json.hpp"

namespace sallyport {
namespace {

constexpr std::string_view manifest_path = "package.json";
// Five times the largest that is popular; as values it takes thirty times its bytes.
constexpr std::size_t manifest_bytes_max = 1u << 20;

void add_unseen(std::vector<Finding>& findings, const std::string& path, const FileContent& content) {
  for (const std::string& why : content.incomplete) findings.push_back(incomplete(Action::warn, path, why));
  for (const FileContent::Nested& nested : content.nested) {
    // A nested path begins with that of the file it lies in, below the top directory.
    add_unseen(findings, path.substr(0, path.find('/') + 1) + nested.path, nested.content);
  }
}

// A decision binds to it: changes with the policy, the profile and the patterns that contents are searched
// for.
std::string policy_digest(const InspectionRules& rules, Profile profile) {
  std::string text = rules.policy.digest();
  text.append("\n").append(to_text(profile)).append("\n").append(rules.content->digest());
  return "sha256-" + to_hex(sha256(text));
}

}  // namespace

struct Inspection::State final : EntrySink {
  explicit State(std::shared_ptr<const InspectionRules> r)
      : rules(std::move(r)),
        inflater(rules->policy.limits),
        walk(rules->policy.limits, *this),
        scan(rules->content, rules->scratch_folder, {}, rules->policy.thresholds),
        scratch(Scratch::create(rules->scratch_folder)) {
    if (scratch.has_error()) broken = scratch.error().message;
  }

  std::shared_ptr<const InspectionRules> rules;
  std::uint64_t packed_bytes = 0;

  GzipInflater inflater;
  HeaderWalk walk;
  ContentScan scan;
  Result<Scratch> scratch;
  std::string broken;                // why the inspection cannot go on, where that is not the archive's fault
  std::deque<FileContent> contents;  // of the regular files, in archive order
  std::optional<std::string> manifest_text;  // the first package.json at the root
  bool in_manifest = false;

  void feed(Bytes gzip) {
    if (!broken.empty() || walk.stopped() || inflater.fault()) return;
    inflater.feed(gzip, [this](Bytes tar) {
      const auto kept = scratch->append(tar);
      if (kept.has_error()) {
        broken = kept.error().message;
        return false;
      }
      return walk.feed(tar);
    });
  }

  void begin(const TarEntry& entry) override {
    in_manifest = entry.inner == manifest_path && !manifest_text;
    if (in_manifest) manifest_text.emplace();
    scan.begin_file(entry.inner, entry.size);
  }
  void data(Bytes bytes) override {
    if (in_manifest && manifest_text->size() <= manifest_bytes_max) manifest_text->append(as_text(bytes));
    scan.data(bytes);
  }
  void end(const TarEntry& entry) override {
    in_manifest = false;
    contents.push_back(scan.end_file(bytes_of(entry)));
  }

  FileBytes bytes_of(const TarEntry& entry) const {
    return {entry.size, [this, start = entry.offset, size = entry.size](std::uint64_t offset, auto out) {
              const std::uint64_t left = offset < size ? size - offset : 0;
              return scratch->read(start + offset, out.first(std::min<std::uint64_t>(left, out.size())));
            }};
  }

  // What is wrong with the archive, by both readers; the last may be missing where the first stopped.
  std::vector<TarFault> faults() {
    const bool readable = broken.empty() && !walk.stopped();
    if (readable) inflater.finish();
    if (walk.stopped() || (readable && !inflater.fault())) walk.finish();
    std::vector<TarFault> all = walk.faults();
    if (inflater.fault()) all.push_back(*inflater.fault());
    if (readable && !stopped()) {
      if (auto fault = compare_second_reading(scratch->descriptor(), walk.listing())) all.push_back(*fault);
    }
    return all;
  }
  bool stopped() const { return !broken.empty() || walk.stopped() || inflater.fault().has_value(); }

  std::optional<Manifest> manifest(std::vector<TarFault>& all) const {
    const auto fault = [&](std::string path, std::string message) {
      all.push_back({"tar/manifest", std::move(path), 0, std::move(message), false, 0});
      return std::nullopt;
    };
    if (!manifest_text) return fault({}, "there is no package.json at the root of the package");
    const auto& listing = walk.listing();
    const auto entry = std::find_if(listing.begin(), listing.end(),
                                    [](const TarEntry& e) { return e.inner == manifest_path; });
    const std::string path = entry != listing.end() ? entry->path : std::string();
    if (manifest_text->size() > manifest_bytes_max) return fault(path, "package.json is larger than 1 MiB");
    auto parsed = Manifest::parse(*manifest_text);
    if (parsed.has_error()) return fault(path, parsed.error().message);
    return std::move(*parsed);
  }
};

Inspection::Inspection(std::shared_ptr<const InspectionRules> rules)
    : state_(std::make_unique<State>(std::move(rules))) {}
Inspection::~Inspection() = default;

void Inspection::feed(Bytes gzip) {
  State& s = *state_;
  s.packed_bytes += gzip.size();
  try {
    s.feed(gzip);
  } catch (const std::exception& e) {
    s.broken = std::string("the inspection failed: ") + e.what();
  }
}

Report Inspection::finish(ReleaseContext context) {
  State& s = *state_;
  Report report;
  report.integrity = to_integrity(context.digests.sha512);
  report.shasum = to_hex(context.digests.sha1);

  std::vector<TarFault> faults = s.faults();
  const bool whole =
      !s.stopped() && std::none_of(faults.begin(), faults.end(), [](auto& f) { return f.fatal; });
  std::optional<Manifest> packaged;
  if (whole) packaged = s.manifest(faults);

  Release release;
  const Manifest* named = context.published ? &*context.published : packaged ? &*packaged : nullptr;
  if (named) {
    release.name = named->name;
    release.version = named->version;
  }
  release.tag = std::move(context.tag);
  release.public_upstream = context.public_upstream;
  release.publisher_scopes = std::move(context.publisher_scopes);
  release.registries = std::move(context.registries);
  release.packed_bytes = s.packed_bytes;
  if (!s.inflater.fault()) release.gzip = s.inflater.header();
  release.packaged = packaged ? &*packaged : nullptr;
  release.published = context.published ? &*context.published : nullptr;
  std::size_t next = 0;
  for (const TarEntry& entry : s.walk.listing()) {
    if (entry.directory) continue;
    release.unpacked_bytes += entry.size;
    release.files.push_back({entry, s.contents[next++]});
  }
  release.words = &s.rules->content->words();
  release.faults = &faults;
  release.bytes = [&s](const TarEntry& entry) { return s.bytes_of(entry); };
  release.history = std::move(context.history);
  release.outside = std::move(context.outside);
  release.thresholds = s.rules->policy.thresholds;
  release.now = context.now;
  release.runtime = runtime_files(release);
  release.facts = facts_of(release);

  // Of an archive that was not read to its end, only that is said: the other rules would judge a part.
  std::vector<const Rule*> rules;
  if (whole) {
    rules = all_rules();
  } else {
    for (const Rule& rule : tar_rules()) rules.push_back(&rule);
  }
  report.findings = run_rules(rules, release, s.rules->policy, context.profile);
  for (const ReleaseFile& file : release.files) add_unseen(report.findings, file.entry.path, file.content);
  if (!whole && verdict_of(report.findings) != Verdict::block) {
    report.findings.push_back(
        incomplete(Action::block, {}, s.broken.empty() ? "the archive was not read to its end" : s.broken));
  }
  sort_findings(report.findings);

  report.name = release.name;
  report.version = release.version;
  report.packed_bytes = release.packed_bytes;
  report.unpacked_bytes = release.unpacked_bytes;
  report.file_count = static_cast<std::uint32_t>(release.files.size());
  report.verdict = verdict_of(report.findings);
  if (release.history.baseline) report.baseline = release.history.baseline->version;
  report.facts = std::move(release.facts);
  report.policy_digest = policy_digest(*s.rules, context.profile);
  return report;
}

const Listing& Inspection::listing() const {
  return state_->walk.listing();
}

}  // namespace sallyport
