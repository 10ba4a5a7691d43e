#include "proxy/cli/cli.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/cli/command_line.hpp"
#include "proxy/cli/console.hpp"
#include "proxy/data_folder.hpp"
#include "storage/base/digest.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

struct Shell {
  fs::path home;
  std::string typed;                 // what standard input holds
  std::vector<std::string> answers;  // to password prompts; none: no terminal
  std::string out, err;
  Config served;
  SystemClock clock;
  SystemRandom random;

  explicit Shell(const std::string& more = "") {
    std::string name = (fs::temp_directory_path() / "sallyport-cli-XXXXXX").string();
    home = fs::path(mkdtemp(name.data())) / more;
    fs::create_directories(home);
  }
  ~Shell() {
    fs::path top = home;
    while (!top.filename().string().starts_with("sallyport-cli-")) top = top.parent_path();
    fs::remove_all(top);
  }
  std::string data() const { return (home / "data").string(); }

  int run(std::vector<std::string> args, bool with_data = true) {
    if (with_data) args.insert(args.end(), {"--data", data()});
    std::istringstream in(typed);
    std::ostringstream printed, complained;
    std::size_t asked = 0;
    const Surroundings around{{}, in, printed, complained, [&](const std::string&) -> Result<std::string> {
                                if (asked >= answers.size())
                                  return fail(ErrorKind::invalid, "There is no terminal.");
                                return answers[asked++];
                              }};
    Programs programs;
    programs.serve = [&](const Config& config) {
      served = config;
      return 0;
    };
    programs.scan = [](const std::vector<std::string>& rest, std::ostream& to, std::ostream&) {
      to << "scan";
      for (const auto& arg : rest) to << ' ' << arg;
      return 1;
    };
    programs.stage = [](const std::vector<std::string>& rest, std::ostream& to, std::ostream&) {
      to << "stage";
      for (const auto& arg : rest) to << ' ' << arg;
      return 0;
    };
    programs.routes = []() -> Result<std::string> { return std::string("| routes |\n"); };
    programs.npm_registry = []() -> Result<FoundRegistry> {
      return FoundRegistry{"https://registry.example/", "npm config"};
    };
    const int code = sallyport::run(args, programs, around);
    out = printed.str();
    err = complained.str();
    return code;
  }
};

bool says(const std::string& text, std::string_view what) {
  return text.find(what) != text.npos;
}

