#include "proxy/cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

class Parser {
 public:
  explicit Parser(CommandLine& line) : o_(line.options) {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_help_flag("-h,--help", "Say what there is");
    app_.add_flag("--version", version_, "Print the version and the data format");
    app_.add_option("--config", o_.config, "Configuration file")->type_name("FILE");
    app_.add_option("--data", o_.data, "Data folder")->type_name("DIR");
    app_.footer("Example: sallyport serve --config sallyport.toml");

    auto* serve =
        leaf(app_, Command::serve, "serve", "Run the server", "sallyport serve --listen 127.0.0.1:4873");
    serve->add_option("--listen", o_.listen, "Address and port to listen on")->type_name("ADDR:PORT");
    serve->add_option("--upstream", o_.upstream, "Registry behind this one")->type_name("URL");
    leaf(app_, Command::none, "scan", "Judge a tarball or folder as a publish would be",
         "sallyport scan lib-1.0.0.tgz")
        ->prefix_command();
    leaf(app_, Command::none, "stage", "Releases under review: list, show, ack, approve, reject",
         "sallyport stage list")
        ->prefix_command();
    leaf(app_, Command::none, "prefetch", "Have the registry keep everything that lock files name",
         "sallyport prefetch package-lock.json")
        ->prefix_command();
    users(*group("user", "Accounts"));
    tokens(*group("token", "Access tokens"));
    auto* config = group("config", "The configuration");
    leaf(*config, Command::config_check, "check", "Say what is wrong with it, or nothing",
         "sallyport config check --config sallyport.toml");
    leaf(*config, Command::config_show, "show", "Print what is in force, and where each value came from",
         "sallyport config show --config sallyport.toml");
    leaf(*config, Command::config_reference, "reference", "Print every key as Markdown",
         "sallyport config reference");
    policies(*group("policy", "The policy file"));
    auto* ledger = group("ledger", "The record of everything that was done");
    leaf(*ledger, Command::ledger_verify, "verify", "Prove that no entry was altered or removed",
         "sallyport ledger verify --data /var/lib/sallyport");
    leaf(*ledger, Command::ledger_export, "export", "Print the entries, one JSON object a line",
         "sallyport ledger export --from 1000 > ledger.jsonl")
        ->add_option("--from", o_.from, "First entry to print")
        ->type_name("N");
    leaf(app_, Command::snapshot, "snapshot", "Copy the data folder, consistently, while the server runs",
         "sallyport snapshot /backup/2026-03-31")
        ->add_option("DIR", o_.folder, "Folder to make; it must not exist")
        ->required();
    auto* freeze =
        leaf(app_, Command::freeze, "freeze",
             "Hide from installs what upstreams publish from a moment on; alone, say whether it is so",
             "sallyport freeze --reason 'a worm is spreading'");
    freeze->add_option("--reason", o_.reason, "Why; whoever is refused reads it")->type_name("TEXT");
    freeze
        ->add_option("--at", o_.at,
                     "From when on: a time that has been (2026-03-31T00:00:00.000Z); without it, now")
        ->type_name("TIME");
    freeze->add_flag("--lift", o_.lift, "Show everything again");
    auto* deny = leaf(app_, Command::deny, "deny",
                      "Let nobody install a package or version; alone, list what is denied",
                      "sallyport deny 'axios@1.14.1 || 0.30.4' --reason 'stolen account'");
    deny->add_option("ENTRY", o_.entry, "name, name@range, or a tarball's digest (sha512-…, or its shasum)");
    deny->add_option("--reason", o_.reason, "Why; whoever is refused reads it")->type_name("TEXT");
    deny->add_flag("--lift", o_.lift, "Allow it again");
    auto* origin =
        leaf(app_, Command::origin, "origin", "Say to which registry a name belongs, or move it to another",
             "sallyport origin @acme/lib --move local");
    origin->add_option("NAME", o_.entry, "The package's name")->required();
    origin->add_option("--move", o_.move_to, "Name of an upstream, or local: whose it is from now on")
        ->type_name("ORIGIN");
    leaf(app_, Command::who, "who", "Say who has downloaded a package or version",
         "sallyport who axios@1.14.1")
        ->add_option("ENTRY", o_.entry, "name or name@version")
        ->required();
    leaf(app_, Command::gc, "gc",
         "Remove what nothing refers to any more: tarballs of releases turned down long ago, what a crash "
         "left, cached tarballs that nobody can ask for",
         "sallyport gc --dry-run")
        ->add_flag("--dry-run", o_.dry_run, "List it, and remove nothing");
    auto* import =
        leaf(*group("import", "What another registry kept"), Command::import_verdaccio, "verdaccio",
             "Take over a Verdaccio's own packages, and its users; again, only what is new",
             "sallyport import verdaccio /var/lib/verdaccio/storage --htpasswd htpasswd --group "
             "engineers");
    import->add_option("STORAGE", o_.folder, "Its storage folder, which the server can read")->required();
    import->add_option("--htpasswd", o_.htpasswd, "Its users; without it, none are taken over")
        ->type_name("FILE");
    import->add_option("--group", o_.groups, "A group these users are in; may be repeated")
        ->type_name("G")
        ->allow_extra_args(false);
    leaf(app_, Command::routes, "routes", "Print every HTTP route as Markdown", "sallyport routes");
  }

