// Family `ledger`:
//
//   key    8 bytes: the sequence, big-endian, from 1
//   value  32 bytes: SHA-256 of the rest, then canonical JSON (sorted keys, no white space):
//          {"action":…,"actor":…,"detail":{…},"previous":"<64 hex>","sequence":n,"subject":…,
//           "time":"2026-03-31T04:23:06.123Z","v":1}
//
// `previous` is the hash of the entry before (zeros for the first), so that the hash of the last entry
// vouches for all of them. Family `system` holds the end of the chain, written in the same batch:
//
//   "ledger.head"  {"hash":"<64 hex>","sequence":n}
//
// Without it the last entries could be cut off unseen. Who can rewrite all of the store can still forge a
// whole chain: against that, keep the head that verify() prints somewhere else.

#include "storage/ledger.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "storage/base/fault.hpp"
#include "storage/base/json.hpp"

namespace sallyport {

namespace {

constexpr std::string_view head_key = "ledger.head";
constexpr std::int64_t entry_version = 1;
constexpr std::size_t hash_bytes = 32;
constexpr JsonLimits entry_limits = {.bytes_max = 16u << 20, .depth_max = 64};

std::string key_of(std::uint64_t sequence) {
  std::string key(8, '\0');
  for (std::size_t i = 8; i-- > 0; sequence >>= 8) key[i] = static_cast<char>(sequence & 0xFF);
  return key;
}

Error damaged(std::uint64_t sequence, std::string_view why) {
  return fail(ErrorKind::corrupt,
              "the ledger is damaged at entry " + std::to_string(sequence) +
                  ": run `sallyport ledger verify` and restore the data folder",
              std::string(why));
}

Result<Sha256> sha256_from_hex(std::string_view hex) {
  const auto bytes = from_hex(hex);
  Sha256 digest;
  if (bytes.has_error() || bytes->size() != hash_bytes) return fail(ErrorKind::corrupt, "not a SHA-256");
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

// Fills in the entry's hash and returns the value to store.
std::string encode(LedgerEntry& entry) {
  const std::string text = canonical(json::object{{"v", entry_version},
                                                  {"sequence", entry.sequence},
                                                  {"time", to_iso8601(entry.time)},
                                                  {"actor", entry.event.actor},
                                                  {"action", entry.event.action},
                                                  {"subject", entry.event.subject},
                                                  {"detail", entry.event.detail},
                                                  {"previous", to_hex(entry.previous)}});
  entry.hash = sha256(text);
  return std::string(as_text(entry.hash.bytes)) + text;
}

// The error's detail says what does not fit; the caller knows which entry it is.
Result<LedgerEntry> decode(std::string_view key, std::string_view value) {
  const auto broken = [](std::string_view why) {
    return fail(ErrorKind::corrupt, std::string(why), std::string(why));
  };
  if (value.size() < hash_bytes) return broken("the entry is cut short");
  const std::string_view text = value.substr(hash_bytes);
  LedgerEntry entry;
  entry.hash = sha256(text);
  if (as_text(entry.hash.bytes) != value.substr(0, hash_bytes))
    return broken("the entry does not have its hash");
  const auto parsed = parse_strict(text, entry_limits);
  const auto* object = parsed.has_value() ? parsed->if_object() : nullptr;
  if (object == nullptr) return broken("the entry is no JSON object");
  const auto sequence = int_at(*object, "sequence");
  const auto time = parse_iso8601(string_at(*object, "time").value_or(""));
  const auto actor = string_at(*object, "actor");
  const auto action = string_at(*object, "action");
  const auto subject = string_at(*object, "subject");
  const auto* detail = object_at(*object, "detail");
  const auto previous = sha256_from_hex(string_at(*object, "previous").value_or(""));
  if (int_at(*object, "v") != entry_version || !sequence || time.has_error() || !actor || !action ||
      !subject || detail == nullptr || previous.has_error()) {
    return broken("the entry is not of a form that this version knows");
  }
  entry.sequence = static_cast<std::uint64_t>(*sequence);
  if (key_of(entry.sequence) != key) return broken("the entry stands in another's place");
  entry.time = *time;
  entry.event = {std::string(*actor), std::string(*action), std::string(*subject), *detail};
  entry.previous = *previous;
  return entry;
}

struct Head {
  std::uint64_t sequence = 0;
  Sha256 hash;
};

Result<Head> read_head(MetaStore& store) {
  const auto stored = store.get(Family::system, head_key);
  if (stored.has_error()) return stored.error();
  if (!*stored) return Head{};
  const auto parsed = parse_strict(**stored);
  const auto* object = parsed.has_value() ? parsed->if_object() : nullptr;
  const auto sequence = object != nullptr ? int_at(*object, "sequence") : std::nullopt;
  const auto hash = sha256_from_hex(object != nullptr ? string_at(*object, "hash").value_or("") : "");
  if (!sequence || *sequence < 1 || hash.has_error()) {
    return fail(ErrorKind::corrupt, "the end of the ledger is not recorded", **stored);
  }
  return Head{static_cast<std::uint64_t>(*sequence), *hash};
}

// Keeps what a fact puts until it is known to be whole.
class PendingFact final : public Fact {
 public:
  PendingFact(MetaStore& store, Instant now) : store_(store), now_(now) {}

  Instant now() const override { return now_; }
  Result<std::optional<std::string>> get(Family family, std::string_view key) override {
    if (const auto it = values_.find({family, std::string(key)}); it != values_.end()) return it->second;
    return store_.get(family, key);
  }
  void put(Family family, std::string key, std::string value) override {
    set(family, std::move(key), std::move(value));
  }
  void remove(Family family, std::string key) override { set(family, std::move(key), std::nullopt); }
  void record(LedgerEvent event) override { events.push_back(std::move(event)); }

  MetaBatch batch() {
    MetaBatch batch;
    for (auto& [place, value] : values_) {
      if (value) {
        batch.put(place.first, place.second, std::move(*value));
      } else {
        batch.remove(place.first, place.second);
      }
    }
    return batch;
  }

  std::vector<LedgerEvent> events;

 private:
  void set(Family family, std::string key, std::optional<std::string> value) {
    if (family == Family::ledger || (family == Family::system && key == head_key)) {
      throw std::logic_error("the ledger is written by record() alone");
    }
    values_.insert_or_assign({family, std::move(key)}, std::move(value));
  }

  MetaStore& store_;
  Instant now_;
  std::map<std::pair<Family, std::string>, std::optional<std::string>> values_;
};

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(MetaStore& store, const Clock& clock) {
  std::unique_ptr<Ledger> ledger(new Ledger(store, clock));
  const auto head = read_head(store);
  if (head.has_error() && head.error().kind != ErrorKind::corrupt) return head.error();
  if (head.has_error()) {
    ledger->broken_ = head.error().message;
    return ledger;
  }
  ledger->sequence_ = head->sequence;
  ledger->head_ = head->hash;
  // The end must be where it is said to be; the rest is verify()'s.
  std::uint64_t last = 0;
  bool fits = head->sequence == 0;
  const auto scanned =
      store.scan(Family::ledger, "", "", true, [&](std::string_view key, std::string_view value) {
        const auto entry = decode(key, value);
        last = entry.has_value() ? entry->sequence : 0;
        fits = entry.has_value() && entry->sequence == head->sequence && entry->hash == head->hash;
        return false;
      });
  if (scanned.has_error()) return scanned.error();
  if (!fits || last != head->sequence)
    ledger->broken_ = "its last entry is not the one that was written last";
  return ledger;
}

Result<void> Ledger::commit(const std::function<Result<void>(Fact&)>& fact) {
  const std::lock_guard lock(facts_);
  if (!broken_.empty()) return damaged(sequence_, broken_);
  if (unsure_) {
    const auto head = read_head(store_);
    if (head.has_error()) return head.error();
    sequence_ = head->sequence;
    head_ = head->hash;
    unsure_ = false;
  }
  PendingFact pending(store_, clock_.now());
  if (auto judged = fact(pending); judged.has_error()) return judged;

  MetaBatch batch = pending.batch();
  if (batch.empty() && pending.events.empty()) return {};  // it found nothing to do
  LedgerEntry entry;
  entry.sequence = sequence_;
  entry.hash = head_;
  entry.time = pending.now();
  for (LedgerEvent& event : pending.events) {
    entry.event = std::move(event);
    entry.previous = entry.hash;
    ++entry.sequence;
    std::string value = encode(entry);
    // What could not be read back (broken UTF-8, too large) would look like damage for ever.
    if (const auto read = decode(key_of(entry.sequence), value); read.has_error()) {
      return fail(ErrorKind::internal, "the event cannot be recorded: its text is not valid or too large",
                  read.error().detail);
    }
    batch.put(Family::ledger, key_of(entry.sequence), std::move(value));
  }
  if (!pending.events.empty()) {
    batch.put(Family::system, std::string(head_key),
              canonical(json::object{{"hash", to_hex(entry.hash)}, {"sequence", entry.sequence}}));
  }
  fault_point("ledger.before_write");
  if (auto written = store_.write(batch, Durability::synced); written.has_error()) {
    unsure_ = true;
    return written;
  }
  fault_point("ledger.after_write");
  sequence_ = entry.sequence;
  head_ = entry.hash;
  return {};
}

Result<void> Ledger::read(std::uint64_t from, const std::function<bool(const LedgerEntry&)>& visit) const {
  std::optional<Error> broken;
  std::uint64_t expected = from;
  auto scanned =
      store_.scan(Family::ledger, "", key_of(from), false, [&](std::string_view key, std::string_view value) {
        const auto entry = decode(key, value);
        if (entry.has_error()) {
          broken = damaged(expected, entry.error().detail);
          return false;
        }
        expected = entry->sequence + 1;
        return visit(*entry);
      });
  if (broken) return *broken;
  return scanned;
}

std::uint64_t Ledger::last_sequence() const {
  return sequence_;
}

Result<Ledger::Proof> Ledger::verify() const {
  // Facts go on being written: the chain may grow past the end that is noted here, never fall short of it.
  Head end;
  std::string why_end;
  {
    const std::lock_guard lock(facts_);
    end = {sequence_, head_};
    why_end = broken_;
    const auto stored = read_head(store_);
    if (stored.has_error() && stored.error().kind != ErrorKind::corrupt) return stored.error();
    if (stored.has_error() || stored->sequence != end.sequence || stored->hash != end.hash) {
      why_end = "the end of the ledger is not the one that was recorded last";
    }
  }

  Proof proof;
  auto scanned =
      store_.scan(Family::ledger, "", "", false, [&](std::string_view key, std::string_view value) {
        const auto broken = [&](std::string_view why) {
          proof.broken_at = proof.entries + 1;
          proof.why = why;
          return false;
        };
        const auto entry = decode(key, value);
        if (entry.has_error()) return broken(entry.error().detail);
        if (entry->sequence != proof.entries + 1) return broken("an entry is missing before the next one");
        if (entry->previous != proof.head) return broken("the entry does not follow from the one before");
        proof.entries = entry->sequence;
        proof.head = entry->hash;
        if (entry->sequence != end.sequence || entry->hash == end.hash) return true;
        --proof.entries;
        proof.head = entry->previous;
        return broken("the entry is not the one that was recorded last");
      });
  if (scanned.has_error()) return scanned.error();
  if (proof.broken_at) return proof;

  std::uint64_t recorded = 0;
  {
    const std::lock_guard lock(facts_);  // a fact that is being written is there or is not
    recorded = sequence_;
  }
  if (proof.entries < end.sequence) {
    proof.broken_at = proof.entries + 1;
    proof.why = "the entries from here to " + std::to_string(end.sequence) + " are missing";
  } else if (proof.entries > recorded && (recorded > 0 || why_end.empty())) {
    proof.broken_at = recorded + 1;
    proof.why = "the ledger goes on after its recorded end";
  } else if (!why_end.empty()) {
    proof.broken_at = std::max<std::uint64_t>(proof.entries, 1);
    proof.why = why_end;
  }
  return proof;
}

}  // namespace sallyport
