#include "proxy/cache/gzip.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>

#include "policies/tarball/inflate.hpp"
#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t piece_bytes = 256u << 10;

}  // namespace

std::string gzip(std::string_view text) {
  // Large, and set by the library before it reads them.
  auto stream = std::make_unique_for_overwrite<isal_zstream>();
  auto level = std::make_unique_for_overwrite<std::uint8_t[]>(ISAL_DEF_LVL2_DEFAULT);  // NOLINT
  auto out = std::make_unique_for_overwrite<std::uint8_t[]>(piece_bytes);              // NOLINT
  isal_deflate_init(stream.get());
  stream->gzip_flag = IGZIP_GZIP;
  stream->level = 2;
  stream->level_buf = level.get();
  stream->level_buf_size = ISAL_DEF_LVL2_DEFAULT;
  std::string packed;
  packed.reserve(text.size() / 5);
  do {
    const std::size_t piece = std::min(text.size(), piece_bytes);
    // The library takes its input by a pointer that is not const and only reads it.
    stream->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    stream->avail_in = static_cast<std::uint32_t>(piece);
    text.remove_prefix(piece);
    stream->end_of_stream = text.empty() ? 1 : 0;
    do {
      stream->next_out = out.get();
      stream->avail_out = piece_bytes;
      if (isal_deflate(stream.get()) != COMP_OK) throw std::runtime_error("gzip: the compressor refused");
      packed.append(reinterpret_cast<const char*>(out.get()), piece_bytes - stream->avail_out);
    } while (stream->avail_out == 0 || stream->avail_in > 0);
  } while (!text.empty());
  packed.shrink_to_fit();
  return packed;
}

Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max) {
  TarballLimits limits;
  limits.unpacked_bytes_max = bytes_max;
  limits.ratio_max = std::numeric_limits<std::uint64_t>::max();  // JSON of thousands of versions packs well
  GzipInflater inflater(limits);
  std::string text;
  const auto append = [&text](Bytes bytes) {
    text += as_text(bytes);
    return true;
  };
  if (inflater.feed(as_bytes(packed), append) && inflater.finish()) return text;
  const auto& fault = inflater.fault();
  if (fault && fault->rule == "tar/bomb")
    return fail(ErrorKind::too_large, "It unpacks to more than " + human_bytes(bytes_max) + ".");
  return fail(ErrorKind::invalid, "It is not one whole gzip member.");
}

}  // namespace sallyport
