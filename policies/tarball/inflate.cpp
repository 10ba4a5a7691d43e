#include "policies/tarball/inflate.hpp"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <string>

#include "storage/base/text.hpp"

namespace sallyport {
namespace {

constexpr std::size_t output_bytes = 128u << 10;
constexpr std::size_t input_bytes_max = 1u << 30;    // ISA-L counts in 32 bits
constexpr std::size_t header_text_bytes_max = 4096;  // file name, comment

constexpr std::uint8_t flag_header_crc = 2, flag_extra = 4, flag_name = 8, flag_comment = 16,
                       flags_reserved = 0xe0;

}  // namespace

struct GzipInflater::State {
  enum class Part { fixed, extra_length, extra, name, comment, header_crc, body, done, stopped };

  TarballLimits limits;
  GzipHeader header;
  std::optional<TarFault> fault;
  Part part = Part::fixed;
  std::size_t part_bytes = 0;  // of the current part, so far
  std::size_t extra_left = 0;
  std::array<std::uint8_t, 10> fixed{};
  std::uint32_t header_crc = 0;
  std::uint32_t header_crc_told = 0;
  std::uint64_t in = 0, out = 0;
  inflate_state isal{};
  std::array<std::uint8_t, output_bytes> block;

  void refuse(std::string message, std::string rule = "tar/gzip") {
    fault = TarFault{std::move(rule), {}, out, std::move(message), true, 0};
    part = Part::stopped;
  }

  void enter(Part next) {
    // Parts that the flags say are absent are passed over, in the order of RFC 1952.
    if (next == Part::extra_length && !(header.flags & flag_extra)) next = Part::name;
    if (next == Part::name && !(header.flags & flag_name)) next = Part::comment;
    if (next == Part::comment && !(header.flags & flag_comment)) next = Part::header_crc;
    if (next == Part::header_crc && !(header.flags & flag_header_crc)) next = Part::body;
    part = next;
    part_bytes = 0;
  }

  void fixed_done() {
    if (fixed[0] == 0x28 && fixed[1] == 0xb5 && fixed[2] == 0x2f && fixed[3] == 0xfd) {
      return refuse("the tarball is zstd, not gzip: pack it again with an npm client");
    }
    if (fixed[0] != 0x1f || fixed[1] != 0x8b) return refuse("the tarball is not gzip");
    if (fixed[2] != 8) return refuse("the gzip member is not deflated");
    header.flags = fixed[3];
    if (header.flags & flags_reserved) return refuse("the gzip header uses reserved flags");
    header.mtime = static_cast<std::uint32_t>(fixed[4] | fixed[5] << 8 | fixed[6] << 16) |
                   static_cast<std::uint32_t>(fixed[7]) << 24;
    header.extra_flags = fixed[8];
    header.os = fixed[9];
    enter(Part::extra_length);
  }

  void header_byte(std::uint8_t byte) {
    if (part != Part::header_crc) header_crc = crc32_gzip_refl(header_crc, &byte, 1);
    switch (part) {
      case Part::fixed:
        fixed[part_bytes++] = byte;
        if (part_bytes == fixed.size()) fixed_done();
        break;
      case Part::extra_length:
        extra_left |= static_cast<std::size_t>(byte) << (8 * part_bytes);
        if (++part_bytes == 2) enter(extra_left > 0 ? Part::extra : Part::name);
        break;
      case Part::extra:
        if (--extra_left == 0) enter(Part::name);
        break;
      case Part::name:
      case Part::comment:
        if (byte == 0) {
          enter(part == Part::name ? Part::comment : Part::header_crc);
        } else if (++part_bytes > header_text_bytes_max) {
          refuse("the gzip header carries a name or comment without end");
        }
        break;
      case Part::header_crc:
        header_crc_told |= static_cast<std::uint32_t>(byte) << (8 * part_bytes);
        if (++part_bytes == 2) {
          if (header_crc_told != (header_crc & 0xffff))
            return refuse("the checksum of the gzip header is wrong");
          enter(Part::body);
        }
        break;
      case Part::body:
      case Part::done:
      case Part::stopped:
        break;
    }
  }

