#include "policies/tarball/header_walk.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "policies/tarball/path_rules.hpp"
#include "policies/tarball/tar_header.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::uint64_t pax_bytes_max = 4096;  // path, mtime and size need no more
constexpr std::size_t faults_per_kind_max = 20;
constexpr std::size_t mode_notes_max = 1;  // one for the whole archive: they come in hundreds
constexpr std::string_view usual_top = "package";

constexpr int tier_refused = 0, tier_mode_note = 1, tier_prefix_note = 1, tier_same_note = 1;

// Index of the first byte that is not zero; the size where there is none.
std::size_t zeros(Bytes bytes) {
  return static_cast<std::size_t>(
      std::find_if(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b != 0; }) - bytes.begin());
}
bool all_zero(Bytes bytes) {
  return zeros(bytes) == bytes.size();
}

std::size_t kept_max(std::string_view rule, int tier) {
  return rule == "tar/mode" && tier == tier_mode_note ? mode_notes_max : faults_per_kind_max;
}

}  // namespace

struct HeaderWalk::State {
  enum class Part { header, pax, body, padding, end, stopped };

  TarballLimits limits;
  EntrySink& sink;
  Listing listing;
  std::vector<TarFault> faults;

  Part part = Part::header;
  std::uint64_t offset = 0;  // of the next byte, in the inflated archive
  std::array<std::uint8_t, tar_block_bytes> block;
  std::size_t block_used = 0;
  std::uint64_t left = 0;          // bytes of body or pax records to come
  std::uint64_t padding_left = 0;  // after them
  std::uint64_t zero_blocks = 0;
  std::optional<std::string> pax;  // records for the next entry
  TarEntry entry;
  bool has_twin = false;  // another entry has its path
  std::optional<Sha256Hasher> hasher;
  PathClaims claims;
  std::optional<std::string> top;  // first component of the first entry
  std::map<std::pair<std::string, int>, std::size_t> counts;

  State(const TarballLimits& l, EntrySink& s) : limits(l), sink(s) {}

  // The list of faults is bounded: the first few of each kind, and how many there were (see finish). A fault
  // names the start of its block, so that it does not depend on how the bytes were split.
  void fault(std::string rule, std::string path, std::string message, int tier = tier_refused,
             bool fatal = false) {
    const std::size_t before = counts[{rule, tier}]++;
    if (fatal) part = Part::stopped;
    if (before < kept_max(rule, tier) || fatal) {
      faults.push_back({std::move(rule), std::move(path), block_start(), std::move(message), fatal, tier});
    }
  }
  void stop(std::string rule, std::string path, std::string message) {
    fault(std::move(rule), std::move(path), std::move(message), tier_refused, true);
  }

  std::uint64_t block_start() const { return offset / tar_block_bytes * tar_block_bytes; }

  void feed(Bytes bytes) {
    while (!bytes.empty() && part != Part::stopped) {
      const std::size_t n = take(bytes);
      offset += n;
      bytes = bytes.subspan(n);
    }
  }

