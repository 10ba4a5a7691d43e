#include "proxy/cli/commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "gate/catalog.hpp"
#include "gate/name_origins.hpp"
#include "proxy/cli/gc.hpp"
#include "proxy/cli/import_verdaccio.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/data_folder.hpp"
#include "storage/base/json.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

// What the ledger names as the actor: whoever can write to the data folder.
const std::string actor = "console";

class CommandRun {
 public:
  CommandRun(const ConsoleContext& context, const Options& options, const ConsoleInput& input,
             const ConsoleOutput& output)
      : c_(context), o_(options), in_(input), output_(output) {}

  int run() {
    switch (o_.command) {
      case Command::user_add:
        return user_add();
      case Command::user_list:
        return user_list();
      case Command::user_disable:
        return done(c_.identity.disable_user(actor, o_.user),
                    "Disabled " + o_.user + " and revoked its tokens.");
      case Command::user_password:
        return done(c_.identity.set_password(actor, o_.user, in_.password),
                    "Changed the password of " + o_.user + ".");
      case Command::user_otp:
        return user_otp();
      case Command::token_create:
        return token_create();
      case Command::token_list:
        return token_list();
      case Command::token_revoke:
        return done(c_.identity.revoke_token(actor, "", o_.key), "Revoked " + o_.key + ".");
      case Command::ledger_verify:
        return ledger_verify();
      case Command::ledger_export:
        return ledger_export();
      case Command::snapshot:
        return snapshot();
      case Command::freeze:
        return freeze();
      case Command::deny:
        return deny();
      case Command::origin:
        return origin();
      case Command::who:
        return who();
      case Command::gc:
        return collect_garbage(c_, o_.dry_run, in_.watched, output_);
      case Command::import_verdaccio:
        return import_verdaccio(c_, from_verdaccio(), in_.watched, output_);
      default:
        break;
    }
    return refused(fail(ErrorKind::invalid, "This command does not work on a data folder."));
  }

 private:
  int refused(const Error& error) const {
    output_.err(complaint(error));
    return 2;
  }
  int done(const Result<void>& result, const std::string& sentence) const {
    if (!result) return refused(result.error());
    output_.err(sentence + "\n");
    return 0;
  }

  VerdaccioFolder from_verdaccio() const {
    const fs::path here(in_.folder);
    return {(here / o_.folder).string(), o_.htpasswd ? (here / *o_.htpasswd).string() : "", o_.groups};
  }

