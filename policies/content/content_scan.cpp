// A file is a tree of views: itself, and what is packed in it, each scanned as if it were a file.

#include "policies/content/content_scan.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "policies/code/capabilities.hpp"
#include "policies/content/content_rules.hpp"
#include "policies/content/file_scan.hpp"
#include "policies/content/spool.hpp"
#include "policies/content/unpacked.hpp"
#include "policies/tarball/nested_archive.hpp"
#include "policies/tarball/zip_lists.hpp"

namespace sallyport {
namespace {

constexpr std::size_t depth_max = 4;

template <class T>
void move_to(std::vector<T>& to, std::vector<T>& from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

// What was seen in another form of the same text counts as seen in the file.
void merge(FileContent& file, FileContent&& text) {
  if (!file.map) file.map = std::move(text.map);
  move_to(file.inline_maps, text.inline_maps);
  move_to(file.map_references, text.map_references);
  move_to(file.secrets, text.secrets);
  file.secrets_more += text.secrets_more;
  move_to(file.signs, text.signs);
  move_to(file.capabilities, text.capabilities);
  move_to(file.composed_paths, text.composed_paths);
  for (const auto& [rule, count] : text.sign_counts) file.sign_counts[rule] += count;
  file.longest_line_bytes = std::max(file.longest_line_bytes, text.longest_line_bytes);
  move_to(file.nested, text.nested);
  for (auto& reason : text.incomplete) add_incomplete(file, std::move(reason));
}

// Whether a view that has no name of its own is worth keeping.
bool says_something(const FileContent& content) {
  return content.map || !content.inline_maps.empty() || !content.map_references.empty() ||
         !content.secrets.empty() || !content.sign_counts.empty() || !content.capabilities.empty() ||
         !content.incomplete.empty() || !content.nested.empty();
}

// What is told already, of the same text in another form, is not told again.
void drop_told(FileContent& content, std::set<std::string>& told) {
  std::erase_if(content.secrets,
                [&](const SecretHit& hit) { return !told.insert(hit.rule_id + hit.fingerprint).second; });
  for (FileContent::Nested& nested : content.nested) drop_told(nested.content, told);
  std::erase_if(content.nested, [](const FileContent::Nested& nested) {
    return nested.decoded && !says_something(nested.content);
  });
}

// Where every file of an archive was looked at, of its own bytes only what is in none of them counts.
void leave_to_entries(FileContent& archive) {
  std::set<std::string> told;
  const auto collect = [&](const auto& self, const FileContent& content) -> void {
    for (const FileContent::Nested& nested : content.nested) {
      for (const SecretHit& hit : nested.content.secrets) told.insert(hit.rule_id + hit.fingerprint);
      self(self, nested.content);
    }
  };
  collect(collect, archive);
  std::erase_if(archive.secrets,
                [&](const SecretHit& hit) { return told.contains(hit.rule_id + hit.fingerprint); });
  archive.inline_maps.clear();
  archive.map_references.clear();
  archive.signs.clear();
  archive.sign_counts.clear();
  archive.capabilities.clear();
}

// A path in an archive may be of any length; its end is what says most.
std::string entry_name(const std::string& path) {
  constexpr std::size_t bytes_max = 400;
  std::size_t from = path.starts_with("./") ? 2 : 0;
  if (path.size() - from > bytes_max) from = path.size() - bytes_max;
  return path.substr(from);
}

FileBytes slice(const FileBytes& file, std::uint64_t offset, std::uint64_t size) {
  return {size, [&file, offset, size](std::uint64_t at, std::span<std::uint8_t> out) {
            const std::uint64_t left = at < size ? size - at : 0;
            return file.read(offset + at, out.first(std::min<std::uint64_t>(left, out.size())));
          }};
}

// What `path` is called once it is unpacked.
std::string unpacked_name(const std::string& path) {
  const std::size_t slash = path.find_last_of("/!");
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const auto ends = [&](std::string_view end) {
    return name.size() > end.size() && std::equal(end.rbegin(), end.rend(), name.rbegin(),
                                                  [](char a, char b) { return a == (b | 0x20); });
  };
  if (ends(".tgz")) return name.substr(0, name.size() - 3) + "tar";
  for (const std::string_view end : {".gz", ".xz", ".bz2", ".zst"})
    if (ends(end)) return name.substr(0, name.size() - end.size());
  return name;
}

}  // namespace

struct ContentScan::State {
  // What is looked at, and what is packed in it: an archive that is only compressed counts as one level.
  struct Place {
    std::string name;
    std::size_t depth = 0;
    std::string archive_name = name;        // what the files of an archive are called after
    std::size_t entries_depth = depth + 1;  // ... and how deep they are
  };

