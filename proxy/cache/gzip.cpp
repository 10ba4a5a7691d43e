#include "proxy/cache/gzip.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

namespace sallyport {
namespace {

constexpr std::size_t piece_bytes = 256u << 10;

}  // namespace

std::string gzip(std::string_view text) {
  auto stream = std::make_unique<isal_zstream>();
  std::vector<std::uint8_t> level(ISAL_DEF_LVL2_DEFAULT);
  std::vector<std::uint8_t> out(piece_bytes);
  isal_deflate_init(stream.get());
  stream->gzip_flag = IGZIP_GZIP;
  stream->level = 2;
  stream->level_buf = level.data();
  stream->level_buf_size = static_cast<std::uint32_t>(level.size());
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
      stream->next_out = out.data();
      stream->avail_out = static_cast<std::uint32_t>(out.size());
      if (isal_deflate(stream.get()) != COMP_OK) throw std::runtime_error("gzip: the compressor refused");
      packed.append(reinterpret_cast<const char*>(out.data()), out.size() - stream->avail_out);
    } while (stream->avail_out == 0 || stream->avail_in > 0);
  } while (!text.empty());
  return packed;
}

Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max) {
  const Error bad = fail(ErrorKind::corrupt, "What was kept cannot be unpacked.");
  auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_GZIP;
  state->next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(packed.data()));
  state->avail_in = static_cast<std::uint32_t>(packed.size());
  std::vector<std::uint8_t> out(piece_bytes);
  std::string text;
  do {
    state->next_out = out.data();
    state->avail_out = static_cast<std::uint32_t>(out.size());
    if (isal_inflate(state.get()) != ISAL_DECOMP_OK) return bad;
    const std::size_t n = out.size() - state->avail_out;
    if (text.size() + n > bytes_max) return bad;
    text.append(reinterpret_cast<const char*>(out.data()), n);
    if (n == 0 && state->block_state != ISAL_BLOCK_FINISH) return bad;  // it ends too early
  } while (state->block_state != ISAL_BLOCK_FINISH);
  if (state->avail_in != 0) return bad;
  return text;
}

}  // namespace sallyport
