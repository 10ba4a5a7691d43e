#pragma once
// The tamper-evident record of everything that was done, and the one way to write a fact.
//
// Each entry holds the SHA-256 of the entry before it; the entry is written in the same synced batch as the
// fact it records, so neither exists without the other.

#include <atomic>
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.hpp"
#include "storage/base/digest.hpp"
#include "storage/base/result.hpp"
#include "storage/meta_store.hpp"

namespace sallyport {

struct LedgerEvent {
  std::string actor;    // who: "alice", "system", "upstream:main"
  std::string action;   // what: "stage.held", "stage.approved", "user.created", ...
  std::string subject;  // of what: "@acme/lib@1.0.0", a user, a token's key
  boost::json::object detail;
};

struct LedgerEntry {
  std::uint64_t sequence = 0;  // from 1, without gaps
  Instant time;
  LedgerEvent event;
  Sha256 previous;  // of the entry before; zeros for the first
  Sha256 hash;      // of this one
};

// What one fact reads and writes; exists only inside Ledger::commit.
class Fact {
 public:
  virtual ~Fact() = default;
  virtual Instant now() const = 0;  // the time the entries will carry
  // Reads see what this fact has put already.
  virtual Result<std::optional<std::string>> get(Family family, std::string_view key) = 0;
  virtual void put(Family family, std::string key, std::string value) = 0;
  virtual void remove(Family family, std::string key) = 0;
  virtual void record(LedgerEvent event) = 0;
};

class Ledger {
 public:
  // Reads the last entry; where it is not the one that was written last, verify() says so and commit()
  // refuses (corrupt). The store and the clock must outlive the ledger.
  static Result<std::unique_ptr<Ledger>> open(MetaStore& store, const Clock& clock);

  // Runs `fact` while no other fact runs, then writes what it put and recorded as one synced batch. An error
  // from `fact`, or from the disk, leaves nothing, and so does an exception. Blocks (an fsync); any thread,
  // but not from inside a fact. The families of the ledger itself cannot be put to (std::logic_error).
  Result<void> commit(const std::function<Result<void>(Fact&)>& fact);

  Result<void> read(std::uint64_t from, const std::function<bool(const LedgerEntry&)>& visit) const;
  std::uint64_t last_sequence() const;

  struct Proof {
    std::uint64_t entries = 0;
    Sha256 head;
    std::optional<std::uint64_t> broken_at;  // the first entry that does not follow from the one before
    std::string why;
  };
  // Walks the whole chain from the first entry.
  Result<Proof> verify() const;

 private:
  Ledger(MetaStore& store, const Clock& clock) : store_(store), clock_(clock) {}
  MetaStore& store_;
  const Clock& clock_;
  mutable std::mutex facts_;
  std::atomic<std::uint64_t> sequence_ = 0;
  Sha256 head_;
  std::string broken_;   // why nothing may be added to this chain
  bool unsure_ = false;  // the last write failed: what it wrote may be there or not
};

}  // namespace sallyport
