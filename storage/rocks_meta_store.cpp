// One RocksDB database; each family of meta_store.hpp is a column family of the same name, beside RocksDB's
// own `default`, which stays empty. Here only `system` has a layout; the others belong to the files that
// meta_store.hpp names.
//
//   system    "format"        decimal number of the format of everything in the database, written once
//                             every family exists
//             "ledger.head"   storage/ledger.cpp
//
// A batch over several families is atomic because they share one log, which is therefore never disabled.

#include "storage/rocks_meta_store.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <mutex>

#include "storage/base/log.hpp"
#include "storage/disk.hpp"

namespace sallyport {

namespace {

constexpr std::uint64_t format = meta_store_format;
constexpr std::string_view format_key = "format";

// Bounds of memory: most families hold little, and only what is written to takes any.
constexpr std::size_t write_buffer_bytes = 2u << 20;        // one family's
constexpr std::size_t write_buffers_bytes_max = 16u << 20;  // all of them
constexpr std::size_t block_cache_bytes = 8u << 20;
constexpr std::uint64_t log_bytes_max = 32u << 20;  // what is replayed at start

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& s) {
  return {s.data(), s.size()};
}
bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Error store_error(const rocksdb::Status& status, std::string_view doing) {
  const std::string text = status.ToString();
  const std::string detail = std::string(doing) + ": " + text;
  if (status.IsCorruption()) {
    return fail(ErrorKind::corrupt, "the stored metadata is damaged: restore the data folder from a snapshot",
                detail);
  }
  int system_error = 0;
  if (status.IsNoSpace() || contains(text, "No space left")) system_error = ENOSPC;
  if (contains(text, "File too large") || contains(text, "Disk quota exceeded")) system_error = ENOSPC;
  if (contains(text, "Read-only file system")) system_error = EROFS;
  if (contains(text, "Permission denied")) system_error = EACCES;
  if (contains(text, "Too many open files")) system_error = EMFILE;
  return fail(ErrorKind::unavailable, disk_error(system_error, "", "").message, detail);
}

// RocksDB's own words go to our log. Its LOG file would be one more thing that a full disk breaks: this
// build aborts when a line is written to it after one has failed.
class LogAdapter final : public rocksdb::Logger {
 public:
  LogAdapter() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format_text, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format_text, arguments);
  }
  __attribute__((format(printf, 3, 0))) void Logv(const rocksdb::InfoLogLevel level, const char* format_text,
                                                  va_list arguments) override {
    if (level < GetInfoLogLevel() || level >= rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, 2048> text{};
    std::vsnprintf(text.data(), text.size(), format_text, arguments);
    const auto ours = level == rocksdb::InfoLogLevel::WARN_LEVEL ? log::Level::info : log::Level::warn;
    log::write(ours, "rocksdb", {{"text", text.data()}});
  }
};

std::shared_ptr<rocksdb::Logger> info_log() {
  static const auto adapter = std::make_shared<LogAdapter>();
  return adapter;
}

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = false;  // the format is looked at before anything is added
  options.paranoid_checks = true;
  options.info_log = info_log();
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;  // the default depends on our NDEBUG
  options.max_bgerror_resume_count = 0;                        // see RocksMetaStore::renew
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  options.max_file_opening_threads = 1;         // 16 threads made and ended for each family, else
  options.skip_stats_update_on_db_open = true;  // would open files to learn what compaction learns anyway
  options.db_write_buffer_size = write_buffers_bytes_max;
  options.max_total_wal_size = log_bytes_max;
  // A relaxed write may be torn by a power cut; what was synced before it is whole. Any stricter mode would
  // refuse to open after that.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.recycle_log_file_num = 0;                   // a volume's snapshot would tear recycled logs
  options.track_and_verify_wals_in_manifest = false;  // 7.8 misses logs that are there
  options.wal_compression = rocksdb::CompressionType::kNoCompression;  // 7.8 cannot always recover them
  options.manual_wal_flush = false;
  options.allow_2pc = false;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(bool large_values, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;  // inside the cache's bound instead of beside it
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compaction_style = rocksdb::CompactionStyle::kCompactionStyleLevel;
  options.compression = large_values ? rocksdb::kZSTD : rocksdb::kLZ4Compression;
  options.write_buffer_size = write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.arena_block_size = 64u << 10;
  options.target_file_size_base = 8u << 20;
  options.max_bytes_for_level_base = 32u << 20;
  options.force_consistency_checks = true;
  options.paranoid_file_checks = true;
  options.enable_blob_files = false;  // large bytes live in the blob store
  return options;
}

