// A file is a tree of views: itself, and what is packed in it, each scanned as if it were a file.

#include "policies/content/content_scan.hpp"

#include <algorithm>
#include <filesystem>

#include "policies/code/capabilities.hpp"
#include "policies/content/content_rules.hpp"
#include "policies/content/file_scan.hpp"
#include "policies/content/spool.hpp"
#include "policies/content/unpacked.hpp"

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
  move_to(file.signs, text.signs);
  move_to(file.capabilities, text.capabilities);
  for (const auto& [rule, count] : text.sign_counts) file.sign_counts[rule] += count;
  file.longest_line_bytes = std::max(file.longest_line_bytes, text.longest_line_bytes);
  move_to(file.nested, text.nested);
  for (auto& reason : text.incomplete) add_incomplete(file, std::move(reason));
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
  if (ends(".gz")) return name.substr(0, name.size() - 3);
  return name;
}

}  // namespace

struct ContentScan::State {
  ScanShared shared;
  std::vector<std::unique_ptr<FileScan>> scans;  // by depth
  std::string path;

  FileScan& scan_at(std::size_t depth) {
    while (scans.size() <= depth) scans.push_back(std::make_unique<FileScan>(shared));
    return *scans[depth];
  }

  // Ends the pass over a view of which everything was given to scan_at(depth).
  FileContent finish(const std::string& name, const FileBytes& bytes, std::size_t depth) {
    FileContent content = scan_at(depth).end(bytes);
    read_code(name, bytes, scan_at(depth).tell_tales(), content);
    if (content.magic == Magic::gzip) open_gzip(content, name, bytes, depth);
    if (content.magic == Magic::utf16) open_utf16(content, name, bytes, depth);
    return content;
  }

  FileContent view(const std::string& name, const FileBytes& bytes, std::size_t depth) {
    FileScan& scan = scan_at(depth);
    scan.begin();
    const bool whole = read_all(bytes, [&](Bytes piece) {
      scan.data(piece);
      return true;
    });
    FileContent content = finish(name, bytes, depth);
    if (!whole) add_incomplete(content, "the file could not be read again");
    return content;
  }

  // Why it could not be unpacked whole; what came out until then is in `out`.
  std::string unpack(const FileBytes& packed, Unpacker& unpacker, std::uint64_t bytes_max,
                     std::string_view what, Spool& out) {
    std::string why;
    const auto whole = unpack_all(packed, unpacker, [&](Bytes bytes) {
      if (out.size() + bytes.size() > bytes_max || bytes.size() > shared.left.nested_bytes)
        why = std::string(what) + " that unpacks to more than is looked at";
      else if (const auto kept = out.append(bytes); !kept)
        why = kept.error().message;
      shared.left.nested_bytes -= std::min<std::uint64_t>(bytes.size(), shared.left.nested_bytes);
      return why.empty();
    });
    return !why.empty() || whole ? why : std::string(what) + " that does not unpack";
  }

  bool too_deep(FileContent& content, std::size_t depth, std::string_view what) const {
    if (depth < depth_max) return false;
    add_incomplete(content,
                   std::string(what) + " in something packed, deeper than " + std::to_string(depth_max));
    return true;
  }

  void open_gzip(FileContent& content, const std::string& name, const FileBytes& bytes, std::size_t depth) {
    if (too_deep(content, depth, "gzip")) return;
    Spool out(shared.folder);
    std::string why = unpack(bytes, *gzip_unpacker(), shared.left.view_bytes, "gzip", out);
    if (!why.empty()) add_incomplete(content, std::move(why));
    FileContent::Nested nested;
    nested.path = name + "!" + unpacked_name(name);
    nested.size = out.size();
    nested.content = view(nested.path, out.bytes(), depth + 1);
    content.nested.push_back(std::move(nested));
  }

  // The same text as UTF-8, scanned as if it were the file.
  void open_utf16(FileContent& content, const std::string& name, const FileBytes& bytes, std::size_t depth) {
    if (too_deep(content, depth, "UTF-16")) return;
    Spool out(shared.folder);
    std::string why = unpack(bytes, *utf16_unpacker(), shared.left.nested_bytes, "UTF-16", out);
    if (!why.empty()) add_incomplete(content, std::move(why));
    merge(content, view(name, out.bytes(), depth + 1));
  }
};

ContentScan::ContentScan(std::shared_ptr<const ContentRules> rules, std::string scratch_folder,
                         const ScanLimits& limits)
    : state_(std::make_unique<State>()) {
  ScanShared& shared = state_->shared;
  shared.rules = std::dynamic_pointer_cast<const CompiledRules>(std::move(rules));
  hs_scratch_t* scratch = nullptr;
  if (hs_clone_scratch(shared.rules->scratch.get(), &scratch) == HS_SUCCESS) shared.scratch.reset(scratch);
  shared.left = limits;
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
  return state_->finish(state_->path, again, 0);
}

}  // namespace sallyport
