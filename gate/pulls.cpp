#include "gate/pulls.hpp"

#include <algorithm>

#include "storage/base/digest.hpp"
#include "storage/base/log.hpp"
#include "storage/base/record.hpp"

namespace sallyport {
namespace {

constexpr std::size_t noted_max = 100'000;  // between two flushes
constexpr std::size_t batch_max = 10'000;
constexpr std::size_t clients_bytes_max = 120;
constexpr std::string_view more_clients = ", …";

// What stands before the puller in a record's key.
std::string place_of(std::string_view name, std::string_view version, Instant now) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(now.time_since_epoch()).count();
  std::string hour = std::to_string(hours);
  hour.insert(0, 10 - std::min<std::size_t>(hour.size(), 10), '0');
  const std::string nul(1, '\0');
  return std::string(name) + nul + std::string(version) + nul + hour + nul;
}
std::string text_of(const Puller& who) {
  const std::string nul(1, '\0');
  return who.user + nul + who.token + nul + who.address;
}

// Each client once, and that there were more where there is no room.
void add_clients(std::string& all, std::string_view more) {
  while (!more.empty()) {
    const std::size_t end = std::min(more.find(", "), more.size());
    const std::string_view one = more.substr(0, end);
    more.remove_prefix(std::min(end + 2, more.size()));
    if (one.empty() || (", " + all + ", ").find(", " + std::string(one) + ", ") != std::string::npos)
      continue;
    if (all.size() + one.size() > clients_bytes_max) {
      if (!all.ends_with(more_clients)) all += more_clients;
      return;
    }
    if (!all.empty()) all += ", ";
    all += one;
  }
}

std::string written(const Pull& pull) {
  return json::serialize(json::object{{"v", 1},
                                      {"user", pull.who.user},
                                      {"token", pull.who.token},
                                      {"address", pull.who.address},
                                      {"client", pull.who.client},
                                      {"first", to_iso8601(pull.first)},
                                      {"last", to_iso8601(pull.last)},
                                      {"count", pull.count}});
}

Result<Pull> read_pull(std::string_view key, std::string_view text) {
  auto record = read_record(text, 1, "a download");
  if (!record) return record.error();
  RecordReader reader(*record);
  Pull pull;
  const std::size_t from = key.find('\0') + 1;
  pull.version = key.substr(from, key.find('\0', from) - from);
  pull.who = {reader.text("user"), reader.text("token"), reader.text("address"), reader.text("client")};
  pull.first = reader.instant("first");
  pull.last = reader.instant("last");
  pull.count = reader.number("count");
  if (!reader.sound()) return damaged_record("a download");
  return pull;
}

}  // namespace

void Pulls::note(const PackageName& name, std::string_view version, const Puller& who) {
  const Instant now = clock_.now();
  std::string key = place_of(name.full(), version, now) + text_of(who);
  std::lock_guard lock(mutex_);
  if (noted_.size() >= noted_max && !noted_.contains(key)) {
    if (!std::exchange(full_, true)) log::error("pulls.lost", {{"reason", "more than can be written"}});
    return;
  }
  auto [it, fresh] = noted_.try_emplace(std::move(key), Pull{std::string(version), who, now, now, 0});
  if (!fresh && it->second.who.client != who.client) add_clients(it->second.who.client, who.client);
  it->second.last = now;
  ++it->second.count;
}

Result<void> Pulls::flush() {
  std::lock_guard one_at_a_time(flushes_);
  std::unordered_map<std::string, Pull> noted;
  {
    std::lock_guard lock(mutex_);
    noted.swap(noted_);
    full_ = false;
  }
  MetaBatch batch;
  for (auto& [noted_key, pull] : noted) {
    const std::string who = text_of(pull.who);
    const std::string key =
        noted_key.substr(0, noted_key.size() - who.size()) + to_hex(sha256(who)).substr(0, 16);
    auto there = store_.get(Family::pulls, key);
    if (!there) return there.error();
    if (*there) {
      // One that cannot be read says less than this one.
      if (auto before = read_pull(key, **there)) {
        pull.first = std::min(pull.first, before->first);
        pull.count += before->count;
        add_clients(before->who.client, pull.who.client);
        pull.who.client = std::move(before->who.client);
      }
    }
    batch.put(Family::pulls, key, written(pull));
  }
  if (batch.empty()) return {};
  return store_.write(batch, Durability::relaxed);
}

Result<void> Pulls::drop_before(Instant oldest) {
  std::lock_guard one_at_a_time(flushes_);
  std::string from;
  for (;;) {
    MetaBatch batch;
    std::string next;
    auto visit = [&](std::string_view key, std::string_view value) {
      const auto pull = read_pull(key, value);
      if (!pull || pull->last < oldest) batch.remove(Family::pulls, std::string(key));
      if (batch.entries().size() < batch_max) return true;
      next = key;
      return false;
    };
    if (auto walked = store_.scan(Family::pulls, {}, from, false, visit); !walked) return walked;
    if (!batch.empty())
      if (auto done = store_.write(batch, Durability::relaxed); !done) return done;
    if (next.empty()) return {};
    from = std::move(next);
  }
}

Result<std::vector<Pull>> Pulls::of(std::string_view name, std::string_view version) {
  std::string prefix = std::string(name) + '\0';
  if (!version.empty()) prefix += std::string(version) + '\0';
  std::vector<Pull> all;
  Result<void> sound;
  auto visit = [&](std::string_view key, std::string_view value) {
    auto pull = read_pull(key, value);
    if (!pull) {
      sound = pull.error();
      return false;
    }
    all.push_back(std::move(*pull));
    return true;
  };
  if (auto walked = store_.scan(Family::pulls, prefix, {}, false, visit); !walked) return walked.error();
  if (!sound) return sound.error();
  std::sort(all.begin(), all.end(), [](const Pull& a, const Pull& b) { return a.last > b.last; });
  return all;
}

}  // namespace sallyport