// One open database with its families; closed when the last user lets go.
class Database {
 public:
  static Result<std::shared_ptr<Database>> open(const std::string& folder) {
    if (auto created = create_folder(folder); created.has_error()) return created.error();
    auto database = std::make_shared<Database>();
    std::vector<std::string> names;
    // A folder without a database lists nothing; every other trouble will be told again by Open.
    rocksdb::DB::ListColumnFamilies(database_options(), folder, &names).PermitUncheckedError();
    if (names.empty()) names.push_back(rocksdb::kDefaultColumnFamilyName);
    for (const std::string& name : names) {
      if (name == rocksdb::kDefaultColumnFamilyName || known(name)) continue;
      return fail(ErrorKind::conflict,
                  "the data folder holds \"" + name +
                      "\", which this version does not know: use the newer Sallyport that wrote it",
                  folder);
    }
    if (auto opened = database->open_families(folder, names); opened.has_error()) return opened.error();
    if (auto judged = database->judge_format(folder); judged.has_error()) return judged.error();
    return database;
  }

  Database() = default;
  ~Database() {
    if (!db_) return;
    // Written out now, so that the next start has no log to replay; where it fails, it has.
    if (flush_at_close_) {
      std::vector<rocksdb::ColumnFamilyHandle*> open;
      std::copy_if(handles_.begin(), handles_.end(), std::back_inserter(open),
                   [](auto* f) { return f != nullptr; });
      db_->Flush(rocksdb::FlushOptions(), open).PermitUncheckedError();
    }
    for (auto* family : handles_) {
      if (family != nullptr) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    }
    if (default_ != nullptr) db_->DestroyColumnFamilyHandle(default_).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() const { return *db_; }
  void leave_log() { flush_at_close_ = false; }  // it failed a write: its log is not to be touched again
  rocksdb::ColumnFamilyHandle* family(Family family) const {
    return handles_.at(static_cast<std::size_t>(family));
  }

 private:
  static bool known(std::string_view name) {
    for (std::size_t i = 0; i < family_count; ++i) {
      if (family_name(static_cast<Family>(i)) == name) return true;
    }
    return false;
  }

  static rocksdb::ColumnFamilyOptions options_of(std::string_view name,
                                                 const std::shared_ptr<rocksdb::Cache>& cache) {
    return family_options(name == "upstream" || name == "packages" || name == "versions" || name == "facts",
                          cache);
  }

  Result<void> open_families(const std::string& folder, const std::vector<std::string>& names) {
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    descriptors.reserve(names.size());
    for (const std::string& name : names) descriptors.emplace_back(name, options_of(name, cache_));
    std::vector<rocksdb::ColumnFamilyHandle*> opened;
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(database_options(), folder, descriptors, &opened, &db);
    if (!status.ok()) {
      const std::string text = status.ToString();
      if (contains(text, "lock hold by current process") ||
          (contains(text, "While lock file") && contains(text, "temporarily unavailable"))) {
        return fail(ErrorKind::busy,
                    "the data folder is in use by another Sallyport: stop it first, or name another folder",
                    text);
      }
      return store_error(status, "open " + folder);
    }
    db_.reset(db);
    for (std::size_t i = 0; i < names.size(); ++i) keep(names[i], opened[i]);
    return {};
  }

  void keep(std::string_view name, rocksdb::ColumnFamilyHandle* handle) {
    if (name == rocksdb::kDefaultColumnFamilyName) default_ = handle;
    for (std::size_t i = 0; i < family_count; ++i) {
      if (family_name(static_cast<Family>(i)) == name) handles_[i] = handle;
    }
  }

  // The format decides whether the data may be touched at all; only then are missing families added.
  Result<void> judge_format(const std::string& folder) {
    std::string stored;
    rocksdb::Status status = rocksdb::Status::NotFound();
    if (family(Family::system) != nullptr) {
      status = db_->Get(rocksdb::ReadOptions(), family(Family::system), slice(format_key), &stored);
    }
    if (!status.ok() && !status.IsNotFound()) return store_error(status, "read format");
    const bool has_format = status.ok();
    if (has_format) {
      std::uint64_t number = 0;
      const auto [end, ec] = std::from_chars(stored.data(), stored.data() + stored.size(), number);
      if (ec != std::errc{} || end != stored.data() + stored.size() || number == 0) {
        return fail(ErrorKind::corrupt, "the format number of the data folder cannot be read", folder);
      }
      if (number > format) {
        return fail(ErrorKind::conflict,
                    "the data folder has format " + std::to_string(number) +
                        " and this version knows up to " + std::to_string(format) +
                        ": use the newer Sallyport that wrote it",
                    folder);
      }
    } else if (!all_empty()) {
      return fail(ErrorKind::conflict,
                  "the data folder holds a database that is not Sallyport's: name another folder", folder);
    }
    if (auto added = add_missing_families(); added.has_error()) return added;
    if (has_format) return {};
    rocksdb::WriteOptions options;
    options.sync = true;
    status = db_->Put(options, family(Family::system), slice(format_key), std::to_string(format));
    if (!status.ok()) return store_error(status, "write format");
    return {};
  }

  // All in one call, which syncs the list of options once.
  Result<void> add_missing_families() {
    std::vector<std::string> names;
    std::vector<rocksdb::ColumnFamilyDescriptor> missing;
    for (std::size_t i = 0; i < family_count; ++i) {
      if (handles_[i] != nullptr) continue;
      names.emplace_back(family_name(static_cast<Family>(i)));
      missing.emplace_back(names.back(), options_of(names.back(), cache_));
    }
    if (missing.empty()) return {};
    std::vector<rocksdb::ColumnFamilyHandle*> added;
    const auto status = db_->CreateColumnFamilies(missing, &added);
    for (std::size_t i = 0; i < added.size(); ++i) keep(names[i], added[i]);
    if (!status.ok()) return store_error(status, "create families");
    return {};
  }

  // True as well for what a crash left of a database's first minute.
  bool all_empty() const {
    std::vector<rocksdb::ColumnFamilyHandle*> all(handles_.begin(), handles_.end());
    all.push_back(default_);
    return std::none_of(all.begin(), all.end(), [&](auto* family) {
      if (family == nullptr) return false;
      const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), family));
      it->SeekToFirst();
      return it->Valid() || !it->status().ok();
    });
  }

  std::shared_ptr<rocksdb::Cache> cache_ = rocksdb::NewLRUCache(block_cache_bytes);
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> flush_at_close_ = true;
  rocksdb::ColumnFamilyHandle* default_ = nullptr;
  std::array<rocksdb::ColumnFamilyHandle*, family_count> handles_{};
};