  ScanShared shared;
  std::vector<std::unique_ptr<FileScan>> scans;  // by depth
  std::string path;

  FileScan& scan_at(std::size_t depth) {
    while (scans.size() <= depth) scans.push_back(std::make_unique<FileScan>(shared));
    return *scans[depth];
  }

  // Ends the pass over a view of which everything was given to scan_at(depth).
  FileContent finish(const Place& place, const FileBytes& bytes) {
    FileContent content = scan_at(place.depth).end(bytes);
    const auto runs = scan_at(place.depth).encoded();
    const auto packed = scan_at(place.depth).packed();
    read_code(place.name, bytes, scan_at(place.depth).tell_tales(), content);
    switch (content.magic) {
      case Magic::gzip:
        open_gzip(content, place, bytes);
        break;
      case Magic::xz:
      case Magic::bzip2:
      case Magic::zstd:
        open_compressed(content, place, bytes);
        break;
      case Magic::zip:
      case Magic::tar:
        if (open_archive(content, place, bytes)) return content;
        break;
      case Magic::utf16:
      case Magic::utf32:
        open_wide_text(content, place, bytes);
        break;
      default:
        open_packed_inside(content, place, bytes, packed);
        break;
    }
    open_encoded(content, place, bytes, runs);
    return content;
  }

  FileContent view(const Place& place, const FileBytes& bytes) {
    FileScan& scan = scan_at(place.depth);
    scan.begin();
    const bool whole = read_all(bytes, [&](Bytes piece) {
      scan.data(piece);
      return true;
    });
    FileContent content = finish(place, bytes);
    if (!whole) add_incomplete(content, "the file could not be read again");
    return content;
  }

  // Whether one more view may be opened.
  bool may_open(FileContent& content, std::size_t depth, std::string_view what) {
    if (depth > depth_max) {
      add_incomplete(content,
                     std::string(what) + " in something packed, deeper than " + std::to_string(depth_max));
      return false;
    }
    if (shared.left.views == 0) {
      add_incomplete(content, "more packed or encoded in the package than is looked at");
      return false;
    }
    --shared.left.views;
    return true;
  }

  // Says whether more may follow; `why` says why not.
  bool keep(Spool& out, Bytes bytes, std::uint64_t bytes_max, std::string_view what, std::string& why) {
    if (out.size() + bytes.size() > bytes_max || bytes.size() > shared.left.nested_bytes)
      why = std::string(what) + " that unpacks to more than is looked at";
    else if (const auto kept = out.append(bytes); !kept)
      why = kept.error().message;
    shared.left.nested_bytes -= std::min<std::uint64_t>(bytes.size(), shared.left.nested_bytes);
    return why.empty();
  }

  // Why it could not be unpacked whole; what came out until then is in `out`.
  std::string unpack(const FileBytes& packed, Unpacker& unpacker, std::uint64_t bytes_max,
                     std::string_view what, Spool& out) {
    std::string why;
    const auto whole =
        unpack_all(packed, unpacker, [&](Bytes bytes) { return keep(out, bytes, bytes_max, what, why); });
    return !why.empty() || whole ? why : std::string(what) + " that does not unpack";
  }

  void open_gzip(FileContent& content, const Place& place, const FileBytes& bytes) {
    if (!may_open(content, place.depth + 1, "gzip")) return;
    Spool out(shared.folder);
    std::string why = unpack(bytes, *gzip_unpacker(), shared.left.view_bytes, "gzip", out);
    if (!why.empty()) add_incomplete(content, std::move(why));
    add_unpacked(content, place, out);
  }