  void run(const std::vector<std::string>& args, const std::string& version, CommandLine& line) {
    if (args == std::vector<std::string>{"--version"}) {
      line.out = version + "\n";
      line.exit = 0;
      return;
    }
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    try {
      app_.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
      line.out = asked()->help();
      line.exit = 0;
    } catch (const CLI::ParseError& error) {
      line.err = "sallyport: " + mistake(args, error) + "\n";
      line.exit = 2;
    }
  }

 private:
  CLI::App* group(const std::string& name, const std::string& what) {
    auto* out = app_.add_subcommand(name, what);
    out->require_subcommand(1);
    out->fallthrough();
    out->footer("See `sallyport " + name + " COMMAND --help` for an example of each.");
    return out;
  }

  CLI::App* leaf(CLI::App& parent, Command command, const std::string& name, const std::string& what,
                 const std::string& example) {
    auto* out = parent.add_subcommand(name, what);
    out->fallthrough();
    out->footer("Example: " + example);
    out->callback([this, command] { o_.command = command; });
    return out;
  }

  CLI::Option* name(CLI::App* app) { return app->add_option("NAME", o_.user, "The user's name")->required(); }
  void password_file(CLI::App* app) {
    app->add_option("--password-file", o_.password_file,
                    "File with the password on its first line; -: standard input")
        ->type_name("FILE");
  }

  void users(CLI::App& user) {
    auto* add = leaf(user, Command::user_add, "add", "Add a user",
                     "sallyport user add alice --group engineers --password-file alice.txt");
    name(add);
    add->add_option("--group", o_.groups, "A group the user is in; may be repeated")
        ->type_name("G")
        ->allow_extra_args(false);
    add->add_option("--email", o_.email, "The user's e-mail address")->type_name("ADDRESS");
    add->add_flag("--admin", o_.admin, "An administrator");
    add->add_flag("--service", o_.service,
                  "A service identity: may publish, can never approve; needs no password");
    password_file(add);
    leaf(user, Command::user_list, "list", "List the users", "sallyport user list");
    name(leaf(user, Command::user_disable, "disable", "Disable a user and revoke the user's tokens",
              "sallyport user disable alice"));
    auto* password = leaf(user, Command::user_password, "password", "Set a user's password",
                          "sallyport user password alice --password-file alice.txt");
    name(password);
    password_file(password);
    auto* otp =
        leaf(user, Command::user_otp, "otp",
             "Enrol a second factor: the otpauth URL on standard output, recovery codes on standard error",
             "sallyport user otp alice | qrencode -t ansiutf8");
    name(otp);
    otp->add_flag("--disable", o_.disable, "Remove the second factor instead");
  }

  void tokens(CLI::App& token) {
    auto* create =
        leaf(token, Command::token_create, "create", "Create a token; it alone is printed, once",
             "sallyport token create --user ci --name pipeline --cidr 10.0.0.0/8 --expires '90 days'");
    create->add_option("--user", o_.user, "Whose token")->type_name("NAME")->required();
    create->add_option("--name", o_.token_name, "What it is for")->type_name("N");
    create->add_flag("--read-only", o_.read_only, "No write whatever the user's roles");
    create->add_option("--cidr", o_.cidr, "Where it may be used from; may be repeated")
        ->type_name("C")
        ->allow_extra_args(false);
    create
        ->add_option("--expires", o_.expires, "A duration (\"90 days\") or a time (2026-12-31T00:00:00.000Z)")
        ->type_name("D");
    leaf(token, Command::token_list, "list", "List tokens", "sallyport token list --user alice")
        ->add_option("--user", o_.user, "Only this user's")
        ->type_name("NAME");
    leaf(token, Command::token_revoke, "revoke", "Revoke a token by its key, as `token list` shows it",
         "sallyport token revoke 3f9a2c")
        ->add_option("KEY", o_.key, "The key, or enough of its beginning")
        ->required();
  }

