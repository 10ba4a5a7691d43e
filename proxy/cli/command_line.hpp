#pragma once
// The command line as a value. Parsed by the process the user starts and, for commands on the data folder,
// once more by the server that runs them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sallyport {

enum class Command : std::uint8_t {
  none,
  serve,
  user_add,
  user_list,
  user_disable,
  user_password,
  user_otp,
  token_create,
  token_list,
  token_revoke,
  config_check,
  config_show,
  config_reference,
  policy_check,
  policy_explain,
  policy_diff,
  policy_replay,
  policy_reference,
  ledger_verify,
  ledger_export,
  snapshot,
  freeze,
  deny,
  origin,
  who,
  gc,
  import_verdaccio,
  routes,
};
bool works_on_data(Command command);
bool judges_policy(Command command);
bool sets_password(Command command);

struct Options {
  Command command = Command::none;
  std::optional<std::string> config, data, listen, upstream;
  std::string user;  // a user's name
  std::string email;
  std::vector<std::string> groups;
  bool admin = false, service = false;
  std::optional<std::string> password_file;  // "-": standard input
  bool disable = false;                      // user otp
  std::string token_name, expires, key;
  bool read_only = false;
  std::vector<std::string> cidr;
  std::uint64_t from = 1;                       // ledger export
  std::string folder;                           // snapshot
  std::string entry, reason, at;                // freeze, deny, origin, who
  bool lift = false;                            // freeze, deny
  bool dry_run = false;                         // gc
  std::optional<std::string> htpasswd;          // import
  std::string move_to;                          // origin
  std::string policy, policy_before, rule;      // policy
  std::string since, package, format = "text";  // policy replay
};

struct CommandLine {
  Options options;
  // Set where there is nothing to run: --help, --version (0), or a mistake (2).
  std::optional<int> exit;
  std::string out, err;
};

// Without the program's name. `version` is what --version prints.
CommandLine parse_command_line(const std::vector<std::string>& args, const std::string& version);

}  // namespace sallyport