  // One file that was compressed, or an archive of which that was done.
  void add_unpacked(FileContent& content, const Place& place, const Spool& out) {
    FileContent::Nested nested;
    nested.path = place.name + "!" + unpacked_name(place.name);
    nested.size = out.size();
    nested.content = view({.name = nested.path,
                           .depth = place.depth + 1,
                           .archive_name = place.name,
                           .entries_depth = place.depth + 1},
                          out.bytes());
    content.nested.push_back(std::move(nested));
  }

  // Behind a program that unpacks itself, or whatever else stands before. What only begins like gzip or zip,
  // as programs that read them do, tells nobody anything.
  void open_packed_inside(FileContent& content, const Place& place, const FileBytes& bytes,
                          const std::vector<std::uint64_t>& starts) {
    if (starts.size() > FileScan::packed_starts_max)
      add_incomplete(content, "more in it that looks packed than is opened");
    for (const std::uint64_t start : starts) {
      const FileBytes rest = slice(bytes, start, bytes.size - start);
      std::array<std::uint8_t, 1> mark{};
      if (const auto read = rest.read(0, mark); !read || *read == 0)
        return add_incomplete(content, "the file could not be read again");
      if (mark[0] == 'P') {
        // Its list counts from its own start, or from that of the file.
        const bool own = compare_zip_lists(rest).readable;
        if (!own && !compare_zip_lists(bytes).readable) continue;
        FileContent archive;
        archive.magic = Magic::zip;
        open_archive(archive, place, own ? rest : bytes);
        move_to(content.nested, archive.nested);
        for (std::string& why : archive.incomplete) add_incomplete(content, std::move(why));
        return;
      }
      if (!may_open(content, place.depth + 1, "gzip")) return;
      Spool out(shared.folder);
      std::string why;
      unpack_all(rest, *gzip_unpacker(),
                 [&](Bytes piece) { return keep(out, piece, shared.left.view_bytes, "gzip", why); });
      if (out.size() == 0) continue;
      if (!why.empty()) add_incomplete(content, std::move(why));
      FileContent::Nested nested;
      nested.path = place.name + "!gzip@" + std::to_string(start);
      nested.size = out.size();
      nested.content = view({.name = nested.path, .depth = place.depth + 1}, out.bytes());
      if (says_something(nested.content)) content.nested.push_back(std::move(nested));
    }
  }

  void open_compressed(FileContent& content, const Place& place, const FileBytes& bytes) {
    const std::string_view what = to_text(content.magic);
    if (!may_open(content, place.depth + 1, what)) return;
    // These keep in memory what they may refer back to, up to all of it.
    const std::uint64_t bytes_max = content.magic == Magic::bzip2
                                        ? shared.left.view_bytes
                                        : std::min<std::uint64_t>(shared.left.view_bytes, 16u << 20);
    Spool out(shared.folder);
    std::string why;
    using Kind = NestedArchive::Kind;
    NestedArchive archive(bytes, content.magic == Magic::xz      ? Kind::xz
                                 : content.magic == Magic::bzip2 ? Kind::bzip2
                                                                 : Kind::zstd);
    if (archive.next())
      for (Bytes piece = archive.read(); !piece.empty(); piece = archive.read())
        if (!keep(out, piece, bytes_max, what, why)) break;
    if (why.empty() && !archive.fault().empty())
      why = std::string(what) + " that does not unpack: " + archive.fault();
    if (!why.empty()) add_incomplete(content, std::move(why));
    add_unpacked(content, place, out);
  }