  void policies(CLI::App& policy) {
    leaf(policy, Command::policy_check, "check", "Say what is wrong with it, or has no effect",
         "sallyport policy check policy.toml")
        ->add_option("FILE", o_.policy, "The policy file; without it, the one that is configured");
    auto* explain = leaf(policy, Command::policy_explain, "explain",
                         "Say what a rule looks for, why, and what becomes of a finding",
                         "sallyport policy explain leak/source-map");
    explain->add_option("RULE", o_.rule, "The rule; without it, a list of all");
    policy_option(explain);
    auto* diff = leaf(policy, Command::policy_diff, "diff", "Say what two policy files judge otherwise",
                      "sallyport policy diff policy.toml policy.new.toml");
    diff->add_option("A", o_.policy_before, "The policy file before")->required();
    diff->add_option("B", o_.policy, "The policy file after")->required();
    auto* replay =
        leaf(policy, Command::policy_replay, "replay",
             "Judge the recorded releases by another policy file, and say what would have become of "
             "each; nothing is changed",
             "sallyport policy replay --policy policy.new.toml --since '90 days' --package '@acme/*'");
    policy_option(replay)->required();
    replay->add_option("--since", o_.since, "Releases received since: a date (2026-03-31) or a duration")
        ->type_name("DATE");
    replay->add_option("--package", o_.package, "Releases of packages whose name matches")->type_name("GLOB");
    replay->add_option("--format", o_.format, "text or json")->check(CLI::IsMember({"text", "json"}));
    leaf(policy, Command::policy_reference, "reference", "Print every rule and threshold as Markdown",
         "sallyport policy reference");
  }

  CLI::Option* policy_option(CLI::App* app) {
    return app->add_option("--policy", o_.policy, "The policy file; without it, the one that is configured")
        ->type_name("FILE");
  }

  // The innermost command that was named.
  CLI::App* asked() {
    CLI::App* at = &app_;
    for (auto next = at->get_subcommands(); !next.empty(); next = at->get_subcommands()) at = next.back();
    return at;
  }

  std::string mistake(const std::vector<std::string>& args, const CLI::ParseError& error) {
    CLI::App* const at = asked();
    const std::string help = " See `sallyport" + path_of(at) + " --help`.";
    std::vector<std::string> flags, commands;
    for (CLI::App* app = at; app != nullptr; app = app->get_parent())
      for (const auto* option : app->get_options())
        for (const auto& longname : option->get_lnames()) flags.push_back("--" + longname);
    for (const auto* sub : at->get_subcommands([](const CLI::App*) { return true; }))
      commands.push_back(sub->get_name());
    for (const auto& arg : args) {
      const std::string flag = arg.substr(0, arg.find('='));
      if (flag.size() < 2 || !flag.starts_with('-') || flag == "-h") continue;
      if (std::find(flags.begin(), flags.end(), flag) != flags.end()) continue;
      return "unknown option " + printable(flag, 60) + suggestion(flag, flags) + help;
    }
    if (!commands.empty()) {
      const auto extra = app_.remaining(true);
      if (extra.empty()) return "a command is missing." + help;
      return "unknown command " + printable(extra.front(), 60) + suggestion(extra.front(), commands) + help;
    }
    return printable(error.what(), 300) + "." + help;
  }

  static std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
    const std::string near = nearest(word, candidates);
    return near.empty() ? "." : "; did you mean " + near + "?";
  }

  static std::string path_of(const CLI::App* app) {
    return app->get_parent() == nullptr ? std::string() : path_of(app->get_parent()) + ' ' + app->get_name();
  }

  CLI::App app_{"A private npm registry proxy that holds every publish until a second engineer approves it.",
                "sallyport"};
  Options& o_;
  bool version_ = false;
};

}  // namespace

bool works_on_data(Command command) {
  switch (command) {
    case Command::user_add:
    case Command::user_list:
    case Command::user_disable:
    case Command::user_password:
    case Command::user_otp:
    case Command::token_create:
    case Command::token_list:
    case Command::token_revoke:
    case Command::ledger_verify:
    case Command::ledger_export:
    case Command::snapshot:
    case Command::freeze:
    case Command::deny:
    case Command::origin:
    case Command::who:
    case Command::gc:
    case Command::import_verdaccio:
      return true;
    default:
      return false;
  }
}

bool judges_policy(Command command) {
  return command == Command::policy_check || command == Command::policy_explain ||
         command == Command::policy_diff;
}

bool sets_password(Command command) {
  return command == Command::user_add || command == Command::user_password;
}

CommandLine parse_command_line(const std::vector<std::string>& args, const std::string& version) {
  CommandLine line;
  Parser(line).run(args, version, line);
  return line;
}

}  // namespace sallyport
