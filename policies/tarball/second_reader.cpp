#include "policies/tarball/second_reader.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <memory>
#include <string>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t read_bytes = 64u << 10;

TarFault disagree(std::string path, std::uint64_t offset, std::string message) {
  return {"tar/number", std::move(path),
          offset,       "two readers of the archive disagree: " + std::move(message),
          true,         0};
}

std::string text_or(const char* text, const char* otherwise) {
  return text ? text : otherwise;
}

std::string_view without_slash(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

std::optional<TarFault> compare_second_reading(int descriptor, const Listing& listing) {
  if (::lseek(descriptor, 0, SEEK_SET) != 0) return disagree({}, 0, "the second cannot begin");
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), &archive_read_free);
  archive* a = reader.get();
  // Tar and nothing else: no other format or filter of the library is ever reached. It goes on after a zero
  // block, so that whatever follows one would show.
  if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK ||
      archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1") != ARCHIVE_OK ||
      archive_read_open_fd(a, descriptor, read_bytes) != ARCHIVE_OK) {
    return disagree({}, 0, "the second cannot open it");
  }
  std::size_t count = 0;
  for (;;) {
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(a, &entry);
    if (code == ARCHIVE_EOF) break;
    const TarEntry* const first = count < listing.size() ? &listing[count] : nullptr;
    const std::string path = first ? first->path : std::string();
    const std::uint64_t offset = first ? first->offset : 0;
    // A warning or a retry is a guess of the reader's (and "retry" is numerically above "warning").
    if (code != ARCHIVE_OK) {
      return disagree(path, offset,
                      "the second says \"" + printable(text_or(archive_error_string(a), "error")) + "\"");
    }
    const char* const name = archive_entry_pathname(entry);
    if (!name) return disagree(path, offset, "the second sees an entry without a name");
    if (!first) return disagree(name, 0, "the second sees more entries");
    const auto type = archive_entry_filetype(entry);
    if (type != (first->directory ? AE_IFDIR : AE_IFREG) || archive_entry_hardlink(entry) ||
        archive_entry_symlink(entry)) {
      return disagree(path, offset, "the second sees another kind of entry");
    }
    if (without_slash(name) != first->path) {
      return disagree(path, offset, "the second sees the path \"" + printable(name) + "\"");
    }
    if (!archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0 ||
        static_cast<std::uint64_t>(archive_entry_size(entry)) != first->size) {
      return disagree(path, offset, "the second sees another size");
    }
    ++count;
  }
  if (count != listing.size())
    return disagree(listing[count].path, listing[count].offset, "the second ends before");
  return std::nullopt;
}

void prepare_text_locale() {
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace sallyport
