#pragma once
// The commands on the data folder. The same functions run in the process the user starts and in the server.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/pulls.hpp"
#include "gate/restrictions.hpp"
#include "policies/inspection.hpp"
#include "proxy/cli/command_line.hpp"
#include "proxy/identity/identity.hpp"
#include "storage/base/clock.hpp"
#include "storage/blob_store.hpp"
#include "storage/ledger.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct ConsoleContext {
  Identity& identity;
  Ledger& ledger;
  MetaStore& meta;
  BlobStore& blobs;   // own tarballs
  BlobStore& cached;  // those of upstreams
  Restrictions& restrictions;
  Pulls& pulls;
  const Clock& clock;
  std::string data;  // the folder
  Millis turned_down_kept_for;
  std::function<Result<std::shared_ptr<const InspectionRules>>()> rules = {};  // may take seconds
  std::function<void(const PackageName&)> released = [](const PackageName&) {};
  std::vector<std::string> origins = {};  // of names: the upstreams that are configured, and "local"
};

// Where text goes, as it is made.
struct ConsoleOutput {
  std::function<void(std::string_view)> out, err;
  // Whether nobody waits for the end any more: long work stops where it can.
  std::function<bool()> ended = [] { return false; };
};

// What came from the user besides the arguments.
struct ConsoleInput {
  std::string password;  // where the command sets one; may be empty for a service identity
  std::string folder;    // the working folder of who asked
  bool watched = false;  // a person watches `err`: long work shows how far it is
};

// The exit code: 0 done, 1 done and bad (a broken ledger), 2 refused. Blocking; any thread.
int run_command(const ConsoleContext& context, const Options& options, const ConsoleInput& input,
                const ConsoleOutput& output);

// The same from arguments, as they come over the console.
int run_command(const ConsoleContext& context, const std::vector<std::string>& args,
                const ConsoleInput& input, const ConsoleOutput& output);

}  // namespace sallyport