TEST_CASE("users and tokens are made without a server, and the token alone is printed") {
  Shell shell;
  shell.typed = "the password of alice\n";
  CHECK(shell.run({"user", "add", "alice", "--group", "engineers", "--group", "release", "--password-file",
                   "-"}) == 0);
  CHECK(shell.out.empty());
  CHECK(shell.run({"token", "create", "--user", "alice", "--name", "ci", "--read-only", "--cidr",
                   "10.0.0.0/8", "--cidr", "::1", "--expires", "90 days"}) == 0);
  CHECK(shell.err.empty());
  const std::string token = shell.out.substr(0, shell.out.size() - 1);
  CHECK(token.starts_with("slp_"));
  CHECK(shell.out == token + "\n");
  {
    const auto folder = open_data_folder(shell.data(), shell.clock, shell.random).value();
    CHECK(folder.identity->user("alice").value().groups == std::vector<std::string>{"engineers", "release"});
    CHECK(folder.identity->check_token(token, "10.1.1.1").value().read_only);
    CHECK(folder.identity->check_token(token, "192.0.2.1").has_error());
  }
  struct stat info{};
  REQUIRE(::stat(shell.data().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  CHECK(shell.run({"user", "list"}) == 0);
  CHECK(says(shell.out, "alice  engineers,release"));
  CHECK(shell.run({"token", "list"}) == 0);
  CHECK(says(shell.out, "10.0.0.0/8,::1"));
  CHECK_FALSE(says(shell.out, token));
  const std::string key = shell.out.substr(shell.out.find('\n') + 1, 16);
  CHECK(shell.run({"token", "revoke", key}) == 0);
  CHECK(shell.run({"token", "revoke", key}) == 2);
  CHECK(shell.run({"user", "disable", "alice"}) == 0);
  CHECK(shell.run({"token", "create", "--user", "alice"}) == 2);
  CHECK(says(shell.err, "disabled"));
}

TEST_CASE("a password is asked for twice on a terminal, and never guessed without one") {
  Shell shell;
  CHECK(shell.run({"user", "add", "alice"}) == 2);
  CHECK(says(shell.err, "terminal"));
  shell.answers = {"the password of alice", "another one"};
  CHECK(shell.run({"user", "add", "alice"}) == 2);
  CHECK(says(shell.err, "not the same"));
  shell.answers = {"the password of alice", "the password of alice"};
  CHECK(shell.run({"user", "add", "alice"}) == 0);
  shell.answers.clear();
  CHECK(shell.run({"user", "add", "ci", "--service"}) == 0);  // a service identity needs none
  CHECK(shell.run({"user", "password", "alice", "--password-file", "/nowhere"}) == 2);
  shell.typed = "\n";
  CHECK(shell.run({"user", "password", "alice", "--password-file", "-"}) == 2);
  std::ofstream(shell.home / "secret") << "a fresh password\nsecond line\n";
  CHECK(shell.run({"user", "password", "alice", "--password-file", (shell.home / "secret").string()}) == 0);
  const auto folder = open_data_folder(shell.data(), shell.clock, shell.random).value();
  CHECK(folder.identity->check_password("alice", "a fresh password", "unix").has_value());
  CHECK_FALSE(folder.identity->user("ci").value().has_password);
}

TEST_CASE("user otp prints the URL alone, and the recovery codes beside it") {
  Shell shell;
  REQUIRE(shell.run({"user", "add", "ci", "--service"}) == 0);
  CHECK(shell.run({"user", "otp", "ci"}) == 0);
  CHECK(shell.out.starts_with("otpauth://totp/Sallyport:ci?secret="));
  CHECK(std::count(shell.out.begin(), shell.out.end(), '\n') == 1);
  CHECK(std::count(shell.err.begin(), shell.err.end(), '\n') == 9);
  CHECK(shell.run({"user", "otp", "ci"}) == 2);
  CHECK(shell.run({"user", "otp", "ci", "--disable"}) == 0);
  CHECK(shell.run({"user", "otp", "ci"}) == 0);
}

TEST_CASE("the ledger is verified and exported") {
  Shell shell;
  REQUIRE(shell.run({"user", "add", "ci", "--service"}) == 0);
  REQUIRE(shell.run({"token", "create", "--user", "ci"}) == 0);
  CHECK(shell.run({"ledger", "verify"}) == 0);
  CHECK(says(shell.out, "2 entries"));
  CHECK(shell.run({"ledger", "export"}) == 0);
  CHECK(says(shell.out, "\"action\":\"user.created\""));
  CHECK(std::count(shell.out.begin(), shell.out.end(), '\n') == 2);
  CHECK(shell.run({"ledger", "export", "--from", "2"}) == 0);
  CHECK_FALSE(says(shell.out, "user.created"));
  CHECK(says(shell.out, "token.created"));
}

TEST_CASE("a ledger with an altered byte is named, with exit code 1") {
  Shell shell;
  REQUIRE(shell.run({"user", "add", "ci", "--service"}) == 0);
  REQUIRE(shell.run({"token", "create", "--user", "ci"}) == 0);
  {
    const auto folder = open_data_folder(shell.data(), shell.clock, shell.random).value();
    MetaBatch batch;
    REQUIRE(folder.meta
                ->scan(Family::ledger, "", "", false,
                       [&](std::string_view key, std::string_view value) {
                         std::string altered(value);
                         const auto at = altered.find("console");
                         if (at == altered.npos) return true;
                         altered[at] = 'K';
                         batch.put(Family::ledger, std::string(key), altered);
                         return false;
                       })
                .has_value());
    REQUIRE_FALSE(batch.empty());
    REQUIRE(folder.meta->write(batch, Durability::synced).has_value());
  }
  CHECK(shell.run({"ledger", "verify"}) == 1);
  CHECK(says(shell.err, "broken at entry 1"));
}

TEST_CASE("a snapshot is a data folder of its own, and never goes into an existing one") {
  Shell shell;
  REQUIRE(shell.run({"user", "add", "ci", "--service"}) == 0);
  const std::string text = "the bytes of a tarball";
  {
    const auto folder = open_data_folder(shell.data(), shell.clock, shell.random).value();
    auto staged = folder.blobs->begin().value();
    REQUIRE(staged->append(as_bytes(text)).has_value());
    REQUIRE(staged->commit(sha512(as_bytes(text))).has_value());
  }
  const std::string copy = (shell.home / "copy").string();
  CHECK(shell.run({"snapshot", copy}) == 0);
  REQUIRE(shell.run({"user", "disable", "ci"}) == 0);
  const auto folder = open_data_folder(copy, shell.clock, shell.random).value();
  CHECK_FALSE(folder.identity->user("ci").value().disabled);
  CHECK(folder.blobs->open(sha512(as_bytes(text))).value()->size() == text.size());
  CHECK(shell.run({"snapshot", copy}) == 2);
}

// As serve does it: the folder held, the console on.
struct Running {
  DataFolder folder;
  PackageRules rules{{PackageRule{}}};
  std::unique_ptr<Restrictions> restrictions;
  std::unique_ptr<Pulls> pulls;
  std::unique_ptr<ConsoleServer> console;

  explicit Running(Shell& shell) : folder(open_data_folder(shell.data(), shell.clock, shell.random).value()) {
    restrictions = Restrictions::open({*folder.ledger, *folder.meta, rules}).value();
    pulls = std::make_unique<Pulls>(*folder.meta, shell.clock);
    console =
        ConsoleServer::start(folder.path, [this, &shell](const auto& args, const auto& input,
                                                         const auto& output) {
          return run_command({*folder.identity, *folder.ledger, *folder.meta, *folder.blobs, *folder.cached,
                              *restrictions, *pulls, shell.clock, folder.path, std::chrono::hours(24)},
                             args, input, output);
        }).value();
  }
};

TEST_CASE("with a running server the same commands run in it, and say the same") {
  for (const std::string& below : {std::string(), std::string(150, 'x')}) {  // longer than a socket's address
    Shell shell(below);
    Running server(shell);
    shell.typed = "the password of alice\n";
    CHECK(shell.run({"user", "add", "alice", "--password-file", "-"}) == 0);
    CHECK(server.folder.identity->check_password("alice", "the password of alice", "unix").has_value());
    CHECK(shell.run({"token", "create", "--user", "alice"}) == 0);
    const std::string token = shell.out.substr(0, shell.out.size() - 1);
    CHECK(server.folder.identity->check_token(token, "192.0.2.1").has_value());
    CHECK(shell.run({"user", "disable", "alice"}) == 0);
    CHECK(server.folder.identity->check_token(token, "192.0.2.1").has_error());  // at once, though cached
    CHECK(shell.run({"user", "add", "../x", "--service"}) == 2);
    CHECK(says(shell.err, "cannot be the name"));
    CHECK(shell.run({"ledger", "export"}) == 0);
    CHECK(std::count(shell.out.begin(), shell.out.end(), '\n') == 3);
    CHECK(shell.run({"snapshot", (shell.home / "copy").string()}) == 0);
  }
}

TEST_CASE("the console's socket is its owner's, replaces a dead one, and goes with the server") {
  Shell shell;
  REQUIRE(shell.run({"user", "add", "ci", "--service"}) == 0);
  const std::string socket = shell.data() + "/console.sock";
  std::ofstream(socket) << "left by a crash";
  {
    Running server(shell);
    struct stat info{};
    REQUIRE(::stat(socket.c_str(), &info) == 0);
    CHECK(S_ISSOCK(info.st_mode));
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(shell.run({"user", "list"}) == 0);
    CHECK(says(shell.out, "ci"));
  }
  CHECK_FALSE(fs::exists(socket));
  CHECK(shell.run({"user", "list"}) == 0);
}

TEST_CASE("a folder held by a process without a console is an error that says so") {
  Shell shell;
  const auto folder = open_data_folder(shell.data(), shell.clock, shell.random).value();
  CHECK(shell.run({"user", "list"}) == 2);
  CHECK(says(shell.err, "Another process has the data folder"));
}

TEST_CASE("only commands on the data folder come over the console") {
  Shell shell;
  Running server(shell);
  std::string err;
  const ConsoleOutput output{[](auto) {}, [&](auto text) { err += text; }};
  CHECK(ask_console(shell.data(), {"serve"}, {}, output).value() == 2);
  CHECK(ask_console(shell.data(), {"user", "lst"}, {}, output).value() == 2);
  CHECK(says(err, "did you mean list?"));
}

TEST_CASE("mistakes name the nearest command or option and exit with 2") {
  Shell shell;
  for (const auto& [args, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"serv"}, "unknown command serv; did you mean serve?"},
           {{"user", "ad", "alice"}, "unknown command ad; did you mean add?"},
           {{"serve", "--lisen", "127.0.0.1:1"}, "unknown option --lisen; did you mean --listen?"},
           {{"token", "create", "--user", "a", "--readonly"}, "did you mean --read-only?"},
           {{}, "a command is missing"},
           {{"user"}, "a command is missing"},
           {{"user", "add"}, "NAME"},
           {{"token", "create"}, "--user"},
           {{"ledger", "export", "--from", "x"}, "--from"}}) {
    CAPTURE(said);
    CHECK(shell.run(args, false) == 2);
    CAPTURE(shell.err);
    CHECK(says(shell.err, said));
    CHECK(says(shell.err, "--help"));
    CHECK(shell.out.empty());
  }
}