  // Uses some of `bytes` and returns how many.
  std::size_t take(Bytes bytes) {
    switch (part) {
      case Part::header:
        return take_block(bytes);
      case Part::pax: {
        const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
        pax->append(as_text(bytes.first(n)));
        left -= n;
        if (left == 0) part = padding_left > 0 ? Part::padding : Part::header;
        return n;
      }
      case Part::body: {
        const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
        hasher->update(bytes.first(n));
        sink.data(bytes.first(n));
        left -= n;
        if (left == 0) end_file();
        return n;
      }
      case Part::padding: {
        const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(padding_left, bytes.size()));
        if (const std::size_t at = zeros(bytes.first(n)); at < n) {
          offset += at;
          stop("tar/number", entry.path, "data lies between two entries");
          return n;
        }
        padding_left -= n;
        if (padding_left == 0) part = Part::header;
        return n;
      }
      case Part::end:
        if (const std::size_t at = zeros(bytes); at < bytes.size()) {
          offset += at;
          stop("tar/number", {}, "data follows the end of the archive");
        }
        return bytes.size();
      case Part::stopped:
        break;
    }
    return bytes.size();
  }

  std::size_t take_block(Bytes bytes) {
    const std::size_t n = std::min(tar_block_bytes - block_used, bytes.size());
    std::memcpy(block.data() + block_used, bytes.data(), n);
    block_used += n;
    if (block_used < tar_block_bytes) return n;
    block_used = 0;
    if (all_zero(block)) {
      if (pax) {
        stop("tar/pax", {}, "a pax header belongs to no entry");
      } else if (++zero_blocks == 2) {
        part = Part::end;
      }
    } else if (zero_blocks > 0) {
      stop("tar/number", {}, "data follows the end of the archive, after a single zero block");
    } else {
      header();
    }
    return n;
  }

  void header() {
    auto parsed = parse_tar_header(block);
    if (auto* flaw = std::get_if<HeaderFlaw>(&parsed)) {
      return stop(std::string(flaw->rule), std::move(flaw->path), std::move(flaw->message));
    }
    TarHeaderFields& fields = std::get<TarHeaderFields>(parsed);
    padding_left = (tar_block_bytes - fields.size % tar_block_bytes) % tar_block_bytes;
    left = fields.size;
    if (fields.type == 'x') return begin_pax(fields);

    const std::string plain_path = fields.path;
    if (pax) {
      auto extended = parse_pax(*pax, fields);
      pax.reset();
      if (auto* flaw = std::get_if<HeaderFlaw>(&extended)) {
        return stop(std::string(flaw->rule), std::move(flaw->path), std::move(flaw->message));
      }
      if (std::string& path = std::get<PaxFields>(extended).path; !path.empty())
        fields.path = std::move(path);
    }
    begin_entry(std::move(fields), plain_path);
  }

  void begin_pax(const TarHeaderFields& fields) {
    if (pax) return stop("tar/pax", fields.path, "a pax header follows another");
    if (left > pax_bytes_max) {
      return stop("tar/pax", fields.path, "a pax header is larger than " + human_bytes(pax_bytes_max));
    }
    if (left == 0) return stop("tar/pax", fields.path, "a pax header is empty");
    pax.emplace();
    part = Part::pax;
  }

  void begin_entry(TarHeaderFields fields, std::string_view plain_path) {
    if (listing.size() >= limits.entries_max) {
      return stop("tar/bomb", fields.path,
                  "the archive has more than " + thousands(limits.entries_max) + " entries");
    }
    const bool directory = fields.type == '5';
    if (directory && fields.size > 0) {
      return stop("tar/number", fields.path, "a directory has a size, which some readers take for content");
    }
    if (directory && fields.path.ends_with('/')) {
      fields.path.pop_back();
      if (plain_path.ends_with('/')) plain_path.remove_suffix(1);
    }
    if (fields.path.ends_with('/')) {
      return stop("tar/path", fields.path,
                  "the path of a file ends in \"/\", which readers take for a directory");
    }
    if (fields.size > limits.unpacked_bytes_max) {
      return stop("tar/bomb", fields.path,
                  "the entry is larger than " + human_bytes(limits.unpacked_bytes_max));
    }
    if (fields.path.size() > limits.path_bytes_max) {
      return stop("tar/bomb", fields.path,
                  "a path is longer than " + std::to_string(limits.path_bytes_max) + " bytes");
    }
    if (path_depth(fields.path) > limits.depth_max) {
      return stop("tar/bomb", fields.path,
                  "a path is deeper than " + std::to_string(limits.depth_max) + " directories");
    }
    entry = TarEntry{fields.path, without_dots(inner_path(fields.path)), directory, fields.size,
                     fields.mode, block_start() + tar_block_bytes,       {}};
    judge_path(plain_path);
    judge_mode();
    if (directory) {
      listing.push_back(entry);
      return;
    }
    hasher.emplace();
    sink.begin(entry);
    part = Part::body;
    if (left == 0) end_file();
  }

  void judge_path(std::string_view plain_path) {
    for (PathFlaw& flaw : check_path(entry.path)) {
      fault("tar/path", entry.path, std::move(flaw.message), static_cast<int>(flaw.tier));
    }
    const std::string_view path = entry.path;
    const std::string_view first = path.substr(0, path.find('/'));
    if (!top) {
      top = first;
      if (first != usual_top) {
        fault("tar/prefix", entry.path,
              "everything lies under \"" + printable(first, 60) + "\", not \"package\"", tier_prefix_note);
      }
    } else if (first != *top) {
      fault("tar/prefix", entry.path,
            "the archive has more than one top directory, and clients strip that level");
    }
    if (entry.inner.empty() && !entry.directory) {
      return fault("tar/prefix", entry.path, "the file lies beside the top directory, where clients lose it");
    }
    using Conflict = PathClaims::Conflict;
    Conflict conflict =
        entry.directory ? claims.claim_directory(entry.inner) : claims.claim_file(entry.inner);
    if (conflict == Conflict::none && plain_path != entry.path) {
      conflict = claims.claim_shadow(inner_path(plain_path), entry.inner);
    }
    if (conflict == Conflict::same_path) {
      if (find_twin()) {
        has_twin = true;
        return;  // judged when its bytes are known
      }
      fault("tar/duplicate", entry.path,
            "another entry has this path, or one that some file system takes for it");
    } else if (conflict == Conflict::file_as_directory) {
      fault("tar/duplicate", entry.path, "one path is both a file and a directory");
    }
  }

  // The file of the same path but for "./": where both have the same bytes and mode it does not matter which
  // of them a reader keeps.
  const TarEntry* find_twin() const {
    const auto twin = std::find_if(listing.begin(), listing.end(), [this](const TarEntry& other) {
      return !other.directory && !entry.directory && other.inner == entry.inner && other.path != entry.path;
    });
    return twin == listing.end() ? nullptr : &*twin;
  }

  void judge_twin() {
    const TarEntry* twin = find_twin();
    const bool same = twin != nullptr && twin->digest == entry.digest && twin->size == entry.size &&
                      twin->mode == entry.mode;
    fault("tar/duplicate", entry.path,
          same ? "another entry has this path and the same bytes"
               : "another entry has this path, or one that some file system takes for it",
          same ? tier_same_note : tier_refused);
  }

  void judge_mode() {
    if (entry.mode & 06000) {
      fault("tar/mode", entry.path, "the file is setuid or setgid");
    } else if (entry.directory) {
      fault("tar/mode", entry.path, "the archive has entries for directories", tier_mode_note);
    } else if (entry.mode != 0644 && entry.mode != 0755) {
      fault("tar/mode", entry.path, "the mode is not 0644 or 0755", tier_mode_note);
    }
  }

  void end_file() {
    entry.digest = hasher->finish();
    hasher.reset();
    if (std::exchange(has_twin, false)) judge_twin();
    sink.end(entry);
    listing.push_back(entry);
    part = padding_left > 0 ? Part::padding : Part::header;
  }

  void finish() {
    if (part == Part::end && offset % tar_block_bytes != 0) {
      stop("tar/number", {}, "the archive ends within a block");
    } else if (part != Part::end && part != Part::stopped) {
      stop("tar/number", part == Part::body ? entry.path : std::string(),
           part == Part::header && block_used == 0 ? "the archive has no end: two zero blocks are missing"
                                                   : "the archive is cut short");
    }
    for (const auto& [kind, count] : counts) {
      const std::size_t kept = kept_max(kind.first, kind.second);
      if (count <= kept) continue;
      const auto last = std::find_if(faults.rbegin(), faults.rend(), [&](const TarFault& f) {
        return f.rule == kind.first && f.tier == kind.second;
      });
      last->message += " (and " + thousands(count - kept) + " more)";
    }
  }
};

HeaderWalk::HeaderWalk(const TarballLimits& limits, EntrySink& sink)
    : state_(std::make_unique<State>(limits, sink)) {}
HeaderWalk::~HeaderWalk() = default;

bool HeaderWalk::feed(Bytes tar) {
  state_->feed(tar);
  return !stopped();
}
void HeaderWalk::finish() {
  state_->finish();
}
const Listing& HeaderWalk::listing() const {
  return state_->listing;
}
const std::vector<TarFault>& HeaderWalk::faults() const {
  return state_->faults;
}
bool HeaderWalk::stopped() const {
  return state_->part == State::Part::stopped;
}

}  // namespace sallyport
