// `sallyport policy replay`.

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>

#include "gate/replay.hpp"
#include "policies/report.hpp"
#include "proxy/cli/policy.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/inspection_rules.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

int refused(const Error& error, const PolicyOutput& output) {
  output.err << complaint(error);
  return 2;
}

// "2026-03-31", "2026-03-31T00:00:00.000Z" or "90 days".
Result<std::optional<Instant>> since_of(const std::string& text, Instant now) {
  if (text.empty()) return std::optional<Instant>();
  if (const auto time = parse_iso8601(text.size() == 10 ? text + "T00:00:00.000Z" : text))
    return std::optional<Instant>(*time);
  if (const auto ago = parse_duration(text)) return std::optional<Instant>(now - *ago);
  return fail(ErrorKind::invalid, "--since is neither a date (2026-03-31) nor a duration (\"90 days\").");
}

// The rules that make the difference: what is judged worse or milder than it was.
std::vector<std::string> rules_behind(const Replayed& release) {
  std::map<std::string, Action> was, is;
  const auto worst = [](const std::vector<Finding>& findings, std::map<std::string, Action>& out) {
    for (const Finding& f : findings) out[f.rule] = std::max(out[f.rule], f.action);
  };
  worst(release.stage.findings, was);
  worst(release.report->findings, is);
  std::vector<std::string> out;
  for (const auto& [rule, action] : is)
    if (action > Action::note && action != was[rule]) out.push_back(rule);
  for (const auto& [rule, action] : was)
    if (action > Action::note && !is.contains(rule)) out.push_back(rule);
  return out;
}

class Replay {
 public:
  Replay(const ReplayRequest& request, const PolicyOutput& output)
      : json_(request.format == "json"), output_(output) {}

  void add(const Replayed& release) {
    ++all_;
    if (!release.report) ++unread_;
    if (release.changed()) ++(release.report->verdict > release.stage.verdict ? stricter_ : milder_);
    if (json_) {
      add_json(release);
    } else if (!release.report) {
      lines_.push_back(subject(release) + ": not judged again: " + printable(release.unread));
    } else if (release.changed()) {
      std::string line = subject(release) + ": " + std::string(to_text(release.stage.verdict)) + " -> " +
                         std::string(to_text(release.report->verdict)) + " ";
      for (const std::string& rule : rules_behind(release)) line += " " + rule;
      lines_.push_back(std::move(line));
    }
  }

  void print(const Policy& policy) {
    if (json_) {
      output_.out << json::serialize(json::object{{"policy", policy.digest()},
                                                  {"releases", std::move(releases_)},
                                                  {"summary",
                                                   {{"releases", all_},
                                                    {"stricter", stricter_},
                                                    {"milder", milder_},
                                                    {"alike", all_ - unread_ - stricter_ - milder_},
                                                    {"notJudged", unread_}}}})
                  << "\n";
      return;
    }
    for (const std::string& line : lines_) output_.out << line << "\n";
    output_.out << (lines_.empty() ? "" : "\n") << thousands(all_)
                << (all_ == 1 ? " release: " : " releases: ") << thousands(stricter_)
                << " judged more strictly, " << thousands(milder_) << " more mildly, "
                << thousands(all_ - unread_ - stricter_ - milder_) << " alike, " << thousands(unread_)
                << " could not be judged again.\n";
  }

 private:
  static std::string subject(const Replayed& release) {
    if (release.stage.id.empty()) return "stage " + printable(release.id);
    return printable(release.stage.subject()) + " (" + release.stage.code + ", " +
           std::string(to_text(release.stage.state)) + ")";
  }

  void add_json(const Replayed& release) {
    const Stage& stage = release.stage;
    json::object one = {{"stage", release.id}};
    if (!stage.id.empty())
      one = {{"stage", release.id},
             {"code", stage.code},
             {"name", stage.name},
             {"version", stage.version},
             {"at", to_iso8601(stage.created)},
             {"state", to_text(stage.state)},
             {"was", to_text(stage.verdict)}};
    one["would"] = release.report ? json::value(to_text(release.report->verdict)) : json::value(nullptr);
    if (release.report) {
      json::array findings;
      for (const Finding& f : release.report->findings) findings.push_back(to_json(f));
      one["findings"] = std::move(findings);
    } else {
      one["why"] = release.unread;
    }
    releases_.push_back(std::move(one));
  }

  const bool json_;
  const PolicyOutput& output_;
  std::size_t all_ = 0, unread_ = 0, stricter_ = 0, milder_ = 0;
  std::vector<std::string> lines_;
  json::array releases_;
};

}  // namespace

int replay_policy(MetaStore& meta, BlobStore& blobs, const ReplayRequest& request, Instant now,
                  const PolicyOutput& output) {
  const auto since = since_of(request.since, now);
  if (!since) return refused(since.error(), output);
  auto policy = load_policy(request.policy, now);
  if (!policy) return refused(policy.error(), output);
  const auto rules =
      compile_rules(std::move(*policy), request.cache_folder, fs::temp_directory_path().string());
  if (!rules) return refused(rules.error(), output);
  Replay replayed(request, output);
  ProgressBar bar([&](std::string_view text) { output.err << text << std::flush; }, output.progress,
                  "releases");
  const auto done = replay(
      meta, blobs, *rules, {*since, request.package},
      [&](Replayed&& release) {
        replayed.add(release);
        return true;
      },
      [&](std::size_t at, std::size_t all) {
        bar.show(at, all);
        return true;
      });
  bar.end();
  if (!done) return refused(done.error(), output);
  replayed.print((*rules)->policy);
  return 0;
}

}  // namespace sallyport
