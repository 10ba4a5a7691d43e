#include "proxy/cli/scan.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "policies/context_record.hpp"
#include "policies/inspection.hpp"
#include "policies/report.hpp"
#include "proxy/cli/npm_pack.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/inspection_rules.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/semver.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

constexpr int refused = 1, usage_error = 2;
constexpr std::size_t outside_bytes_max = 256u << 20;

struct ScanOptions {
  std::string subject, previous, policy, outside;
  std::string profile, format = "text", fail_on = "block";
};

// Gone with everything in it, however the scan ends.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> create() {
    std::string path = (fs::temp_directory_path() / "sallyport-scan-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) {
      return fail(ErrorKind::unavailable,
                  "No temporary folder could be made; set TMPDIR to one that is writable.");
    }
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(path));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  Result<fs::path> below(const char* name) const {
    std::error_code failed;
    fs::create_directory(path_ / name, failed);
    if (failed) return fail(ErrorKind::unavailable, "No temporary folder could be made.", failed.message());
    return path_ / name;
  }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

Result<std::string> text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorKind::invalid, "The file " + printable(path.string()) + " cannot be read.");
  return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Scan {
 public:
  Scan(ScanOptions options, std::ostream& out) : options_(std::move(options)), out_(out) {}

  Result<int> run() {
    if (const auto ready = prepare(); !ready) return ready.error();
    ReleaseContext context;
    context.now = SystemClock().now();
    if (!options_.outside.empty()) {
      auto recorded = recorded_context();
      if (!recorded) return recorded.error();
      context = std::move(*recorded);
    }
    if (!options_.profile.empty()) context.profile = *parse_profile(options_.profile);
    if (!options_.previous.empty()) {
      auto tarball = previous_tarball();
      if (!tarball) return tarball.error();
      ReleaseContext alone;
      alone.now = context.now;
      alone.profile = context.profile;
      auto before = inspect(*tarball, std::move(alone));
      if (!before) return before.error();
      if (before->facts.version.empty()) {
        return fail(ErrorKind::invalid, "The previous release cannot be compared with: " + options_.previous +
                                            " is not a package that can be read.");
      }
      History& history = context.history;
      for (const FileFact& file : before->facts.files) history.types_seen.insert(file.type);
      history.largest_file_bytes.push_back(largest(before->facts));
      for (const Finding& finding : before->findings) {
        // Of two with one fingerprint the milder counts, so that the other is news.
        const auto known = history.known.try_emplace(finding.fingerprint, finding.action).first;
        known->second = std::min(known->second, finding.action);
      }
      history.baseline = std::move(before->facts);
      history.baseline_origin = "previous";
    }
    auto tarball = subject_tarball();
    if (!tarball) return tarball.error();
    const auto report = inspect(*tarball, std::move(context));
    if (!report) return report.error();
    print(*report);
    const Action limit = *parse_action(options_.fail_on);
    const bool fails = std::any_of(report->findings.begin(), report->findings.end(),
                                   [limit](const Finding& finding) { return finding.action >= limit; });
    return fails ? refused : 0;
  }

 private:
  Result<void> prepare() {
    auto folder = TemporaryFolder::create();
    if (!folder) return folder.error();
    folder_ = std::move(*folder);
    auto policy = load_policy(options_.policy, SystemClock().now());
    if (!policy) return policy.error();
    const auto scratch = folder_->below("scratch");
    if (!scratch) return scratch.error();
    auto rules = compile_rules(std::move(*policy), user_cache_folder(), scratch->string());
    if (!rules) return rules.error();
    rules_ = std::move(*rules);
    return {};
  }

  Result<fs::path> subject_tarball() const {
    std::error_code ignored;
    if (fs::is_directory(options_.subject, ignored)) return packed(options_.subject, "subject");
    return fs::path(options_.subject);
  }

  Result<fs::path> packed(const fs::path& source, const char* below) const {
    const auto into = folder_->below(below);
    return into ? npm_pack_folder(source, *into) : into.error();
  }

  // The report of a stage, or the "context" in it alone.
  Result<ReleaseContext> recorded_context() const {
    const auto text = text_of(options_.outside);
    if (!text) return text.error();
    auto value = parse_strict(*text, {.bytes_max = outside_bytes_max, .depth_max = 128});
    const json::object* root = value ? value->if_object() : nullptr;
    if (root == nullptr)
      return fail(ErrorKind::invalid, "The file " + printable(options_.outside) + " is not a JSON object.",
                  value ? std::string() : value.error().message);
    auto context = context_from_json(root->contains("context") ? root->at("context") : *value);
    if (!context)
      return fail(ErrorKind::invalid, printable(options_.outside) + ": " + context.error().message,
                  context.error().detail);
    return context;
  }

  // A file or folder that exists is meant before a name@version is.
  Result<fs::path> previous_tarball() const {
    const std::string& previous = options_.previous;
    std::error_code ignored;
    if (fs::is_directory(previous, ignored)) return packed(previous, "previous");
    if (fs::exists(previous, ignored)) return fs::path(previous);
    const std::size_t at = previous.find('@', 1);
    if (at != std::string::npos) {
      const auto name = PackageName::parse(previous.substr(0, at));
      const auto version = Version::parse(previous.substr(at + 1));
      if (name && version) {
        const auto into = folder_->below("previous");
        return into ? npm_pack_released(name->full(), version->text(), *into) : into.error();
      }
    }
    return fail(ErrorKind::invalid, "--previous must be a tarball, a folder or NAME@VERSION, and " +
                                        printable(previous) + " is none of them.");
  }

  static std::uint64_t largest(const Facts& facts) {
    std::uint64_t bytes = 0;
    for (const FileFact& file : facts.files) bytes = std::max(bytes, file.size);
    return bytes;
  }

  Result<Report> inspect(const fs::path& tarball, ReleaseContext context) const {
    std::ifstream file(tarball, std::ios::binary);
    std::error_code ignored;
    if (!file || fs::is_directory(tarball, ignored)) {
      return fail(ErrorKind::invalid, "The tarball " + printable(tarball.string()) + " cannot be read.");
    }
    Inspection inspection(rules_);
    Sha1Hasher sha1;
    Sha512Hasher sha512;
    std::vector<char> block(256u << 10);
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0) {
      const Bytes bytes = as_bytes({block.data(), static_cast<std::size_t>(file.gcount())});
      sha1.update(bytes);
      sha512.update(bytes);
      inspection.feed(bytes);
    }
    if (file.bad()) return fail(ErrorKind::unavailable, "The tarball could not be read to its end.");
    context.digests = {sha1.finish(), sha512.finish()};
    return inspection.finish(std::move(context));
  }

  void print(const Report& report) const {
    if (options_.format == "json") {
      out_ << json::serialize(to_json(report)) << '\n';
    } else if (options_.format == "sarif") {
      out_ << json::serialize(to_sarif(report)) << '\n';
    } else {
      const bool terminal = &out_ == &std::cout && isatty(STDOUT_FILENO) == 1;
      out_ << to_text(report, terminal && std::getenv("NO_COLOR") == nullptr,
                      terminal ? terminal_columns(STDOUT_FILENO) : npm_columns);
    }
    out_ << std::flush;
  }

  ScanOptions options_;
  std::ostream& out_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::shared_ptr<const InspectionRules> rules_;
};