// To the last key that begins with `prefix` and is below `bound`, or anything that does not begin with it.
void seek_below(rocksdb::Iterator& it, std::string_view prefix, std::string_view bound) {
  std::string end(prefix);  // the first key after all that begin with it
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  if (!bound.empty() && (end.empty() || bound < end)) end = bound;
  if (end.empty()) {
    it.SeekToLast();
    return;
  }
  it.SeekForPrev(end);
  if (it.Valid() && view(it.key()) == end) it.Prev();
}

class RocksMetaStore final : public MetaStore {
 public:
  explicit RocksMetaStore(std::string folder) : folder_(std::move(folder)) {}

  Result<void> open() {
    auto database = Database::open(folder_);
    if (database.has_error()) return database.error();
    database_ = std::move(*database);
    return {};
  }

  Result<std::optional<std::string>> get(Family family, std::string_view key) override {
    const auto database = for_reading();
    if (database.has_error()) return database.error();
    std::string value;
    const auto status =
        (*database)->db().Get(rocksdb::ReadOptions(), (*database)->family(family), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return store_error(status, "get");
    return std::optional(std::move(value));
  }

  Result<void> scan(Family family, std::string_view prefix, std::string_view from, bool reverse,
                    const std::function<bool(std::string_view, std::string_view)>& visit) override {
    const auto database = for_reading();
    if (database.has_error()) return database.error();
    const std::unique_ptr<rocksdb::Iterator> it(
        (*database)->db().NewIterator(rocksdb::ReadOptions(), (*database)->family(family)));
    if (reverse) {
      seek_below(*it, prefix, from);
    } else {
      it->Seek(slice(std::max(prefix, from)));
    }
    while (it->Valid() && view(it->key()).starts_with(prefix)) {
      if (!visit(view(it->key()), view(it->value()))) return {};
      if (reverse) {
        it->Prev();
      } else {
        it->Next();
      }
    }
    if (!it->status().ok()) return store_error(it->status(), "scan");
    return {};
  }

  Result<void> write(const MetaBatch& batch, Durability durability) override {
    if (batch.empty()) return {};
    const auto found = for_writing();
    if (found.has_error()) return found.error();
    Database& database = **found;
    rocksdb::WriteBatch rocks_batch;
    rocksdb::Status status;
    for (const auto& entry : batch.entries()) {
      status = entry.value ? rocks_batch.Put(database.family(entry.family), entry.key, *entry.value)
                           : rocks_batch.Delete(database.family(entry.family), entry.key);
      if (!status.ok()) return store_error(status, "batch");
    }
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::synced;
    options.disableWAL = false;
    status = database.db().Write(options, &rocks_batch);
    if (status.ok()) return {};
    database.leave_log();
    const std::lock_guard lock(mutex_);
    failed_ = store_error(status, "write");
    return *failed_;
  }

  Result<void> checkpoint(const std::string& to) override {
    std::error_code ec;
    if (std::filesystem::exists(to, ec)) {
      return fail(ErrorKind::conflict, "the folder for the copy exists already: name one that does not", to);
    }
    const auto database = for_writing();
    if (database.has_error()) return database.error();
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(&(*database)->db(), &made);
    if (!status.ok()) return store_error(status, "checkpoint");
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    status = checkpoint->CreateCheckpoint(std::filesystem::absolute(to).lexically_normal().string());
    if (!status.ok()) return store_error(status, "checkpoint");
    return {};
  }

 private:
  Result<std::shared_ptr<Database>> for_reading() {
    const std::lock_guard lock(mutex_);
    if (!database_) {
      if (auto renewed = renew(); renewed.has_error()) return renewed.error();
    }
    return database_;
  }

  Result<std::shared_ptr<Database>> for_writing() {
    const std::lock_guard lock(mutex_);
    if (failed_) {
      if (auto renewed = renew(); renewed.has_error()) return renewed.error();
    }
    return database_;
  }

  // After a failed write this RocksDB must not be written to again: Resume() says all is well, and the next
  // write aborts the process, because the log's writer remembers its error. So the database is opened anew,
  // once the disk takes bytes again and nobody reads; until then reads go on from the old one.
  Result<void> renew() {
    if (database_ && database_.use_count() > 1) return *failed_;
    if (auto probed = probe(); probed.has_error()) return probed;
    database_.reset();
    if (auto opened = open(); opened.has_error()) return opened;
    failed_.reset();
    log::info("metadata.reopened", {{"folder", folder_}});
    return {};
  }

  // Opening writes out what the logs hold: not even begun where there is no room for it.
  Result<void> probe() const {
    std::uint64_t needed = 4u << 20;
    std::error_code ec;
    for (const auto& file : std::filesystem::directory_iterator(folder_, ec)) {
      if (file.path().extension() == ".log") needed += file.file_size(ec);
    }
    const auto space = std::filesystem::space(folder_, ec);
    if (ec) return disk_error(ec.value(), "looking at", folder_);
    if (space.available < needed) return disk_error(ENOSPC, "looking at", folder_);
    return {};
  }

  const std::string folder_;
  std::mutex mutex_;
  std::shared_ptr<Database> database_;
  std::optional<Error> failed_;  // the last write's, while `database_` takes no more
};

}  // namespace

Result<std::unique_ptr<MetaStore>> open_rocks_meta_store(const std::string& folder) {
  auto store = std::make_unique<RocksMetaStore>(folder);
  if (auto opened = store->open(); opened.has_error()) return opened.error();
  return std::unique_ptr<MetaStore>(std::move(store));
}

}  // namespace sallyport
