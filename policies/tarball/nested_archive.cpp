#include "policies/tarball/nested_archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "storage/base/text.hpp"

namespace sallyport {

struct NestedArchive::State {
  explicit State(const FileBytes& f) : file(f) {}

  const FileBytes& file;
  std::uint64_t offset = 0;
  std::array<std::uint8_t, 16u << 10> block;
  std::unique_ptr<archive, decltype(&archive_read_free)> reader{archive_read_new(), &archive_read_free};
  std::string fault;
  bool over = false;  // nothing more can be read

  static la_ssize_t on_read(archive*, void* self, const void** buffer) {
    State& s = *static_cast<State*>(self);
    const auto read = s.file.read(s.offset, s.block);
    if (!read) return -1;
    s.offset += *read;
    *buffer = s.block.data();
    return static_cast<la_ssize_t>(*read);
  }
  static la_int64_t on_skip(archive*, void* self, la_int64_t bytes) {
    State& s = *static_cast<State*>(self);
    const std::uint64_t left = s.file.size - std::min(s.offset, s.file.size);
    const auto skipped = std::min(static_cast<std::uint64_t>(bytes), left);
    s.offset += skipped;
    return static_cast<la_int64_t>(skipped);
  }
  static la_int64_t on_seek(archive*, void* self, la_int64_t offset, int whence) {
    State& s = *static_cast<State*>(self);
    const auto size = static_cast<la_int64_t>(s.file.size);
    const la_int64_t from = whence == SEEK_SET   ? 0
                            : whence == SEEK_CUR ? static_cast<la_int64_t>(s.offset)
                                                 : size;
    const la_int64_t to = from + offset;
    if (to < 0 || to > size) return ARCHIVE_FATAL;
    s.offset = static_cast<std::uint64_t>(to);
    return to;
  }

  // One format and no other code of the library is ever reached.
  void open(int (*format)(archive*), int (*filter)(archive*), bool seeks) {
    archive* a = reader.get();
    const bool ready = a != nullptr && format(a) == ARCHIVE_OK &&
                       (filter == nullptr || filter(a) == ARCHIVE_OK) &&
                       archive_read_set_callback_data(a, this) == ARCHIVE_OK &&
                       archive_read_set_read_callback(a, on_read) == ARCHIVE_OK &&
                       archive_read_set_skip_callback(a, on_skip) == ARCHIVE_OK &&
                       (!seeks || archive_read_set_seek_callback(a, on_seek) == ARCHIVE_OK) &&
                       archive_read_open1(a) == ARCHIVE_OK;
    if (!ready) failed();
    over = !ready;
  }

  // A warning or a retry is a guess of the library's, and says that others may guess otherwise.
  void failed() {
    if (!fault.empty()) return;
    const char* const said = reader ? archive_error_string(reader.get()) : nullptr;
    fault = said != nullptr && *said != '\0' ? printable(said, 100) : "damaged";
  }
};

NestedArchive::NestedArchive(const FileBytes& file, Kind kind) : state_(std::make_unique<State>(file)) {
  switch (kind) {
    case Kind::tar:
      state_->open(archive_read_support_format_tar, nullptr, false);
      break;
    case Kind::tar_gzip:
      state_->open(archive_read_support_format_tar, archive_read_support_filter_gzip, false);
      break;
    case Kind::gzip:
      state_->open(archive_read_support_format_raw, archive_read_support_filter_gzip, false);
      break;
    case Kind::zip:
      state_->open(archive_read_support_format_zip_seekable, nullptr, true);
      break;
    case Kind::xz:
      state_->open(archive_read_support_format_raw, archive_read_support_filter_xz, false);
      break;
    case Kind::bzip2:
      state_->open(archive_read_support_format_raw, archive_read_support_filter_bzip2, false);
      break;
    case Kind::zstd:
      state_->open(archive_read_support_format_raw, archive_read_support_filter_zstd, false);
      break;
  }
}

NestedArchive::~NestedArchive() = default;

const std::string& NestedArchive::fault() const {
  return state_->fault;
}

std::optional<NestedEntry> NestedArchive::next() {
  State& s = *state_;
  if (s.over) return std::nullopt;
  archive_entry* entry = nullptr;
  const int code = archive_read_next_header(s.reader.get(), &entry);
  if (code != ARCHIVE_OK && code != ARCHIVE_EOF) s.failed();
  s.over = code != ARCHIVE_OK && code != ARCHIVE_WARN;
  if (s.over) return std::nullopt;
  NestedEntry out;
  const char* name = archive_entry_pathname(entry);
  if (name == nullptr) name = archive_entry_pathname_utf8(entry);
  if (name != nullptr) out.path = name;
  out.file = archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
  if (archive_entry_is_data_encrypted(entry) != 0 || archive_entry_is_metadata_encrypted(entry) != 0) {
    s.fault = "encrypted";
    out.file = false;
  }
  return out;
}

Bytes NestedArchive::read() {
  State& s = *state_;
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  for (;;) {
    const int code = archive_read_data_block(s.reader.get(), &data, &size, &offset);
    if (code == ARCHIVE_EOF) return {};
    if (code != ARCHIVE_OK) s.failed();
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return {};
    if (size > 0) return {static_cast<const std::uint8_t*>(data), size};
    if (code == ARCHIVE_WARN) return {};
  }
}

}  // namespace sallyport