void describe(CLI::App& app, ScanOptions& options) {
  app.add_option("TARBALL|DIR", options.subject, "What to judge; a folder is packed by npm first")
      ->required();
  auto* previous = app.add_option("--previous", options.previous,
                                  "The release before, to compare with: TARBALL, DIR or NAME@VERSION");
  app.add_option("--outside", options.outside,
                 "What a gate gave its verdict on: the report of a stage, as JSON; gives the same verdict")
      ->type_name("FILE")
      ->excludes(previous);
  app.add_option("--profile", options.profile, "proprietary (the default), open or internal")
      ->check(CLI::IsMember({"proprietary", "open", "internal"}));
  app.add_option("--policy", options.policy, "Policy file with overrides of the profile")->type_name("FILE");
  app.add_option("--format", options.format, "text, json or sarif")
      ->check(CLI::IsMember({"text", "json", "sarif"}));
  app.add_option("--fail-on", options.fail_on,
                 "The least action that makes the exit code 1: note, warn, escalate or block")
      ->check(CLI::IsMember({"note", "warn", "escalate", "block"}));
  app.footer(
      "Without --outside nothing is judged that only a gate can know: the age of dependencies, known "
      "malware,\n"
      "who publishes and how.\n"
      "A folder is packed with npm pack --ignore-scripts: nothing of the package is executed.\n"
      "Exit code: 0 nothing to refuse (a release that would be held counts as 0), 1 findings that refuse,\n"
      "2 nothing could be judged.\n"
      "Example: sallyport scan . --previous @acme/lib@1.2.2 --format sarif > sallyport.sarif");
}

// CLI11 names an unknown flag; the nearest known one is ours to add.
std::string mistake(const CLI::App& app, const std::vector<std::string>& args, const CLI::ParseError& error) {
  std::vector<std::string> flags = {"--help"};
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  for (const std::string& arg : args) {
    const std::string flag = arg.substr(0, arg.find('='));
    if (!flag.starts_with("--") || std::find(flags.begin(), flags.end(), flag) != flags.end()) continue;
    const std::string near = nearest(flag, flags);
    return "unknown option " + printable(flag, 60) + (near.empty() ? "." : "; did you mean " + near + "?");
  }
  return printable(error.what(), 300) + ".";
}

}  // namespace

int run_scan(const std::vector<std::string>& args, std::ostream& out, std::ostream& err) {
  ScanOptions options;
  CLI::App app{"Judge a tarball or folder as a publish would be.", "sallyport scan"};
  describe(app, options);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForHelp&) {
    out << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    err << "sallyport scan: " << mistake(app, args, error) << " See `sallyport scan --help`.\n";
    return usage_error;
  }
  const auto done = Scan(std::move(options), out).run();
  if (done) return *done;
  err << "sallyport scan: " << done.error().message << '\n';
  if (!done.error().detail.empty()) err << done.error().detail << '\n';
  return usage_error;
}

}  // namespace sallyport