  bool over_limit() {
    if (out > limits.unpacked_bytes_max) {
      refuse("the tarball unpacks to more than " + human_bytes(limits.unpacked_bytes_max), "tar/bomb");
      return true;
    }
    if (out > limits.ratio_from_bytes && out / limits.ratio_max > in) {
      refuse("the tarball unpacks to more than " + std::to_string(limits.ratio_max) + " times its size",
             "tar/bomb");
      return true;
    }
    return false;
  }

  // Inflates what `gzip` holds of the member and returns how many bytes of it were used: all, unless the
  // member ended. (On damage ISA-L hands back more than it was given.)
  std::size_t body(Bytes gzip, const Sink& sink) {
    const std::uint64_t in_before = in;
    isal.next_in = const_cast<std::uint8_t*>(gzip.data());  // read only; the C interface does not say so
    isal.avail_in = static_cast<std::uint32_t>(gzip.size());
    for (;;) {
      isal.next_out = block.data();
      isal.avail_out = output_bytes;
      const int code = isal_inflate(&isal);
      const std::size_t n = output_bytes - isal.avail_out;
      out += n;
      in = in_before + gzip.size() - isal.avail_in;
      if (n > 0) {
        if (over_limit()) break;
        if (!sink({block.data(), n})) {
          part = Part::stopped;
          break;
        }
      }
      if (code == ISAL_INCORRECT_CHECKSUM) {
        refuse("checksum or length of the gzip member is wrong: the tarball was damaged or altered");
        break;
      }
      if (code != ISAL_DECOMP_OK) {
        refuse("the deflated data of the tarball is damaged");
        break;
      }
      if (isal.block_state == ISAL_BLOCK_FINISH) {
        part = Part::done;
        return gzip.size() - std::min<std::size_t>(isal.avail_in, gzip.size());
      }
      if (isal.avail_out != 0) break;  // all input is used
    }
    return gzip.size();
  }
};

GzipInflater::GzipInflater(const TarballLimits& limits) : state_(new State) {
  state_->limits = limits;
  isal_inflate_init(&state_->isal);
  state_->isal.crc_flag = ISAL_GZIP_NO_HDR_VER;  // we read the header, ISA-L checks the trailer
}
GzipInflater::~GzipInflater() = default;
GzipInflater::GzipInflater(GzipInflater&&) noexcept = default;
GzipInflater& GzipInflater::operator=(GzipInflater&&) noexcept = default;

bool GzipInflater::feed(Bytes gzip, const Sink& sink) {
  State& s = *state_;
  while (!gzip.empty() && s.part != State::Part::stopped) {
    if (s.part == State::Part::done) {
      s.refuse("there is data after the end of the gzip member, which some clients read and some do not");
    } else if (s.part == State::Part::body) {
      gzip = gzip.subspan(s.body(gzip.first(std::min(gzip.size(), input_bytes_max)), sink));
    } else {
      s.header_byte(gzip.front());
      ++s.in;
      gzip = gzip.subspan(1);
    }
  }
  return s.part != State::Part::stopped;
}

bool GzipInflater::finish() {
  State& s = *state_;
  if (s.part == State::Part::done) return true;
  if (s.part == State::Part::stopped) return false;
  s.refuse(s.in == 0 ? "the tarball is empty" : "the tarball is cut short");
  return false;
}

const std::optional<TarFault>& GzipInflater::fault() const {
  return state_->fault;
}
const GzipHeader& GzipInflater::header() const {
  return state_->header;
}
std::uint64_t GzipInflater::bytes_in() const {
  return state_->in;
}
std::uint64_t GzipInflater::bytes_out() const {
  return state_->out;
}

}  // namespace sallyport
