#include "proxy/cli/gc.hpp"

#include <filesystem>

#include "gate/blob_use.hpp"
#include "proxy/cache/tarball_store.hpp"
#include "proxy/cli/terminal.hpp"
#include "proxy/data_folder.hpp"
#include "storage/base/text.hpp"
#include "storage/sweeper.hpp"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::days grace{1};

class Collection {
 public:
  Collection(const ConsoleContext& context, bool dry_run, bool watched, const ConsoleOutput& output)
      : c_(context),
        dry_run_(dry_run),
        output_(output),
        bar_(output.err, watched, "tarballs"),
        before_(context.clock.now() - grace) {}

  int run() {
    auto missing = own();
    if (missing && !stopped_) {
      if (auto done = cached(); !done) return refused(done.error());
    }
    if (missing && !stopped_) copies();
    bar_.end();
    if (!missing) return refused(missing.error());
    output_.err((dry_run_ ? "Would remove " : "Removed ") + thousands(removed_) +
                (removed_ == 1 ? " thing, " : " things, ") + thousands(bytes_) + " bytes.\n");
    if (stopped_) {
      output_.err("sallyport: stopped before the end: run it again.\n");
      return 2;
    }
    for (const Sha512& digest : *missing)
      output_.err("sallyport: the own tarball " + to_integrity(digest) +
                  " is referred to and not there: restore it from a snapshot.\n");
    return missing->empty() ? 0 : 1;
  }

 private:
  int refused(const Error& error) {
    bar_.end();
    output_.err(complaint(error));
    return 2;
  }

  void tell(const std::string& what, std::uint64_t bytes, const std::string& why) {
    ++removed_;
    bytes_ += bytes;
    if (!dry_run_) return;
    bar_.end();
    output_.out(what + "  " + thousands(bytes) + " bytes  " + why + "\n");
  }

  Sweep sweep_of(std::vector<Sha512> used) {
    Sweep sweep;
    sweep.used = std::move(used);
    sweep.before = before_;
    sweep.dry_run = dry_run_;
    sweep.progress = [this](std::size_t done, std::size_t all) {
      bar_.show(done, all);
      return !output_.ended();
    };
    return sweep;
  }

  // What is missing of own tarballs.
  Result<std::vector<Sha512>> own() {
    auto use = blob_use(c_.meta, c_.clock.now() - c_.turned_down_kept_for);
    if (!use) return use.error();
    Sweep sweep = sweep_of(std::move(use->used));
    sweep.found = [&](const BlobInfo& info) {
      const auto past = use->past.find(info.digest);
      tell("own  " + to_integrity(info.digest), info.size,
           past == use->past.end() ? "nothing refers to it" : printable(past->second));
    };
    auto swept = sallyport::sweep(c_.blobs, std::move(sweep));
    if (!swept) return swept.error();
    stopped_ = swept->stopped;
    if (swept->blobs > 0 && !dry_run_) {
      auto noted = c_.ledger.commit([&](Fact& fact) -> Result<void> {
        fact.record({"console",
                     "garbage.removed",
                     "tarballs",
                     {{"tarballs", swept->blobs}, {"bytes", swept->bytes}}});
        return {};
      });
      if (!noted) return noted.error();
    }
    return std::move(swept->missing);
  }

  Result<void> cached() {
    auto used = cached_tarballs_in_use(c_.meta);
    if (!used) return used.error();
    Sweep sweep = sweep_of(std::move(*used));
    sweep.found = [&](const BlobInfo& info) {
      tell("cached  " + to_integrity(info.digest), info.size, "of no package that is kept here");
    };
    auto swept = sallyport::sweep(c_.cached, std::move(sweep));
    if (!swept) return swept.error();
    stopped_ = swept->stopped;
    return {};
  }

  // Left by commands that were killed; their blobs are links, which take no room.
  void copies() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(c_.data, error)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().string() != copy_folder(c_.data, name.substr(name.find('-') + 1))) continue;
      const auto age = fs::file_time_type::clock::now() - entry.last_write_time(error);
      if (error || age < grace) continue;
      tell(name, bytes_in(meta_folder(entry.path().string())), "left by a command that was killed");
      if (!dry_run_) fs::remove_all(entry.path(), error);
    }
  }

  static std::uint64_t bytes_in(const std::string& folder) {
    std::error_code error;
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder, error))
      if (entry.is_regular_file(error)) bytes += entry.file_size(error);
    return bytes;
  }

  const ConsoleContext& c_;
  const bool dry_run_;
  const ConsoleOutput& output_;
  ProgressBar bar_;
  const Instant before_;
  std::uint64_t removed_ = 0, bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace

int collect_garbage(const ConsoleContext& context, bool dry_run, bool watched, const ConsoleOutput& output) {
  return Collection(context, dry_run, watched, output).run();
}

}  // namespace sallyport