TEST_CASE("every command has help with an example") {
  Shell shell;
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"serve"},
                                             {"user", "add"},
                                             {"user", "list"},
                                             {"user", "disable"},
                                             {"user", "password"},
                                             {"user", "otp"},
                                             {"token", "create"},
                                             {"token", "list"},
                                             {"token", "revoke"},
                                             {"config", "check"},
                                             {"config", "show"},
                                             {"config", "reference"},
                                             {"ledger", "verify"},
                                             {"ledger", "export"},
                                             {"snapshot"},
                                             {"gc"},
                                             {"routes"}}) {
    auto args = command;
    args.push_back("--help");
    CAPTURE(command.back());
    CHECK(shell.run(args, false) == 0);
    CHECK(says(shell.out, "Example: sallyport"));
    CHECK(shell.err.empty());
  }
  CHECK(shell.run({"--help"}, false) == 0);
  CHECK(says(shell.out, "snapshot"));
}

TEST_CASE("version, routes, scan and serve reach their programs") {
  Shell shell;
  CHECK(shell.run({"--version"}, false) == 0);
  CHECK(shell.out == "sallyport " SALLYPORT_VERSION " (data format 1)\n");
  CHECK(shell.run({"routes"}, false) == 0);
  CHECK(shell.out == "| routes |\n");
  CHECK(shell.run({"scan", "x.tgz", "--format", "json"}, false) == 1);
  CHECK(shell.out == "scan x.tgz --format json");
  CHECK(shell.run({"stage", "approve", "R-K7Q2"}, false) == 0);
  CHECK(shell.out == "stage approve R-K7Q2");
  CHECK(shell.run({"serve", "--listen", "127.0.0.1:7"}) == 0);
  CHECK(shell.served.listen == "127.0.0.1:7");
  CHECK(shell.served.data == shell.data());
  CHECK(shell.served.upstreams.at(0).url == "https://registry.example/");
  CHECK(shell.run({"serve", "--upstream", "nonsense"}) == 2);
}