  // Columns as wide as their widest cell; the first row is the heading.
  void table(const std::vector<std::vector<std::string>>& rows) const {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    for (const auto& row : rows) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i)
        line += i + 1 == row.size() ? row[i] : row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
      output_.out(line + "\n");
    }
  }

  static std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) out += (out.empty() ? "" : ",") + text;
    return out.empty() ? "-" : out;
  }

  int user_add() const {
    NewUser user;
    user.name = o_.user;
    user.email = o_.email;
    user.password = in_.password;
    user.groups = o_.groups;
    user.admin = o_.admin;
    user.service = o_.service;
    return done(c_.identity.add_user(actor, user), "Added " + o_.user + ".");
  }

  int user_list() const {
    const auto users = c_.identity.users();
    if (!users) return refused(users.error());
    std::vector<std::vector<std::string>> rows = {{"NAME", "GROUPS", "KIND", "SECOND FACTOR", "CREATED"}};
    for (const auto& user : *users)
      rows.push_back({user.name, joined(user.groups),
                      std::string(user.disabled  ? "disabled"
                                  : user.service ? "service"
                                  : user.admin   ? "administrator"
                                                 : "user"),
                      user.otp_enrolled ? "yes" : "no", to_iso8601(user.created)});
    table(rows);
    return 0;
  }

  int user_otp() const {
    if (o_.disable)
      return done(c_.identity.disable_otp(actor, o_.user), "Removed the second factor of " + o_.user + ".");
    const auto enrolled = c_.identity.enrol_otp(actor, o_.user);
    if (!enrolled) return refused(enrolled.error());
    output_.out(enrolled->url + "\n");
    std::string codes = "Recovery codes, each good for one use in place of a one-time password:\n";
    for (const auto& code : enrolled->recovery_codes) codes += code + "\n";
    output_.err(codes);
    return 0;
  }

  int token_create() const {
    NewToken token;
    token.user = o_.user;
    token.name = o_.token_name;
    token.read_only = o_.read_only;
    token.cidr = o_.cidr;
    if (!o_.expires.empty()) {
      const auto after = parse_duration(o_.expires);
      const auto at = parse_iso8601(o_.expires);
      if (!after && !at)
        return refused(fail(ErrorKind::invalid,
                            "--expires is neither a duration (\"90 days\") nor a time "
                            "(2026-12-31T00:00:00.000Z)."));
      token.expires = after ? c_.clock.now() + *after : *at;
    }
    const auto issued = c_.identity.create_token(actor, token);
    if (!issued) return refused(issued.error());
    output_.out(issued->token + "\n");
    return 0;
  }

  int token_list() const {
    const auto tokens = c_.identity.tokens(o_.user);
    if (!tokens) return refused(tokens.error());
    std::vector<std::vector<std::string>> rows = {
        {"KEY", "USER", "NAME", "WRITES", "FROM", "CREATED", "EXPIRES"}};
    for (const auto& token : *tokens)
      rows.push_back({token.key, token.user, token.name.empty() ? "-" : token.name,
                      token.read_only ? "no" : "yes", token.cidr.empty() ? "anywhere" : joined(token.cidr),
                      to_iso8601(token.created), token.expires ? to_iso8601(*token.expires) : "never"});
    table(rows);
    return 0;
  }

  int ledger_verify() const {
    const auto proof = c_.ledger.verify();
    if (!proof) return refused(proof.error());
    if (proof->broken_at) {
      output_.err("sallyport: the ledger is broken at entry " + std::to_string(*proof->broken_at) + ": " +
                  proof->why + "\n");
      return 1;
    }
    output_.out("The ledger is whole: " + thousands(proof->entries) + " entries, the last one " +
                to_hex(proof->head) + ".\n");
    return 0;
  }

  int ledger_export() const {
    const auto walked = c_.ledger.read(o_.from, [&](const LedgerEntry& entry) {
      const json::object line{{"sequence", entry.sequence},         {"time", to_iso8601(entry.time)},
                              {"actor", entry.event.actor},         {"action", entry.event.action},
                              {"subject", entry.event.subject},     {"detail", entry.event.detail},
                              {"previous", to_hex(entry.previous)}, {"hash", to_hex(entry.hash)}};
      output_.out(json::serialize(line) + "\n");
      return true;
    });
    return walked ? 0 : refused(walked.error());
  }

  int freeze() const {
    if (o_.lift) return done(c_.restrictions.unfreeze(actor), "Installs see everything again.");
    if (o_.reason.empty() && o_.at.empty()) {
      const auto frozen = c_.restrictions.frozen();
      output_.out(frozen ? "Frozen at " + to_iso8601(frozen->at) + " by " + frozen->by + ": " +
                               frozen->reason + "\n"
                         : std::string("Nothing is frozen; freeze with --reason TEXT.\n"));
      return 0;
    }
    const auto at = o_.at.empty() ? Result<Instant>(c_.clock.now()) : parse_iso8601(o_.at);
    if (!at)
      return refused(fail(ErrorKind::invalid, "--at is no time: write it like 2026-03-31T00:00:00.000Z."));
    return done(c_.restrictions.freeze(actor, *at, o_.reason),
                "Installs see nothing of upstreams that is younger than " + to_iso8601(*at) + ".");
  }

  int deny() const {
    if (o_.entry.empty()) {
      std::vector<std::vector<std::string>> rows = {{"DENIED", "SINCE", "BY", "REASON"}};
      for (const Denial& denial : c_.restrictions.denied())
        rows.push_back({denial.entry, to_iso8601(denial.since), denial.by, denial.reason});
      table(rows);
      return 0;
    }
    if (o_.lift) return done(c_.restrictions.allow(actor, o_.entry), "Allowed " + o_.entry + " again.");
    return done(c_.restrictions.deny(actor, o_.entry, o_.reason),
                "Nobody installs " + o_.entry + " any more.");
  }

  int origin() const {
    const auto name = PackageName::parse(o_.entry);
    if (!name) return refused(name.error());
    const auto own = Catalog(c_.meta).has_package(*name);
    if (!own) return refused(own.error());
    if (o_.move_to.empty()) {
      const auto owner = NameOrigins(c_.meta).of(*name);
      if (!owner) return refused(owner.error());
      output_.out(*own     ? name->full() + " is a package of this registry: local\n"
                  : *owner ? name->full() + " belongs to " + (*owner)->origin + " since " +
                                 to_iso8601((*owner)->since) + "\n"
                           : name->full() + " belongs to nobody yet.\n");
      return 0;
    }
    std::string known;
    for (const std::string& one : c_.origins) known += (known.empty() ? "" : ", ") + one;
    if (std::ranges::find(c_.origins, o_.move_to) == c_.origins.end())
      return refused(fail(ErrorKind::invalid, "There is no upstream \"" + printable(o_.move_to) +
                                                  "\" in the configuration: --move takes one of " + known +
                                                  "."));
    if (*own)
      return refused(
          fail(ErrorKind::conflict, name->full() + " is published here, and stays this registry's."));
    const auto moved =
        c_.ledger.commit([&](Fact& fact) { return NameOrigins::move(fact, *name, o_.move_to, actor); });
    return done(moved, name->full() + " belongs to " + o_.move_to + " from now on.");
  }

  int who() const {
    const std::size_t at = o_.entry.find('@', 1);
    const std::string version = at == std::string::npos ? "" : o_.entry.substr(at + 1);
    if (auto written = c_.pulls.flush(); !written) return refused(written.error());
    const auto pulls = c_.pulls.of(o_.entry.substr(0, at), version);
    if (!pulls) return refused(pulls.error());
    std::vector<std::vector<std::string>> rows = {
        {"VERSION", "USER", "TOKEN", "ADDRESS", "CLIENT", "FIRST", "LAST", "TIMES"}};
    const auto shown = [](const std::string& text) { return text.empty() ? "-" : text; };
    for (const Pull& pull : *pulls)
      rows.push_back({pull.version, shown(pull.who.user), shown(pull.who.token), shown(pull.who.address),
                      shown(pull.who.client), to_iso8601(pull.first), to_iso8601(pull.last),
                      std::to_string(pull.count)});
    table(rows);
    return 0;
  }

  // Metadata first: every blob it names is there then, and blobs are removed only long after their records.
  int snapshot() const {
    const fs::path to = fs::path(in_.folder) / o_.folder;
    std::error_code error;
    if (!fs::create_directory(to, error))
      return refused(fail(ErrorKind::conflict,
                          "The folder " + to.string() +
                              " exists already or cannot be made: name a new one in a folder "
                              "that the server can write to.",
                          error ? error.message() : ""));
    fs::permissions(to, fs::perms::owner_all, error);
    if (const auto copied = c_.meta.checkpoint(meta_folder(to.string())); !copied)
      return refused(copied.error());
    std::uint64_t blobs = 0;
    if (const auto copied = copy_blobs(to, blobs); !copied) return refused(copied.error());
    if (const int fd = ::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
      ::syncfs(fd);
      ::close(fd);
    }
    output_.err("Copied the metadata and " + thousands(blobs) + " blobs to " + to.string() +
                "; `sallyport serve --data " + to.string() + "` would start from it.\n");
    return 0;
  }

  // Blobs never change, so a link is a copy; across file systems the bytes are copied.
  Result<void> copy_blobs(const fs::path& to, std::uint64_t& count) const {
    const fs::path from = blobs_folder(c_.data), into = blobs_folder(to.string());
    Result<void> sound;
    const auto walked = c_.blobs.walk([&](const BlobInfo& info) {
      const std::string hex = to_hex(info.digest);
      const fs::path part = fs::path("sha512") / hex.substr(0, 2);
      std::error_code error;
      fs::create_directories(into / part, error);
      fs::create_hard_link(from / part / hex, into / part / hex, error);
      if (error) {
        error.clear();
        fs::copy_file(from / part / hex, into / part / hex, error);
      }
      if (error)
        sound = fail(ErrorKind::unavailable, "A blob could not be copied to " + into.string() + ".",
                     error.message());
      ++count;
      return !error;
    });
    if (!walked) return walked;
    return sound;
  }

  const ConsoleContext& c_;
  const Options& o_;
  const ConsoleInput& in_;
  const ConsoleOutput& output_;
};

}  // namespace

int run_command(const ConsoleContext& context, const Options& options, const ConsoleInput& input,
                const ConsoleOutput& output) {
  return CommandRun(context, options, input, output).run();
}

int run_command(const ConsoleContext& context, const std::vector<std::string>& args,
                const ConsoleInput& input, const ConsoleOutput& output) {
  const CommandLine line = parse_command_line(args, "");
  if (!line.exit) return run_command(context, line.options, input, output);
  output.out(line.out);
  output.err(line.err);
  return *line.exit;
}

}  // namespace sallyport
