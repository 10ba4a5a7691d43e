#pragma once
// Who has pulled what: a compact record of tarball downloads, for the day on which a version turns out bad.
//
// Records, in family `pulls` (JSON, "v": 1), one for each hour, user, token and address:
//   <name> NUL <version> NUL <hour, ten digits> NUL <digest of who>
//       {v, user, token, address, client, first, last, count}
// What a client calls itself is its own word: it makes no record of its own, and no room for more of them.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/base/clock.hpp"
#include "storage/base/package_name.hpp"
#include "storage/base/result.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct Puller {
  std::string user, token;      // empty: nobody had to say who they are; `token` is its key, not the token
  std::string address, client;  // printable; of a record the first few clients, "npm/11.1.0, pnpm/12.0.0"
};

struct Pull {
  std::string version;
  Puller who;
  Instant first, last;
  std::uint64_t count = 0;
};

// Any thread.
class Pulls {
 public:
  Pulls(MetaStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Noted in memory and written with the next flush(): what a crash takes with it is the last seconds.
  void note(const PackageName& name, std::string_view version, const Puller& who);
  // Blocks. Not synced.
  Result<void> flush();
  // Blocks. What was last pulled longer ago goes.
  Result<void> drop_before(Instant oldest);

  // Blocks. Written ones, the latest first; of every version where `version` is empty.
  Result<std::vector<Pull>> of(std::string_view name, std::string_view version);

 private:
  MetaStore& store_;
  const Clock& clock_;
  std::mutex flushes_;
  std::mutex mutex_;
  std::unordered_map<std::string, Pull> noted_;  // by name, version, hour and who
  bool full_ = false;
};

}  // namespace sallyport