  // True: what `content` says of the archive as a whole is said of the files in it.
  bool open_archive(FileContent& content, const Place& place, const FileBytes& bytes) {
    const bool zip = content.magic == Magic::zip;
    const std::string_view what = to_text(content.magic);
    if (!may_open(content, place.entries_depth, what)) return false;
    if (zip) {
      const ZipLists lists = compare_zip_lists(bytes);
      if (!lists.why.empty()) add_incomplete(content, "a zip that tools may unpack otherwise: " + lists.why);
      if (!lists.readable) return false;
    }
    std::string why;
    NestedArchive archive(bytes, zip ? NestedArchive::Kind::zip : NestedArchive::Kind::tar);
    while (why.empty()) {
      const auto entry = archive.next();
      if (!entry) break;
      if (!entry->file) continue;
      if (shared.left.packed_files == 0 || shared.left.views == 0) {
        why = "more files packed in the package than are looked at";
        break;
      }
      --shared.left.packed_files;
      --shared.left.views;
      Spool out(shared.folder);
      for (Bytes piece = archive.read(); !piece.empty(); piece = archive.read())
        if (!keep(out, piece, shared.left.view_bytes, what, why)) break;
      FileContent::Nested nested;
      nested.path = place.archive_name + "!" + entry_name(entry->path);
      nested.size = out.size();
      nested.content = view({.name = nested.path, .depth = place.entries_depth}, out.bytes());
      content.nested.push_back(std::move(nested));
    }
    if (why.empty() && !archive.fault().empty())
      why = std::string(what) + " that does not unpack: " + archive.fault();
    const bool whole = why.empty();
    if (!whole) add_incomplete(content, std::move(why));
    if (whole) leave_to_entries(content);
    return whole;
  }

  // The same text as UTF-8, scanned as if it were the file.
  void open_wide_text(FileContent& content, const Place& place, const FileBytes& bytes) {
    const std::string_view what = to_text(content.magic);
    if (!may_open(content, place.depth + 1, what)) return;
    Spool out(shared.folder);
    const auto unpacker = content.magic == Magic::utf16 ? utf16_unpacker() : utf32_unpacker();
    std::string why = unpack(bytes, *unpacker, shared.left.nested_bytes, what, out);
    if (!why.empty()) add_incomplete(content, std::move(why));
    merge(content, view({.name = place.name, .depth = place.depth + 1}, out.bytes()));
  }

  void open_encoded(FileContent& content, const Place& place, const FileBytes& bytes,
                    const std::vector<FileScan::Encoded>& runs) {
    using Form = EncodedRun::Form;
    std::set<std::string> told;  // by rule and secret
    for (const SecretHit& hit : content.secrets) told.insert(hit.rule_id + hit.fingerprint);
    for (const FileScan::Encoded& run : runs) {
      if (!may_open(content, place.depth + 1, to_text(run.form))) return;
      Spool out(shared.folder);
      const auto unpacker = run.form == Form::base64 ? base64_unpacker()
                            : run.form == Form::hex  ? hex_unpacker()
                                                     : escapes_unpacker();
      std::string why = unpack(slice(bytes, run.offset, run.length), *unpacker, shared.left.view_bytes,
                               to_text(run.form), out);
      if (!why.empty()) add_incomplete(content, std::move(why));
      FileContent::Nested nested;
      nested.path = place.name + "!" + std::string(to_text(run.form)) + "@" + std::to_string(run.offset);
      nested.size = out.size();
      nested.content = view({.name = nested.path, .depth = place.depth + 1}, out.bytes());
      if (run.inline_map) nested.content.map.reset();
      nested.decoded = true;
      drop_told(nested.content, told);
      if (says_something(nested.content)) content.nested.push_back(std::move(nested));
    }
  }
};

ContentScan::ContentScan(std::shared_ptr<const ContentRules> rules, std::string scratch_folder,
                         const ScanLimits& limits, const Thresholds& thresholds)
    : state_(std::make_unique<State>()) {
  ScanShared& shared = state_->shared;
  shared.rules = std::dynamic_pointer_cast<const CompiledRules>(std::move(rules));
  hs_scratch_t* scratch = nullptr;
  if (hs_clone_scratch(shared.rules->scratch.get(), &scratch) == HS_SUCCESS) shared.scratch.reset(scratch);
  shared.left = limits;
  shared.thresholds = thresholds;
  std::error_code ignored;
  shared.folder = scratch_folder.empty() ? std::filesystem::temp_directory_path(ignored).string()
                                         : std::move(scratch_folder);
}

ContentScan::~ContentScan() = default;

void ContentScan::begin_file(std::string_view inner_path, std::uint64_t) {
  state_->path = inner_path;
  state_->scan_at(0).begin();
}

void ContentScan::data(Bytes bytes) {
  state_->scan_at(0).data(bytes);
}

FileContent ContentScan::end_file(const FileBytes& again) {
  return state_->finish({.name = state_->path}, again);
}

}  // namespace sallyport
