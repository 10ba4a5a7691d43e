#include "gate/feed_file.hpp"

#include <array>
#include <span>
#include <string_view>

#include "policies/tarball/nested_archive.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

using Kind = NestedArchive::Kind;

constexpr std::size_t damaged_share = 100;  // one document in so many
constexpr std::size_t tar_magic_at = 257;

class FeedReader {
 public:
  FeedReader(const FileBytes& file, const FeedLimits& limits) : file_(file), limits_(limits) {}

  Result<FeedContents> read() {
    std::array<std::uint8_t, 4> begin{};
    const auto n = file_.read(0, begin);
    if (!n) return n.error();
    const std::string_view magic = as_text(Bytes(begin).first(*n));
    Result<void> done;
    if (magic.starts_with("PK"))
      done = read_members(Kind::zip);
    else if (magic.starts_with("\x1f\x8b"))
      done = gzipped_tar() ? read_members(Kind::tar_gzip) : read_gzipped();
    else
      done = read_plain();
    if (!done) return done.error();
    if (out_.damaged * damaged_share > out_.documents)
      return fail(ErrorKind::invalid, std::to_string(out_.damaged) + " of its " +
                                          std::to_string(out_.documents) + " documents are no advisories (" +
                                          out_.first_damage + ")");
    if (out_.advisories == 0) return fail(ErrorKind::invalid, "it has no advisory about a package of npm");
    return std::move(out_);
  }

 private:
  bool gzipped_tar() {
    NestedArchive archive(file_, Kind::gzip);
    if (!archive.next()) return false;
    std::string begin;
    while (begin.size() < tar_magic_at + 5) {
      const Bytes more = archive.read();
      if (more.empty()) return false;
      begin += as_text(more);
    }
    return begin.compare(tar_magic_at, 5, "ustar") == 0;
  }

  Result<void> read_members(Kind kind) {
    NestedArchive archive(file_, kind);
    while (const auto member = archive.next()) {
      if (auto fine = count_member(); !fine) return fine;
      const bool wanted = member->file && member->path.ends_with(".json");
      std::string text;
      bool too_long = false;
      for (Bytes more = archive.read(); !more.empty(); more = archive.read()) {
        if (auto fine = count_bytes(more.size()); !fine) return fine;
        too_long = too_long || text.size() + more.size() > osv_bytes_max;
        if (wanted && !too_long) text += as_text(more);
      }
      if (!archive.fault().empty()) break;
      if (!wanted) continue;
      if (too_long)
        damaged(member->path, "it is larger than 4 MiB");
      else if (auto added = add(text, member->path); !added)
        return added;
    }
    return whole(archive);
  }

  Result<void> read_gzipped() {
    NestedArchive archive(file_, Kind::gzip);
    if (archive.next()) {
      for (Bytes more = archive.read(); !more.empty(); more = archive.read())
        if (auto taken = take(as_text(more)); !taken) return taken;
    }
    if (auto sound = whole(archive); !sound) return sound;
    return end();
  }

  Result<void> read_plain() {
    std::vector<std::uint8_t> block(256u << 10);
    for (std::uint64_t at = 0;;) {
      const auto n = file_.read(at, block);
      if (!n) return n.error();
      if (*n == 0) return end();
      at += *n;
      if (auto taken = take(as_text(Bytes(block).first(*n))); !taken) return taken;
    }
  }

  static Result<void> whole(const NestedArchive& archive) {
    if (archive.fault().empty()) return {};
    return fail(ErrorKind::invalid, "it is damaged or cut short (" + archive.fault() + ")");
  }

  // Documents one after the other, or the same in a list: what stands between their braces.
  Result<void> take(std::string_view text) {
    if (auto fine = count_bytes(text.size()); !fine) return fine;
    for (const char c : text) {
      if (depth_ == 0 && c != '{') {
        if (std::string_view(" \t\r\n,[]").find(c) == std::string_view::npos)
          return fail(ErrorKind::invalid, "it is neither an archive nor a list of JSON documents");
        continue;
      }
      if (document_.size() <= osv_bytes_max) document_ += c;
      if (in_text_) {
        in_text_ = escaped_ || c != '"';
        escaped_ = !escaped_ && c == '\\';
        continue;
      }
      in_text_ = c == '"';
      if (c == '{') ++depth_;
      if (c != '}' || --depth_ > 0) continue;
      if (auto fine = count_member(); !fine) return fine;
      const std::string place = "document " + std::to_string(members_);
      if (auto added = add(document_, place); !added) return added;
      document_.clear();
    }
    return {};
  }

  Result<void> end() const {
    if (depth_ == 0) return {};
    return fail(ErrorKind::invalid, "it is cut short inside a document");
  }

  Result<void> add(std::string_view text, const std::string& place) {
    auto parsed = parse_osv(text);
    if (!parsed) {
      damaged(place, parsed.error().message);
      return {};
    }
    ++out_.documents;
    for (auto& [name, advisory] : *parsed) {
      memory_ += advisory.bytes() + name.size();
      if (memory_ > limits_.memory_bytes_max)
        return fail(ErrorKind::too_large, "its advisories take more memory than a feed may");
      out_.by_name[name].push_back(std::move(advisory));
      ++out_.advisories;
    }
    return {};
  }

  void damaged(const std::string& place, const std::string& why) {
    ++out_.documents;
    const std::size_t name = place.find_last_of('/') + 1;
    out_.damaged_ids.insert(printable(place.substr(name, place.find_last_of('.') - name), 60));
    if (out_.damaged++ == 0) out_.first_damage = printable(place, 100) + ": " + printable(why, 100);
  }

  Result<void> count_member() {
    if (++members_ <= limits_.documents_max) return {};
    return fail(ErrorKind::too_large,
                "it has more than " + std::to_string(limits_.documents_max) + " documents");
  }
  Result<void> count_bytes(std::size_t bytes) {
    unpacked_ += bytes;
    if (unpacked_ <= limits_.unpacked_bytes_max) return {};
    return fail(ErrorKind::too_large,
                "it unpacks to more than " + std::to_string(limits_.unpacked_bytes_max) + " bytes");
  }

  const FileBytes& file_;
  const FeedLimits& limits_;
  FeedContents out_;
  std::uint64_t unpacked_ = 0, memory_ = 0;
  std::size_t members_ = 0;
  std::string document_;  // at most a byte longer than one may be
  std::size_t depth_ = 0;
  bool in_text_ = false, escaped_ = false;
};

}  // namespace

Result<FeedContents> read_feed_file(const FileBytes& file, const FeedLimits& limits) {
  return FeedReader(file, limits).read();
}

}  // namespace sallyport
