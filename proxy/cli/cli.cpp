#include "proxy/cli/cli.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "proxy/cli/command_line.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/cli/console.hpp"
#include "proxy/cli/policy.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/data_folder.hpp"
#include "proxy/environment.hpp"
#include "proxy/inspection_rules.hpp"
#include "storage/base/log.hpp"
#include "storage/rocks_meta_store.hpp"

namespace sallyport {
namespace {

constexpr int usage_error = 2;

// A command's own sentences are what its user reads: the store's notes about itself stay out of them.
class QuietLog {
 public:
  QuietLog() { log::set_level(log::Level::warn); }
  ~QuietLog() { log::set_level(log::Level::info); }
  QuietLog(const QuietLog&) = delete;
  QuietLog& operator=(const QuietLog&) = delete;
};

class Cli {
 public:
  Cli(const std::vector<std::string>& args, const Programs& programs, const Surroundings& around)
      : args_(args), programs_(programs), around_(around) {}

  int run() {
    // These read their own arguments.
    if (!args_.empty() && args_.front() == "scan")
      return programs_.scan({args_.begin() + 1, args_.end()}, around_.out, around_.err);
    if (!args_.empty() && args_.front() == "stage")
      return programs_.stage({args_.begin() + 1, args_.end()}, around_.out, around_.err);
    if (!args_.empty() && args_.front() == "prefetch")
      return programs_.prefetch({args_.begin() + 1, args_.end()}, around_.out, around_.err);
    const CommandLine line = parse_command_line(args_, version());
    around_.out << line.out;
    around_.err << line.err;
    if (line.exit) return *line.exit;
    options_ = line.options;
    if (works_on_data(options_.command)) return on_data();
    if (judges_policy(options_.command)) return on_policy();
    if (options_.command == Command::policy_replay) return on_copy();
    switch (options_.command) {
      case Command::config_reference:
        around_.out << config_reference();
        return 0;
      case Command::policy_reference:
        around_.out << policy_reference();
        return 0;
      case Command::routes:
        if (auto table = programs_.routes())
          around_.out << *table;
        else
          return refused(table.error());
        return 0;
      default:
        return with_config();
    }
  }

 private:
  static std::string version() {
    return "sallyport " SALLYPORT_VERSION " (data format " + std::to_string(meta_store_format) + ")";
  }

  int refused(const Error& error) const {
    around_.err << complaint(error);
    return usage_error;
  }

  Result<Config> load(bool reaches_upstream) const {
    ConfigInputs inputs;
    inputs.file = options_.config;
    inputs.environment = around_.environment;
    inputs.listen = options_.listen;
    inputs.data = options_.data;
    inputs.upstream = options_.upstream;
    if (reaches_upstream) inputs.npm_registry = programs_.npm_registry;
    return load_config(inputs);
  }

  int with_config() const {
    // A check is of the file: it does not depend on what npm says here.
    const auto config = load(options_.command != Command::config_check);
    if (!config) return refused(config.error());
    if (options_.command == Command::serve) return programs_.serve(*config);
    if (options_.command == Command::config_show) {
      around_.out << show_config(*config);
      return 0;
    }
    const auto notes = without_effect(*config, SystemClock().now());
    if (!notes) return refused(notes.error());
    for (const std::string& note : *notes) around_.err << "note: " << note << '\n';
    around_.out << "The configuration is in order.\n";
    return 0;
  }

  bool watched() const { return &around_.err == &std::cerr && ::isatty(STDERR_FILENO) == 1; }
  PolicyOutput policy_output() const { return {around_.out, around_.err, watched()}; }

  int on_policy() const {
    std::string file = options_.policy;
    if (file.empty()) {
      const auto config = load(false);
      if (!config) return refused(config.error());
      file = config->policy_file;
    }
    const Instant now = SystemClock().now();
    switch (options_.command) {
      case Command::policy_check:
        return check_policy(file, now, policy_output());
      case Command::policy_explain:
        return explain_rule(options_.rule, file, now, policy_output());
      default:
        return diff_policies(options_.policy_before, file, now, policy_output());
    }
  }