TEST_CASE("config check, show and reference") {
  Shell shell;
  const std::string file = (shell.home / "sallyport.toml").string();
  std::ofstream(file) << "lisen = \"x\"\nlisten = 3\n";
  CHECK(shell.run({"config", "check", "--config", file}, false) == 2);
  CHECK(says(shell.err, "sallyport.toml:1: unknown key \"lisen\"; did you mean \"listen\"?"));
  CHECK(says(shell.err, "sallyport.toml:2"));
  std::ofstream(file) << "listen = \"127.0.0.1:9\"\n";
  CHECK(shell.run({"config", "check", "--config", file}, false) == 0);
  CHECK(shell.run({"config", "show", "--config", file}, false) == 0);
  CHECK(says(shell.out, "listen = \"127.0.0.1:9\""));
  CHECK(says(shell.out, "# npm config"));
  CHECK(shell.run({"config", "reference"}, false) == 0);
  CHECK(says(shell.out, "| `listen` |"));
}

TEST_CASE("an incident: frozen, denied, and who has it, with and without a server") {
  Shell shell;
  CHECK(shell.run({"freeze"}) == 0);
  CHECK(says(shell.out, "Nothing is frozen"));
  CHECK(shell.run({"freeze", "--reason", "a worm"}) == 0);
  CHECK(shell.run({"freeze"}) == 0);
  CHECK(says(shell.out, "a worm"));
  CHECK(shell.run({"freeze", "--at", "yesterday", "--reason", "a worm"}) == 2);
  CHECK(shell.run({"freeze", "--lift"}) == 0);
  CHECK(shell.run({"freeze", "--lift"}) == 2);
  CHECK(shell.run({"deny", "lib@^1"}) == 2);  // without a reason
  CHECK(shell.run({"deny", "lib@^1", "--reason", "stolen"}) == 0);
  {
    const Running server(shell);
    CHECK(shell.run({"deny"}) == 0);
    CHECK(says(shell.out, "lib@^1"));
    CHECK(says(shell.out, "stolen"));
    CHECK(shell.run({"deny", "lib@^1", "--lift"}) == 0);
    server.pulls->note(PackageName::parse("lib").value(), "1.0.0", {"bob", "tok", "10.0.0.7", "npm/11"});
    CHECK(shell.run({"who", "lib@1.0.0"}) == 0);
    CHECK(says(shell.out, "10.0.0.7"));
  }
  CHECK(shell.run({"deny", "lib@^1", "--lift"}) == 2);
  CHECK(shell.run({"who", "lib"}) == 0);
  CHECK(says(shell.out, "bob"));
}

}  // namespace
}  // namespace sallyport