  // Long work that only reads: where a server has the folder, on a copy of what is in it, so that neither
  // waits for the other. The copy's blobs are links, and it is gone afterwards.
  int on_copy() const {
    namespace fs = std::filesystem;
    const QuietLog quiet;
    const auto config = load(false);
    if (!config) return refused(config.error());
    if (std::error_code error; !fs::is_directory(meta_folder(config->data), error))
      return refused(fail(ErrorKind::invalid, "There is no data in " + config->data +
                                                  ": name the folder with --data, or the configuration."));
    const SystemClock clock;
    SystemRandom random;
    const auto folder = open_data_folder(config->data, clock, random);
    if (folder) return replay_on(*folder, *config);
    if (folder.error().kind != ErrorKind::busy) return refused(folder.error());

    const std::string copy = copy_folder(fs::absolute(config->data).string(), uuid_v4(random));
    struct Gone {
      const std::string& path;
      ~Gone() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
      }
    } const gone{copy};
    std::string said;
    const auto copied = ask_console(config->data, {"snapshot", copy}, {},
                                    {[](std::string_view) {}, [&](std::string_view text) { said += text; }});
    if (!copied) return refused(copied.error());
    if (*copied != 0) {
      around_.err << said;
      return *copied;
    }
    const auto copied_folder = open_data_folder(copy, clock, random);
    if (!copied_folder) return refused(copied_folder.error());
    return replay_on(*copied_folder, *config);
  }

  int replay_on(const DataFolder& folder, const Config& config) const {
    const ReplayRequest request{options_.policy, options_.since, options_.package, options_.format,
                                config.data + "/cache"};
    return replay_policy(*folder.meta, *folder.blobs, request, SystemClock().now(), policy_output());
  }

  int on_data() const {
    const QuietLog quiet;
    const auto config = load(false);
    if (!config) return refused(config.error());
    ConsoleInput input;
    input.watched = watched();
    input.folder = std::filesystem::current_path().string();
    if (sets_password(options_.command)) {
      auto password = new_password();
      if (!password) return refused(password.error());
      input.password = std::move(*password);
    }
    const ConsoleOutput output{[&](std::string_view text) { around_.out << text << std::flush; },
                               [&](std::string_view text) { around_.err << text << std::flush; }};
    const SystemClock clock;
    SystemRandom random;
    const auto folder = open_data_folder(config->data, clock, random);
    if (folder) {
      const PackageRules rules(config->packages);
      const auto restrictions = Restrictions::open({*folder->ledger, *folder->meta, rules});
      if (!restrictions) return refused(restrictions.error());
      Pulls pulls(*folder->meta, clock);
      auto origins = config->origins();
      // Without a configuration a server has the registry of npm under this name.
      if (!options_.config && config->upstreams.empty()) origins.emplace_back("main");
      return run_command({*folder->identity, *folder->ledger, *folder->meta, *folder->blobs, *folder->cached,
                          **restrictions, pulls, clock, folder->path, config->turned_down_kept_for,
                          [&] { return rules_of(*config); }, [](const PackageName&) {}, origins},
                         options_, input, output);
    }
    if (folder.error().kind != ErrorKind::busy) return refused(folder.error());
    const auto code = ask_console(config->data, args_, input, output);
    return code ? *code : refused(code.error());
  }

  static Result<std::shared_ptr<const InspectionRules>> rules_of(const Config& config) {
    auto policy = load_policy(config.policy_file, SystemClock().now());
    if (!policy) return policy.error();
    return compile_rules(std::move(*policy), config.data + "/cache",
                         std::filesystem::temp_directory_path().string());
  }

  Result<std::string> new_password() const {
    if (options_.password_file) return password_from(*options_.password_file);
    if (options_.service && options_.command == Command::user_add) return std::string();
    auto first = around_.ask_secret("Password for " + options_.user + ": ");
    if (!first) return first.error();
    const auto again = around_.ask_secret("Again: ");
    if (!again) return again.error();
    if (*first != *again) return fail(ErrorKind::invalid, "The two passwords are not the same.");
    if (first->empty()) return fail(ErrorKind::invalid, "The password is empty.");
    return first;
  }

  Result<std::string> password_from(const std::string& path) const {
    std::string line;
    if (path == "-") {
      std::getline(around_.in, line);
    } else {
      std::ifstream file(path, std::ios::binary);
      if (!file) return fail(ErrorKind::invalid, "The file " + path + " cannot be read.");
      std::getline(file, line);
    }
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty())
      return fail(ErrorKind::invalid, "There is no password on the first line of " + path + ".");
    return line;
  }

  const std::vector<std::string>& args_;
  const Programs& programs_;
  const Surroundings& around_;
  Options options_;
};

}  // namespace

Surroundings Surroundings::of_this_process() {
  return {process_environment(), std::cin, std::cout, std::cerr, &sallyport::ask_secret};
}

int run(const std::vector<std::string>& args, const Programs& programs, const Surroundings& around) {
  return Cli(args, programs, around).run();
}

}  // namespace sallyport
